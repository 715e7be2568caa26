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
