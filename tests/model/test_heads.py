"""Heads: unit length, and which of them knows when."""

import pytest
import torch

from avts.model.heads import GlobalHead, TemporalHead, make_head


@pytest.mark.parametrize(("name", "kind"), [("global", GlobalHead), ("temporal", TemporalHead)])
def test_embeddings_have_unit_length(name: str, kind: type) -> None:
    torch.manual_seed(0)
    head = make_head(name, 6, steps=4, hidden=8, embedding=5)
    assert isinstance(head, kind)
    found = head(torch.randn(3, 24, 6))
    assert found.shape == (3, 5)
    assert torch.allclose(found.norm(dim=1), torch.ones(3))


def test_temporal_head_sees_order_and_global_head_does_not() -> None:
    torch.manual_seed(0)
    sequence = torch.randn(2, 24, 6)
    for name, same in (("global", True), ("temporal", False)):
        head = make_head(name, 6, steps=4, hidden=16, embedding=8)
        assert torch.allclose(head(sequence), head(sequence.flip(1)), atol=1e-3) is same


def test_temporal_head_pools_evenly_and_keeps_steps_apart() -> None:
    head = TemporalHead(1, steps=4, hidden=4, embedding=2)
    pooled = head.pool(torch.arange(24.0).view(1, 1, 24))
    assert pooled.flatten().tolist() == [2.5, 8.5, 14.5, 20.5]


@pytest.mark.parametrize("length", [12, 23, 24, 25, 48])
def test_windows_of_any_length_give_an_embedding(length: int) -> None:
    assert make_head("temporal", 6, steps=12, hidden=8, embedding=5)(torch.randn(2, length, 6)).shape == (2, 5)


@pytest.mark.parametrize("name", ["global", "temporal"])
def test_fresh_embeddings_point_one_way_unless_they_are_centred(name: str) -> None:
    torch.manual_seed(0)
    sequence = 5 + torch.rand(64, 24, 6)  # what towers give after their last ReLU: far from 0, little apart
    mean_cosine = {}
    for centre in (False, True):
        head = make_head(name, 6, steps=4, hidden=16, embedding=8, centre=centre)
        embedded = head(sequence)
        assert torch.allclose(embedded.norm(dim=1), torch.ones(64))
        mean_cosine[centre] = float(
            embedded.detach().mean(0).square().sum()
        )  # mean of all cosines, each with itself too
    assert mean_cosine[False] > 0.9
    assert mean_cosine[True] < 0.1


def test_centring_by_hand() -> None:
    head = make_head("global", 2, steps=1, hidden=1, embedding=2, centre=True)
    assert isinstance(head, GlobalHead)
    with torch.no_grad():
        head.project.weight.copy_(torch.eye(2))
        head.project.bias.zero_()
    windows = torch.tensor([[10.0, 7.0], [14.0, 7.0], [12.0, 9.0], [12.0, 5.0]])
    # means 12 and 7, both variances 2: (-1, 0), (1, 0), (0, 1), (0, -1) of unit length
    expected = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, -1.0]])
    torch.testing.assert_close(head(windows[:, None]), expected)
    assert head.centre is not None
    for _ in range(200):
        head(windows[:, None])
    # a film is embedded by what training has seen, whatever else the film holds; 4 / 3 for the unbiased variance
    alone = head.eval()(torch.tensor([[[13.0, 8.0]]]))
    torch.testing.assert_close(alone, torch.full((1, 2), 0.5**0.5))


def test_a_head_that_is_not_centred_has_the_weights_of_before() -> None:
    assert list(make_head("temporal", 6, steps=4, hidden=16, embedding=8).state_dict()) == [
        "mix.0.weight",
        "mix.0.bias",
        "mix.2.weight",
        "mix.2.bias",
    ]
