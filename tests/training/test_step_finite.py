"""A run that cannot go on says at which step, in which term, and where its last good state is."""

from pathlib import Path

import pytest
import torch
from torch import nn

from avts.errors import TrainingError
from avts.training import figures
from avts.training.diagnosis.probes import CueCounts
from avts.training.objective import StepLoss
from fixtures_training import tiny_recipe

NAN, INF = float("nan"), float("inf")


def must_be_finite(step: int, made: StepLoss, run: Path) -> None:
    """Read a step whose gradient is fine, and check it."""
    net = nn.Linear(1, 1)
    net(torch.ones(1, 1)).sum().backward()
    check(step, made, net, run)


def gradient_norm(step: int, net: nn.Module, run: Path) -> float:
    """The norm of a gradient that was read and checked with a step whose loss is fine."""
    return check(step, made(0.2, [0.1, 0.2, 0.3, 0.4]), net, run)


def check(step: int, made: StepLoss, net: nn.Module, run: Path) -> float:
    row = figures.row_of(step, tiny_recipe(), made, net, CueCounts.none(torch.device("cpu")), misranked=False)
    (found,), _ = figures.read([row])
    figures.must_be_finite(found, tiny_recipe(), run)
    return found.gradient_norm


def made(loss: float, distances: list[float]) -> StepLoss:
    kinds = torch.tensor([0, 1, 2, 3])
    return StepLoss(torch.tensor(loss), torch.tensor(distances), kinds, torch.tensor([True, True, True, False]))


def test_what_is_finite_passes(tmp_path: Path) -> None:
    must_be_finite(3, made(0.2, [0.1, 0.2, 0.3, NAN]), tmp_path)


@pytest.mark.parametrize(
    ("loss", "distances", "words"),
    [
        (NAN, [0.1, NAN, NAN, NAN], r"nan \(distances of easy, hard pairs are not finite\)"),
        (INF, [INF, 0.1, 0.1, 0.1], r"inf \(distances of positive pairs are not finite\)"),
        (INF, [0.1, 0.2, 0.3, NAN], r"inf \(all distances are finite\)"),
    ],
)
def test_the_term_of_a_loss_and_its_pairs_are_named(
    tmp_path: Path, loss: float, distances: list[float], words: str
) -> None:
    (tmp_path / "checkpoints" / "step-000040").mkdir(parents=True)
    with pytest.raises(
        TrainingError, match=rf"^step 47: the contrastive loss is {words}\. Last good checkpoint: .*step-000040\. Lower"
    ):
        must_be_finite(47, made(loss, distances), tmp_path)


def test_the_norm_of_a_gradient_is_that_of_all_weights(tmp_path: Path) -> None:
    net = nn.Linear(2, 1)
    net.weight.grad, net.bias.grad = torch.tensor([[2.0, 3.0]]), torch.tensor([6.0])
    assert gradient_norm(0, net, tmp_path) == pytest.approx(7)


def test_the_first_weight_without_a_finite_gradient_is_named(tmp_path: Path) -> None:
    net = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 1))
    for weight in net.parameters():
        weight.grad = torch.ones_like(weight)
    net[1].weight.grad[0, 1] = INF
    with pytest.raises(TrainingError, match=r"gradient norm is inf \(1 of 4 weights, first 1\.weight\).*point: none\."):
        gradient_norm(2, net, tmp_path)
    for weight in net.parameters():
        weight.grad = torch.full_like(weight, 3e38)
    with pytest.raises(TrainingError, match=r"norm is inf \(all weights have finite gradients\)"):
        gradient_norm(2, net, tmp_path)
