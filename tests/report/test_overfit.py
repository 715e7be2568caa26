"""What `avts overfit` says, from made results."""

import json
from dataclasses import replace

import pytest

from avts.pairs.negatives import EASY
from avts.report.overfit import BLOCKS, curve, overfit_record, overfit_text
from avts.training.diagnosis.causes import Reason
from avts.training.diagnosis.separation import Parting
from avts.training.overfit import Bounds, Overfitting

LEARNED = Overfitting(
    losses=[0.28, 0.2, 0.1, 0.06],
    bounds=Bounds(least=0.05, blind=0.25),
    steps=300,
    videos=32,
    stage_name="easy",
    partings=[Parting(EASY, 0.05, 0.72, 0.02, 1)],
    reasons=[],
    seconds=75.0,
)
STUCK = replace(LEARNED, losses=[0.25] * 20, reasons=[Reason("silent data", True, "60% of 9 windows", {"share": 0.6}),
                                                      Reason("learning rate", False, "at 0.001 ...")])  # fmt: skip


def test_what_was_learned_is_told_with_the_figures_it_is_judged_by() -> None:
    lines = overfit_text(LEARNED).splitlines()
    assert lines[0] == "one batch of 32 videos, stage 'easy', 4 steps, 1 min 15 s"
    assert lines[1] == "loss 0.2800 █▅▂▁ 0.0600"
    assert (
        lines[2] == "minimum loss on this batch 0.0500, loss of networks that ignore their input 0.2500, target 0.0700"
    )
    assert lines[3] == "distances at the end: positive 0.050, easy 0.720"
    assert lines[4].startswith("The batch was learned:")
    assert len(lines) == 5


def test_what_was_not_learned_is_told_with_the_reasons() -> None:
    lines = overfit_text(STUCK).splitlines()
    assert lines[4].startswith("The batch was not learned")
    assert lines[5:] == [
        "  likely: silent data: 60% of 9 windows",
        "  normal: learning rate: at 0.001 ...",
    ]


def test_a_loss_that_still_falls_asks_for_more_steps() -> None:
    falling = replace(LEARNED, losses=[0.25 - 0.005 * step for step in range(20)])
    assert (
        "the loss fell by 48% of the possible range in 20 steps and is still falling. Increase --steps"
        in overfit_text(falling)
    )


def test_the_record_is_plain_and_whole() -> None:
    record = json.loads(json.dumps(overfit_record(STUCK)))
    assert (record["learned"], record["steps"], record["last_loss"]) == (False, 20, 0.25)
    assert (record["least_possible_loss"], record["blind_loss"], record["target_loss"]) == pytest.approx(
        (0.05, 0.25, 0.07)
    )
    assert record["reasons"][0] == {
        "name": "silent data",
        "likely": True,
        "text": "60% of 9 windows",
        "figures": {"share": 0.6},
    }
    assert record["kinds"]["easy"]["gap"] == pytest.approx(0.67)
    assert overfit_record(LEARNED)["learned"]


def test_a_curve_runs_from_the_highest_block_to_the_lowest_in_one_line() -> None:
    falling = curve([1 - step / 1000 for step in range(1001)])
    assert len(falling) == 60
    assert (falling[0], falling[-1]) == (BLOCKS[-1], BLOCKS[0])
    assert sorted(falling, reverse=True) == list(falling)
    assert curve([0.5]) == BLOCKS[0]
