"""Scores of test clips, against hand counts."""

from pathlib import Path

import numpy as np
import pytest

from avts.offset.clip_scores import (
    area_under_curve,
    confidence_auc,
    coverage,
    interval,
    share_answered,
    share_of_answers_right,
    share_within,
)
from avts.offset.clips import ClipOffset


def found(error: float, confidence: float, *, reason: str | None = None, source: str = "") -> ClipOffset:
    path = Path(f"{error}-{confidence}.mp4")
    sure = {"model": confidence}
    return ClipOffset(path, "", 0.4, {"model": 0.1 + error}, sure, {"model": reason}, source, "", -0.3)


OFFSETS = [found(0.0, 0.9), found(-0.15, 0.8), found(0.06, 0.6), found(0.5, 0.7), found(-0.9, 0.2, reason="uncertain")]


def test_errors_are_measured_from_shift_and_own_offset() -> None:
    assert [each.error_seconds("model") for each in OFFSETS] == pytest.approx([0.0, -0.15, 0.06, 0.5, -0.9])
    assert [share_within(OFFSETS, "model", limit) for limit in (0.2, 0.1, 0.045)] == [0.6, 0.4, 0.2]
    assert share_within([], "model", 0.2) is None


def test_answers_are_those_without_a_reason() -> None:
    assert share_answered(OFFSETS, "model") == 0.8
    assert share_of_answers_right(OFFSETS, "model") == 0.75
    assert share_of_answers_right(OFFSETS[4:], "model") is None


def test_coverage_falls_and_precision_is_of_what_is_left() -> None:
    by_level = {each.confidence: (each.answered, each.right) for each in coverage(OFFSETS, "model")}
    assert by_level[0.0] == (1.0, 0.6)
    assert by_level[0.7] == (0.6, pytest.approx(2 / 3))
    assert by_level[0.9] == (0.2, 1.0)
    assert by_level[0.95] == (0.0, None)


def test_auc_is_the_share_of_pairs_in_the_right_order() -> None:
    # right: 0.9, 0.8, 0.6; wrong: 0.7, 0.2; one of the six pairs is in the wrong order
    assert confidence_auc(OFFSETS, "model") == pytest.approx(5 / 6)
    assert area_under_curve(np.array([0.5, 0.5]), np.array([True, False])) == 0.5
    assert confidence_auc(OFFSETS[:3], "model") is None


def test_an_interval_draws_whole_sources() -> None:
    clear = [found(0.0, 0.9, source=source) for source in "abc" for _ in range(20)]
    mixed = clear + [found(0.9, 0.9, source="d") for _ in range(20)]

    def right(some: list[ClipOffset]) -> float | None:
        return share_within(some, "model", 0.2)

    assert interval(clear, right) == (1.0, 1.0)
    low, high = interval(mixed, right) or (0.0, 0.0)
    assert low <= 0.5, "half of the sources drawn may be the bad one"
    assert high == 1.0
    assert interval(clear[:40], right) is None, "two sources tell no interval"
