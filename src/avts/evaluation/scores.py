"""AUC, accuracy at a threshold, and their confidence intervals from distances. Pure.

A pair counts as in sync when its distance is below the threshold. Accuracy weighs positives and negatives one half
each, whatever their numbers; intervals resample whole videos, since the windows of one video are alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avts.pairs.negatives import EASY, HARD, KIND_NAMES, POSITIVE, SUPER_HARD

MIXED = {EASY: 0.75, HARD: 0.25}
"""Negatives of the paper's last stage and of its test."""

KINDS = {"easy": {EASY: 1.0}, "mixed": MIXED, "hard": {HARD: 1.0}, "super_hard": {SUPER_HARD: 1.0}}
"""What is reported, each as shares of kinds of negatives."""

RESAMPLES = 300


@dataclass(frozen=True)
class PairDistances:
    """Distances of pairs.

    Attributes:
        distances: [n].
        kinds: kind of each pair, [n] (see pairs.negatives).
        clips: clip of each pair's picture, [n].
        sound_within_share: share of the variance of sound embeddings that lies within clips (see `within_share`); None
            if it was not measured.
    """

    distances: NDArray[np.float64]
    kinds: NDArray[np.int64]
    clips: NDArray[np.int64]
    sound_within_share: float | None = None

    def of_kind(self, kind: int) -> NDArray[np.float64]:
        """Distances of one kind of pair."""
        return np.asarray(self.distances[self.kinds == kind])

    def of_clips(self, clips: NDArray[np.int64]) -> PairDistances:
        """The pairs whose picture is of one of some clips."""
        chosen = np.isin(self.clips, clips)
        return PairDistances(self.distances[chosen], self.kinds[chosen], self.clips[chosen])

    def comparable(self, shares: Mapping[int, float]) -> PairDistances:
        """The pairs of clips that gave a positive and each of some kinds of negatives.

        A clip too short for a hard pair gives neither that nor its positive, or short clips would be on one side only.
        """
        whole = set(self.clips)
        for kind in (POSITIVE, *shares):
            whole &= set(self.clips[self.kinds == kind])
        return self.of_clips(np.array(sorted(whole), dtype=np.int64))


@dataclass(frozen=True)
class Interval:
    """A figure with its 95 % confidence interval; all None if there is no pair to measure it on."""

    value: float | None
    low: float | None
    high: float | None


def within_share(pairs: NDArray[np.float32]) -> float | None:
    """Share of the variance of embeddings that lies within clips, from two embeddings of each clip at other times.

    Near 0 the embeddings say which clip this is and nothing of when, so that no threshold tells a hard pair; 1 if
    embeddings of one clip are no more alike than those of two.

    Args:
        pairs: [n, 2, D].

    Returns:
        None with fewer than two clips, or if all embeddings are equal.
    """
    if len(pairs) < 2:
        return None
    inside = np.square(pairs[:, 0] - pairs[:, 1]).sum(axis=-1).mean() / 2
    middle = pairs.mean(axis=1)
    # the variance of the means of two has half of that within clips in it
    whole = np.square(middle - middle.mean(axis=0)).sum() / (len(pairs) - 1) + inside / 2
    return float(inside / whole) if whole > 0 else None


def fit_threshold(pairs: PairDistances, shares: dict[int, float]) -> float:
    """The distance threshold with the highest accuracy when negatives come in the given shares."""
    values, rank = np.unique(pairs.distances, return_inverse=True)
    above = np.append((values[:-1] + values[1:]) / 2, np.inf)  # equal distances fall on the same side of any threshold
    thresholds = np.append(values[0], np.clip(above, np.nextafter(values, np.inf), values[-1] + 1e-6))

    def accepted(kind: int) -> NDArray[np.float64]:
        counts = np.bincount(rank[pairs.kinds == kind], minlength=len(values))
        return np.asarray(np.append(0, np.cumsum(counts)) / max(counts.sum(), 1))

    gain = accepted(POSITIVE) - sum(share * accepted(kind) for kind, share in shares.items())
    return float(thresholds[int(np.argmax(gain))])


def accuracy(
    pairs: PairDistances, threshold: float, shares: dict[int, float], weights: NDArray[np.float64] | None = None
) -> float:
    """Share of right decisions, positives and negatives one half each.

    Args:
        pairs: what to decide on.
        threshold: below it a pair counts as in sync.
        shares: share of each kind among the negatives.
        weights: weight of each pair, [n]; None weighs all alike.
    """
    weights = np.ones(len(pairs.distances)) if weights is None else weights
    accepted = pairs.distances < threshold

    def rate(kind: int) -> float:
        mine = weights * (pairs.kinds == kind)
        return float((mine * accepted).sum() / mine.sum()) if mine.sum() else float("nan")

    return 0.5 * rate(POSITIVE) + 0.5 * sum(share * (1 - rate(kind)) for kind, share in shares.items())


def auc(pairs: PairDistances, shares: dict[int, float], weights: NDArray[np.float64] | None = None) -> float:
    """Chance that a positive pair is nearer than a negative one; equal distances count half.

    Arguments as in `accuracy`.
    """
    weights = np.ones(len(pairs.distances)) if weights is None else weights
    _, rank = np.unique(pairs.distances, return_inverse=True)
    positive = np.bincount(rank, weights * (pairs.kinds == POSITIVE))
    if not positive.sum():
        return float("nan")
    total = 0.0
    for kind, share in shares.items():
        negative = np.bincount(rank, weights * (pairs.kinds == kind), minlength=len(positive))
        if not negative.sum():
            return float("nan")
        nearer = np.cumsum(positive) - 0.5 * positive
        total += share * float((nearer * negative).sum() / (positive.sum() * negative.sum()))
    return total


def with_intervals(
    pairs: PairDistances, threshold: float, shares: dict[int, float], *, seed: int = 0
) -> tuple[Interval, Interval]:
    """AUC and accuracy with 95 % intervals, by resampling videos."""
    figures = auc(pairs, shares), accuracy(pairs, threshold, shares)
    if np.isnan(figures).any():
        return Interval(None, None, None), Interval(None, None, None)
    rng = np.random.default_rng(seed)
    videos, row = np.unique(pairs.clips, return_inverse=True)
    samples = []
    for _ in range(RESAMPLES):
        counts = np.bincount(rng.integers(0, len(videos), len(videos)), minlength=len(videos)).astype(float)
        weights = counts[row]
        samples.append((auc(pairs, shares, weights), accuracy(pairs, threshold, shares, weights)))
    low, high = np.nanpercentile(np.array(samples), [2.5, 97.5], axis=0)
    auc_interval, accuracy_interval = (Interval(figures[i], float(low[i]), float(high[i])) for i in (0, 1))
    return auc_interval, accuracy_interval


def kind_counts(pairs: PairDistances) -> dict[str, int]:
    """Number of pairs of each kind."""
    return {name: int((pairs.kinds == kind).sum()) for kind, name in enumerate(KIND_NAMES)}
