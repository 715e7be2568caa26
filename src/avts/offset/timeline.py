"""The offset over time: one for the whole film, one that drifts (two clocks), or jumps (where an edit went wrong).

Input: an OffsetScan. Output: a Timeline. Pure NumPy; no model, no file.

The windows' votes are summed in bins of time. A path through (bin, offset) stays where it is, shifted by one slope for
the whole film, or pays for a jump, or for a stretch where nothing fits (music over pictures); the best path is found by
dynamic programming (Viterbi), for slope 0 and for the slopes that fit best without a jump. A slope and each jump must
win more than chance would grant the best of all the slopes and all the places there are to try, and clearly so.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from avts.offset.distance_map import OffsetScan
from avts.offset.estimate import peak_seconds, posterior, share_near, step_seconds, window_votes

CLEAR_NATS = 6.0
"""What a slope or a jump has to win beyond the logarithm of the number of those tried: odds of 400 to 1."""

MAX_BINS = 300
"""Bins of time, at most; they are a window long at least."""

LEAST_BINS = 6
"""A shorter film has one offset."""

MAX_SLOPE = 0.06
"""Seconds of drift a second, at most: film at 24 frames a second shown at 25 is 0.042."""

LEAST_DRIFT_SECONDS = 0.04
"""Minimum total drift that is reported: a frame from start to end."""

LEAST_JUMP_SECONDS = 0.06
"""Neighbouring segments that differ by less are one."""

LOCAL_CELLS = 4
"""Around a path, how far the offset of a short stretch of it is looked for."""

SLOPES_FOLLOWED = 3
"""Best slopes without a jump that are tried with jumps too."""


@dataclass(frozen=True)
class Segment:
    """A stretch of a film with one offset; where it drifts, the one in the middle of the stretch.

    Attributes:
        start_seconds: where it starts in the film.
        stop_seconds: where it ends.
        offset_seconds: > 0 means that the sound comes early.
        confidence: probability that the error is under 0.1 s, 0 to 1.
    """

    start_seconds: float
    stop_seconds: float
    offset_seconds: float
    confidence: float


@dataclass(frozen=True)
class Timeline:
    """The offset over time.

    Attributes:
        segments: in order, without a gap; one unless jumps are clear; none for a map with too little in it.
        drift_ms_per_minute: growth of the offset, the same in all segments; None unless it is clear.
    """

    segments: tuple[Segment, ...] = ()
    drift_ms_per_minute: float | None = None

    @property
    def is_constant(self) -> bool:
        """True if one offset explains the whole film as well as anything."""
        return len(self.segments) <= 1 and self.drift_ms_per_minute is None

    def offset_at(self, seconds: float) -> float:
        """The offset at a time of the film."""
        segment = next((each for each in self.segments if seconds < each.stop_seconds), self.segments[-1])
        middle = (segment.start_seconds + segment.stop_seconds) / 2
        return segment.offset_seconds + (self.drift_ms_per_minute or 0.0) / 60_000 * (seconds - middle)


@dataclass(frozen=True)
class _Bins:
    """Votes summed over bins of time.

    evidence: [B, K], scaled to what its scatter warrants; times_seconds: middles of the bins' windows, [B];
    edges_seconds: where one bin ends and the next begins, [B + 1].
    """

    evidence: NDArray[np.float64]
    times_seconds: NDArray[np.float64]
    edges_seconds: NDArray[np.float64]
    step_seconds: float

    @property
    def middle_seconds(self) -> float:
        return float(self.times_seconds[0] + self.times_seconds[-1]) / 2

    @property
    def length_seconds(self) -> float:
        return float(self.times_seconds[-1] - self.times_seconds[0])

    def sheared(self, slope: float) -> NDArray[np.float64]:
        """Evidence [B, K] for offsets at the middle of the film, if they grow by a slope; 0 outside the map."""
        shift = slope * (self.times_seconds - self.middle_seconds) / self.step_seconds  # cells
        whole = np.floor(shift)
        part = (shift - whole)[:, None]
        at = whole[:, None].astype(np.int64) + np.arange(self.evidence.shape[1])
        low = self._at(at)
        return low if not part.any() else (1 - part) * low + part * self._at(at + 1)

    def _at(self, columns: NDArray[np.int64]) -> NDArray[np.float64]:
        last = self.evidence.shape[1] - 1
        found = np.take_along_axis(self.evidence, columns.clip(0, last), axis=1)
        return np.where((columns < 0) | (columns > last), 0.0, found)


@dataclass(frozen=True)
class _Run:
    """Bins of a path, first to stop, that keep one column of the sheared evidence."""

    first: int
    stop: int
    column: int


@dataclass(frozen=True)
class _Path:
    """The runs where something fits, in order, and what they win; slope in seconds a second."""

    score: float
    slope: float
    runs: tuple[_Run, ...]


def timeline(scan: OffsetScan) -> Timeline:
    """Tell a constant offset, a drift and jumps apart.

    Args:
        scan: the distance map, at least some seconds of it.
    """
    bins = _binned(scan)
    if bins is None:
        return Timeline()
    best = _best_path(bins)
    if not best.runs:
        return Timeline()
    slope = _refined_slope(bins, best) if best.slope else 0.0
    drifts = abs(slope) * bins.length_seconds >= LEAST_DRIFT_SECONDS
    slope = slope if drifts else 0.0
    return Timeline(_segments(bins, scan, slope, best.runs), 60_000 * slope if drifts else None)


def _binned(scan: OffsetScan) -> _Bins | None:
    """Sum votes over bins of time; None if there are too few or nothing in them."""
    if len(scan.times_seconds) < LEAST_BINS or scan.distances.shape[1] < 3:
        return None
    end = float(scan.times_seconds[-1] + (scan.times_seconds[1] - scan.times_seconds[0]))
    count = min(MAX_BINS, int(end / max(scan.window_seconds, 1e-9)), len(scan.times_seconds))
    if count < LEAST_BINS or not np.isfinite(scan.distances).any():
        return None
    index = np.minimum((scan.times_seconds * (count / end)).astype(np.int64), count - 1)
    evidence = np.zeros((count, scan.distances.shape[1]))
    np.add.at(evidence, index, window_votes(scan))
    edges = np.linspace(0, end, count + 1) + scan.window_seconds / 2
    edges[0], edges[-1] = 0.0, end - (scan.times_seconds[1] - scan.times_seconds[0]) + scan.window_seconds
    times = (np.arange(count, dtype=np.float64) + 0.5) * (end / count) + scan.window_seconds / 2
    return _Bins(evidence * _honest_scale(evidence), times, edges, step_seconds(scan.offsets_seconds))


def _honest_scale(evidence: NDArray[np.float64]) -> float:
    """The factor, at most 1, that makes votes what they say they are.

    Sums of honest log ratios have, where nothing fits, a mean of minus half their variance. Taken over runs of bins, so
    that noise which lasts longer than a bin counts as well, and by medians, so that what fits does not.
    """
    run = max(1, min(4, len(evidence) // 4))
    whole = len(evidence) // run * run
    sums = evidence[:whole].reshape(-1, run, evidence.shape[1]).sum(axis=1)
    middle = float(np.median(sums))
    variance = float((1.4826 * np.median(np.abs(sums - middle))) ** 2)
    if variance <= 0:
        return 1.0
    return float(np.clip(-2 * sums.mean() / variance, 0.0, 1.0))


def _best_path(bins: _Bins) -> _Path:
    """The path that wins most after paying for its slope and its jumps."""
    num_bins, num_offsets = bins.evidence.shape
    costs = (math.log(num_bins * num_offsets) + CLEAR_NATS, math.log(num_bins) + 1)
    slopes = _slopes(bins)
    fits = np.array([bins.sheared(slope).sum(axis=0).max() for slope in slopes]) if len(slopes) else np.empty(0)
    slope_cost = math.log(max(len(slopes), 1)) + CLEAR_NATS
    paths = [_viterbi(bins.sheared(0.0), 0.0, *costs)]
    for index in np.argsort(-fits)[:SLOPES_FOLLOWED].tolist():
        path = _viterbi(bins.sheared(slopes[index]), slopes[index], *costs)
        paths.append(_Path(path.score - slope_cost, path.slope, path.runs))
    return max(paths, key=lambda path: path.score)


def _slopes(bins: _Bins) -> list[float]:
    """Slopes to try: a cell or two apart from start to end, as far as the range of offsets reaches."""
    num_offsets = bins.evidence.shape[1]
    apart = max(1, round(num_offsets / 100)) * bins.step_seconds
    reach = min(num_offsets * bins.step_seconds, MAX_SLOPE * bins.length_seconds)
    count = int(reach / apart)
    return [apart * number / bins.length_seconds for number in range(-count, count + 1) if number]


def _viterbi(evidence: NDArray[np.float64], slope: float, jump_cost: float, pause_cost: float) -> _Path:
    """The best path through [B, K]: stay in a column, pay and go to another, or pay less and go where nothing fits."""
    evidence = np.pad(evidence, ((0, 0), (0, 1)))  # the last column is chance itself
    num_bins, num_columns = evidence.shape
    cost = np.append(np.full(num_columns - 1, jump_cost), pause_cost)
    stay = np.arange(num_columns)
    came_from = np.empty((num_bins, num_columns), np.int64)
    score = evidence[0].copy()
    for number in range(1, num_bins):
        best = int(score.argmax())
        jumped = score[best] - cost
        came_from[number] = np.where(jumped > score, best, stay)
        score = np.maximum(score, jumped) + evidence[number]
    column = int(score.argmax())
    total, stop = float(score[column]), num_bins
    runs: list[_Run] = []
    for number in range(num_bins - 1, -1, -1):
        before = int(came_from[number, column]) if number else -1
        if before != column:
            if column < num_columns - 1:
                runs.append(_Run(number, stop, column))
            stop = number
        column = before
    return _Path(total, slope, tuple(reversed(runs)))


def _refined_slope(bins: _Bins, path: _Path) -> float:
    """The slope of lines through the offsets of short stretches of the runs, one slope for all, by least squares."""
    times, offsets, weights, runs = [], [], [], []
    for number, run in enumerate(path.runs):
        for part in np.array_split(np.arange(run.first, run.stop), min(run.stop - run.first, 16)):
            time = float(bins.times_seconds[part].mean())
            cell = run.column + path.slope * (time - bins.middle_seconds) / bins.step_seconds
            found = _local_peak(bins.evidence[part].sum(axis=0), cell)
            if found is not None:
                times.append(time)
                offsets.append(found[0] * bins.step_seconds)
                weights.append(found[1])
                runs.append(number)
    at, y, w, run_of = (np.array(values, np.float64) for values in (times, offsets, weights, runs))
    rise = power = 0.0
    for number in set(runs):
        mine = run_of == number
        t = at[mine] - np.average(at[mine], weights=w[mine])
        rise += float((w[mine] * t * y[mine]).sum())
        power += float((w[mine] * t * t).sum())
    return rise / power if power > 0 else path.slope


def _local_peak(votes: NDArray[np.float64], cell: float) -> tuple[float, float] | None:
    """Cell and bend of the highest votes near a cell; None if they have no top there."""
    first = max(round(cell) - LOCAL_CELLS, 0)
    near = votes[first : max(round(cell) + LOCAL_CELLS + 1, 0)]
    if len(near) < 3:
        return None
    top = int(near.argmax())
    if not 0 < top < len(near) - 1:
        return None
    before, high, after = near[top - 1 : top + 2]
    bend = float(2 * high - before - after)
    return (first + top + 0.5 * float(after - before) / bend, bend) if bend > 0 else None


def _segments(bins: _Bins, scan: OffsetScan, slope: float, runs: tuple[_Run, ...]) -> tuple[Segment, ...]:
    """The stretches between jumps, each with its own offset; those that hardly differ become one."""
    evidence = bins.sheared(slope)
    groups: list[list[_Run]] = []
    for run in runs:
        before = _peak(evidence, groups[-1], scan) if groups else math.inf
        if abs(before - _peak(evidence, [run], scan)) < LEAST_JUMP_SECONDS:
            groups[-1].append(run)
        else:
            groups.append([run])
    # a stretch where nothing fits goes half to each side
    cuts = [(before[-1].stop + after[0].first) / 2 for before, after in pairwise(groups)]
    times = [0.0, *np.interp(cuts, np.arange(len(bins.edges_seconds)), bins.edges_seconds), bins.edges_seconds[-1]]
    found = []
    for group, (start, stop) in zip(groups, pairwise(map(float, times)), strict=True):
        votes = _votes(evidence, group)
        offset = _peak(evidence, group, scan)
        near = share_near(scan.offsets_seconds, offset, bins.step_seconds)
        drifted = slope * ((start + stop) / 2 - bins.middle_seconds)
        found.append(Segment(start, stop, offset + drifted, min(float((posterior(votes) * near).sum()), 1.0)))
    return tuple(found)


def _votes(evidence: NDArray[np.float64], runs: list[_Run]) -> NDArray[np.float64]:
    """Evidence of some runs together, [K]."""
    parts = [evidence[run.first : run.stop].sum(axis=0) for run in runs]
    return np.asarray(np.sum(parts, axis=0))


def _peak(evidence: NDArray[np.float64], runs: list[_Run], scan: OffsetScan) -> float:
    """The offset that fits some runs best, at the middle of the film."""
    return peak_seconds(scan.offsets_seconds, _votes(evidence, runs), step_seconds(scan.offsets_seconds))
