"""One step of training: its batches, disturbed; their loss; the gradient of all of them; the update."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from torch import Tensor, nn

from avts.errors import TrainingError
from avts.model.frontend import crop_and_resize
from avts.model.two_stream import TwoStream
from avts.pairs.loader import Batch
from avts.settings import OptimizerSettings, Recipe, StageSettings
from avts.training.augment import augment_pictures, augment_sounds, random_boxes
from avts.training.distributed import StepShare, true_everywhere
from avts.training.objective import StepLoss, step_loss
from avts.training.state import checkpoints
from avts.training.sync_norm import synchronise_batch_norm


@dataclass(frozen=True)
class StepDone:
    """What a step has come to.

    Attributes:
        made: its loss, the mean over its batches, and all their pairs.
        gradient_norm: length of the gradient that the weights were moved by.
        seconds: how long it took.
        wait_seconds: how much of that went by waiting for batches.
    """

    made: StepLoss
    gradient_norm: float
    seconds: float
    wait_seconds: float


class Stepper:
    """Makes steps of a run; of several processes each makes its part of all of them.

    Args:
        model: the networks, on their device.
        recipe: what to train and how.
        accelerator: the processes.
        device: where the networks are.
        run: folder of the run, whose last good checkpoint an error names.
    """

    def __init__(
        self, model: TwoStream, recipe: Recipe, accelerator: Accelerator, device: torch.device, run: Path
    ) -> None:
        self.model, self.recipe, self.accelerator, self.device, self.run = model, recipe, accelerator, device, run
        self.is_shared = accelerator.num_processes > 1
        if self.is_shared:
            synchronise_batch_norm(model, device)
        self.objective = accelerator.prepare_model(_Objective(model, recipe))
        self.optimizer = make_optimizer(model, recipe.optimizer)

    def make(self, step: int, batches: Iterator[Batch], stage: StageSettings, learning_rate: float) -> StepDone:
        """Take the next batches, as many as make a step, and update the weights with their mean gradient.

        Args:
            step: number of the step.
            batches: the batches of the run, from this step's first on.
            stage: the stage of the curriculum.
            learning_rate: of this step.

        Raises:
            TrainingError: the loss or its gradient is not finite.
        """
        started, waited = time.perf_counter(), 0.0
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.zero_grad(set_to_none=True)
        made, per_step = [], self.recipe.training.accumulate_steps
        for place in range(per_step):
            asked = time.perf_counter()
            batch = next(batches).to(self.device)
            waited += time.perf_counter() - asked
            loss = self._add_gradient(batch, step * per_step + place, stage, is_last=place == per_step - 1)
            self._must_be_finite(step, f"{self.recipe.loss.name} loss", float(loss.loss))
            made.append(loss)
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        norm = float(torch.nn.utils.get_total_norm(gradients))
        self._must_be_finite(step, "gradient's norm", norm)
        self.optimizer.step()
        return StepDone(_joined(made), norm, time.perf_counter() - started, waited)

    def _add_gradient(self, batch: Batch, number: int, stage: StageSettings, *, is_last: bool) -> StepLoss:
        """Forward and backward of one batch; the processes add up their gradients with the last one of a step."""
        planes, samples = self._augmented(batch, number)
        if self.is_shared:
            batch = replace(batch, valid=true_everywhere(batch.valid))
        with nullcontext() if is_last else self.accelerator.no_sync(self.objective):
            made: StepLoss = self.objective(planes, samples, batch, stage)
            self.accelerator.backward(made.loss / self.recipe.training.accumulate_steps)
        return replace(made, loss=made.loss.detach())

    def _augmented(self, batch: Batch, number: int) -> tuple[list[Tensor], Tensor]:
        """Planes at the network's size and sounds of a batch, disturbed as the recipe says."""
        rng = np.random.default_rng([self.recipe.training.seed, 2, number])
        augment, share = self.recipe.augment, StepShare.of(batch)
        boxes = share.pictures.own(random_boxes(share.pictures.rows.total, augment.least_crop, rng))
        raw = [plane for plane in (batch.y, batch.u, batch.v) if plane is not None]
        scaled = [crop_and_resize(plane, boxes, self.model.frame_size) for plane in raw]
        planes = augment_pictures(scaled, augment, rng, share.pictures)
        return planes, augment_sounds(batch.sounds, augment, rng, share.sounds)

    def _must_be_finite(self, step: int, name: str, value: float) -> None:
        if math.isfinite(value):
            return
        newest = checkpoints(self.run)[-1:]
        raise TrainingError(
            f"step {step}: the {name} is {value}. Last good checkpoint: {newest[0] if newest else 'none'}. "
            "Lower [optimizer] learning_rate, or try precision = 'fp32'"
        )


class _Objective(nn.Module):
    """The loss as a module's forward, which DistributedDataParallel wants."""

    def __init__(self, model: TwoStream, recipe: Recipe) -> None:
        super().__init__()
        self.model, self.recipe = model, recipe

    def forward(self, planes: Sequence[Tensor], samples: Tensor, batch: Batch, stage: StageSettings) -> StepLoss:
        return step_loss(self.model, planes, samples, batch, self.recipe, stage)


def _joined(made: Sequence[StepLoss]) -> StepLoss:
    """Mean loss of the batches of a step, and all their pairs."""
    columns = ([getattr(each, name) for each in made] for name in ("distances", "kinds", "valid"))
    return StepLoss(torch.stack([each.loss for each in made]).mean(), *map(torch.cat, columns))


def make_optimizer(model: nn.Module, settings: OptimizerSettings) -> torch.optim.Optimizer:
    """The optimiser that the settings describe; batch norm and biases are not decayed, frozen weights left out."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if settings.name == "adamw":
        return torch.optim.AdamW(groups, lr=settings.learning_rate)
    return torch.optim.SGD(groups, lr=settings.learning_rate, momentum=settings.momentum)
