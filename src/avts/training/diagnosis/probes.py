"""Measurements of a training step for the diagnosis. Input: batches, weights, embeddings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.hooks import RemovableHandle

from avts.media.activity import SILENCE_DBFS, STILL_DIFFERENCE
from avts.media.crops import Cut
from avts.model.device import widest
from avts.model.two_stream import TwoStream
from avts.pairs.loader import Batch
from avts.settings import PairSettings
from avts.timebase import frame_at
from avts.training.spans import heard_windows

PICTURES_LOOKED_AT = 4
"""Pictures of a batch that are checked for motion: the order is random, and all would cost 10 % of a small step."""


@dataclass(frozen=True)
class Cues:
    """How much of a batch has usable cues.

    Attributes:
        sounds: number of windows of sound.
        silent: how many of them are silent.
        pictures: number of windows of picture that were checked.
        still: how many of them have no motion.
    """

    sounds: int = 0
    silent: int = 0
    pictures: int = 0
    still: int = 0

    def __add__(self, other: Cues) -> Cues:
        return Cues(*(mine + its for mine, its in zip(vars(self).values(), vars(other).values(), strict=True)))

    @property
    def silent_share(self) -> float:
        """Share of silent windows."""
        return self.silent / max(self.sounds, 1)

    @property
    def still_share(self) -> float:
        """Share of windows without motion."""
        return self.still / max(self.pictures, 1)


@dataclass(frozen=True)
class CueCounts:
    """Cues that have not been read yet.

    Attributes:
        sounds: windows of sound.
        pictures: windows of picture that were looked at.
        counts: how many of them are silent, and how many are still, int [2] on the device.
    """

    sounds: int
    pictures: int
    counts: Tensor

    @staticmethod
    def none(device: torch.device) -> CueCounts:
        """Of no batch."""
        return CueCounts(0, 0, torch.zeros(2, dtype=torch.int64, device=device))

    def __add__(self, other: CueCounts) -> CueCounts:
        return CueCounts(self.sounds + other.sounds, self.pictures + other.pictures, self.counts + other.counts)

    def read(self, counts: Any) -> Cues:
        """The cues, given the two counts on the CPU."""
        silent, still = (int(count) for count in counts)
        return Cues(self.sounds, silent, self.pictures, still)


def cues_of(batch: Batch, pairs: PairSettings) -> Cues:
    """Count the windows of a batch that are silent, by the recipe's level or plainly, and some that do not move."""
    found = cue_counts(batch, pairs)
    return found.read(found.counts.cpu())


def cue_counts(batch: Batch, pairs: PairSettings) -> CueCounts:
    """As `cues_of`, without waiting for the device."""
    level = max(pairs.silence_dbfs, SILENCE_DBFS)
    heard = heard_windows(batch.sounds, clip_seconds=pairs.clip_seconds, silence_dbfs=level)
    frames = frame_at(pairs.clip_seconds)
    shown = [clip[:frames].to(torch.int16) for clip in _clips_of(batch, PICTURES_LOOKED_AT)]
    still = torch.stack([(clip[1:] - clip[:-1]).abs().float().mean() for clip in shown]) <= STILL_DIFFERENCE
    return CueCounts(len(heard), len(still), torch.stack([(~heard).sum(), still.sum()]))


def _clips_of(batch: Batch, count: int) -> Sequence[Tensor]:
    """The luminance of the first clips of a batch, what was cut out of it if it was cut, [T, H, W] each."""
    if batch.cut is None:
        return batch.y[:count].unbind()
    first = Cut(batch.cut.boxes[:count], batch.cut.num_frames, batch.cut.height, batch.cut.width)
    return first.luminance.pieces(batch.y, first.num_frames)


@dataclass(frozen=True)
class Spread:
    """How different the embeddings of a batch are.

    Attributes:
        count: number of embeddings.
        spread: root mean square distance from their mean, relative to their root mean square norm, 0 to 1.
        rank: effective rank of their differences from the mean, 1 to `most`.
        most: largest rank that this number of embeddings can have.
    """

    count: int
    spread: float
    rank: float
    most: int


