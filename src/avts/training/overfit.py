"""Overfit one batch: whether recipe and corpus can learn at all, before an overnight run.

The loss is compared with two bounds: the minimum over all embeddings, found by gradient descent on free embeddings with
the recipe's own loss, and the loss of networks that ignore their input.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from avts.corpus.corpus import Corpus
from avts.errors import CorpusError
from avts.model.scaling import crop_and_resize
from avts.model.two_stream import TwoStream
from avts.pairs.loader import Batch, StepDataset
from avts.settings import Recipe, StageSettings
from avts.training.diagnosis.causes import Course, Reason
from avts.training.diagnosis.probes import CueCounts, EmbeddingTap, UpdateMeter, cues_of
from avts.training.diagnosis.separation import Parting, PartingMeter
from avts.training.diagnosis.watch import CheckCorpus, reasons_of
from avts.training.figures import must_be_finite, read, row_of
from avts.training.objective import StepLoss, step_loss
from avts.training.optimizer import learning_rate
from avts.training.spans import num_windows
from avts.training.trainer import Trainer

DESCENT_STEPS = 200
DESCENT_RATE = 0.1

SMALLEST = {
    "video": "mc3",
    "video_width": 4,
    "audio_width": 8,
    "picture_input": "change",
    "frame_size": 32,
    "head": "global",
    "filter_bands": 16,
}
"""Settings of small towers, which are not used."""


@dataclass(frozen=True)
class Bounds:
    """Bounds of a loss.

    Attributes:
        least: minimum over all embeddings.
        blind: minimum for networks that give all pictures the same embedding, and all sounds the same embedding.
    """

    least: float
    blind: float

    def share_left(self, loss: float) -> float:
        """Position of a loss between least (0) and blind (1); may be outside."""
        return (loss - self.least) / max(self.blind - self.least, 1e-9)


def loss_bounds(batch: Batch, recipe: Recipe, stage: StageSettings) -> Bounds:
    """Find the bounds of a batch's loss.

    Args:
        batch: on the CPU.
        recipe: sampling and loss.
        stage: shares of the negatives.
    """
    least, blind = (_descended(batch, recipe, stage, shared=shared) for shared in (False, True))
    return Bounds(least, max(blind, least))


def _descended(batch: Batch, recipe: Recipe, stage: StageSettings, *, shared: bool) -> float:
    """The minimum loss found."""
    pairs = recipe.pairs
    windows = num_windows(pairs.span_seconds, pairs.clip_seconds) if pairs.sampling == "spans" else 1
    counts = (1, 1) if shared else (windows * len(batch.y), windows * len(batch.sounds))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = _FreeEmbeddings(recipe, *counts)
    planes = [batch.y[..., :1, :1]]
    free = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.Adam(free, lr=DESCENT_RATE)
    least = float("inf")
    for step in range(DESCENT_STEPS):
        for group in optimizer.param_groups:
            group["lr"] = DESCENT_RATE * (1 - step / DESCENT_STEPS)
        loss = step_loss(model, planes, batch.sounds, batch, recipe, stage).loss
        least = min(least, float(loss.detach()))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return least


class _FreeEmbeddings(TwoStream):
    """Gives each window its own embedding, or all windows the same one, regardless of the input."""

    def __init__(self, recipe: Recipe, num_pictures: int, num_sounds: int) -> None:
        super().__init__(**recipe.model.model_dump() | SMALLEST)
        for unused in (self.video, self.audio, self.fc6):
            unused.requires_grad_(False)
        self.video_head, self.audio_head = (
            _Table(rows, recipe.model.embedding, unit=recipe.model.unit_vectors) for rows in (num_pictures, num_sounds)
        )

    def picture_input_of(
        self,
        y: Tensor,
        u: Tensor | None = None,  # noqa: ARG002
        v: Tensor | None = None,  # noqa: ARG002
        *,
        boxes: NDArray[np.float64] | None = None,  # noqa: ARG002
        window: int | None = None,  # noqa: ARG002
    ) -> Tensor:
        return y

    def picture_sequence(self, frames: Tensor) -> Tensor:
        return torch.zeros(*frames.shape[:2], 1)

    def sound_sequence(self, filterbank: Tensor) -> Tensor:
        return torch.zeros(len(filterbank), 1, 1)

    def sound_sequence_dense(self, filterbank: Tensor) -> Tensor:
        return torch.zeros(len(filterbank), 1, 1)


class _Table(nn.Module):
    """One embedding per row; a table with one row gives it to all."""

    def __init__(self, rows: int, embedding: int, *, unit: bool) -> None:
        super().__init__()
        self.unit = unit
        self.rows = nn.Parameter(torch.randn(rows, embedding) / embedding**0.5)

    def forward(self, sequence: Tensor) -> Tensor:
        rows = F.normalize(self.rows, dim=-1) if self.unit else self.rows
        return rows.expand(len(sequence), -1)


NEAR = 0.1
"""Maximum position between the least (0) and the blind (1) loss at which a batch counts as learned."""

WARM_UP_SHARE = 0.1
"""Maximum share of the steps for the recipe's warm-up."""

