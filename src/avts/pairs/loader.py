"""From the plan to batches: windows decoded ahead of the training step, in worker processes.

The order is a pure function of (seed, step): any step can be made again, with any number of workers.
"""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from avts.corpus.clip import Clip
from avts.corpus.corpus import Corpus
from avts.errors import AvtsError
from avts.pairs.negatives import StepPlan, Window
from avts.timebase import Span

Planner = Callable[[int], StepPlan]
"""The plan of a step, by its number."""


@dataclass(frozen=True)
class Batch:
    """The windows of a step and how they are paired.

    Attributes:
        y: luminance, uint8 [P, T, H, W]; all clips cut to the batch's smallest height and width around the middle.
        u: chroma, uint8 [P, T, H / 2, W / 2], or None where the model does not look at colour.
        v: as u.
        sounds: float32 [Q, N].
        picture_rows: index of each pair's picture, int64 [n].
        sound_rows: index of each pair's sound, int64 [n].
        kinds: kind of each pair, int64 [n] (see pairs.negatives).
        valid: bool [n]; False where the sound, or the picture's own sound, is silent.
        clips: index of each picture's clip, int64 [P].
    """

    y: Tensor
    u: Tensor | None
    v: Tensor | None
    sounds: Tensor
    picture_rows: Tensor
    sound_rows: Tensor
    kinds: Tensor
    valid: Tensor
    clips: Tensor

    def to(self, device: torch.device) -> Batch:
        """The same batch on a device."""
        there = {name: value.to(device) for name, value in vars(self).items() if value is not None}
        return replace(self, **there)


class StepDataset(Dataset[Batch]):
    """Batches by the number of their step.

    Args:
        corpus: where the windows are read from.
        clips: the clips that the plan's indices mean.
        planner: gives the plan of a step.
        clip_seconds: length of a window, seconds.
        silence_dbfs: RMS level under which a window counts as silent.
        colour: read the chroma planes too.
    """

    def __init__(
        self,
        corpus: Corpus,
        clips: Sequence[Clip],
        planner: Planner,
        *,
        clip_seconds: float,
        silence_dbfs: float,
        colour: bool,
    ) -> None:
        self.corpus, self.clips, self.planner = corpus, clips, planner
        self.clip_seconds, self.silence_dbfs, self.colour = clip_seconds, silence_dbfs, colour

    def __getitem__(self, step: int) -> Batch:
        """Decode the windows of a step."""
        plan = self.planner(step)
        planes = [self.corpus.frames(self.clips[w.clip], self._span(w)) for w in plan.pictures]
        own = np.stack([self._sound(window) for window in plan.pictures])
        sounds = np.stack([self._sound(window) for window in plan.sounds])
        pictures_heard, sounds_heard = self._audible(own), self._audible(sounds)
        picture_rows, sound_rows, kinds = np.array(plan.pairs, dtype=np.int64).T
        return Batch(
            y=_stack([p.y for p in planes], multiple=2),
            u=_stack([p.u for p in planes], multiple=1) if self.colour else None,
            v=_stack([p.v for p in planes], multiple=1) if self.colour else None,
            sounds=torch.from_numpy(sounds),
            picture_rows=torch.from_numpy(picture_rows),
            sound_rows=torch.from_numpy(sound_rows),
            kinds=torch.from_numpy(kinds),
            valid=torch.from_numpy(pictures_heard[picture_rows] & sounds_heard[sound_rows]),
            clips=torch.tensor([window.clip for window in plan.pictures]),
        )

    def _span(self, window: Window) -> Span:
        return Span(window.start_seconds, window.start_seconds + self.clip_seconds)

    def _sound(self, window: Window) -> NDArray[np.float32]:
        return self.corpus.sound(self.clips[window.clip], self._span(window))

    def _audible(self, sounds: NDArray[np.float32]) -> NDArray[np.bool_]:
        power = np.square(sounds).mean(axis=-1)
        return np.asarray(power > 10 ** (self.silence_dbfs / 10))


def _stack(planes: list[NDArray[np.uint8]], *, multiple: int) -> Tensor:
    """Stack clips of several sizes by cutting each around its middle to the smallest; chroma stays aligned."""
    height = min(plane.shape[1] for plane in planes) // multiple * multiple
    width = min(plane.shape[2] for plane in planes) // multiple * multiple
    cut = []
    for plane in planes:
        top = (plane.shape[1] - height) // 2 // multiple * multiple
        left = (plane.shape[2] - width) // 2 // multiple * multiple
        cut.append(plane[:, top : top + height, left : left + width])
    return torch.from_numpy(np.stack(cut))


def load_steps(dataset: StepDataset, steps: Sequence[int], *, workers: int) -> Iterator[Batch]:
    """Batches of the given steps, in order, made ahead by worker processes.

    Args:
        dataset: makes a batch from its step's number.
        steps: numbers of the steps wanted.
        workers: processes; 0 makes each batch when it is asked for.

    Raises:
        CorpusError: while iterating: a window cannot be read.
    """
    loader: DataLoader[Batch | AvtsError] = DataLoader(
        _ErrorsAsItems(dataset),
        batch_size=None,
        sampler=steps,
        num_workers=workers,
        prefetch_factor=4 if workers else None,
        multiprocessing_context="forkserver" if workers else None,
        worker_init_fn=_start_worker,
    )
    return map(_batch_of, iter(loader))


class _ErrorsAsItems(Dataset[Batch | AvtsError]):
    """Hands an error of ours over as an item: raised in a worker, it would come with the worker's traceback as text."""

    def __init__(self, dataset: StepDataset) -> None:
        self.dataset = dataset

    def __getitem__(self, step: int) -> Batch | AvtsError:
        try:
            return self.dataset[step]
        except AvtsError as error:
            return error


def _batch_of(item: Batch | AvtsError) -> Batch:
    if isinstance(item, AvtsError):
        raise item
    return item


def _start_worker(_: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the training loop, which ends its step first
