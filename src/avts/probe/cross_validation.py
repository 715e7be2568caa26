"""Cross-validated linear classification of sounds on a frozen stage of the audio tower.

Source: Korbar et al. 2018, section on audio: conv5, one-against-all linear SVM, windows of a recording averaged.
No step of the fit uses a test fold: neither the z-score, nor the choice of C or pooling, nor the draw of labels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from sklearn.metrics import accuracy_score, confusion_matrix

from avts.errors import CorpusError
from avts.features.recordings import Recording
from avts.probe.classifiers import INNER_FOLDS, ClassifierName, choose, recording_scores
from avts.probe.folds import Fold, Folds, Indices, groups_of, some_per_class
from avts.probe.sound_features import Windows

CONFIDENCE = 0.95

Scored = tuple[NDArray[np.float64], NDArray[np.str_], str]
"""Scores [test, classes], the classes, and what was chosen, in words."""

Score = Callable[[Indices, Indices], Scored]
"""From training and test recordings to scores."""

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class ProbeResult:
    """Accuracy of a probe over the folds.

    Attributes:
        labels_per_class: recordings of each class that it was fitted on; None for all.
        accuracies: of each fold, share of the test recordings.
        interval: 95 % interval of their mean: Student's t over folds, Wilson's over the recordings of a single fold.
        classes: their names.
        confusion: recordings by true class (row) and answer, over all folds.
        chosen: what was chosen inside each fold's training recordings.
        num_recordings: tested.
    """

    labels_per_class: int | None
    accuracies: tuple[float, ...]
    interval: tuple[float, float]
    classes: tuple[str, ...]
    confusion: NDArray[np.int64]
    chosen: tuple[str, ...]
    num_recordings: int

    @property
    def accuracy(self) -> float:
        """Mean over the folds."""
        return float(np.mean(self.accuracies))

    def values(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "labels_per_class": self.labels_per_class or "all",
            "accuracy": self.accuracy,
            "interval": list(self.interval),
            "accuracies": list(self.accuracies),
            "chosen": list(self.chosen),
            "num_recordings": self.num_recordings,
            "classes": list(self.classes),
            "confusion": self.confusion.tolist(),
        }


def linear_probe(
    recordings: Sequence[Recording],
    windows: Windows,
    name: ClassifierName,
    seed: int,
    *,
    strengths: Sequence[float] = (),
    inner_folds: int = INNER_FOLDS,
) -> Score:
    """A classifier on the features of windows, for `probe`.

    Args:
        recordings: labelled.
        windows: theirs.
        name: of the classifier.
        seed: of its solver and of the inner folds.
        strengths: to choose from; none takes the usual.
        inner_folds: of the training recordings, to choose by.
    """
    labels, groups = labels_of(recordings), groups_of(recordings)

    def score(train: Indices, test: Indices) -> Scored:
        choice = choose(
            name, windows, labels, groups, train=train, seed=seed, strengths=strengths, inner_folds=inner_folds
        )
        scores, classes = recording_scores(name, choice, windows, labels, train=train, test=test, seed=seed)
        what = "k" if name == "knn" else "C"
        return scores, classes, f"{what} {choice.strength:g}, pooling {choice.pooling}"

    return score


def probe(
    recordings: Sequence[Recording],
    folds: Folds,
    score: Score,
    *,
    labels_per_class: int | None = None,
    seed: int = 0,
    at_a_time: int = 1,
    on_progress: OnProgress | None = None,
) -> ProbeResult:
    """Cross-validate.

    Args:
        recordings: labelled.
        folds: which train and which test.
        score: fits and scores.
        labels_per_class: recordings of each class to fit on, drawn from the training fold; None for all.
        seed: of the draw.
        at_a_time: number of folds in parallel threads; `score` must be thread-safe.
        on_progress: called with (folds done, folds).

    Raises:
        CorpusError: a test recording is of a class that no training recording has.
    """
    labels = labels_of(recordings)
    names = np.unique(labels)
    accuracies, chosen = [], []
    confusion = np.zeros((len(names), len(names)), np.int64)
    for fold in folds.folds:
        _check(labels, fold)
    trains = [some_per_class(labels, fold.train, labels_per_class, seed) for fold in folds.folds]
    scored = _each(score, trains, [fold.test for fold in folds.folds], at_a_time)
    for done, (fold, (scores, classes, choice)) in enumerate(zip(folds.folds, scored, strict=True)):
        answers = classes[scores.argmax(axis=1)]
        accuracies.append(float(accuracy_score(labels[fold.test], answers)))
        confusion += confusion_matrix(labels[fold.test], answers, labels=names)
        chosen.append(choice)
        if on_progress is not None:
            on_progress(done + 1, len(folds.folds))
    tested = int(confusion.sum())
    interval = interval_of(accuracies, tested)
    return ProbeResult(labels_per_class, tuple(accuracies), interval, tuple(names), confusion, tuple(chosen), tested)


def _each(score: Score, trains: Sequence[Indices], tests: Sequence[Indices], at_a_time: int) -> Iterator[Scored]:
    if at_a_time == 1:
        yield from map(score, trains, tests)
        return
    with ThreadPoolExecutor(at_a_time) as pool:
        yield from pool.map(score, trains, tests)


def labels_of(recordings: Sequence[Recording]) -> NDArray[np.str_]:
    """The label of each recording.

    Raises:
        CorpusError: one has none.
    """
    missing = next((each.source for each in recordings if each.label is None), None)
    if missing is not None:
        raise CorpusError(f"{missing}: no label. Put the files of each class into a folder with its name.")
    return np.array([str(each.label) for each in recordings])


def interval_of(accuracies: Sequence[float], tested: int) -> tuple[float, float]:
    """95 % interval of the mean of some accuracies, or of one over a number of recordings."""
    if len(accuracies) == 1:
        right = round(accuracies[0] * tested)
        wilson = stats.binomtest(right, tested).proportion_ci(CONFIDENCE, method="wilson")
        return float(wilson.low), float(wilson.high)
    mean, reach = float(np.mean(accuracies)), reach_of(accuracies)
    return max(0.0, mean - reach), min(1.0, mean + reach)


def reach_of(values: Sequence[float]) -> float:
    """How far the 95 % interval of the mean of 2 or more values goes to either side, by Student's t."""
    return float(stats.t.ppf((1 + CONFIDENCE) / 2, len(values) - 1) * stats.sem(values))


def _check(labels: NDArray[np.str_], fold: Fold) -> None:
    unknown = sorted(set(labels[fold.test]) - set(labels[fold.train]))
    if unknown:
        raise CorpusError(f"class '{unknown[0]}' is in the test fold, but not in the training folds. Check the folds.")
