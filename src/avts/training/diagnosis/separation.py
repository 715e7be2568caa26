"""Whether positive and negative distances separate: moments and histograms of each step's distances, by kind.

Input: the pairs of steps. Output: counts for the log, and the separation of each kind of negative from the positives,
relative to the scatter of distances within a batch.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from avts.model.device import widest
from avts.pairs.negatives import EASY, HARD, KIND_NAMES, POSITIVE, SUPER_HARD
from avts.settings import Recipe
from avts.training.objective import StepLoss

BINS = 20
"""Number of bins of a histogram; the last one also holds larger distances."""

WINDOW_STEPS = 50
"""Maximum number of latest steps that the separation is averaged over."""

LEAST_SCATTERS = 0.25
"""Minimum gap of separated distances, relative to the scatter within a batch; this is an AUC of 0.57."""

LEAST_SHARE = 0.02
"""Minimum gap of separated distances, relative to the mean distance: equal embeddings have no scatter."""

TOP_MARGINS = 2.0
"""Upper end of the histograms, in margins, if embeddings are not scaled to unit length."""

NEGATIVES = (EASY, HARD, SUPER_HARD)


@dataclass(frozen=True)
class Parting:
    """Separation of one kind of negatives from the positives.

    Attributes:
        kind: kind of the negatives, see pairs.negatives.
        positive: mean distance of positives.
        negative: mean distance of the negatives.
        scatter: standard deviation of distances of one kind within a batch.
        steps: number of steps that these values are averaged over.
    """

    kind: int
    positive: float
    negative: float
    scatter: float
    steps: int

    @property
    def gap(self) -> float:
        """Mean distance of negatives minus that of positives."""
        return self.negative - self.positive

    @property
    def parted(self) -> bool:
        """True if the gap is large compared with the scatter and with the mean distance."""
        size = max(abs(self.positive), abs(self.negative))
        return self.gap >= max(LEAST_SCATTERS * self.scatter, LEAST_SHARE * size)


class PartingMeter:
    """Accumulates the pairs of every step; keeps the latest steps and the counts since the last line of the log.

    Args:
        recipe: determines the range of distances.
    """

    def __init__(self, recipe: Recipe) -> None:
        self._top = distance_top(recipe)
        self._moments: deque[NDArray[np.float64]] = deque(maxlen=WINDOW_STEPS)  # each [kinds, 3]
        self._counts = np.zeros((len(KIND_NAMES), BINS), np.int64)

    def add(self, made: StepLoss) -> None:
        """Take the pairs of a step."""
        self.take(*summed(made, self._top))

    def take(self, moments: NDArray[np.float64], counts: NDArray[np.int64]) -> None:
        """Take the pairs of a step as `summed` gives them."""
        self._moments.append(moments)
        self._counts += counts

    def start_stage(self) -> None:
        """Discard the steps of the last stage, which had other negatives."""
        self._moments.clear()

    def partings(self) -> list[Parting]:
        """Separation of each kind of negative in the latest steps; kinds without negatives or positives are skipped."""
        return [found for kind in NEGATIVES if (found := self._parting(kind)) is not None]

    def _parting(self, kind: int) -> Parting | None:
        """Means over steps, weighted by the precision of the gap of each step."""
        if not self._moments:
            return None
        moments = np.stack(self._moments)  # [steps, kinds, 3]
        counts, sums, squares = moments[:, [POSITIVE, kind]].transpose(2, 0, 1)  # each [steps, 2]
        both = (counts > 0).all(1)
        if not both.any():
            return None
        counts, sums, squares = counts[both], sums[both], squares[both]
        means = sums / counts
        weights = 1 / (1 / counts).sum(1)
        positive, negative = (means * weights[:, None]).sum(0) / weights.sum()
        within = np.maximum(squares - counts * means**2, 0).sum()
        free = max(counts.sum() - 2 * len(counts), 1.0)
        return Parting(kind, float(positive), float(negative), float(np.sqrt(within / free)), len(counts))

    def counts_row(self) -> dict[str, Any]:
        """Histogram of each kind's distances since the last call, BINS counts from 0 to the top; for the log."""
        counts, self._counts = self._counts, np.zeros_like(self._counts)
        found = {name: row.tolist() for name, row in zip(KIND_NAMES, counts, strict=True) if row.any()}
        return {"distance_counts": found, "distance_top": self._top}


def distance_top(recipe: Recipe) -> float:
    """Distance at which the histograms of a recipe end."""
    bounded = recipe.model.unit_vectors or recipe.model.comparison == "fused"
    return 1.0 if bounded else TOP_MARGINS * recipe.loss.margin


def summed(made: StepLoss, top: float) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Moments and histograms of the distances of each kind of pair; invalid pairs are skipped.

    Args:
        made: the pairs of a step.
        top: upper end of the histograms.

    Returns:
        [kinds, 3]: number, sum, and sum of squares; and counts, [kinds, BINS].
    """
    return unpacked(packed(made, top).cpu().numpy())


def packed(made: StepLoss, top: float) -> Tensor:
    """As `summed`, as one row of numbers [n] on the device."""
    last = len(KIND_NAMES)
    rows = torch.where(made.valid & (made.kinds >= 0), made.kinds, last)  # the last row is thrown away
    distances = made.distances.to(widest(made.distances.device))
    powers = (torch.ones_like(distances), distances, distances.square())
    moments = torch.stack([_sums(rows, power, last + 1) for power in powers], 1)  # [kinds + 1, 3]
    bins = (distances * (BINS / top)).long().clamp(0, BINS - 1)
    counts = _sums(rows * BINS + bins, powers[0], (last + 1) * BINS)
    return torch.cat([moments.flatten(), counts])


PACKED_SIZE = (len(KIND_NAMES) + 1) * (3 + BINS)
"""Numbers that `packed` gives."""


def unpacked(values: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """What `summed` gives, from what `packed` gives."""
    kinds = len(KIND_NAMES)
    split = 3 * (kinds + 1)
    return values[:split].reshape(-1, 3)[:kinds], values[split:].reshape(-1, BINS)[:kinds].astype(np.int64)


def _sums(rows: Tensor, values: Tensor, count: int) -> Tensor:
    """Sum of the values of each row."""
    return torch.zeros(count, dtype=values.dtype, device=values.device).index_add_(0, rows, values)
