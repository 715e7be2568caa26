"""The evidence of motion against loudness: where it points, what it is worth, and that the estimate takes it in."""

import dataclasses

import numpy as np
import pytest

from avts.offset.correlation import correlation_evidence, motion_evidence
from avts.offset.distance_map import OffsetScan
from avts.offset.estimate import estimate

OFFSETS = np.arange(-24, 25)


def series(length: int = 240, late_frames: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Change with a rise at random frames, and power with the same rises some frames later."""
    rng = np.random.default_rng(3)
    change = 0.001 + 0.05 * (rng.random(length) < 0.2)
    return change, np.roll(0.001 + 0.05 * (change > 0.01), late_frames)


def test_sound_that_comes_late_has_its_evidence_at_a_negative_offset() -> None:
    evidence = motion_evidence(*series(late_frames=5), OFFSETS)
    assert OFFSETS[evidence.argmax()] == -5


def test_evidence_is_that_of_gaussian_series_with_the_measured_correlation() -> None:
    change, power = series()
    correlation, evidence = correlation_evidence(change, power, OFFSETS)
    expected = np.corrcoef(np.log(change[:-5] + 1e-4), np.log(power[5:] + 1e-6))[0, 1]
    assert correlation[OFFSETS == -5] == pytest.approx(expected, abs=1e-9)
    # frames drawn one by one resemble each other little: nearly all of them count
    by_hand = -0.5 * 240 * np.log(1 - min(expected, 0.999) ** 2)
    assert 0.6 * by_hand < evidence[OFFSETS == -5] <= by_hand


def test_a_negative_correlation_and_too_little_overlap_say_nothing() -> None:
    change, power = series(length=40, late_frames=0)
    wide = np.arange(-30, 31)
    evidence = motion_evidence(change, 1e-3 / power, wide)
    assert evidence[wide == 0] == 0
    assert not evidence[np.abs(wide) > 20].any()


def test_the_estimate_takes_the_evidence_of_motion_where_the_model_says_nothing() -> None:
    flat = np.full((60, 49), 0.5, np.float32)
    scan = OffsetScan(np.arange(60) / 24, OFFSETS / 24, flat, 1.0)
    assert estimate(scan).reason is not None
    both = dataclasses.replace(scan, motion_evidence=motion_evidence(*series(late_frames=5), OFFSETS))
    found = estimate(both)
    assert found.reason is None
    assert found.offset_seconds == pytest.approx(-5 / 24, abs=0.02)
