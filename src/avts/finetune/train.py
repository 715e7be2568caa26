"""The training loop of a classifier: batch, cross-entropy, step; log lines and checkpoints at regular intervals.

RUN/log.jsonl       one line every few steps
RUN/checkpoint/     the state to resume from
RUN/model.*         the finished classifier (see downstream.classifier_run)
Everything random is a function of the seed and the step. On a card nothing of a step is read before a line of the log
or a checkpoint needs it.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from avts.corpus.corpus import Corpus
from avts.finetune.checkpoint import has_checkpoint, load_checkpoint, save_checkpoint, save_classifier
from avts.finetune.classifier import Classifier
from avts.finetune.recipe import FinetuneOptimizer, FinetuneRecipe
from avts.finetune.splits import Partition
from avts.finetune.windows import ClipBatch, TrainingPlan, WindowDataset, load_windows
from avts.model.scaling import crop_and_resize
from avts.pairs.feed import Feed
from avts.settings import ModelSettings
from avts.training.augment import augment_pictures, augment_sounds, random_boxes, rng_of
from avts.training.figures import not_finite
from avts.training.interrupt import Interrupted, stop_on_signal
from avts.training.log import cut_log
from avts.training.optimizer import decay_groups, optimizer_of

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class _Unread:
    """A step whose figures have not been read.

    Attributes:
        step: its number.
        rate: the learning rate of the towers.
        values: cross-entropy, norm of the gradient and share that was right, [3] on the device.
    """

    step: int
    rate: float
    values: Tensor


class Finetuning:
    """One training run of a classifier.

    Args:
        corpus: where the clips are.
        partition: what is trained on.
        classifier: on its device, with the weights to begin with.
        model: the settings of its networks.
        recipe: how it is trained.
        run: folder of the run; made if missing.
        key: data, start and labels, plain values; a run is only gone on with if they are the same.
    """

    def __init__(
        self,
        corpus: Corpus,
        partition: Partition,
        classifier: Classifier,
        *,
        model: ModelSettings,
        recipe: FinetuneRecipe,
        run: Path,
        key: dict[str, Any],
    ) -> None:
        self.corpus, self.partition, self.classifier = corpus, partition, classifier
        self.model, self.recipe, self.run, self.key = model, recipe, run, key
        self.device = next(classifier.parameters()).device
        self.optimizer = make_optimizer(classifier, recipe.optimizer)
        self.targets = torch.from_numpy(partition.targets(partition.train)).to(self.device)
        self.num_steps = num_steps(len(partition.train), recipe)
        self.step = 0
        self._unread: list[_Unread] = []

    def resume(self) -> int:
        """Go on from the checkpoint, if there is one; gives the number of steps already done.

        Raises:
            CheckpointError: it is damaged, or was made with another recipe, data, start or number of labels.
        """
        if has_checkpoint(self.run):
            done = load_checkpoint(self.run, self.optimizer, self.classifier, recipe=self.recipe, key=self.key)
            self.step = int(done["step"])
            cut_log(self.run / "log.jsonl", self.step)
        return self.step

    def train(self, on_progress: OnProgress | None = None) -> None:
        """Run to the last step and write the finished classifier.

        Raises:
            TrainingError: the loss or its gradient is not finite: on the CPU before the update, else when it is read.
            CorpusError: no clip of a step can be read.
            Interrupted: stopped by Ctrl-C or SIGTERM; the state is saved.
        """
        self.run.mkdir(parents=True, exist_ok=True)
        every, log_every = self.recipe.training.checkpoint_every_steps, self.recipe.training.log_every_steps
        numbers = range(self.step, self.num_steps)
        batches = Feed(load_windows(self._dataset(), numbers, workers=self.recipe.training.workers), self.device)
        self.classifier.train()
        with stop_on_signal() as stopped, (self.run / "log.jsonl").open("a" if self.step else "w") as log:
            clock = _Clock()
            while self.step < self.num_steps:
                with clock.waiting():
                    batch = next(batches)
                self._unread.append(self._train_step(batch))
                batches.fetch()
                if self.step % log_every == 0 or self.step == self.num_steps - 1:
                    log.write(json.dumps(self._read() | clock.row()) + "\n")
                    log.flush()
                self.step += 1
                if on_progress:
                    on_progress(self.step, self.num_steps)
                if stopped() or (self.step % every == 0 and self.step < self.num_steps):
                    self._read()  # nothing is kept of a state that is not finite
                    save_checkpoint(self.run, self.optimizer, self.classifier, **self._header())
                if stopped():
                    raise Interrupted
        save_classifier(self.run, self.classifier, **self._header())

    def _dataset(self) -> WindowDataset:
        recipe, train = self.recipe, self.partition.train
        plan = TrainingPlan(
            tuple(clip.duration_seconds for clip in train),
            recipe.clips.clip_seconds,
            recipe.training.batch_size,
            recipe.training.seed,
        )
        return WindowDataset(
            self.corpus,
            train,
            plan,
            clip_seconds=recipe.clips.clip_seconds,
            frame_step=recipe.clips.frame_step,
            senses=self.classifier.senses,
            colour=self.classifier.streams.needs_colour,
        )

    def _header(self) -> dict[str, Any]:
        progress = {**self.key, "step": self.step, "num_steps": self.num_steps}
        return {
            "model": self.model, "classes": self.partition.classes, "recipe": self.recipe, "progress": progress
        }  # fmt: skip

    def _train_step(self, batch: ClipBatch) -> _Unread:
        """Forward, backward and update; nothing is waited for, unless it is on the CPU.

        Raises:
            TrainingError: the loss or its gradient is not finite; on the CPU only, elsewhere `_read` finds it.
        """
        optimizer = self.recipe.optimizer
        rate = learning_rate(optimizer, self.step, self.num_steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * (optimizer.classifier_rate if group["is_new"] else 1)
        rng = rng_of(self.recipe.training.seed, self.step)
        torch.manual_seed(int(rng.integers(2**62)))  # dropout
        logits = self.classifier(*self._augmented(batch, rng))
        targets = self.targets[batch.clips]
        loss = F.cross_entropy(logits, targets)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        gradients = [p.grad for p in self.classifier.parameters() if p.grad is not None]
        norm, right = torch.nn.utils.get_total_norm(gradients), (logits.argmax(1) == targets).float().mean()
        row = _Unread(self.step, rate, torch.stack([loss.detach(), norm, right]))
        if self.device.type == "cpu":
            self._must_be_finite(row.step, *row.values[:2].tolist())
        self.optimizer.step()
        return row

    def _read(self) -> dict[str, Any]:
        """Read the steps that were not read yet, in one transfer; gives the line for the log of the last of them.

        Raises:
            TrainingError: the loss of one of them, or its gradient, is not finite.
        """
        unread, self._unread = self._unread, []
        line: dict[str, Any] = {}
        if unread:
            values = torch.stack([row.values for row in unread]).cpu().tolist()
            for row, (loss, norm, right) in zip(unread, values, strict=True):
                self._must_be_finite(row.step, loss, norm)
                line = {"step": row.step, "loss": loss, "accuracy": right, "learning_rate": row.rate}
        return line

    def _augmented(self, batch: ClipBatch, rng: np.random.Generator) -> tuple[list[Tensor] | None, Tensor | None]:
        """Planes at the network's size and sounds of a batch, disturbed as the recipe says."""
        augment = self.recipe.augment
        boxes = random_boxes(len(batch.clips), augment.least_crop, rng)
        planes = scaled_planes(batch, boxes, self.classifier.streams.frame_size)
        shown = augment_pictures(planes, augment, rng) if planes else None
        return shown, None if batch.sounds is None else augment_sounds(batch.sounds, augment, rng)

    def _must_be_finite(self, step: int, loss: float, norm: float) -> None:
        checkpoint = self.run / "checkpoint" if has_checkpoint(self.run) else None
        for name, value in (("cross-entropy", loss), ("gradient norm", norm)):
            if not math.isfinite(value):
                raise not_finite(step, f"the {name} is {value}", checkpoint)


