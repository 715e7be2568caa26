"""The shares that follow from measured errors, by hand, and that a stopped run adapts as one that went on."""

import json
import math
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from avts.corpus.corpus import Corpus
from avts.pairs.negatives import EASY, HARD, SUPER_HARD
from avts.settings import StageSettings
from avts.training.curriculum import AdaptiveShares
from avts.training.interrupt import Interrupted
from avts.training.objective import StepLoss
from avts.training.trainer import Trainer
from fixtures_training import tiny_recipe

STAGE = StageSettings(name="adaptive", epochs=9, shares="adaptive", easy=0.4, hard=0.5, super_hard=0.1)


def shares(easy: float, hard: float, super_hard: float) -> tuple[float, float, float]:
    found = AdaptiveShares({"easy": easy, "hard": hard, "super_hard": super_hard}).applied_to(STAGE)
    return found.easy, found.hard, found.super_hard


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ((0.5, 0.5, 0.5), (1.0, 0.0, 0.0)),  # nothing is known: easy negatives
        ((0.25, 0.5, 0.5), (1.0, 0.0, 0.0)),
        ((0.125, 0.5, 0.5), (0.7, 0.25, 0.05)),  # half way from 0.25 to 0: half of the shares
        ((0.0, 0.4, 0.4), (0.4, 0.5, 0.1)),  # the shares of the recipe
        ((0.125, 0.0625, 0.125), (0.825, 0.125, 0.05)),  # hard ones misranked half as often as easy ones: half of it
        ((0.125, 0.0, 0.0), (1.0, 0.0, 0.0)),  # hard ones are told for sure: back to the easy ones
        ((0.0, 0.0, 0.0), (1.0, 0.0, 0.0)),
    ],
)
def test_shares_follow_the_errors(errors: tuple[float, ...], expected: tuple[float, ...]) -> None:
    assert shares(*errors) == pytest.approx(expected)


def test_a_stage_of_fixed_shares_stays_as_it_is() -> None:
    fixed = StageSettings(name="75/25", epochs=1, easy=0.75, hard=0.25)
    assert AdaptiveShares({"easy": 0.0, "hard": 0.5, "super_hard": 0.5}).applied_to(fixed) == fixed


def test_errors_are_means_over_twenty_steps_that_begin_at_chance() -> None:
    state = AdaptiveShares()
    assert state.applied_to(STAGE).hard == 0
    state.observe({EASY: 0.1, HARD: None, SUPER_HARD: 0.5})
    assert state.errors == pytest.approx({"easy": 0.48, "hard": 0.5, "super_hard": 0.5})  # 0.5 - 0.4 / 20
    state.observe({EASY: 0.0, HARD: 0.3, SUPER_HARD: None})
    assert state.errors == pytest.approx({"easy": 0.456, "hard": 0.49, "super_hard": 0.5})


def test_misranked_pairs_are_counted_one_by_one() -> None:
    made = StepLoss(
        loss=torch.tensor(0.0),
        distances=torch.tensor([0.2, 0.4, 0.9, 0.1, 0.4, 0.8, 0.3, 0.0]),
        kinds=torch.tensor([0, 0, 0, 1, 1, 1, 2, 3]),
        valid=torch.tensor([True, True, False, True, True, True, True, False]),
    )
    # positives 0.2 and 0.4; easy 0.1 is nearer than both, 0.4 than none and ties with one, 0.8 than none
    assert made.misranked_shares().tolist() == pytest.approx([2.5 / 6, 0.5, math.nan], nan_ok=True)
    nothing = StepLoss(made.loss, made.distances, made.kinds, torch.zeros(8, dtype=torch.bool))
    assert nothing.misranked_shares().isnan().all()


def log_of(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(
    "pairs", [{"sampling": "grid"}, {"sampling": "spans", "span_seconds": 2.75}], ids=["grid", "spans"]
)
def test_a_stopped_run_adapts_as_one_that_went_on(
    small_corpus: Corpus, tmp_path: Path, one_thread: None, pairs: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("avts.training.curriculum.READY_ERROR", 0.8)  # or a net this small would never be ready
    recipe = tiny_recipe(curriculum=[STAGE.model_dump() | {"epochs": 4}], pairs=pairs)

    def trainer(run: str) -> Trainer:
        return Trainer(small_corpus, recipe, tmp_path / run, device="cpu", say=lambda _: None)

    trainer("whole").train()
    with pytest.raises(Interrupted):
        trainer("cut").train(lambda done, _: os.kill(os.getpid(), signal.SIGTERM) if done == 5 else None)
    resumed = trainer("cut")
    resumed.resume()
    resumed.train()
    rows = log_of(tmp_path / "whole")
    told = [(row["hard_share"], row["super_hard_share"], row["loss"]) for row in rows]
    assert told == [(row["hard_share"], row["super_hard_share"], row["loss"]) for row in log_of(tmp_path / "cut")]
    assert len({hard for hard, _, _ in told}) > 4, "they change from step to step"
    assert all(0 < row["hard_share"] <= 0.5 for row in rows)
    assert all(row["hard_distance"] is not None for row in rows)
