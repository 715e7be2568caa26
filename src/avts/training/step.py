"""One training step: augmentation of its batches, loss, accumulated gradient, update.

A loss or gradient that is not finite stops the run with an error that names the step, the term and the last good
checkpoint.
"""

from __future__ import annotations

import math
import warnings
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
from avts.pairs.negatives import KIND_NAMES
from avts.settings import Recipe, StageSettings
from avts.training.augment import augment_pictures, augment_sounds, random_boxes
from avts.training.checkpoints import checkpoints
from avts.training.diagnosis.probes import Cues, cues_of
from avts.training.distributed import StepShare, synchronise_batch_norm, true_everywhere
from avts.training.objective import StepLoss, step_loss
from avts.training.optimizer import make_optimizer
from avts.training.timing import StepTimer


@dataclass(frozen=True)
class StepDone:
    """The result of a step.

    Attributes:
        made: mean loss over its batches, and all their pairs.
        gradient_norm: norm of the gradient of the update.
        cues: usable cues in this process's part of the batches.
    """

    made: StepLoss
    gradient_norm: float
    cues: Cues


class Stepper:
    """Makes the steps of a run; each of several processes makes its part of every step.

    Args:
        model: the networks, on their device.
        recipe: the settings of the run.
        accelerator: the processes.
        device: device of the networks.
        run: folder of the run; errors name its last good checkpoint.

    Attributes:
        timer: times of the parts of the steps.
    """

    def __init__(
        self, model: TwoStream, recipe: Recipe, accelerator: Accelerator, device: torch.device, run: Path
    ) -> None:
        self.model, self.recipe, self.accelerator, self.device, self.run = model, recipe, accelerator, device, run
        self.timer = StepTimer(device)
        self.is_shared = accelerator.num_processes > 1
        if self.is_shared:
            synchronise_batch_norm(model, device)
            # harmless: convolutions with one channel have two equivalent stride descriptions
            warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
        self.objective = accelerator.prepare_model(_Objective(model, recipe))
        self.optimizer = make_optimizer(model, recipe.optimizer)

    def make(self, step: int, batches: Iterator[Batch], stage: StageSettings, learning_rate: float) -> StepDone:
        """Take the batches of the next step, and update the weights with their mean gradient.

        Args:
            step: number of the step.
            batches: the batches of the run, starting with the first of this step.
            stage: the stage of the curriculum.
            learning_rate: learning rate of this step.

        Raises:
            TrainingError: the loss or its gradient is not finite.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.zero_grad(set_to_none=True)
        made, cues, decoding, per_step = [], Cues(), 0.0, self.recipe.training.accumulate_steps
        for place in range(per_step):
            with self.timer.part("wait"):
                batch = next(batches)
            with self.timer.part("transfer"):
                batch = batch.to(self.device)
            loss = self._add_gradient(batch, step * per_step + place, stage, is_last=place == per_step - 1)
            must_be_finite(step, self.recipe, loss, self.run)
            made.append(loss)
            cues, decoding = cues + cues_of(batch, self.recipe.pairs), decoding + batch.decode_seconds
        with self.timer.part("update"):
            norm = gradient_norm(step, self.model, self.run)
            self.optimizer.step()
        self.timer.end_step(decoding)
        return StepDone(_joined(made), norm, cues)

    def _add_gradient(self, batch: Batch, number: int, stage: StageSettings, *, is_last: bool) -> StepLoss:
        """Forward and backward pass of one batch; the processes sum their gradients with the last batch of a step."""
        with nullcontext() if is_last else self.accelerator.no_sync(self.objective):
            with self.timer.part("forward"):
                planes, samples = self._augmented(batch, number)
                if self.is_shared:
                    batch = replace(batch, valid=true_everywhere(batch.valid))
                made: StepLoss = self.objective(planes, samples, batch, stage)
            with self.timer.part("backward"):
                self.accelerator.backward(made.loss / self.recipe.training.accumulate_steps)
        return replace(made, loss=made.loss.detach())

    def _augmented(self, batch: Batch, number: int) -> tuple[list[Tensor], Tensor]:
        """Planes at the network's size and sounds of a batch, augmented as the recipe specifies."""
        rng = np.random.default_rng([self.recipe.training.seed, 2, number])
        augment, share = self.recipe.augment, StepShare.of(batch)
        boxes = share.pictures.own(random_boxes(share.pictures.rows.total, augment.least_crop, rng))
        raw = [plane for plane in (batch.y, batch.u, batch.v) if plane is not None]
        scaled = [crop_and_resize(plane, boxes, self.model.frame_size) for plane in raw]
        planes = augment_pictures(scaled, augment, rng, share.pictures)
        return planes, augment_sounds(batch.sounds, augment, rng, share.sounds)


class _Objective(nn.Module):
    """The loss as the forward pass of a module, which DistributedDataParallel requires."""

    def __init__(self, model: TwoStream, recipe: Recipe) -> None:
        super().__init__()
        self.model, self.recipe = model, recipe

    def forward(self, planes: Sequence[Tensor], samples: Tensor, batch: Batch, stage: StageSettings) -> StepLoss:
        return step_loss(self.model, planes, samples, batch, self.recipe, stage)


def _joined(made: Sequence[StepLoss]) -> StepLoss:
    """Mean loss of the batches of a step, and all their pairs."""
    columns = ([getattr(each, name) for each in made] for name in ("distances", "kinds", "valid"))
    return StepLoss(torch.stack([each.loss for each in made]).mean(), *map(torch.cat, columns))


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
    raise not_finite(step, f"the {recipe.loss.name} loss is {value} ({where})", _newest_checkpoint(run))


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
    where = (
        f"{len(wrong)} of {len(gradients)} weights, first {wrong[0]}" if wrong else "all weights have finite gradients"
    )
    raise not_finite(step, f"the gradient norm is {norm} ({where})", _newest_checkpoint(run))


def not_finite(step: int, what: str, checkpoint: Path | None) -> TrainingError:
    """The error of a step whose loss or gradient is not finite; `checkpoint` is the last good one."""
    return TrainingError(
        f"step {step}: {what}. Last good checkpoint: {checkpoint or 'none'}. "
        "Lower [optimizer] learning_rate, or try precision = 'fp32'"
    )


def _newest_checkpoint(run: Path) -> Path | None:
    return next(reversed(checkpoints(run)), None)
