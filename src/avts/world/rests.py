"""Rests: stretches in which an action pauses, neither moving nor sounding."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from avts.timebase import Span
from avts.world.clock import Floats, log_uniform

RAMP_SECONDS = 0.12
"""Going to rest and waking up take this long, just outside of the rest."""

_LEAD_SECONDS = 0.25
"""No event so soon before or after a rest: its run-up and its echo would lie within the rest."""

_FEWEST_SECONDS = 0.2
"""An awake stretch this long has an event."""

Rests = tuple[Span, ...]
"""Rising stretches that do not overlap."""


def awake(times: Floats, rests: Rests) -> Floats:
    """1 where the action may go on, 0 within rests, with ramps around them; [T]."""
    share = np.ones(len(times))
    for rest in rests:
        outside = np.maximum(rest.start_seconds - times, times - rest.stop_seconds)
        np.minimum(share, np.clip(outside / RAMP_SECONDS, 0.0, 1.0), out=share)
    return share * share * (3 - 2 * share)


def rest_seconds(times: Floats, rests: Rests, seconds: float) -> float:
    """How much of a video of that length, with frames at times [T], is spent at rest, in seconds."""
    return float(seconds * np.mean(awake(times, rests) < 0.5))


def stirring(events: Floats, rests: Rests) -> Floats:
    """The events [K] that lie clear of all rests, and one for each stretch between two rests that has none."""
    clear = np.ones(len(events), bool)
    for rest in rests:
        late = rest.stop_seconds + _LEAD_SECONDS
        clear &= (events < rest.start_seconds - _LEAD_SECONDS) | (events >= late)
    kept = events[clear]
    added = []
    for before, after in pairwise(rests):
        length = after.start_seconds - before.stop_seconds
        here = (kept >= before.stop_seconds) & (kept < after.start_seconds)
        if length >= _FEWEST_SECONDS and not here.any():
            added.append(before.stop_seconds + 0.5 * length)
    return np.sort(np.concatenate([kept, added]))


def random_rests(rng: np.random.Generator, span: Span, seconds: float) -> Rests:
    """Rests for a video whose picture lasts from 0 to `seconds`: none in 30 %, all but a moment or two in 20 %."""
    style = rng.random()
    if style < 0.3 or seconds < 1.5:
        return ()
    if style < 0.5:
        return _nearly_all(rng, span, seconds)
    found: list[Span] = []
    for _ in range(int(rng.integers(1, 4))):
        length = log_uniform(rng, 0.4, 2.5)
        start = float(rng.uniform(-0.3, seconds - 0.3))
        rest = Span(start, start + length)
        if all(rest.gap_seconds(other) > 1.0 for other in found):
            found.append(rest)
    return tuple(sorted(found))


def _nearly_all(rng: np.random.Generator, span: Span, seconds: float) -> Rests:
    """A rest with one or two short gaps for the action."""
    edges = [span.start_seconds]
    count = int(rng.integers(1, 3))
    for number in range(count):
        part = seconds / count
        length = min(log_uniform(rng, 0.5, 1.6), 0.8 * part)
        start = number * part + float(rng.uniform(0.05 * part, max(0.95 * part - length, 0.06 * part)))
        edges += [start, start + length]
    edges.append(span.stop_seconds + 1.0)
    return tuple(Span(start, stop) for start, stop in zip(edges[::2], edges[1::2], strict=True))