class _Clock:
    """Mean seconds of a step, and of waiting for its batch, since the line of the log before."""

    def __init__(self) -> None:
        self._since, self._waited, self._steps = time.perf_counter(), 0.0, 0

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Around the wait for the batch of a step."""
        started = time.perf_counter()
        yield
        self._waited, self._steps = self._waited + time.perf_counter() - started, self._steps + 1

    def row(self) -> dict[str, float]:
        """The means, for the log; the next ones begin now."""
        now = time.perf_counter()
        found = {"seconds": (now - self._since) / self._steps, "wait_seconds": self._waited / self._steps}
        self._since, self._waited, self._steps = now, 0.0, 0
        return found


def scaled_planes(batch: ClipBatch, boxes: NDArray[np.float64] | None, size: int) -> list[Tensor] | None:
    """The planes of a batch, cut to boxes and scaled; None without pictures."""
    raw = [plane for plane in (batch.y, batch.u, batch.v) if plane is not None]
    return [crop_and_resize(plane, boxes, size) for plane in raw] or None


def num_steps(num_clips: int, recipe: FinetuneRecipe) -> int:
    """Steps of a run: so many that each clip is seen as often as the recipe says, but not fewer than its least."""
    needed = math.ceil(recipe.training.epochs * num_clips / recipe.training.batch_size)
    return max(needed, recipe.training.least_steps, 1)


def learning_rate(settings: FinetuneOptimizer, step: int, num_steps: int) -> float:
    """Learning rate of the towers at a step, counted from 0."""
    rate = settings.learning_rate * min((step + 1) / (settings.warmup_steps + 1), 1)
    if settings.schedule == "cosine":
        done = max(step - settings.warmup_steps, 0) / max(num_steps - settings.warmup_steps, 1)
        return rate * 0.5 * (1 + math.cos(math.pi * done))
    if settings.schedule == "drops":
        return rate * settings.drop_factor ** sum(step >= share * num_steps for share in settings.drops)
    return rate


def make_optimizer(classifier: Classifier, settings: FinetuneOptimizer) -> torch.optim.Optimizer:
    """The optimiser that the settings describe; the groups of the classifier's own layers are marked `is_new`."""
    groups = decay_groups(classifier.streams, settings.weight_decay, is_new=False)
    groups += decay_groups(classifier.layers, settings.weight_decay, is_new=True)
    return optimizer_of(groups, name=settings.name, learning_rate=settings.learning_rate, momentum=settings.momentum)
