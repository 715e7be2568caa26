"""The offset of a file and its confidence from the distance map.

Input: an OffsetScan. Output: one OffsetEstimate. Pure NumPy; no model, no file.

Each window votes with a likelihood over offsets, p(row | offset k) in proportion to exp(-sharpness * distance[k]).
A window without an event has a flat row and votes for nothing; the vote of an outlier is bounded by an assumed share of
wrong windows. The summed votes are then scaled by their own scatter at the offsets that do not match, so that the
confidence is valid for files with any noise. One offset for the whole file is assumed: no drift, no jumps.

The evidence from motion against loudness is added if the scan has it: it covers events that the model has not learned.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avts.offset.distance_map import OffsetScan
from avts.timebase import offset_in_words

TOLERANCE_SECONDS = 0.1
"""The confidence is the probability that the error is below this."""

DEFAULT_SHARPNESS = 12.0
"""Nats of evidence for one unit of distance: a fit that is better by 0.25 makes an offset e^3 = 20 times as likely."""

MOTION_WEIGHT = 0.5
"""Weight of the evidence from motion against loudness: the largest value that does not reduce the accuracy on generated
videos (experiments/LOG.md); it improves that on real clips."""

WILD_SHARE = 0.05
"""Assumed share of windows whose vote is noise; it bounds the vote of a window against an offset to 3 nats."""

MIN_COVERAGE = 0.5
"""Minimum number of windows of an offset, as a share of the best covered one: a few windows at an edge cannot win."""

PEAK_HALF_WIDTH_SECONDS = 0.25
"""Offsets farther than this from the peak are used as the background of the evidence."""

LUCK = 2.0
"""Standard deviations by which the best of many wrong offsets exceeds the mean by chance."""

LEAST_NAMED = 0.35
"""Minimum confidence of a guess that is reported; below it the result is 'cannot tell'."""

WIDEST_RANGE_SECONDS = 15.0
"""Maximum search range in either direction."""

TOO_SHORT = "too short: shorter than one window"
SILENT = "silent: no window has sound"
STILL = "still picture: no window has motion"
APART = "no window with motion has sound within the search range"
EDGE = "the best offset is at the edge of the search range"
FLAT = "flat curve: no offset matches clearly better than the others"
UNCERTAIN = "uncertain: "
"""Prefix of the reason if there is a best guess that is too uncertain to be used."""


@dataclass(frozen=True)
class OffsetEstimate:
    """Estimated offset of a file.

    Attributes:
        offset_seconds: best guess, interpolated between the offsets tried; > 0 means that the sound comes early. 0 if
            there is no data (then confidence is 0). Must not be used if there is a reason.
        confidence: probability that the error is under TOLERANCE_SECONDS, 0 to 1.
        curve: mean distance over windows at each offset of the scan, [K]; NaN where too few windows exist.
        num_windows: windows with sound at one offset or more.
        reason: why the offset is unknown; None if it is known.
    """

    offset_seconds: float
    confidence: float
    curve: NDArray[np.float64]
    num_windows: int
    reason: str | None = None

    @property
    def is_guess(self) -> bool:
        """True for a best guess that is too uncertain to be used, but likely enough to be reported."""
        return self.reason is not None and self.reason.startswith(UNCERTAIN) and self.confidence >= LEAST_NAMED

    @property
    def in_words(self) -> str:
        """The offset in words, 'sound about 480 ms early' for a guess, or 'cannot tell'."""
        if self.reason is None or self.is_guess:
            return offset_in_words(self.offset_seconds, about=self.is_guess)
        return "cannot tell"


def estimate(scan: OffsetScan, *, sharpness: float = DEFAULT_SHARPNESS) -> OffsetEstimate:
    """Find the one offset that explains a whole distance map best.

    Args:
        scan: the distance map; distances of unit vectors, scaled to [0, 1].
        sharpness: as for window_votes.
    """
    known = np.isfinite(scan.distances)  # [W, K]
    curve = _mean_where_covered(scan.distances, known)
    evidence = window_votes(scan, sharpness=sharpness).sum(axis=0)
    if scan.motion_evidence is not None:
        evidence = evidence + MOTION_WEIGHT * scan.motion_evidence
    return estimate_from_evidence(scan, evidence, curve)


def estimate_from_evidence(
    scan: OffsetScan, evidence: NDArray[np.float64], curve: NDArray[np.float64]
) -> OffsetEstimate:
    """The offset with the most evidence, and how sure it is.

    Args:
        scan: the distance map; if it is empty it gives the reason.
        evidence: log likelihood of each offset, up to a constant, [K].
        curve: distance at each offset, [K]; NaN for an offset that may not win.
    """
    num_windows = int(np.isfinite(scan.distances).any(axis=1).sum())
    if num_windows == 0 or np.isnan(curve).all():
        return OffsetEstimate(0.0, 0.0, np.full(len(curve), np.nan), 0, _why_empty(scan))
    evidence = np.where(np.isnan(curve), -np.inf, evidence)
    step = step_seconds(scan.offsets_seconds)
    offset = peak_seconds(scan.offsets_seconds, evidence, step)
    near = share_near(scan.offsets_seconds, offset, step)
    confidence = float((posterior(_tempered(evidence, scan.offsets_seconds, offset)) * near).sum())
    by_chance = float((posterior(np.where(np.isnan(curve), -np.inf, 0.0)) * near).sum())
    flat = confidence <= min(2 * by_chance, (1 + by_chance) / 2)
    reason = FLAT if flat else _at_edge(scan.offsets_seconds, evidence)
    return OffsetEstimate(offset, min(confidence, 1.0), curve, num_windows, reason)


def _why_empty(scan: OffsetScan) -> str:
    """The reason why a map has no distances."""
    if len(scan.distances) == 0:
        return TOO_SHORT
    if scan.num_heard:
        return APART if scan.num_moving else STILL
    return SILENT


def _at_edge(offsets_seconds: NDArray[np.float64], evidence: NDArray[np.float64]) -> str | None:
    """The reason not to trust a peak at the end of the range: the true one may be outside."""
    if 0 < int(evidence.argmax()) < len(evidence) - 1:
        return None
    searched = float(offsets_seconds[-1])
    wider = min(2 * searched, WIDEST_RANGE_SECONDS)
    advice = f"; try --range {wider:g}" if wider > searched + 1e-9 else ""
    return f"{EDGE}, {searched:g} s{advice}"


def _mean_where_covered(distances: NDArray[np.float32], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Mean distance at each offset, [K]; NaN where there are fewer windows than MIN_COVERAGE requires."""
    count = known.sum(axis=0)
    total = np.where(known, distances, 0.0).sum(axis=0, dtype=np.float64)
    covered = count > 0
    covered &= count >= MIN_COVERAGE * count.max(initial=0)
    return np.where(covered, total / np.maximum(count, 1), np.nan)


