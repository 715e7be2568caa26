"""InfoNCE against a count by hand."""

import math

import pytest
import torch

from avts.model.losses import info_nce


def test_two_pairs_by_hand() -> None:
    # cosines 1 - 2 d^2: d = 0 gives 1, d = sqrt(1/2) gives 0
    apart = math.sqrt(0.5)
    distances = torch.tensor([[0.0, apart], [apart, 0.0]])
    loss = info_nce(distances, torch.tensor([[0, 1], [1, 0]]), torch.ones(2, 2, dtype=torch.bool), temperature=0.5)
    assert float(loss) == pytest.approx(math.log(1 + math.exp(-2)), abs=1e-6)


def test_what_is_left_out_or_silent_weighs_nothing() -> None:
    distances = torch.tensor([[0.1, 0.9, 0.2], [0.8, 0.3, 0.4], [0.5, 0.6, 0.7]])
    kinds = torch.tensor([[0, 1, -1], [1, 0, -1], [1, 1, 0]])
    valid = torch.ones(3, 3, dtype=torch.bool)
    valid[2] = valid[:, 2] = False
    smaller = info_nce(distances[:2, :2], kinds[:2, :2], valid[:2, :2], temperature=0.1)
    assert float(info_nce(distances, kinds, valid, temperature=0.1)) == pytest.approx(float(smaller))


def test_without_a_positive_the_loss_is_zero_and_has_a_gradient() -> None:
    distances = torch.full((2, 2), 0.5, requires_grad=True)
    loss = info_nce(
        distances, torch.zeros(2, 2, dtype=torch.long), torch.zeros(2, 2, dtype=torch.bool), temperature=0.1
    )
    loss.backward()
    assert float(loss.detach()) == 0
    assert distances.grad is not None
