import pytest
import torch

from avts.training.objective import StepLoss


def test_mean_distances_leave_silent_pairs_out() -> None:
    made = StepLoss(
        loss=torch.tensor(0.0),
        distances=torch.tensor([0.1, 0.9, 0.4, 0.6, 0.9]),
        kinds=torch.tensor([0, 0, 1, 1, 2]),
        valid=torch.tensor([True, False, True, True, False]),
    )
    expected = {"positive_distance": 0.1, "easy_distance": 0.5, "hard_distance": None, "super_hard_distance": None}
    assert made.mean_distances() == pytest.approx(expected)