def spread_of(embeddings: Tensor) -> Spread:
    """Measure how different embeddings are.

    Source of the effective rank: Roy & Vetterli 2007, the exponential of the entropy of the spectrum; here that of the
    covariance.

    Args:
        embeddings: [n, D].
    """
    values = embeddings.detach().to(widest(embeddings.device))
    apart = values - values.mean(0)
    length = values.square().sum(1).mean().sqrt().clamp_min(1e-12)
    power = torch.linalg.svdvals(apart).square()
    share = power / power.sum().clamp_min(1e-30)
    entropy = -torch.special.xlogy(share, share).sum()
    spread = float(apart.square().sum(1).mean().sqrt() / length)
    return Spread(len(values), spread, float(entropy.exp()), min(len(values) - 1, values.shape[1]))


class EmbeddingTap:
    """Keeps the latest outputs of the heads of a model, regardless of the caller."""

    def __init__(self, model: TwoStream) -> None:
        self._kept: dict[str, Tensor] = {}
        self._handles = [
            head.register_forward_hook(self._keeper(name))
            for name, head in (("picture", model.video_head), ("sound", model.audio_head))
        ]

    def _keeper(self, name: str) -> Any:
        def keep(_: nn.Module, __: Any, embeddings: Tensor) -> None:
            self._kept[name] = embeddings.detach()

        return keep

    def spreads(self) -> dict[str, Spread]:
        """Spread of the latest embeddings of pictures and of sounds."""
        return {name: spread_of(embeddings) for name, embeddings in self._kept.items() if len(embeddings) > 1}

    def close(self) -> None:
        """Remove the hooks."""
        _remove(self._handles)


class UpdateMeter:
    """Measures, at regular intervals, how much an update changes the weights.

    Args:
        optimizer: the optimizer to observe.
        every: interval in updates; a measurement costs a copy of the weights.

    What is measured stays on the device until it is asked for.
    """

    def __init__(self, optimizer: torch.optim.Optimizer, *, every: int) -> None:
        self._shares: list[float] = []
        self._growth = 1.0
        self._unread: list[Tensor] = []
        self._first_length = 0.0
        self._every, self._count = every, 0
        self._weights = [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]
        self._before: list[Tensor] = []
        self._handles = [
            optimizer.register_step_pre_hook(lambda *_: self._copy()),
            optimizer.register_step_post_hook(lambda *_: self._compare()),
        ]

    @torch.no_grad()
    def _copy(self) -> None:
        self._count += 1
        if self._count % self._every == 1 % self._every:
            self._before = [weight.detach().clone() for weight in self._weights]

    @torch.no_grad()
    def _compare(self) -> None:
        if not self._before:
            return
        changes = [weight - before for weight, before in zip(self._weights, self._before, strict=True)]
        lengths = [nn.utils.get_total_norm(each) for each in (self._before, self._weights, changes)]
        self._before = []
        self._unread.append(torch.stack(lengths))

    def unread(self) -> Tensor | None:
        """What has not been read yet, on the device: three numbers an update; None if all has been."""
        return torch.cat(self._unread) if self._unread else None

    def take(self, values: Sequence[float]) -> None:
        """Take what `unread` gave, on the CPU."""
        self._unread.clear()
        for before, after, change in zip(*(values[place::3] for place in range(3)), strict=True):
            self._first_length = self._first_length or max(before, 1e-12)
            self._shares.append(change / max(before, 1e-12))
            self._growth = after / self._first_length

    @property
    def shares(self) -> list[float]:
        """Length of each change over length of the weights before it."""
        self._read()
        return self._shares

    @property
    def growth(self) -> float:
        """Length of the weights after the latest of the updates over that before the first."""
        self._read()
        return self._growth

    def _read(self) -> None:
        if (unread := self.unread()) is not None:
            self.take(unread.cpu().tolist())

    def close(self) -> None:
        """Remove the hooks."""
        _remove(self._handles)


def _remove(handles: Sequence[RemovableHandle]) -> None:
    for handle in handles:
        handle.remove()