def window_votes(scan: OffsetScan, *, sharpness: float = DEFAULT_SHARPNESS) -> NDArray[np.float64]:
    """Log likelihood ratio of each offset against chance for the row of each window, [W, K].

    A window that does not exist at an offset has no vote on it (a ratio of 1): if that offset is the true one, the rest
    of its row is noise, which is as likely as without any offset. Overlapping windows see the same event, which must
    count once, so their votes are scaled down.

    Args:
        scan: the distance map; distances of unit vectors, scaled to [0, 1].
        sharpness: maximum nats of evidence for one unit of distance; noisy maps get less, down to one nat for the
            typical scatter within a window's row.
    """
    known = np.isfinite(scan.distances)  # [W, K]
    used = known.any(axis=1)
    votes = np.zeros(scan.distances.shape)
    if not used.any():
        return votes
    rows, known = scan.distances[used].astype(np.float64), known[used]
    middle = np.nanmedian(rows, axis=1, keepdims=True)
    scatter = 1.4826 * float(np.median(np.abs(rows - middle)[known]))  # standard deviation, if Gaussian
    sharpness = min(sharpness, 1 / max(scatter, np.finfo(np.float64).tiny))
    fit = np.where(known, np.exp(-sharpness * np.where(known, rows, 0.0)), 0.0)  # [W, K]
    by_chance = fit.sum(axis=1, keepdims=True) / known.sum(axis=1, keepdims=True)
    # A mixture with an uninformative component: its floor of log(WILD_SHARE) = -3 nats keeps windows of off-screen
    # sound from outvoting all others, since the logarithm of the fit alone falls in proportion to the distance.
    ratio = np.where(known, (1 - WILD_SHARE) * fit / by_chance + WILD_SHARE, 1.0)
    votes[used] = np.log(ratio) * _independent_share(scan.times_seconds[used], scan.window_seconds)
    return votes


