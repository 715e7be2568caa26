"""The figures of steps: left on the device as one row of numbers a step, and read together when they are wanted.

To read a number is to wait until the device has come so far, which leaves it without work. So nothing of a step is read
before a line of the log, the end of an epoch or a checkpoint needs it; then all steps since are read in one transfer. A
loss or gradient that is not finite is found then, by what its own step has left.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from avts.errors import TrainingError
from avts.model.device import widest
from avts.pairs.negatives import KIND_NAMES
from avts.settings import Recipe
from avts.training.checkpoints import checkpoints
from avts.training.diagnosis.probes import CueCounts, Cues
from avts.training.diagnosis.separation import PACKED_SIZE, distance_top, packed, unpacked
from avts.training.objective import StepLoss

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class Row:
    """What a step has come to, on the device.

    Attributes:
        step: its number.
        values: float [n], see `row_of`.
        weights: names of the weights that have a gradient.
        cues: how many windows were looked at for cues.
    """

    step: int
    values: Tensor
    weights: tuple[str, ...]
    cues: CueCounts


@dataclass(frozen=True)
class Figures:
    """What a step has come to.

    Attributes:
        step: its number.
        loss: the mean over its batches.
        gradient_norm: of the gradient that the weights were updated with.
        largest: largest entry of each weight's gradient, by its name.
        cues: how much of its batches, of this process's part of them, has something to go by.
        misranked: see StepLoss; empty unless it was asked for.
        faults: number of valid pairs whose distance is not finite, by kind.
        moments: [kinds, 3], see diagnosis.separation.
        counts: [kinds, BINS], likewise.
    """

    step: int
    loss: float
    gradient_norm: float
    largest: dict[str, float]
    cues: Cues
    misranked: dict[int, float | None]
    faults: Floats
    moments: NDArray[np.float64]
    counts: NDArray[np.int64]

    def mean_distances(self) -> dict[str, float | None]:
        """Mean distance of each kind of pair; None for a kind that is not there."""
        rows = zip(KIND_NAMES, self.moments, strict=True)
        return {f"{name}_distance": float(row[1] / row[0]) if row[0] else None for name, row in rows}


def row_of(step: int, recipe: Recipe, made: StepLoss, model: nn.Module, cues: CueCounts, *, misranked: bool) -> Row:
    """Measure a step after its backward pass; nothing is waited for.

    Args:
        step: its number.
        recipe: says how large distances may be.
        made: its loss and pairs.
        model: with the gradient.
        cues: of its batches.
        misranked: measure that too.
    """
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    valid = made.valid & (made.kinds >= 0) & ~torch.isfinite(made.distances)
    parts = [
        made.loss.detach()[None],
        nn.utils.get_total_norm(gradients.values())[None],
        torch.stack([torch.linalg.vector_norm(each, math.inf) for each in gradients.values()]),
        cues.counts,
        torch.stack([(valid & (made.kinds == kind)).sum() for kind in range(len(KIND_NAMES))]),
        *([made.misranked_shares()] if misranked else []),
        packed(made, distance_top(recipe)),
    ]
    wide = widest(made.loss.device)
    return Row(step, torch.cat([part.to(wide) for part in parts]), tuple(gradients), cues)


def read(rows: Sequence[Row], more: Tensor | None = None) -> tuple[list[Figures], NDArray[np.float64]]:
    """The figures of rows and, in the same transfer, further numbers [n] of the device."""
    if not rows:
        return [], np.empty(0)
    extra = [] if more is None else [more.to(rows[0].values.dtype)]
    values = torch.cat([*(row.values for row in rows), *extra]).cpu().double().numpy()
    ends = np.cumsum([len(row.values) for row in rows])
    parts = np.split(values, ends)
    return [_figures(row, part) for row, part in zip(rows, parts, strict=False)], parts[-1]


def _figures(row: Row, values: NDArray[np.float64]) -> Figures:
    kinds, weights = len(KIND_NAMES), len(row.weights)
    sizes = [1, 1, weights, 2, kinds]
    plain = len(values) - sum(sizes) - PACKED_SIZE
    loss, norm, largest, cues, faults, misranked, rest = np.split(values, np.cumsum([*sizes, plain]))
    shares = {kind + 1: None if math.isnan(share) else float(share) for kind, share in enumerate(misranked)}
    return Figures(
        row.step,
        float(loss[0]),
        float(norm[0]),
        dict(zip(row.weights, largest.tolist(), strict=True)),
        row.cues.read(cues),
        shares,
        faults,
        *unpacked(rest),
    )


def must_be_finite(figures: Figures, recipe: Recipe, run: Path) -> None:
    """Check a step.

    Args:
        figures: of the step.
        recipe: names the loss.
        run: folder of the run, whose last good checkpoint an error names.

    Raises:
        TrainingError: the loss is not finite; names it, and the kinds of pair whose distances are not. Or the gradient
            is not; names the first layer whose gradient is not.
    """
    if not math.isfinite(figures.loss):
        wrong = [KIND_NAMES[kind] for kind in np.flatnonzero(figures.faults)]
        names = ", ".join(name.replace("_", "-") for name in wrong)
        where = f"distances of {names} pairs are not finite" if names else "all distances are finite"
        raise not_finite(figures.step, f"the {recipe.loss.name} loss is {figures.loss} ({where})", _newest(run))
    if not math.isfinite(figures.gradient_norm):
        bad = [name for name, largest in figures.largest.items() if not math.isfinite(largest)]
        of = f"{len(bad)} of {len(figures.largest)} weights, first" if bad else ""
        where = f"{of} {bad[0]}" if bad else "each weight's is finite"
        raise not_finite(figures.step, f"the gradient's norm is {figures.gradient_norm} ({where})", _newest(run))


def _newest(run: Path) -> Path | None:
    return next(reversed(checkpoints(run)), None)


def not_finite(step: int, what: str, checkpoint: Path | None) -> TrainingError:
    """The error of a step whose loss or gradient is not finite; `checkpoint` is the last good one."""
    return TrainingError(
        f"step {step}: {what}. Last good checkpoint: {checkpoint or 'none'}. "
        "Lower [optimizer] learning_rate, or try precision = 'fp32'"
    )
