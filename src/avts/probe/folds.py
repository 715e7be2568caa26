"""Training and test recordings: official folds, an official split, or random folds.

scikit-learn draws random folds; recordings of one group stay together. No features are used here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from avts.errors import CorpusError
from avts.features.recordings import Recording

Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Fold:
    """One train and test of a cross-validation: indices of recordings."""

    train: Indices
    test: Indices


@dataclass(frozen=True)
class Folds:
    """A cross-validation, and where its folds come from, in words."""

    folds: tuple[Fold, ...]
    origin: str


def folds_of(recordings: Sequence[Recording], *, drawn: int, seed: int, by_group: bool = False) -> Folds:
    """The folds that the recordings come with: official ones, or train against test; else some are drawn.

    Args:
        recordings: labelled.
        drawn: number of folds if none are given.
        seed: for drawing them.
        by_group: draw them in any case, so that no group (an author, a source) is in two folds.

    Raises:
        CorpusError: fewer than two classes, or a class with fewer groups than folds.
    """
    labels = np.array([each.label for each in recordings])
    if len(set(labels)) < 2:
        raise CorpusError(f"{len(set(labels))} class in {len(recordings)} recordings; a probe needs at least 2 classes")
    groups = groups_of(recordings)
    if by_group:
        origin = f"{drawn} stratified folds by group, seed {seed}"
        return Folds(drawn_folds(labels, groups, drawn, seed), origin)
    numbers = sorted({each.fold for each in recordings if each.fold is not None})
    if len(numbers) > 1:
        given = np.array([-1 if each.fold is None else each.fold for each in recordings])
        parts = (Fold(np.flatnonzero(given != number), np.flatnonzero(given == number)) for number in numbers)
        return Folds(tuple(parts), f"{len(numbers)} official folds")
    splits = np.array([each.split or "" for each in recordings])
    if {"train", "test"} <= set(splits):
        fold = Fold(np.flatnonzero(splits == "train"), np.flatnonzero(splits == "test"))
        return Folds((fold,), "the training and the test recordings that the collection names")
    return Folds(drawn_folds(labels, groups, drawn, seed), f"{drawn} stratified folds, seed {seed}")


def drawn_folds(labels: NDArray[np.str_], groups: NDArray[np.str_], number: int, seed: int) -> tuple[Fold, ...]:
    """Stratified folds that keep groups together.

    Raises:
        CorpusError: a class has fewer groups than there are folds.
    """
    for label in np.unique(labels):
        has = len(np.unique(groups[labels == label]))
        if has < number:
            raise CorpusError(f"class '{label}' has {has} recordings, too few for {number} folds. Give --folds {has}")
    splitter = StratifiedGroupKFold(number, shuffle=True, random_state=seed)
    return tuple(Fold(train, test) for train, test in splitter.split(labels, labels, groups))


def groups_of(recordings: Sequence[Recording]) -> NDArray[np.str_]:
    """The group of each recording; one without a group is its own."""
    return np.array([f"g {each.group}" if each.group else f"r {each.source}" for each in recordings])


def some_per_class(labels: NDArray[np.str_], among: Indices, number: int | None, seed: int) -> Indices:
    """As many recordings of each class as asked, drawn by a seed; a smaller number gives some of a larger one's.

    Args:
        labels: of all recordings.
        among: indices of those to draw from.
        number: for each class; None takes all.
        seed: of the draw.
    """
    if number is None:
        return among
    shuffled = np.random.default_rng(seed).permutation(among)
    kept = [shuffled[labels[shuffled] == label][:number] for label in np.unique(labels[among])]
    return np.sort(np.concatenate(kept))
