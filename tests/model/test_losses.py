"""The contrastive loss and its weights by hand."""

import math

import pytest
import torch

from avts.model.losses import bce_loss, contrastive_loss, distance_matrix, euclidean_matrix, pair_weights
from avts.pairs.negatives import EASY, HARD, POSITIVE, SUPER_HARD


def on_circle(*degrees: float) -> torch.Tensor:
    angles = torch.deg2rad(torch.tensor(degrees))
    return torch.stack([angles.cos(), angles.sin()], dim=1)


def test_distance_is_half_the_chord() -> None:
    found = distance_matrix(on_circle(0, 90), on_circle(0, 60, 180))
    half = [[0.0, 0.5, 1.0], [0.5**0.5, torch.sin(torch.deg2rad(torch.tensor(15.0))), 0.5**0.5]]
    assert torch.allclose(found, torch.tensor(half), atol=1e-4)


def test_distance_of_vectors_of_any_length_is_the_plain_one() -> None:
    pictures, sounds = torch.tensor([[0.0, 0.0], [30.0, 0.0]]), torch.tensor([[3.0, 4.0], [30.0, 0.5], [0.0, 0.0]])
    assert euclidean_matrix(pictures, sounds).tolist() == [
        pytest.approx([5.0, math.hypot(30, 0.5), 0.0]),
        pytest.approx([math.hypot(27, 4), 0.5, 30.0]),
    ]


def test_near_pairs_of_long_vectors_keep_their_distance() -> None:
    picture = torch.full((1, 64), 300.0)
    sound = picture + 0.01
    assert float(euclidean_matrix(picture, sound)) == pytest.approx(0.08, rel=2e-3)  # 0.01 * sqrt(64)


def test_a_negative_that_is_its_picture_has_no_gradient_that_is_not_finite() -> None:
    pictures = torch.ones(2, 3, requires_grad=True)
    distances = euclidean_matrix(pictures, torch.ones(2, 3)).flatten()
    contrastive_loss(distances, torch.zeros(4, dtype=torch.bool), torch.full((4,), 0.25), margin=0.99).backward()
    assert torch.isfinite(pictures.grad).all()


def test_binary_cross_entropy_of_three_pairs_by_hand() -> None:
    logits = torch.tensor([2.0, -1.0, 0.0])
    expected = 0.5 * math.log(1 + math.exp(-2)) + 0.3 * math.log(1 + math.exp(-1)) + 0.2 * math.log(2)
    loss = bce_loss(logits, torch.tensor([True, False, False]), torch.tensor([0.5, 0.3, 0.2]))
    assert float(loss) == pytest.approx(expected)


def test_binary_cross_entropy_of_a_sure_mistake_is_its_logit_not_infinite() -> None:
    logits = torch.tensor([-300.0, 300.0], requires_grad=True)
    loss = bce_loss(logits, torch.tensor([True, False]), torch.tensor([0.5, 0.5]))
    loss.backward()
    assert float(loss.detach()) == pytest.approx(300.0)
    assert logits.grad.tolist() == pytest.approx([-0.5, 0.5])


def test_gradient_is_finite_where_picture_and_sound_are_the_same() -> None:
    pictures = on_circle(10, 50).requires_grad_()
    distances = distance_matrix(pictures, on_circle(10, 50))
    weights = torch.full((2,), 0.5)
    contrastive_loss(distances.diagonal(), torch.tensor([True, False]), weights, margin=0.99).backward()
    assert torch.isfinite(pictures.grad).all()


def test_loss_of_three_pairs_by_hand() -> None:
    distances = torch.tensor([0.3, 0.49, 1.0])
    positive = torch.tensor([True, False, False])
    weights = torch.tensor([0.5, 0.3, 0.2])
    expected = 0.5 * 0.3**2 + 0.3 * (0.99 - 0.49) ** 2 + 0.2 * 0
    assert contrastive_loss(distances, positive, weights, margin=0.99).item() == pytest.approx(expected)


def test_a_step_along_the_gradient_pulls_positives_and_pushes_negatives() -> None:
    distances = torch.tensor([0.5, 0.5, 0.995], requires_grad=True)
    contrastive_loss(distances, torch.tensor([True, False, False]), torch.full((3,), 1 / 3), margin=0.99).backward()
    assert distances.grad[0] > 0
    assert distances.grad[1] < 0
    assert distances.grad[2] == 0, "a negative beyond the margin costs nothing"


KINDS = torch.tensor([POSITIVE, POSITIVE, EASY, EASY, EASY, HARD])
ALL = torch.ones(6, dtype=torch.bool)


def test_weights_by_hand() -> None:
    found = pair_weights(KINDS, ALL, {EASY: 0.75, HARD: 0.25, SUPER_HARD: 0.0})
    assert found.tolist() == pytest.approx([0.25, 0.25, 0.125, 0.125, 0.125, 0.125])


def test_a_silent_pair_weighs_nothing_and_the_others_of_its_kind_take_over() -> None:
    valid = torch.tensor([False, True, True, False, True, True])
    found = pair_weights(KINDS, valid, {EASY: 0.75, HARD: 0.25})
    assert found.tolist() == pytest.approx([0, 0.5, 0.1875, 0, 0.1875, 0.125])
    assert pair_weights(KINDS, valid, None).tolist() == pytest.approx([0, 0.25, 0.25, 0, 0.25, 0.25])


def test_positives_and_negatives_weigh_one_half_each_also_where_a_kind_is_missing() -> None:
    found = pair_weights(KINDS[:5], ALL[:5], {EASY: 0.75, HARD: 0.25})
    assert found.tolist() == pytest.approx([0.25, 0.25, 1 / 6, 1 / 6, 1 / 6])


def test_a_batch_with_one_side_only_weighs_nothing() -> None:
    assert pair_weights(KINDS[:5], ALL[:5], {EASY: 0.0, HARD: 1.0}).tolist() == [0.0] * 5
    assert pair_weights(KINDS[2:], ALL[2:], {EASY: 0.75, HARD: 0.25}).tolist() == [0.0] * 4
    assert pair_weights(KINDS, ~ALL, {EASY: 1.0}).tolist() == [0.0] * 6
    assert pair_weights(KINDS, ~ALL, None).tolist() == [0.0] * 6
