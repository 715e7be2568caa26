"""Clips of labelled videos, by the number of their step: which (pure), and their planes and sounds (decoded ahead).

A video that cannot be read is skipped in its step and reported once; a step with only such videos is an error.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, get_worker_info

from avts.corpus.clip import Clip
from avts.corpus.corpus import Corpus
from avts.errors import AvtsError, CorpusError
from avts.finetune.recipe import Senses
from avts.media.planes import Planes
from avts.media.reader import Target
from avts.pairs.negatives import Window, epoch_order
from avts.timebase import FRAME_RATE, Span, frame_at, sample_at

STEPS_AHEAD = 4
"""Batches that each worker makes ahead."""

Plan = Callable[[int], tuple[Window, ...]]
"""The windows of a step, by its number."""


@dataclass(frozen=True)
class TrainingPlan:
    """One window of each clip an epoch, from any time of it, in random order; steps go over the ends of epochs."""

    durations_seconds: tuple[float, ...]
    clip_seconds: float
    batch_size: int
    seed: int

    def __call__(self, step: int) -> tuple[Window, ...]:
        """The windows of a step."""
        rng = np.random.default_rng([self.seed, 1, step])
        places = step * self.batch_size + np.arange(self.batch_size)
        count = len(self.durations_seconds)
        orders = {epoch: epoch_order(count, seed=self.seed, epoch=epoch) for epoch in {int(p) // count for p in places}}
        clips = [int(orders[int(place) // count][place % count]) for place in places]
        rooms = [frame_at(self.durations_seconds[clip]) - frame_at(self.clip_seconds) for clip in clips]
        return tuple(
            Window(clip, int(rng.integers(0, max(room, 0) + 1)) / FRAME_RATE)
            for clip, room in zip(clips, rooms, strict=True)
        )


@dataclass(frozen=True)
class EvenPlan:
    """Evenly spread windows of each clip; only clips of one size of picture share a step, so none is cut for another.

    Attributes:
        clips: what is tested.
        clip_seconds: length of a window.
        windows: of each clip.
        per_step: clips in a step, at most.
    """

    clips: tuple[Clip, ...]
    clip_seconds: float
    windows: int
    per_step: int

    def steps(self) -> list[list[int]]:
        """Indices of the clips of each step."""
        found: list[list[int]] = []
        sizes = {(clip.height, clip.width) for clip in self.clips}
        for size in sorted(sizes):
            same = [index for index, clip in enumerate(self.clips) if (clip.height, clip.width) == size]
            found += [same[first : first + self.per_step] for first in range(0, len(same), self.per_step)]
        return found

    def __call__(self, step: int) -> tuple[Window, ...]:
        """The windows of a step."""
        return tuple(
            Window(index, start)
            for index in self.steps()[step]
            for start in even_starts(self.clips[index].duration_seconds, self.clip_seconds, self.windows)
        )


def even_starts(duration_seconds: float, clip_seconds: float, windows: int) -> list[float]:
    """Starts of evenly spread windows, on frames: the first at 0, the last at the end; one alone in the middle."""
    room = max(frame_at(duration_seconds) - frame_at(clip_seconds), 0)
    places = np.linspace(0, room, windows) if windows > 1 else np.array([room / 2])
    return [round(place) / FRAME_RATE for place in places.tolist()]


@dataclass(frozen=True)
class ClipBatch:
    """Windows of labelled clips.

    Attributes:
        y: luminance, uint8 [B, T, H, W], cut to the batch's smallest height and width; None without pictures.
        u: chroma, uint8 [B, T, H / 2, W / 2]; None where the classifier does not look at colour.
        v: as u.
        sounds: float32 [B, N]; None without sounds.
        clips: index of each window's clip, int64 [B].
        unreadable: (key, message) of each clip that was skipped.
    """

    y: Tensor | None
    u: Tensor | None
    v: Tensor | None
    sounds: Tensor | None
    clips: Tensor
    unreadable: tuple[tuple[str, str], ...] = ()

    def to(self, device: torch.device) -> ClipBatch:
        """The same batch on a device; from pinned memory it is copied while the program goes on."""
        moved: dict[str, Any] = {name: value.to(device, non_blocking=True) for name, value in self.tensors().items()}
        return replace(self, **moved)

    def pinned(self) -> ClipBatch:
        """The same batch in memory that a device copies from by itself."""
        pinned: dict[str, Any] = {name: value.pin_memory() for name, value in self.tensors().items()}
        return replace(self, **pinned)

    def tensors(self) -> dict[str, Tensor]:
        """Its tensors by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}


