"""Learning rates by hand."""

import math
from dataclasses import asdict
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from avts.settings import OptimizerSettings
from avts.training.optimizer import Plateau, as_run_here, learning_rate, optimizer_of


def rate(step: int, num_steps: int = 104, factor: float = 1.0, **settings: Any) -> float:
    return learning_rate(OptimizerSettings(learning_rate=0.8, **settings), step, num_steps, plateau_factor=factor)


@pytest.mark.parametrize("schedule", ["constant", "plateau", "cosine", "trapezoid"])
def test_warm_up_rises_in_even_steps(schedule: str) -> None:
    rates = [rate(step, schedule=schedule, warmup_steps=3) for step in range(4)]
    assert rates == pytest.approx([0.2, 0.4, 0.6, 0.8])


def test_without_warm_up_the_first_step_has_the_whole_rate() -> None:
    assert rate(0, schedule="cosine") == rate(0, schedule="constant") == 0.8


def test_a_trapezoid_is_constant_and_falls_in_its_last_part() -> None:
    rates = [rate(step, schedule="trapezoid") / 0.8 for step in (10, 80, 87, 95, 99, 103)]
    falling = round(0.15 * 104)
    assert rates == pytest.approx([1, 1, 1, 9 / falling, 5 / falling, 1 / falling])


def test_constant_stays() -> None:
    assert [rate(step, schedule="constant", factor=0.1) for step in (0, 50, 103)] == [0.8] * 3


@pytest.mark.parametrize(
    ("step", "share"), [(4, 1.0), (29, 0.5 + 0.5 * math.sqrt(0.5)), (54, 0.5), (79, 0.5 - 0.5 * math.sqrt(0.5))]
)
def test_cosine_falls_from_the_end_of_the_warm_up(step: int, share: float) -> None:
    assert rate(step, schedule="cosine", warmup_steps=4) == pytest.approx(0.8 * share)


def test_cosine_ends_near_zero_but_not_below() -> None:
    rates = [rate(step, schedule="cosine", warmup_steps=4) for step in range(4, 104)]
    assert rates == sorted(rates, reverse=True)
    assert 0 < rates[-1] < 0.001


def test_plateau_rate_is_what_the_watch_has_come_down_to() -> None:
    assert rate(50, schedule="plateau", factor=0.01) == pytest.approx(0.008)


def watched(losses: list[float], patience: int = 5) -> list[float]:
    """The factor after each epoch."""
    plateau = Plateau(patience)
    factors = []
    for loss in losses:
        plateau.end_epoch(loss)
        factors.append(plateau.factor)
    return factors


def test_rate_falls_by_ten_after_five_epochs_without_a_lower_loss() -> None:
    assert watched([0.5, *[0.6] * 4]) == [1.0] * 5
    assert watched([0.5, *[0.6] * 5])[-1] == pytest.approx(0.1)
    assert watched([0.5, *[0.6] * 9])[-1] == pytest.approx(0.1)
    assert watched([0.5, *[0.6] * 10])[-1] == pytest.approx(0.01)


def test_a_lower_loss_begins_the_count_anew() -> None:
    assert watched([0.5, *[0.6] * 4, 0.4, *[0.6] * 4])[-1] == 1.0
    assert watched([0.5, *[0.6] * 4, 0.4, *[0.6] * 5])[-1] == pytest.approx(0.1)


def test_a_loss_lower_by_next_to_nothing_has_not_fallen() -> None:
    assert watched([0.5, *[0.49999] * 5])[-1] == pytest.approx(0.1)
    assert watched([0.5, 0.4999, 0.4998, 0.4997, 0.4996, 0.4995])[-1] == 1.0


def test_a_new_stage_starts_the_watch_anew_and_keeps_the_rate() -> None:
    plateau = Plateau(2)
    for loss in (0.3, 0.4, 0.4, 0.4):
        plateau.end_epoch(loss)
    assert plateau.factor == pytest.approx(0.1)
    plateau.start_stage()
    for loss in (0.6, 0.55, 0.7):  # higher than the last stage's best, but falling
        plateau.end_epoch(loss)
    assert plateau.factor == pytest.approx(0.1)
    plateau.end_epoch(0.7)
    assert plateau.factor == pytest.approx(0.01)


def test_the_watch_goes_on_from_plain_values() -> None:
    plateau = Plateau(3)
    assert all(value is None or math.isfinite(value) for value in asdict(plateau).values()), "JSON has no infinity"
    plateau.end_epoch(0.5)
    plateau.end_epoch(0.6)
    copy = Plateau(**asdict(plateau))
    for _ in range(2):
        copy.end_epoch(0.6)
    assert copy.factor == pytest.approx(0.1)


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_an_optimiser_is_fused_on_cuda_only(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[dict[str, Any]] = []
    for kind in ("AdamW", "SGD"):
        monkeypatch.setattr(torch.optim, kind, lambda _, **options: made.append(options))
    for on_cuda in (True, False):
        weight = SimpleNamespace(is_cuda=on_cuda)
        optimizer_of([{"params": [weight]}], name=name, learning_rate=0.1, momentum=0.9)
    assert [options.get("fused") for options in made] == [True, None]


def test_a_state_saved_on_a_card_is_gone_on_with_as_suits_this_device() -> None:
    net = torch.nn.Linear(2, 1)
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.1)
    saved = [group | {"fused": True, "lr": 0.5} for group in optimizer.state_dict()["param_groups"]]
    (found,) = as_run_here(saved, optimizer)
    assert (found["fused"], found["lr"]) == (None, 0.5)
