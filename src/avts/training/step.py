"""One training step: augmentation of its batches, loss, accumulated gradient, update.

On the CPU a loss or gradient that is not finite stops the run before the update; on another device, where that would
mean to wait for it in every step, when the figures of the step are read.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from accelerate import Accelerator
from numpy.typing import NDArray
from torch import Tensor, nn

from avts.model.scaling import crop_and_resize, resize_packed
from avts.model.two_stream import TwoStream
from avts.pairs.feed import Feed
from avts.pairs.loader import Batch
from avts.settings import Recipe, StageSettings
from avts.training.augment import augment_pictures, augment_sounds, random_boxes, rng_of, with_parts
from avts.training.diagnosis.probes import CueCounts, cue_counts
from avts.training.distributed import StepShare, synchronise_batch_norm, true_everywhere
from avts.training.figures import Row, must_be_finite, read, row_of
from avts.training.objective import StepLoss, step_loss
from avts.training.optimizer import make_optimizer
from avts.training.timing import StepTimer


@dataclass(frozen=True)
class StepDone:
    """The result of a step.

    Attributes:
        made: its loss, the mean over its batches, and all their pairs.
        row: its figures, still on the device.
    """

    made: StepLoss
    row: Row


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
            TrainingError: the loss or its gradient is not finite; on the CPU only, see `training.figures`.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        self.optimizer.zero_grad(set_to_none=True)
        losses, cues, decoding, per_step = [], CueCounts.none(self.device), 0.0, self.recipe.training.accumulate_steps
        for place in range(per_step):
            with self.timer.part("wait"):
                batch = next(batches)
            with self.timer.part("transfer"):
                batch = batch.to(self.device)
            loss = self._add_gradient(batch, step * per_step + place, stage, is_last=place == per_step - 1)
            losses.append(loss)
            cues, decoding = cues + cue_counts(batch, self.recipe.pairs), decoding + batch.decode_seconds
            if place < per_step - 1:
                self._fetch(batches)
        made = _joined(losses)
        with self.timer.part("update"):
            row = row_of(step, self.recipe, made, self.model, cues, misranked=stage.shares == "adaptive")
            if self.device.type == "cpu":
                must_be_finite(read([row])[0][0], self.recipe, self.run)
            self.optimizer.step()
        self._fetch(batches)
        self.timer.end_step(decoding)
        return StepDone(made, row)

    def _fetch(self, batches: Iterator[Batch]) -> None:
        """Begin to copy the next batch while the device is busy with what it has been given."""
        if isinstance(batches, Feed):
            with self.timer.part("wait"):
                batches.fetch()

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
        """Planes at the network's size, with their parts, and sounds of a batch, augmented as the recipe specifies."""
        rng = rng_of(self.recipe.training.seed, number)
        augment, share = self.recipe.augment, StepShare.of(batch)
        boxes = random_boxes(share.pictures.rows.total, augment.least_crop, rng)  # the loader has cut these, if any
        parts = self.recipe.pairs.parts
        size = self.model.frame_size * (2 if parts else 1)
        planes = augment_pictures(_scaled(batch, share.pictures.own(boxes), size), augment, rng, share.pictures)
        if parts:
            planes = with_parts(planes, parts, rng, share.pictures)
        return planes, augment_sounds(batch.sounds, augment, rng, share.sounds)


def _scaled(batch: Batch, boxes: NDArray[np.float64], size: int) -> list[Tensor]:
    """The planes of a batch at a size: what its loader has cut out, else what the boxes leave."""
    raw = [plane for plane in (batch.y, batch.u, batch.v) if plane is not None]
    if batch.cut is None:
        return [crop_and_resize(plane, boxes, size) for plane in raw]
    crops = (batch.cut.luminance, batch.cut.chroma, batch.cut.chroma)
    return [resize_packed(plane, each, batch.cut.num_frames, size) for plane, each in zip(raw, crops, strict=False)]


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