class WindowDataset(Dataset["ClipBatch | AvtsError"]):
    """Batches by the number of their step.

    Args:
        corpus: where the clips are.
        clips: what the plan's indices mean.
        plan: gives the windows of a step.
        clip_seconds: length of a window.
        frame_step: every so many frames one is kept.
        senses: what is read.
        colour: read the chroma planes too.
    """

    def __init__(
        self,
        corpus: Corpus,
        clips: Sequence[Clip],
        plan: Plan,
        *,
        clip_seconds: float,
        frame_step: int,
        senses: Senses,
        colour: bool,
    ) -> None:
        self.corpus, self.clips, self.plan = corpus, clips, plan
        self.clip_seconds, self.frame_step, self.senses, self.colour = clip_seconds, frame_step, senses, colour

    def __getitem__(self, step: int) -> ClipBatch | AvtsError:
        """A batch; an error of ours is an item, since raised in a worker its traceback would come as text."""
        try:
            return self.batch(step)
        except AvtsError as error:
            return error

    def batch(self, step: int) -> ClipBatch:
        """Decode the windows of a step.

        Raises:
            CorpusError: none of its clips can be read.
        """
        windows = self.plan(step)
        unreadable: dict[int, CorpusError] = {}
        while windows:  # ends: each round knows of one more clip that cannot be read
            try:
                batch = self._read(windows)
                unread = tuple((self.clips[clip].key, str(error)) for clip, error in unreadable.items())
                return replace(batch, unreadable=unread)
            except _Unreadable as fault:
                unreadable[fault.clip] = fault.error
                windows = tuple(window for window in windows if window.clip != fault.clip)
        raise next(iter(unreadable.values()))

    def _read(self, windows: Sequence[Window]) -> ClipBatch:
        planes = self._pictures(windows) if self.senses != "sound" else None
        sounds = torch.from_numpy(self._sounds(windows)) if self.senses != "picture" else None
        clips = torch.tensor([window.clip for window in windows])
        if planes is None:
            return ClipBatch(None, None, None, sounds, clips)
        y, u, v = (torch.from_numpy(plane[:, :: self.frame_step].copy()) for plane in (planes.y, planes.u, planes.v))
        return ClipBatch(y, u if self.colour else None, v if self.colour else None, sounds, clips)

    def _pictures(self, windows: Sequence[Window]) -> Planes:
        """Every clip is opened once, whatever number of its windows there is."""
        clips = {window.clip: self.clips[window.clip] for window in windows}
        height, width = (min(getattr(clip, side) for clip in clips.values()) for side in ("height", "width"))
        shape = (len(windows), frame_at(self.clip_seconds), height, width)
        chroma = (*shape[:2], height // 2, width // 2) if self.colour else (*shape[:2], 0, 0)
        into = Planes(np.empty(shape, np.uint8), np.empty(chroma, np.uint8), np.empty(chroma, np.uint8))
        for index, clip in clips.items():
            rows = [row for row, window in enumerate(windows) if window.clip == index]
            top, left = (clip.height - height) // 4 * 2, (clip.width - width) // 4 * 2
            targets = [Target(Planes(into.y[row], into.u[row], into.v[row])).moved(top, left) for row in rows]
            try:
                self.corpus.frames_into(clip, [windows[row].start_seconds for row in rows], targets)
            except CorpusError as error:
                raise _Unreadable(index, error) from error
        return into

    def _sounds(self, windows: Sequence[Window]) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
        found = np.empty((len(windows), sample_at(self.clip_seconds)), np.float32)
        for row, window in enumerate(windows):
            span = Span(window.start_seconds, window.start_seconds + self.clip_seconds)
            try:
                found[row] = self.corpus.sound(self.clips[window.clip], span)
            except CorpusError as error:
                raise _Unreadable(window.clip, error) from error
        return found


class _Unreadable(Exception):
    """A clip of a step cannot be read."""

    def __init__(self, clip: int, error: CorpusError) -> None:
        super().__init__(clip, error)
        self.clip, self.error = clip, error


def load_windows(
    dataset: WindowDataset,
    steps: Sequence[int],
    *,
    workers: int,
    on_unreadable: Callable[[str], None] = lambda line: print(f"avts: {line}", file=sys.stderr),
) -> Iterator[ClipBatch]:
    """Batches of the given steps, in order, made ahead by worker processes.

    Args:
        dataset: makes a batch from its step's number.
        steps: numbers of the steps wanted.
        workers: processes; 0 makes each batch when it is asked for.
        on_unreadable: called once for each clip that cannot be read and is skipped.

    Raises:
        CorpusError: while iterating: none of a step's clips can be read.
    """
    loader: DataLoader[ClipBatch | AvtsError] = DataLoader(
        dataset,
        batch_size=None,
        sampler=steps,
        num_workers=workers,
        prefetch_factor=STEPS_AHEAD if workers else None,
        multiprocessing_context="forkserver" if workers else None,
        worker_init_fn=_start_worker,
    )
    reported: set[str] = set()
    for item in loader:
        if isinstance(item, AvtsError):
            raise item
        for key, message in item.unreadable:
            if key not in reported:
                on_unreadable(f"{message} The clip is skipped.")
                reported.add(key)
        yield item


def _start_worker(_: int) -> None:
    if get_worker_info() is not None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the training loop, which ends its step first
