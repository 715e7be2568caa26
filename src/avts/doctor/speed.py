"""Whether this machine can feed the model: throughput of the loader and of a training step."""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from avts.corpus.clip import Clip
from avts.corpus.corpus import Corpus
from avts.errors import CorpusError
from avts.model.checkpoint import build_model
from avts.model.device import choose_device, choose_precision
from avts.model.losses import contrastive_loss
from avts.settings import Recipe
from avts.timebase import FRAME_RATE, Span

MEASURED_WINDOWS = 200
MEASURED_STEPS = 3


@dataclass(frozen=True)
class LoaderSpeed:
    """Windows of picture and sound that one core reads per second of CPU time."""

    windows_per_second: float


@dataclass(frozen=True)
class StepSpeed:
    """Seconds of a training step of a recipe, the number of its windows, and the device."""

    seconds: float
    windows: int
    device: str

    @property
    def windows_per_second(self) -> float:
        """Windows that the model processes per second."""
        return self.windows / self.seconds

    def cores_needed(self, loader: LoaderSpeed) -> float:
        """Cores that must read full-time so that the model never waits."""
        return self.windows_per_second / loader.windows_per_second


def loader_speed(corpus: Corpus, clips: Sequence[Clip], *, clip_seconds: float) -> LoaderSpeed:
    """Measure the reading of random windows.

    Raises:
        CorpusError: no clip is long enough, or one cannot be read.
    """
    chosen = [clip for clip in clips if clip.duration_seconds >= clip_seconds]
    if not chosen:
        raise CorpusError(f"{corpus.path.name}: no usable clip of at least {clip_seconds:g} s. Nothing to read.")
    rng = np.random.default_rng(0)
    jobs = []
    for _ in range(MEASURED_WINDOWS):
        clip = chosen[int(rng.integers(len(chosen)))]
        room = clip.num_frames - round(clip_seconds * FRAME_RATE)
        start = int(rng.integers(room + 1)) / FRAME_RATE
        jobs.append((clip, Span(start, start + clip_seconds)))
    for clip, span in jobs[:10]:  # opens shards and decoders
        corpus.frames(clip, span)
    started = time.process_time()
    for clip, span in jobs:
        corpus.frames(clip, span)
        corpus.sound(clip, span)
    return LoaderSpeed(MEASURED_WINDOWS / (time.process_time() - started))


def step_speed(recipe: Recipe, clips: Sequence[Clip]) -> StepSpeed:
    """Time a few training steps of a recipe (forward, loss, backward) on noise of the size of its batches."""
    device, _ = choose_device()
    model = build_model(recipe.model).to(device)
    model.low_precision, _ = choose_precision(recipe.training.precision, device)
    model.train()
    batch, frames = recipe.pairs.batch_size, round(recipe.pairs.clip_seconds * FRAME_RATE)
    height, width = min(clip.height for clip in clips), min(clip.width for clip in clips)
    y = torch.randint(0, 255, (batch, frames, height, width), dtype=torch.uint8, device=device)
    chroma = [y[:, :, ::2, ::2], y[:, :, ::2, ::2]] if model.needs_colour else []
    sounds = torch.randn(2 * batch, round(recipe.pairs.clip_seconds * 16_000), device=device)
    times = []
    for _ in range(MEASURED_STEPS + 1):
        started = time.perf_counter()
        distances = model.pair_distances(model.embed_pictures(y, *chroma), model.embed_sounds(sounds)).flatten()
        positive = torch.zeros_like(distances, dtype=torch.bool)
        weights = torch.full_like(distances, 1 / len(distances))
        loss = contrastive_loss(distances, positive, weights, margin=recipe.loss.margin)
        loss.backward()  # type: ignore[no-untyped-call]
        float(loss.detach())
        times.append(time.perf_counter() - started)
    return StepSpeed(statistics.median(times[1:]), batch, str(device))
