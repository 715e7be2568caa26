"""Paired comparison of probes on the same folds: the difficulty of a fold affects both.

Input: outputs of `avts probe sounds --json`, one file per method. Output: differences with their intervals.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avts.errors import UsageError
from avts.probe.cross_validation import interval_of, reach_of

SAME = ("folds", "num_recordings", "classes")
"""Keys that must be equal for a paired comparison."""


@dataclass(frozen=True)
class Measured:
    """Accuracies of a method.

    Attributes:
        name: of the method.
        common: what other methods must share with it.
        accuracies: by the number of labels a class, [seeds, folds].
        num_recordings: tested.
    """

    name: str
    common: dict[str, Any]
    accuracies: dict[str, NDArray[np.float64]]
    num_recordings: int

    def by_fold(self, labels: str) -> NDArray[np.float64]:
        """Mean over the seeds, of each fold."""
        return np.asarray(self.accuracies[labels].mean(axis=0))

    def interval(self, labels: str) -> tuple[float, float]:
        """95 % interval of the mean over folds."""
        return interval_of(self.by_fold(labels).tolist(), self.num_recordings)

    def range_of_seeds(self, labels: str) -> tuple[float, float]:
        """The lowest and the highest mean over folds of a seed."""
        means = self.accuracies[labels].mean(axis=1)
        return float(means.min()), float(means.max())


@dataclass(frozen=True)
class Difference:
    """Difference of the accuracies of two methods: mean over folds, 95 % interval (Student's t), and each fold."""

    mean: float
    low: float
    high: float
    by_fold: tuple[float, ...]


def read_measured(path: Path) -> Measured:
    """What `avts probe sounds --json` printed into a file: a line for each number of labels and seed.

    Raises:
        UsageError: no such file, another content, or lines of different folds.
    """
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        common = [{key: line[key] for key in SAME} for line in lines]
        found: dict[str, dict[int, list[float]]] = {}
        for line in lines:
            found.setdefault(str(line["labels_per_class"]), {})[line["seed"]] = line["accuracies"]
        accuracies = {labels: np.array(list(seeds.values()), dtype=np.float64) for labels, seeds in found.items()}
        different = next((each for each in common if each != common[0]), None)
        if different is None:
            return Measured(path.stem, common[0], accuracies, int(common[0]["num_recordings"]))
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror}. Give an output of avts probe sounds --json") from None
    except (ValueError, KeyError, IndexError, TypeError):
        raise UsageError(f"{path}: not an output of avts probe sounds --json. Give its lines unchanged") from None
    raise UsageError(
        f"{path}: {_mismatch(common[0], different)}. Give one file per method, with one collection and one set of folds"
    )


def difference(first: Measured, other: Measured, labels: str) -> Difference:
    """The first's accuracy less the other's, fold by fold.

    Raises:
        UsageError: they were not measured on the same folds, or there is a single fold.
    """
    if first.common != other.common:
        mismatch = _mismatch(first.common, other.common)
        raise UsageError(
            f"{first.name} against {other.name}: {mismatch}. Only results on the same folds can be compared"
        )
    apart = first.by_fold(labels) - other.by_fold(labels)
    if len(apart) < 2:
        raise UsageError(f"{first.name} against {other.name}: {len(apart)} fold; a paired comparison needs at least 2")
    mean, reach = float(apart.mean()), reach_of(apart.tolist())
    return Difference(mean, mean - reach, mean + reach, tuple(apart.tolist()))


def shared_labels(methods: Sequence[Measured]) -> list[str]:
    """The numbers of labels a class that any of the methods has, rising, 'all' last."""
    known = {labels for each in methods for labels in each.accuracies}
    return sorted(known, key=lambda labels: float("inf") if labels == "all" else int(labels))


def _mismatch(one: dict[str, Any], another: dict[str, Any]) -> str:
    key = next(key for key in SAME if one[key] != another[key])
    if key == "classes":
        return f"{len(one[key])} and {len(another[key])} classes, or different ones"
    return f"{key} '{one[key]}' and '{another[key]}'"
