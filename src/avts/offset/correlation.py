"""How well motion and loudness go together at each offset: the evidence of the plain baseline. Pure NumPy.

Input: the change of each frame and the power of its sound. Output: Pearson's correlation of their logarithms over the
whole film at each offset, and what it is worth in nats.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from avts.media.activity import SILENCE_DBFS

CHANGE_FLOOR = 1e-4
"""Mean change, as a share of full scale, below which there is only coding noise."""

POWER_FLOOR = 10 ** (SILENCE_DBFS / 10)
"""Power below which there is only noise."""

LONGEST_MEMORY_FRAMES = 48
"""Lags over which the two series are taken to resemble themselves, at most."""

LEAST_OVERLAP = 0.5
"""Least share of a film that has to overlap at an offset, for it to count."""


def motion_evidence(
    change: NDArray[np.float64], power: NDArray[np.float64], offset_frames: NDArray[np.int64]
) -> NDArray[np.float64]:
    """What motion against loudness says of each offset, in nats, [K]; 0 where it says nothing.

    Args:
        change: of each frame, [T].
        power: of the sound during each frame, [T].
        offset_frames: [K]; > 0 means that the sound comes early.
    """
    evidence = correlation_evidence(change, power, offset_frames)[1]
    return np.where(np.isfinite(evidence), evidence, 0.0)


def correlation_evidence(
    change: NDArray[np.float64], power: NDArray[np.float64], offset_frames: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The correlation at each offset, [K], NaN where too little overlaps, and its evidence, -inf there.

    Evidence is the log of how much likelier two Gaussian series with this correlation are than two that have nothing to
    do with each other; frames that resemble their neighbours count for less. A negative correlation is no evidence.

    Arguments as in `motion_evidence`.
    """
    length = min(len(change), len(power))
    floor = max(round(LEAST_OVERLAP * length), 2)
    motion, loudness = np.log(change[:length] + CHANGE_FLOOR), np.log(power[:length] + POWER_FLOOR)
    correlation = np.array([_correlation(motion, loudness, offset, floor) for offset in offset_frames.tolist()])  # [K]
    free = length / _memory(motion, loudness)
    with np.errstate(invalid="ignore"):
        evidence = -0.5 * free * np.log1p(-np.square(np.clip(correlation, 0, 0.999)))
    evidence[np.isnan(correlation)] = -np.inf
    return correlation, evidence


def _correlation(motion: NDArray[np.float64], loudness: NDArray[np.float64], offset: int, floor: int) -> float:
    """Pearson's correlation of what overlaps at an offset; NaN where too little does, 0 where nothing varies."""
    first, stop = max(offset, 0), min(len(motion) + offset, len(motion))
    if stop - first < floor:
        return float("nan")
    a, b = motion[first:stop], loudness[first - offset : stop - offset]
    deviation = float(a.std() * b.std())
    return float(((a - a.mean()) * (b - b.mean())).mean()) / deviation if deviation > 1e-9 else 0.0


def _memory(motion: NDArray[np.float64], loudness: NDArray[np.float64]) -> float:
    """Frames that count as one independent pair, from how far both series resemble themselves (Bartlett's formula)."""
    lags = range(1, min(LONGEST_MEMORY_FRAMES, len(motion) // 2))
    both = (_self_likeness(motion, lag) * _self_likeness(loudness, lag) for lag in lags)
    return 1 + 2 * float(sum(max(product, 0.0) for product in both))


def _self_likeness(series: NDArray[np.float64], lag: int) -> float:
    centred = series - series.mean()
    power = float(np.square(centred).mean())
    return float((centred[lag:] * centred[:-lag]).mean()) / power if power > 1e-9 else 0.0
