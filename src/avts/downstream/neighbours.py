"""Whether windows of one class lie together: the classes of a window's nearest neighbours in other clips. Pure.

Measured among the embeddings themselves, not in a map of them. Windows of one clip are alike whatever is learned, so a
window's own clip is not searched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEAREST = 5
SHUFFLES = 400


@dataclass(frozen=True)
class Labelled:
    """Windows of one tower whose class is known: vectors [W, D], and the class and the clip of each."""

    vectors: NDArray[np.float32]
    labels: Sequence[str]
    clips: Sequence[str]


@dataclass(frozen=True)
class Agreement:
    """How often neighbours are of a window's own class.

    Attributes:
        share: of the nearest windows of other clips that are of the window's class, mean over windows; None if no class
            has two clips.
        chance: the share among all windows of other clips.
        shuffled: what 95 in 100 shares stay under if the classes are dealt out to the clips at random. An interval by
            resampling clips would be too narrow: windows are each other's neighbours, so clips do not count singly.
        most: what can be reached: a class may have fewer windows in other clips than neighbours are asked for.
        num_windows: that asked.
        num_classes: theirs.
    """

    share: float | None
    chance: float | None
    shuffled: float | None
    most: float | None
    num_windows: int
    num_classes: int


NOTHING = Agreement(None, None, None, None, 0, 0)


def agreement(asking: Labelled, searched: Labelled, *, nearest: int = NEAREST, seed: int = 0) -> Agreement:
    """Share of the nearest searched windows, of other clips, that are of the asking window's class.

    Args:
        asking: windows that look for neighbours; those whose class is in no other clip are left out.
        searched: windows among which they look; may be the same, or those of the other tower.
        nearest: neighbours that count.
        seed: of the shuffling.
    """
    if not len(asking.labels) or not len(searched.labels):
        return NOTHING
    clips, clip_of = np.unique(np.array([*asking.clips, *searched.clips], dtype=str), return_inverse=True)
    names, class_of = np.unique(np.array([*asking.labels, *searched.labels], dtype=str), return_inverse=True)
    asking_clips, searched_clips = np.split(clip_of, [len(asking.clips)])
    others = asking_clips[:, None] != searched_clips  # [Q, N]
    found = _nearest(asking.vectors, searched.vectors, others, nearest)
    counted = np.take_along_axis(others, found, axis=1)  # fewer windows in other clips than are asked for
    classes = np.zeros(len(clips), dtype=np.int64)
    classes[clip_of] = class_of

    def hits(dealt: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        mine, theirs = dealt[asking_clips], dealt[searched_clips]
        same = (mine[:, None] == theirs[found]) & counted
        possible = _clips_of_class(dealt, searched_clips, len(names))[mine] > np.isin(asking_clips, searched_clips)
        return same.sum(1) / np.maximum(counted.sum(1), 1), possible

    shares, possible = hits(classes)
    if not possible.any():
        return NOTHING
    alike = ((classes[asking_clips][:, None] == classes[searched_clips]) & others).sum(1)[possible]
    numbers = counted.sum(1)[possible]
    rng = np.random.default_rng(seed)
    dealt = [hits(rng.permutation(classes)) for _ in range(SHUFFLES)]
    at_random = [float(values[able].mean()) for values, able in dealt if able.any()]
    return Agreement(
        share=float(shares[possible].mean()),
        chance=float((alike / others.sum(1)[possible]).mean()),
        shuffled=float(np.percentile(at_random, 95)),
        most=float((np.minimum(alike, numbers) / numbers).mean()),
        num_windows=int(possible.sum()),
        num_classes=len(np.unique(classes[asking_clips][possible])),
    )


def _nearest(
    asking: NDArray[np.float32], searched: NDArray[np.float32], others: NDArray[np.bool_], count: int
) -> NDArray[np.int64]:
    """Places of the nearest searched vectors of other clips for each asking one, [Q, count]."""
    rows = [
        np.argsort(np.where(mask, np.square(searched - vector).sum(1), np.inf), kind="stable")[:count]
        for vector, mask in zip(asking, others, strict=True)
    ]
    return np.array(rows, dtype=np.int64)


def _clips_of_class(classes: NDArray[np.int64], clips: NDArray[np.int64], num_classes: int) -> NDArray[np.int64]:
    """How many of some clips are of each class."""
    return np.bincount(classes[np.unique(clips)], minlength=num_classes)
