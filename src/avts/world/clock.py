"""Irregular time: when things happen, and smooth random curves between.

Nothing here is periodic: in a strictly periodic scene a shift by one period would look in sync.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy

import numpy as np
import numpy.typing as npt

from avts.timebase import Span

Floats = npt.NDArray[np.float64]

_TABLE_STEP_SECONDS = 0.002
"""Curves are tabulated this finely; they change over 0.1 s and more."""


def log_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number between low and high, every octave alike."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


def irregular_times(rng: np.random.Generator, span: Span, shortest_seconds: float, longest_seconds: float) -> Floats:
    """Times that fill a span with random gaps between the two bounds, every octave of gap alike.

    Returns:
        [K] seconds, rising.
    """
    count = int(span.duration_seconds / shortest_seconds) + 2
    gaps = np.exp(rng.uniform(np.log(shortest_seconds), np.log(longest_seconds), count))
    gaps[0] *= rng.uniform(0.1, 1.0)
    times = span.start_seconds + np.cumsum(gaps)
    return times[times < span.stop_seconds]


def since(times: Floats, events: Floats) -> Floats:
    """Seconds since the last event at each time; 9 before the first."""
    if not len(events):
        return np.full(len(times), 9.0)
    last = np.searchsorted(events, times, side="right") - 1
    return np.where(last >= 0, times - events[np.maximum(last, 0)], 9.0)


def until(times: Floats, events: Floats) -> Floats:
    """Seconds until the next event at each time; 9 after the last."""
    if not len(events):
        return np.full(len(times), 9.0)
    coming = np.searchsorted(events, times, side="right")
    return np.where(coming < len(events), events[np.minimum(coming, len(events) - 1)] - times, 9.0)


def ordinal(times: Floats, events: Floats) -> npt.NDArray[np.int64]:
    """How many events have happened by each time."""
    return np.searchsorted(events, times, side="right").astype(np.int64)


class Curve:
    """A smooth curve through knots: level at the knots, steepest half way between them."""

    def __init__(self, knot_seconds: Floats, values: Floats) -> None:
        self.knot_seconds = knot_seconds
        self.values = values
        self._grid = np.arange(knot_seconds[0], knot_seconds[-1] + _TABLE_STEP_SECONDS, _TABLE_STEP_SECONDS)
        place = np.interp(self._grid, knot_seconds, np.arange(len(knot_seconds)))
        left = np.minimum(place.astype(int), len(values) - 2)
        part = place - left
        self._table: Floats = values[left] + (values[left + 1] - values[left]) * part * part * (3 - 2 * part)

    def __call__(self, times: Floats) -> Floats:
        """The curve's value at each time."""
        return np.asarray(np.interp(times, self._grid, self._table), np.float64)

    def integral(self, times: Floats) -> Floats:
        """The area under the curve up to each time, counted from the curve's first knot."""
        return np.interp(times, self._grid, np.cumsum(self._table) * _TABLE_STEP_SECONDS)

    def scaled(self, factor: Callable[[Floats], Floats]) -> Curve:
        """This curve times a factor that depends on time."""
        scaled = copy(self)
        scaled._table = self._table * factor(self._grid)
        return scaled

    def rise_seconds(self) -> Floats:
        """The moments of the steepest rises, half way between a knot and the next higher one."""
        rising = np.flatnonzero(np.diff(self.values) > 0)
        return np.asarray((self.knot_seconds[rising] + self.knot_seconds[rising + 1]) / 2, np.float64)


def swell(
    rng: np.random.Generator,
    span: Span,
    shortest_seconds: float = 0.28,
    longest_seconds: float = 0.7,
    quiet: tuple[float, float] = (0.0, 0.12),
) -> Curve:
    """A curve between 0 and 1 that swells and fades in turn, each at a random pace, with strong contrast."""
    wide = Span(span.start_seconds - longest_seconds, span.stop_seconds + 2 * longest_seconds)
    knots = irregular_times(rng, wide, shortest_seconds, longest_seconds)
    loud = (np.arange(len(knots)) + rng.integers(2)) % 2 == 0
    values = np.where(loud, rng.uniform(0.65, 1.0, len(knots)), rng.uniform(*quiet, len(knots)))
    return Curve(knots, values)


def drift(rng: np.random.Generator, span: Span, pace_seconds: float) -> Curve:
    """A curve that wanders between -1 and 1, taking about pace_seconds from one turn to the next."""
    wide = Span(span.start_seconds - 2 * pace_seconds, span.stop_seconds + 4 * pace_seconds)
    knots = irregular_times(rng, wide, 0.6 * pace_seconds, 1.5 * pace_seconds)
    return Curve(knots, rng.uniform(-1.0, 1.0, len(knots)))
