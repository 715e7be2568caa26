"""The optimiser, the learning rate of each step, and a moving average of the weights.

Source: Korbar et al. 2018, section 4: x 0.1 when the loss has not fallen for 5 epochs ('plateau'). The ramp of the
average's decay is that of TensorFlow's ExponentialMovingAverage, so that the initial weights are forgotten quickly.
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from avts.model.two_stream import TwoStream
from avts.settings import OptimizerSettings

WAYS = ("fused", "foreach", "capturable")
"""Entries of a parameter group that change how an update is computed, not what."""

PLATEAU_FACTOR = 0.1
PLATEAU_LEAST_GAIN = 1e-4  # minimum relative decrease of the loss that counts


def learning_rate(settings: OptimizerSettings, step: int, num_steps: int, *, plateau_factor: float) -> float:
    """Learning rate of a step, counted from 0.

    Args:
        settings: base rate, warm-up and kind of schedule.
        step: number of the step.
        num_steps: steps of the whole run.
        plateau_factor: current factor of the plateau schedule; 1 at the start.
    """
    rate = settings.learning_rate * min((step + 1) / (settings.warmup_steps + 1), 1)
    if settings.schedule == "plateau":
        return rate * plateau_factor
    if settings.schedule == "cosine":
        done = max(step - settings.warmup_steps, 0) / max(num_steps - settings.warmup_steps, 1)
        return rate * 0.5 * (1 + math.cos(math.pi * done))
    if settings.schedule == "trapezoid":
        falling = max(round(settings.fall_share * num_steps), 1)
        return rate * min((num_steps - step) / falling, 1)
    return rate


@dataclass
class Plateau:
    """Plateau detection on the loss of each epoch; reset in each stage, because losses of stages are not comparable."""

    patience_epochs: int
    factor: float = 1.0
    best_loss: float | None = None
    epochs_without_gain: int = 0

    def end_epoch(self, loss: float) -> None:
        """Record an epoch's mean loss."""
        if self.best_loss is None or loss < self.best_loss * (1 - PLATEAU_LEAST_GAIN):
            self.best_loss, self.epochs_without_gain = loss, 0
            return
        self.epochs_without_gain += 1
        if self.epochs_without_gain >= self.patience_epochs:
            self.factor *= PLATEAU_FACTOR
            self.epochs_without_gain = 0

    def start_stage(self) -> None:
        """Discard the losses of the last stage."""
        self.best_loss, self.epochs_without_gain = None, 0


def decay_at(decay: float, step: int) -> float:
    """The decay after a step, counted from 0: it rises from a small value to the full decay."""
    return min(decay, (1 + step) / (10 + step))


class MovingAverage:
    """The average of a model's weights over the steps of its training.

    Args:
        model: the networks at the start.
        decay: weight of the old average in a step.

    Attributes:
        model: networks with the averaged weights, in evaluation mode.
    """

    def __init__(self, model: TwoStream, decay: float) -> None:
        self.decay = decay
        self.model = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, model: TwoStream, step: int) -> None:
        """Add the weights after a step."""
        share = 1 - decay_at(self.decay, step)
        pairs = list(zip(self.model.state_dict().values(), model.state_dict().values(), strict=True))
        for count, newer in pairs:
            if not count.is_floating_point():
                count.copy_(newer)
        floats = [pair for pair in pairs if pair[0].is_floating_point()]
        mine, new = ([pair[place] for pair in floats] for place in (0, 1))
        blend(mine, new, share, together=mine[0].is_cuda)


def blend(mine: list[Tensor], new: list[Tensor], share: float, *, together: bool) -> None:
    """Move tensors towards others by a share of the way, in place.

    Args:
        mine: changed.
        new: of the same shapes.
        share: 0 to 1.
        together: in a few kernels instead of one a tensor; quicker on a GPU.
    """
    if together:
        torch._foreach_lerp_(mine, new, share)
        return
    for one, other in zip(mine, new, strict=True):
        one.lerp_(other, share)


def make_optimizer(model: nn.Module, settings: OptimizerSettings) -> torch.optim.Optimizer:
    """The optimiser that the settings specify, for all weights that are not frozen."""
    groups = decay_groups(model, settings.weight_decay)
    return optimizer_of(groups, name=settings.name, learning_rate=settings.learning_rate, momentum=settings.momentum)


def decay_groups(module: nn.Module, weight_decay: float, **options: Any) -> list[dict[str, Any]]:
    """Parameter groups of a module: batch norm and biases without weight decay; frozen weights are skipped.

    Args:
        module: the networks.
        weight_decay: for all other weights.
        options: further entries of each group.
    """
    parameters = [p for p in module.parameters() if p.requires_grad]
    decayed, plain = [p for p in parameters if p.ndim > 1], [p for p in parameters if p.ndim <= 1]
    return [
        {"params": decayed, "weight_decay": weight_decay, **options},
        {"params": plain, "weight_decay": 0.0, **options},
    ]


def optimizer_of(
    groups: list[dict[str, Any]], *, name: str, learning_rate: float, momentum: float
) -> torch.optim.Optimizer:
    """An optimiser by its name, 'adamw' or 'sgd'; momentum is of the latter. On CUDA it is one kernel."""
    on_cuda = all(weight.is_cuda for group in groups for weight in group["params"])
    fused = True if on_cuda else None
    if name == "adamw":
        return torch.optim.AdamW(groups, lr=learning_rate, fused=fused)
    return torch.optim.SGD(groups, lr=learning_rate, momentum=momentum, fused=fused)


def as_run_here(groups: list[dict[str, Any]], optimizer: torch.optim.Optimizer) -> list[dict[str, Any]]:
    """Parameter groups that were saved, with this optimiser's own ways to compute: those suit the device it runs on."""
    ways = [{name: own[name] for name in WAYS if name in own} for own in optimizer.param_groups]
    return [group | way for group, way in zip(groups, ways, strict=True)]
