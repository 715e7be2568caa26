"""Linear and nearest-neighbour classifiers of windows, their strength chosen inside the training recordings.

Every fit, the z-score's too, is scikit-learn's and sees windows of training recordings only; a recording's score is the
mean over its windows.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from avts.probe.folds import Indices, drawn_folds
from avts.probe.sound_features import Windows

ClassifierName = Literal["svm", "logistic", "knn"]

STRENGTHS: dict[ClassifierName, tuple[float, ...]] = {
    "svm": (1e-5, 1e-4, 1e-3, 1e-2, 1e-1),
    "logistic": (1e-4, 1e-3, 1e-2, 1e-1, 1.0),
    "knn": (1, 3, 5, 9, 15),
}
"""Values to choose from: C, or the number of neighbours."""

UNCHOSEN: dict[ClassifierName, float] = {"svm": 1e-3, "logistic": 1e-2, "knn": 1}
"""What is taken where a class has a single recording, so that nothing can be chosen."""

INNER_FOLDS = 4
MAX_ITERATIONS = 2000


@dataclass(frozen=True)
class Choice:
    """What was chosen inside the training recordings: a pooling, and C or the number of neighbours."""

    pooling: str
    strength: float


def make_classifier(name: ClassifierName, strength: float, seed: int) -> Pipeline:
    """Z-score, then a classifier; an SVM is one against all, and so is the decision that its scores stand for."""
    if name == "svm":
        last: Any = LinearSVC(C=strength, dual="auto", random_state=seed, max_iter=MAX_ITERATIONS)
    elif name == "logistic":
        last = LogisticRegression(C=strength, max_iter=MAX_ITERATIONS)
    else:
        last = KNeighborsClassifier(n_neighbors=int(strength), weights="distance")
    return make_pipeline(StandardScaler(), last)


def recording_scores(
    name: ClassifierName,
    choice: Choice,
    windows: Windows,
    labels: NDArray[np.str_],
    *,
    train: Indices,
    test: Indices,
    seed: int,
) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Fit on the windows of some recordings, score others.

    Args:
        name: of the classifier.
        choice: pooling and strength.
        windows: of all recordings.
        labels: of all recordings, [R].
        train: recordings to fit on.
        test: recordings to score.
        seed: of the solver.

    Returns:
        Scores [len(test), classes], means over windows; the classes, [classes].
    """
    features, learnt = windows.features[choice.pooling], windows.of(train)
    strength = min(choice.strength, int(learnt.sum())) if name == "knn" else choice.strength
    classifier = make_classifier(name, strength, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # such a strength loses the choice, or is as good as any
        classifier.fit(features[learnt], labels[windows.owner[learnt]])
    asked = windows.of(test)
    if hasattr(classifier, "decision_function"):
        scores = np.asarray(classifier.decision_function(features[asked]))
        scores = np.column_stack([-scores, scores]) if scores.ndim == 1 else scores
    else:
        scores = np.asarray(classifier.predict_proba(features[asked]))
    owner = windows.owner[asked]
    means = np.stack([scores[owner == recording].mean(axis=0) for recording in test])
    return means, np.asarray(classifier.classes_)


def choose(
    name: ClassifierName,
    windows: Windows,
    labels: NDArray[np.str_],
    groups: NDArray[np.str_],
    *,
    train: Indices,
    seed: int,
    strengths: Sequence[float] = (),
    inner_folds: int = INNER_FOLDS,
) -> Choice:
    """The pooling and the strength that do best in a cross-validation among the training recordings.

    Args:
        name: of the classifier.
        windows: of all recordings; only those of `train` are looked at.
        labels: of all recordings.
        groups: of all recordings; those of one group stay together.
        train: the training recordings.
        seed: for drawing the inner folds.
        strengths: to choose from; none takes the usual.
        inner_folds: of the training recordings, to choose by.
    """
    poolings, values = list(windows.features), list(strengths or STRENGTHS[name])
    fewest = min(len(np.unique(groups[train][labels[train] == label])) for label in np.unique(labels[train]))
    if fewest < 2 or len(poolings) * len(values) == 1:
        return Choice(poolings[0], values[0] if len(values) == 1 else UNCHOSEN[name])
    inner = drawn_folds(labels[train], groups[train], min(inner_folds, fewest), seed)
    best, best_accuracy = Choice(poolings[0], values[0]), -1.0
    for pooling in poolings:
        for strength in values:
            choice, right = Choice(pooling, strength), []
            for fold in inner:
                sides = {"train": train[fold.train], "test": train[fold.test]}
                scores, classes = recording_scores(name, choice, windows, labels, **sides, seed=seed)
                right.append(accuracy_score(labels[sides["test"]], classes[scores.argmax(axis=1)]))
            if float(np.mean(right)) > best_accuracy:
                best, best_accuracy = choice, float(np.mean(right))
    return best