MEASURED_EVERY = 5


@dataclass(frozen=True)
class Overfitting:
    """Result of overfitting one batch.

    Attributes:
        losses: loss of each step.
        bounds: bounds of this batch's loss.
        steps: maximum number of steps.
        videos: number of videos in the batch.
        stage_name: stage whose negatives were used.
        partings: separation of each kind of negative in the batch at the end.
        reasons: checked reasons; empty if the batch was learned.
        seconds: duration.
    """

    losses: Sequence[float]
    bounds: Bounds
    steps: int
    videos: int
    stage_name: str
    partings: Sequence[Parting]
    reasons: Sequence[Reason]
    seconds: float

    @property
    def target(self) -> float:
        """Maximum loss at which the batch counts as learned."""
        return self.bounds.least + NEAR * (self.bounds.blind - self.bounds.least)

    @property
    def learned(self) -> bool:
        """True if the loss came close to the minimum."""
        return min(self.losses) <= self.target

    @property
    def still_falls(self) -> bool:
        """True if the mean loss of the last fifth of the steps is lower than that of the fifth before."""
        fifth = max(len(self.losses) // 5, 1)
        last, before = self.losses[-fifth:], self.losses[-2 * fifth : -fifth]
        return len(before) > 0 and sum(last) / len(last) < 0.98 * sum(before) / len(before)


def overfit(
    corpus: Corpus,
    recipe: Recipe,
    *,
    steps: int,
    device: str = "auto",
    start: Path | None = None,
    say: Callable[[str], None] = print,
    on_progress: Callable[[int, int], None] | None = None,
    check_corpus: CheckCorpus | None = None,
) -> Overfitting:
    """Train on one batch of the first stage until its loss is close to the minimum.

    Args:
        corpus: its split 'train' gives the batch.
        recipe: model, pairs, loss and optimiser; its learning rate is constant after the warm-up.
        steps: maximum number of steps.
        device: 'auto' or a torch device.
        start: a finished run with the initial weights.
        say: called with each automatic choice in words.
        on_progress: called with (steps done, total steps).
        check_corpus: measures whether sound and picture of the corpus are in sync, if the batch is not learned.

    Raises:
        CorpusError: too few clips, one cannot be read, or every window of the batch is silent.
        UsageError: no such device or run to start from.
        TrainingError: the loss or its gradient is not finite.
    """
    began = time.perf_counter()
    trainer = Trainer(corpus, recipe, Path("overfit"), device=device, start=start, say=say)
    batch = first_batch(trainer)
    stage = recipe.curriculum[0]
    bounds = loss_bounds(batch, recipe, stage)
    attempt = _Attempt(trainer, batch, steps)
    for step in range(steps):
        attempt.step(step)
        if on_progress:
            on_progress(step + 1, steps)
        if bounds.share_left(attempt.losses[-1]) <= NEAR:
            break
    attempt.close()
    learned = bounds.share_left(min(attempt.losses)) <= NEAR
    return Overfitting(
        losses=attempt.losses,
        bounds=bounds,
        steps=steps,
        videos=len(batch.y),
        stage_name=stage.name,
        partings=attempt.partings,
        reasons=[] if learned else attempt.reasons(check_corpus),
        seconds=time.perf_counter() - began,
    )


def first_batch(trainer: Trainer) -> Batch:
    """The batch of a run's first step.

    Raises:
        CorpusError: a clip cannot be read, or no pair in it can be used.
    """
    pairs = trainer.recipe.pairs
    dataset = StepDataset(
        trainer.corpus,
        trainer.clips,
        trainer.curriculum,
        clip_seconds=pairs.cut_seconds,
        silence_dbfs=pairs.silence_dbfs,
        colour=trainer.model.needs_colour,
    )
    batch = dataset[0]
    if not batch.valid.any():
        raise CorpusError(
            f"{trainer.corpus.place}: no pair of a batch of {len(batch.y)} videos is usable: none of its windows is "
            f"louder than {pairs.silence_dbfs:g} dBFS. Lower [pairs] silence_dbfs"
        )
    return batch


class _Attempt:
    """Training steps on one batch."""

    def __init__(self, trainer: Trainer, batch: Batch, steps: int) -> None:
        self.losses: list[float] = []
        self._trainer, self._model, self._steps = trainer, trainer.model, steps
        self._batch = batch.to(trainer.device)
        raw = [plane for plane in (self._batch.y, self._batch.u, self._batch.v) if plane is not None]
        self._planes = [crop_and_resize(plane, None, self._model.frame_size) for plane in raw]
        optimizer = trainer.recipe.optimizer
        warm_up = min(optimizer.warmup_steps, round(WARM_UP_SHARE * steps))
        self._rates = optimizer.model_copy(update={"schedule": "constant", "warmup_steps": warm_up})
        self._norms: list[float] = []
        self._rate = 0.0
        self._made: StepLoss | None = None
        self._tap = EmbeddingTap(self._model)
        self._optimizer = trainer.stepper.optimizer
        self._updates = UpdateMeter(self._optimizer, every=MEASURED_EVERY)
        self._model.train()

    def step(self, step: int) -> None:
        """Make a training step.

        Raises:
            TrainingError: the loss or its gradient is not finite.
        """
        trainer, recipe = self._trainer, self._trainer.recipe
        self._rate = learning_rate(self._rates, step, self._steps, plateau_factor=1)
        for group in self._optimizer.param_groups:
            group["lr"] = self._rate
        made = step_loss(self._model, self._planes, self._batch.sounds, self._batch, recipe, recipe.curriculum[0])
        self._optimizer.zero_grad(set_to_none=True)
        made.loss.backward()  # type: ignore[no-untyped-call]
        row = row_of(step, recipe, made, self._model, CueCounts.none(trainer.device), misranked=False)
        (figures,), _ = read([row])
        must_be_finite(figures, recipe, trainer.run)
        self._norms.append(figures.gradient_norm)
        self._optimizer.step()
        self.losses.append(figures.loss)
        self._made = made

    @property
    def partings(self) -> list[Parting]:
        """Separation of each kind of negative in the batch at the last step."""
        meter = PartingMeter(self._trainer.recipe)
        if self._made is not None:
            meter.add(self._made)
        return meter.partings()

    def reasons(self, check_corpus: CheckCorpus | None) -> list[Reason]:
        """The checked reasons."""
        course = Course(self.losses, self._norms, self._updates.shares, self._updates.growth, self._rate)
        return reasons_of(cues_of(self._batch, self._trainer.recipe.pairs), self._tap, course, check_corpus)

    def close(self) -> None:
        """Remove the hooks."""
        self._tap.close()
        self._updates.close()
