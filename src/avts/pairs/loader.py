"""From the plan to batches: windows decoded ahead of the training step, in worker processes.

The order is a pure function of (seed, step): any step can be made again, with any number of workers. A clip that cannot
be read is replaced by the rule in pairs.substitution and reported once.
"""

from __future__ import annotations

import signal
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, get_worker_info

from avts.corpus.clip import Clip
from avts.corpus.corpus import Corpus
from avts.errors import AvtsError, CorpusError
from avts.media.crops import Cut, targets_of
from avts.media.planes import Planes
from avts.pairs.negatives import StepPlan, Window
from avts.pairs.ranks import Part, part_of
from avts.pairs.slots import Parcel, Shape, Slots
from avts.pairs.substitution import next_clip, with_clip
from avts.timebase import Span, frame_at, sample_at

Planner = Callable[[int], StepPlan]
"""The plan of a step, by its number."""

Boxes = Callable[[int, int], NDArray[np.float64]]
"""The boxes that are cut out of the pictures of a step, by its number and how many there are; see `Crops.of`."""

PREFETCH_STEPS = 4
"""Batches that each worker makes ahead."""

STEPS_FETCHED_AHEAD = 2
"""Steps whose clips are on their way from a remote store while one is decoded."""

SMALL = ("picture_rows", "sound_rows", "kinds", "valid", "clips")
"""Tensors of a batch that are sent from a worker as they are."""

PLAIN = ("part", "cut", "unreadable", "decode_seconds")
"""What a batch holds besides tensors."""

MOST_REPLACED_SHARE = 0.5
"""If more of a step's clips than this cannot be read, it is the corpus that is broken, not a clip."""


