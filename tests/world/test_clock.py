"""Irregular times and smooth curves."""

import numpy as np
import pytest

from avts.timebase import Span
from avts.world.clock import Curve, drift, irregular_times, ordinal, since, swell, until

SPAN = Span(-2.0, 8.0)


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_gaps_keep_to_their_bounds_and_fill_the_span() -> None:
    times = irregular_times(rng(), Span(0.0, 500.0), 0.25, 0.7)
    gaps = np.diff(times)
    assert gaps.min() >= 0.25
    assert gaps.max() <= 0.7
    assert times[0] < 0.7
    assert times[-1] > 500 - 0.7


def test_gaps_are_never_periodic() -> None:
    gaps = np.diff(irregular_times(rng(), Span(0.0, 500.0), 0.25, 0.7))
    assert gaps.std() / gaps.mean() > 0.25
    assert abs(np.corrcoef(gaps[:-1], gaps[1:])[0, 1]) < 0.1


def test_since_until_and_ordinal_against_a_hand_count() -> None:
    events = np.array([1.0, 2.5])
    times = np.array([0.5, 1.0, 2.0, 3.0])
    assert since(times, events) == pytest.approx([9.0, 0.0, 1.0, 0.5])
    assert until(times, events) == pytest.approx([0.5, 1.5, 0.5, 9.0])
    assert ordinal(times, events).tolist() == [0, 1, 1, 2]


def test_curve_passes_its_knots_and_rises_most_half_way() -> None:
    curve = Curve(np.array([0.0, 1.0, 3.0]), np.array([0.0, 1.0, 0.5]))
    assert curve(np.array([0.0, 0.5, 1.0, 3.0])) == pytest.approx([0.0, 0.5, 1.0, 0.5], abs=0.01)
    assert curve.rise_seconds() == pytest.approx([0.5])
    assert curve.integral(np.array([3.0]))[0] == pytest.approx(0.5 + 1.5, abs=0.01)


def test_swell_has_strong_contrast_in_nearly_every_second() -> None:
    times = np.arange(-2.0, 8.0, 0.01)
    ranges = []
    for seed in range(10):
        values = swell(rng(seed), SPAN)(times)
        assert values.min() >= 0
        assert values.max() <= 1
        ranges += [np.ptp(values[start : start + 100]) for start in range(0, 900, 50)]
    assert np.mean(np.array(ranges) > 0.4) > 0.95


def test_drift_stays_between_minus_one_and_one() -> None:
    values = drift(rng(), SPAN, 0.5)(np.arange(-2.0, 8.0, 0.01))
    assert np.abs(values).max() <= 1
    assert values.std() > 0.2
