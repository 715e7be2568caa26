"""How much of the responses of a channel is explained by class. Pure: responses to clips, and the clips' labels.

A response is the largest answer of a channel anywhere in a clip.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Responses = NDArray[np.float64]
"""Of clips and channels, [R, C]."""

SHUFFLES = 100


def class_means(responses: Responses, labels: Sequence[str]) -> tuple[list[str], NDArray[np.float64]]:
    """The classes by name, and the mean response of each channel to the clips of each, [K, C]."""
    classes, members = _members(labels)
    return classes, members @ responses / members.sum(1, keepdims=True)


def explained_by_class(responses: Responses, labels: Sequence[str]) -> NDArray[np.float64]:
    """Share of the differences between clips that their class explains, for each channel, [C].

    Adjusted for the number of classes, so that labels without any meaning give 0 on average, and single channels less.
    All 0 if there is one class only, or no class has two clips. Source: epsilon squared, Kelley (1935).
    """
    _, members = _members(labels)
    return _explained(responses, members)


def shuffled_level(responses: Responses, labels: Sequence[str], *, seed: int) -> float:
    """What one channel in twenty explains if the clips' labels are shuffled: below it, a channel says nothing."""
    _, members = _members(labels)
    rng = np.random.default_rng(seed)
    shuffled = [_explained(responses, members[:, rng.permutation(len(labels))]) for _ in range(SHUFFLES)]
    return float(np.percentile(np.concatenate(shuffled), 95))


def sparseness(responses: Responses) -> NDArray[np.float64]:
    """How few of the clips a channel answers to, [C]: 0 if to all alike or to none, near 1 if to one alone.

    Source: Vinje & Gallant, Science 287 (2000), 1273, after Rolls & Tovee (1995).
    """
    count, squares = len(responses), np.square(responses).mean(0)
    if count < 2:
        return np.zeros(responses.shape[1])
    even = np.divide(np.square(responses.mean(0)), squares, out=np.ones_like(squares), where=squares > 0)
    return np.asarray((1 - even) / (1 - 1 / count))


def most_selective(
    order_by: NDArray[np.float64], means: NDArray[np.float64], count: int, *, least: float = 0.0
) -> list[int]:
    """Channels to show: the best of each class that any channel answers to most, then the second of each, and so on.

    Channels alike in what they answer to are many; the best alone would show one thing again and again.

    Args:
        order_by: how selective each channel is, [C].
        means: mean responses by class, [K, C]; K = 0 without labels.
        count: channels wanted.
        least: channels that are not more selective than this come after all others.
    """
    classes = means.argmax(0) if len(means) else np.zeros(len(order_by), dtype=np.int64)
    turns: dict[int, int] = {}
    ranked: list[tuple[bool, int, int, int]] = []
    for channel in np.argsort(-order_by, kind="stable").tolist():
        favourite = int(classes[channel])
        turns[favourite] = turns.get(favourite, -1) + 1
        ranked.append((bool(order_by[channel] <= least), turns[favourite], len(ranked), channel))
    return [channel for *_, channel in sorted(ranked)[:count]]


def _members(labels: Sequence[str]) -> tuple[list[str], NDArray[np.float64]]:
    """The classes, and 1 where a clip is of a class, [K, R]."""
    classes, index = np.unique(np.array(labels, dtype=str), return_inverse=True)
    return [str(name) for name in classes], (np.arange(len(classes))[:, None] == index).astype(np.float64)


def _explained(responses: Responses, members: NDArray[np.float64]) -> NDArray[np.float64]:
    (num_classes, count), sizes = members.shape, members.sum(1)
    if num_classes < 2 or num_classes >= count:
        return np.zeros(responses.shape[1])
    centred = responses - responses.mean(0)
    total = np.square(centred).sum(0)
    between = (np.square(members @ centred) / sizes[:, None]).sum(0)
    within = np.divide(total - between, total, out=np.ones_like(total), where=total > 1e-12)
    return np.asarray(1 - within * (count - 1) / (count - num_classes))