@dataclass(frozen=True)
class Batch:
    """The windows of a step, or one process's part of them, and how the windows of the whole step are paired.

    Attributes:
        y: luminance, uint8 [P, T, H, W]; all clips cut to the batch's smallest height and width around the middle. If
            boxes were cut out of that, uint8 [n]: the pieces one after the other, see `cut`.
        u: chroma, uint8 [P, T, H / 2, W / 2], or None where the model does not look at colour.
        v: as u.
        sounds: float32 [Q, N].
        picture_rows: index of each pair's picture, int64 [n].
        sound_rows: index of each pair's sound, int64 [n].
        kinds: kind of each pair, int64 [n] (see pairs.negatives).
        valid: bool [n]; False where a pair cannot be used, since something is silent (see StepPlan.usable). What
            another process holds counts as heard.
        clips: index of each picture's clip, int64 [P].
        part: which pictures and sounds of the step these are; None if all.
        cut: which boxes were cut out of the pictures; None if none were.
        unreadable: (key, message) of each clip that could not be read, and so was replaced.
        decode_seconds: that it took to read and decode all this, in the process that did it.
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
    part: Part | None = None
    cut: Cut | None = None
    unreadable: tuple[tuple[str, str], ...] = ()
    decode_seconds: float = 0.0

    def to(self, device: torch.device) -> Batch:
        """The same batch on a device; from pinned memory it is copied while the program goes on."""
        moved: dict[str, Any] = {name: value.to(device, non_blocking=True) for name, value in self.tensors().items()}
        return replace(self, **moved)

    def pinned(self) -> Batch:
        """The same batch in memory that a device copies from by itself."""
        pinned: dict[str, Any] = {name: value.pin_memory() for name, value in self.tensors().items()}
        return replace(self, **pinned)

    def tensors(self) -> dict[str, Tensor]:
        """Its tensors by name."""
        return {name: value for name, value in vars(self).items() if isinstance(value, Tensor)}


class StepDataset(Dataset[Batch]):
    """Batches by the number of their step.

    Args:
        corpus: where the windows are read from.
        clips: the clips that the plan's indices mean.
        planner: gives the plan of a step.
        clip_seconds: length of a window, seconds.
        silence_dbfs: RMS level under which a window counts as silent.
        colour: read the chroma planes too.
        boxes: what is cut out of the pictures; None keeps all of them. What is not used is then not copied to a device.
        rank: number of this process in a distributed run; it reads its part of each step only.
        num_ranks: processes of the run.
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
        boxes: Boxes | None = None,
        rank: int = 0,
        num_ranks: int = 1,
    ) -> None:
        self.corpus, self.clips, self.planner = corpus, clips, planner
        self.clip_seconds, self.silence_dbfs, self.colour = clip_seconds, silence_dbfs, colour
        self.boxes, self.rank, self.num_ranks = boxes, rank, num_ranks

    def __getitem__(self, step: int) -> Batch:
        """Decode the windows of a step; see batch."""
        return self.batch(step, Slots(0, 0))[0]

    def batch(self, step: int, slots: Slots) -> tuple[Batch, Parcel]:
        """Decode the windows of a step into memory of the slots; y, u, v and sounds are in the parcel.

        Boxes are a function of the step too, whichever clip is replaced.

        Raises:
            CorpusError: more than half of its clips cannot be read, or none is left to replace one.
        """
        started = time.perf_counter()
        self._fetch_ahead(step)
        plan = self.planner(step)
        part = part_of(plan, rank=self.rank, num_ranks=self.num_ranks)
        boxes = part.pictures.of(self.boxes(step, part.pictures.total)) if self.boxes else None
        most = MOST_REPLACED_SHARE * len({window.clip for window in _heard(plan, part)})
        unreadable: dict[int, str] = {}
        while True:  # ends: each round knows of one more clip that cannot be read
            try:
                batch, parcel = self._read(plan, part, boxes, slots)
                break
            except _Unreadable as fault:
                unreadable[fault.clip] = str(fault.error)
                other = self._next_clip(plan, fault.clip, unreadable)
                if other is None or len(unreadable) > most:
                    raise fault.error from None
                plan = with_clip(plan, fault.clip, other)
        unread = tuple((self.clips[clip].key, message) for clip, message in unreadable.items())
        return replace(batch, unreadable=unread, decode_seconds=time.perf_counter() - started), parcel

    def _fetch_ahead(self, step: int) -> None:
        """From a remote corpus, begin to fetch this step and the next ones that this worker will be asked for."""
        if self.corpus.url is None:
            return
        worker = get_worker_info()
        stride = worker.num_workers if worker else 1
        for later in range(step, step + stride * STEPS_FETCHED_AHEAD + 1, stride):
            try:
                plan = self.planner(later)
            except IndexError:  # past the end of the plan
                return
            part = part_of(plan, rank=self.rank, num_ranks=self.num_ranks)
            for index in dict.fromkeys(window.clip for window in _heard(plan, part)):
                pictures = [self._span(window) for window in part.pictures.of(plan.pictures) if window.clip == index]
                sounds = [self._span(window) for window in dict.fromkeys(_heard(plan, part)) if window.clip == index]
                self.corpus.fetch_ahead(self.clips[index], pictures=pictures, sounds=sounds)

    def _next_clip(self, plan: StepPlan, clip: int, unreadable: dict[int, str]) -> int | None:
        durations = [other.duration_seconds for other in self.clips]
        return next_clip(
            plan, clip, durations, clip_seconds=self.clip_seconds, unreadable=unreadable,
            rank=self.rank, num_ranks=self.num_ranks,
        )  # fmt: skip

    def _read(
        self, plan: StepPlan, part: Part, boxes: NDArray[np.float64] | None, slots: Slots
    ) -> tuple[Batch, Parcel]:
        """All windows of a part of a plan.

        Raises:
            _Unreadable: a clip of it cannot be read.
        """
        own_pictures, own_sounds = part.pictures.of(plan.pictures), part.sounds.of(plan.sounds)
        height, width = self._common_size(plan)
        picture = (len(own_pictures), frame_at(self.clip_seconds), height, width)
        chroma = (*picture[:2], height // 2, width // 2) if self.colour else (*picture[:2], 0, 0)
        heard_shape = (len(own_sounds), sample_at(self.clip_seconds))
        whole = _shapes(picture, chroma, heard_shape)
        cut = None if boxes is None else Cut(boxes, picture[1], height, width)
        shapes = whole if cut is None else _shapes(*cut.packed_shapes(colour=self.colour), heard_shape)
        (y, u, v, sounds), parcel = slots.tensors(shapes, largest=whole)
        self._read_pictures(own_pictures, Planes(y.numpy(), u.numpy(), v.numpy()), (height, width), cut)
        heard = {window: self._sound(window) for window in dict.fromkeys(_heard(plan, part))}
        for target, window in zip(sounds.numpy(), own_sounds, strict=True):
            target[:] = heard[window]
        audible = {window: self._is_audible(sound) for window, sound in heard.items()}
        picture_rows, sound_rows, kinds = np.array(plan.pairs, dtype=np.int64).T
        batch = Batch(
            y=y,
            u=u if self.colour else None,
            v=v if self.colour else None,
            sounds=sounds,
            picture_rows=torch.from_numpy(picture_rows),
            sound_rows=torch.from_numpy(sound_rows),
            kinds=torch.from_numpy(kinds),
            valid=torch.tensor(plan.usable(lambda window: audible.get(window, True))),
            clips=torch.tensor([window.clip for window in own_pictures]),
            part=part,
            cut=cut,
        )
        return batch, parcel

    def _common_size(self, plan: StepPlan) -> tuple[int, int]:
        """The smallest height and width of the clips whose pictures are wanted; both are even."""
        clips = [self.clips[window.clip] for window in plan.pictures]
        return min(clip.height for clip in clips), min(clip.width for clip in clips)

    def _read_pictures(self, pictures: Sequence[Window], into: Planes, size: tuple[int, int], cut: Cut | None) -> None:
        """Every clip is opened once, whatever number of its windows the plan has."""
        targets = targets_of(into, cut)
        rows: dict[int, list[int]] = defaultdict(list)
        for row, window in enumerate(pictures):
            rows[window.clip].append(row)
        for index, own in rows.items():
            clip = self.clips[index]
            starts = [pictures[row].start_seconds for row in own]
            top, left = ((clip.height - size[0]) // 4 * 2, (clip.width - size[1]) // 4 * 2)
            try:
                self.corpus.frames_into(clip, starts, [targets[row].moved(top, left) for row in own])
            except CorpusError as error:
                raise _Unreadable(index, error) from error

    def _sound(self, window: Window) -> NDArray[np.float32]:
        try:
            return self.corpus.sound(self.clips[window.clip], self._span(window))
        except CorpusError as error:
            raise _Unreadable(window.clip, error) from error

    def _span(self, window: Window) -> Span:
        return Span(window.start_seconds, window.start_seconds + self.clip_seconds)

    def _is_audible(self, sound: NDArray[np.float32]) -> bool:
        return bool(np.square(sound).mean() > 10 ** (self.silence_dbfs / 10))


def _shapes(picture: tuple[int, ...], chroma: tuple[int, ...], sounds: tuple[int, ...]) -> list[Shape]:
    """Of y, u, v and sounds."""
    return [(picture, torch.uint8), (chroma, torch.uint8), (chroma, torch.uint8), (sounds, torch.float32)]


def _heard(plan: StepPlan, part: Part) -> tuple[Window, ...]:
    """The windows of a part whose sound is read: to be paired, or only to know whether it is silent."""
    passed_over = (window for picture, window in plan.passed_over if picture in part.pictures)
    return (*part.pictures.of(plan.pictures), *part.sounds.of(plan.sounds), *passed_over)


class _Unreadable(Exception):
    """A clip of a plan cannot be read."""

    def __init__(self, clip: int, error: CorpusError) -> None:
        super().__init__(clip, error)
        self.clip, self.error = clip, error


def load_steps(
    dataset: StepDataset,
    steps: Sequence[int],
    *,
    workers: int,
    on_unreadable: Callable[[str], None] = lambda line: print(f"avts: {line}", file=sys.stderr),
) -> Iterator[Batch]:
    """Batches of the given steps, in order, made ahead by worker processes.

    A batch of a worker lies in memory that is used again once nothing refers to it any more.

    Args:
        dataset: makes a batch from its step's number.
        steps: numbers of the steps wanted.
        workers: processes; 0 makes each batch when it is asked for.
        on_unreadable: called once for each clip that cannot be read and is replaced.

    Raises:
        CorpusError: while iterating: more than half of a step's clips cannot be read.
    """
    slots = Slots(workers, PREFETCH_STEPS + 2)
    loader: DataLoader[_Item] = DataLoader(
        _Items(dataset, slots),
        batch_size=None,
        sampler=steps,
        num_workers=workers,
        prefetch_factor=PREFETCH_STEPS if workers else None,
        multiprocessing_context="forkserver" if workers else None,
        worker_init_fn=_start_worker,
    )
    return _batches(iter(loader), slots, on_unreadable)


def _batches(items: Iterator[_Item], slots: Slots, on_unreadable: Callable[[str], None]) -> Iterator[Batch]:
    reported: set[str] = set()
    for item in items:
        if isinstance(item, AvtsError):
            raise item
        batch = item if isinstance(item, Batch) else item.unpacked(slots)
        for key, message in batch.unreadable:
            if key not in reported:
                on_unreadable(f"{message} It is replaced by another clip.")
                reported.add(key)
        yield batch
        del batch  # its memory is free for the next one, unless whoever took it still holds it


@dataclass(frozen=True)
class _Packed:
    """A batch on its way from a worker: the large tensors in a parcel, the small ones as they are."""

    parcel: Parcel
    small: dict[str, NDArray[Any]]
    colour: bool
    rest: dict[str, Any]

    @staticmethod
    def of(batch: Batch, parcel: Parcel) -> _Packed:
        small = {name: getattr(batch, name).numpy() for name in SMALL}
        rest = {name: getattr(batch, name) for name in PLAIN}
        return _Packed(parcel, small, batch.u is not None, rest)

    def unpacked(self, slots: Slots) -> Batch:
        y, u, v, sounds = slots.unpack(self.parcel)
        small: dict[str, Any] = {name: torch.from_numpy(value) for name, value in self.small.items()}
        colour = {"u": u, "v": v} if self.colour else {"u": None, "v": None}
        return Batch(y=y, sounds=sounds, **colour, **small, **self.rest)


_Item = Batch | _Packed | AvtsError


class _Items(Dataset[_Item]):
    """Batches, packed in a worker. An error of ours is an item: raised there, its traceback would come as text."""

    def __init__(self, dataset: StepDataset, slots: Slots) -> None:
        self.dataset, self.slots = dataset, slots

    def __getitem__(self, step: int) -> _Item:
        try:
            batch, parcel = self.dataset.batch(step, self.slots)
        except AvtsError as error:
            return error
        return batch if get_worker_info() is None else _Packed.of(batch, parcel)


def _start_worker(_: int) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the training loop, which ends its step first
