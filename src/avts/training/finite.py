"""Stops a run whose loss or gradient is not finite: at which step, in which term, and where the last good state is."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import nn

from avts.errors import TrainingError
from avts.pairs.negatives import KIND_NAMES
from avts.settings import Recipe
from avts.training.objective import StepLoss
from avts.training.state import checkpoints


def must_be_finite(step: int, recipe: Recipe, made: StepLoss, run: Path) -> None:
    """Check a loss.

    Raises:
        TrainingError: it is not finite; names the loss, and the kinds of pair whose distances are not.
    """
    value = float(made.loss.detach())
    if math.isfinite(value):
        return
    wrong = sorted(set(made.kinds[made.valid & ~torch.isfinite(made.distances)].tolist()))
    names = ", ".join(KIND_NAMES[kind].replace("_", "-") for kind in wrong)
    where = f"distances of {names} pairs are not finite" if names else "all distances are finite"
    raise _fault(step, f"the {recipe.loss.name} loss is {value} ({where})", run)


def gradient_norm(step: int, model: nn.Module, run: Path) -> float:
    """The norm of a model's gradient.

    Raises:
        TrainingError: it is not finite; names the first layer whose gradient is not.
    """
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    norm = float(nn.utils.get_total_norm(gradients.values()))
    if math.isfinite(norm):
        return norm
    wrong = [name for name, gradient in gradients.items() if not torch.isfinite(gradient).all()]
    where = f"{len(wrong)} of {len(gradients)} weights, first {wrong[0]}" if wrong else "each weight's is finite"
    raise _fault(step, f"the gradient's norm is {norm} ({where})", run)


def _fault(step: int, what: str, run: Path) -> TrainingError:
    newest = checkpoints(run)[-1:]
    return TrainingError(
        f"step {step}: {what}. Last good checkpoint: {newest[0] if newest else 'none'}. "
        "Lower [optimizer] learning_rate, or try precision = 'fp32'"
    )
