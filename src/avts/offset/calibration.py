"""Confidence of a best offset: features of the map around it, and a logistic function of them.

Input: a map centred on a best offset. Output: the probability that its error is at most RIGHT_SECONDS, and in plain
words what reduces it. Pure NumPy. The map covers REACH_SECONDS on either side of the offset, regardless of the search
range, so the probability of an offset does not depend on that range.

The numbers were fitted on real clips and generated films by `python experiments/calibrate.py`, which also writes them
into the folder of a model as calibration.json: a model without this file uses those below.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avts.errors import CheckpointError
from avts.offset.distance_map import OffsetScan
from avts.offset.estimate import UNCERTAIN

FILE = "calibration.json"

RIGHT_SECONDS = 0.2
"""The confidence is the probability that the error is at most this: the sync of real clips is not known more finely."""

REACH_SECONDS = 1.0
"""Either way of an offset, what its signs are read from."""

TOP_SECONDS = 0.1
"""Offsets up to this far from the best one belong to the same peak."""

Signs = Mapping[str, float]

SIGNS = ("margin", "fit", "halves", "votes", "distance")
"""What is weighed. Of no use across sources: the rise over the scatter elsewhere, the width of the peak, the length of
the film, and whether plain motion alone has its peak here (experiments/LOG.md)."""

LIMITS = {
    "margin": (-3.0, 8.0),
    "fit": (-0.05, 0.4),
    "halves": (-3.0, 4.0),
    "votes": (0.3, 1.0),
    "distance": (0.0, 0.8),
}
"""A sign outside these counts as if it were at the limit: nothing beyond was seen when the weights were fitted."""


@dataclass(frozen=True)
class Calibration:
    """A logistic function of the signs of an offset.

    Attributes:
        constant: log odds when all signs are 0.
        weights: log odds for one unit of each sign, by SIGNS.
        least_confidence: an offset that is less likely right than this is not given as an answer.
    """

    constant: float
    weights: Mapping[str, float]
    least_confidence: float

    def confidence(self, signs: Signs) -> float:
        """Probability that an offset with these signs is right, 0 to 1."""
        odds = self.constant + sum(weight * within_limits(name, signs[name]) for name, weight in self.weights.items())
        return 1 / (1 + math.exp(-min(max(odds, -30.0), 30.0)))


def within_limits(name: str, value: float) -> float:
    """A sign as it counts."""
    low, high = LIMITS[name]
    return min(max(value, low), high)


def read_calibration(folder: Path) -> Calibration | None:
    """The calibration in the folder of a model; None if it has none.

    Raises:
        CheckpointError: it cannot be used.
    """
    path = folder / FILE
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        weights = {str(name): float(weight) for name, weight in values["weights"].items()}
        found = Calibration(float(values["constant"]), weights, float(values["least_confidence"]))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CheckpointError(f"{path}: not a calibration ({error}). Remove it, or create it again") from error
    if unknown := set(weights) - set(SIGNS):
        raise CheckpointError(f"{path}: unknown sign {sorted(unknown)[0]!r} (known: {', '.join(SIGNS)}). Remove it")
    return found


def signs_of(
    scan: OffsetScan, votes: NDArray[np.float64], evidence: NDArray[np.float64], centre_seconds: float
) -> dict[str, float]:
    """What speaks for an offset and against it: by SIGNS, and "seconds", the log of the length that was compared.

    Args:
        scan: the map around the offset.
        votes: log likelihood ratios of its windows, [W, K].
        evidence: of all windows and of plain motion together, [K]; -inf or NaN where an offset may not win.
        centre_seconds: the offset, one of the map's.
    """
    away = np.abs(scan.offsets_seconds - centre_seconds)
    known = np.isfinite(scan.distances)
    count = known.sum(axis=0)
    covered = (count >= 0.5 * max(int(count.max(initial=0)), 1)) & np.isfinite(evidence)
    near, far = covered & (away <= TOP_SECONDS + 1e-9), covered & (away > RIGHT_SECONDS + 1e-9)
    if not near.any() or not far.any():
        return dict.fromkeys(SIGNS, 0.0) | {"distance": 0.5, "seconds": -2.0, "votes": 0.5}
    used = np.flatnonzero(known.any(axis=1))
    hop = float(np.median(np.diff(scan.times_seconds))) if len(scan.times_seconds) > 1 else scan.window_seconds
    windows = max(len(used) * min(hop / scan.window_seconds, 1.0), 0.1)  # as many that do not overlap
    curve = np.where(known, scan.distances, 0.0).sum(axis=0, dtype=np.float64) / np.maximum(count, 1)
    halves = [_margin(votes[part].sum(axis=0), near, far) for part in np.array_split(used, 2)]
    return {
        "margin": _margin(evidence, near, far) / math.sqrt(max(windows, 1.0)),
        "fit": float(curve[far].mean() - curve[near].min()),
        "halves": min(halves) / max(windows / 2, 0.5),
        "votes": _mean_rank(scan.distances[used], near, far),
        "distance": float(curve[near].min()),
        "seconds": math.log(windows),
    }


def _margin(evidence: NDArray[np.float64], near: NDArray[np.bool_], far: NDArray[np.bool_]) -> float:
    """By how much the best offset wins against the best one elsewhere, nats."""
    return float(evidence[near].max() - evidence[far].max())


def _mean_rank(rows: NDArray[np.float32], near: NDArray[np.bool_], far: NDArray[np.bool_]) -> float:
    """Share of the offsets elsewhere that fit a window worse than the best offset does, mean over windows."""
    inside = np.where(np.isfinite(rows[:, near]), rows[:, near], np.inf).min(axis=1)
    outside = rows[:, far]
    count = np.isfinite(outside).sum(axis=1)
    usable = (count > 0) & np.isfinite(inside)
    if not usable.any():
        return 0.5
    return float(((outside > inside[:, None]).sum(axis=1)[usable] / count[usable]).mean())


def why_uncertain(signs: Signs) -> str:
    """The main reason for a low confidence in plain words, with advice."""
    if signs["seconds"] < math.log(1.5):
        return f"{UNCERTAIN}too little of it has both motion and sound; a longer excerpt may help"
    if signs["margin"] < MARGIN_OF_RIVALS and signs["votes"] > VOTES_OF_NOTHING:
        return (
            f"{UNCERTAIN}several offsets match about equally well, as for a periodic sound; a longer excerpt may help"
        )
    if signs["halves"] < 0 and signs["votes"] > VOTES_OF_NOTHING:
        return f"{UNCERTAIN}parts of it indicate different offsets; a longer excerpt may help"
    return (
        f"{UNCERTAIN}too little in the picture clearly matches the sound, as with an off-screen voice or background "
        "music; an excerpt in which the source of the sound is clearly visible, or a wider --range, may help"
    )


MARGIN_OF_RIVALS = 0.3
VOTES_OF_NOTHING = 0.7

MODEL = Calibration(
    constant=-0.2895,
    weights={"margin": 0.7618, "fit": 1.3101, "halves": 0.9218, "votes": 3.9897, "distance": -7.4923},
    least_confidence=0.82,
)
"""Of the model in the box when this was fitted; for models without a calibration of their own."""

LEAST_CONFIDENCE = 0.7
"""Of the plain baseline: an offset with a lower confidence is uncertain, no answer, and not used for a repair."""