def _independent_share(times_seconds: NDArray[np.float64], window_seconds: float) -> float:
    """Covered seconds over summed seconds: overlapping windows see the same event, which must count once."""
    lengths = np.append(np.minimum(np.diff(times_seconds), window_seconds), window_seconds)
    return float(lengths.sum() / (len(times_seconds) * window_seconds))


def _tempered(
    evidence: NDArray[np.float64], offsets_seconds: NDArray[np.float64], peak_seconds: float
) -> NDArray[np.float64]:
    """Evidence scaled down to what its scatter justifies, [K].

    For a sum of valid log likelihood ratios, the rise of the peak above the background mean equals the background
    variance. Noisy or dependent votes scatter more: the scale that restores this equality is (rise / variance).
    """
    eligible = np.isfinite(evidence)
    elsewhere = evidence[eligible & (np.abs(offsets_seconds - peak_seconds) > PEAK_HALF_WIDTH_SECONDS)]
    if len(elsewhere) < 3:
        return evidence
    # The peak is the maximum of many offsets, so part of its rise is chance (LUCK). A factor s scales the rise by s and
    # the variance by s**2, hence s = rise / variance; it is at most 1, because low scatter is no reason to sharpen.
    rise = max(0.0, float(evidence.max() - elsewhere.mean() - LUCK * elsewhere.std()))
    scale = rise / max(rise, float(elsewhere.var()), np.finfo(np.float64).tiny)
    return np.where(eligible, scale * np.where(eligible, evidence, 0.0), -np.inf)


def posterior(evidence: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probability of each offset with a uniform prior, [K]."""
    weight: NDArray[np.float64] = np.exp(evidence - evidence.max())
    weight /= weight.sum()
    return weight


def step_seconds(offsets_seconds: NDArray[np.float64]) -> float:
    """Distance between neighbouring offsets; for a single offset, the tolerance."""
    return float(np.median(np.diff(offsets_seconds))) if len(offsets_seconds) > 1 else TOLERANCE_SECONDS


def peak_seconds(offsets_seconds: NDArray[np.float64], evidence: NDArray[np.float64], step: float) -> float:
    """Top of the parabola through the highest evidence and its two neighbours, within the search range."""
    k = int(evidence.argmax())
    shift = 0.0
    if 0 < k < len(evidence) - 1 and np.isfinite(evidence[[k - 1, k + 1]]).all():
        before, top, after = evidence[k - 1 : k + 2]
        bend = before - 2 * top + after
        shift = 0.5 * (before - after) / bend if bend < 0 else 0.0
    return float(np.clip(offsets_seconds[k] + shift * step, offsets_seconds[0], offsets_seconds[-1]))


def share_near(offsets_seconds: NDArray[np.float64], centre: float, step: float) -> NDArray[np.float64]:
    """Share of each offset's cell, one step wide, that lies within TOLERANCE_SECONDS of centre, [K]."""
    start = np.maximum(offsets_seconds - step / 2, centre - TOLERANCE_SECONDS)
    stop = np.minimum(offsets_seconds + step / 2, centre + TOLERANCE_SECONDS)
    share: NDArray[np.float64] = np.clip(stop - start, 0.0, step) / step
    return share
