"""The probe against scikit-learn called by hand, and that test folds stay out of every fit."""

import threading
import time
from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from avts.errors import CorpusError
from avts.features.recordings import Recording
from avts.probe.classifiers import STRENGTHS, Choice, choose, recording_scores
from avts.probe.cross_validation import interval_of, linear_probe, probe
from avts.probe.folds import Fold, Folds, folds_of
from avts.probe.sound_features import Windows

CLASSES, EACH, WINDOWS, SIZE = 3, 10, 4, 6


def material(seed: int = 0, spread: float = 1.5) -> tuple[list[Recording], Windows]:
    """Recordings in five folds, whose windows scatter around the middle of their class."""
    random = np.random.default_rng(seed)
    middles = random.normal(0, 1, (CLASSES, SIZE)) * 3
    recordings, features = [], []
    for index in range(CLASSES * EACH):
        label = index % CLASSES
        recordings.append(Recording(f"{index}.wav", "", label=f"class {label}", fold=1 + index // CLASSES % 5))
        features.append(middles[label] + random.normal(0, spread, (WINDOWS, SIZE)) * 3)
    owner = np.repeat(np.arange(len(recordings)), WINDOWS)
    return recordings, Windows({"all": np.concatenate(features).astype(np.float32)}, owner)


def labels(recordings: list[Recording]) -> np.ndarray:
    return np.array([each.label for each in recordings])


def test_scores_are_those_of_a_support_vector_machine_fitted_by_hand() -> None:
    recordings, windows = material()
    names, train, test = labels(recordings), np.arange(20), np.arange(20, 30)
    scores, classes = recording_scores("svm", Choice("all", 0.01), windows, names, train=train, test=test, seed=0)
    x = windows.features["all"]
    mean, deviation = x[:80].mean(0), x[:80].std(0)
    machine = LinearSVC(C=0.01, dual="auto", random_state=0).fit((x[:80] - mean) / deviation, np.repeat(names[:20], 4))
    by_hand = machine.decision_function((x[80:] - mean) / deviation).reshape(10, 4, 3).mean(1)
    assert np.abs(scores - by_hand).max() < 1e-3
    assert list(classes) == ["class 0", "class 1", "class 2"]


@pytest.mark.parametrize("name", ["svm", "logistic", "knn"])
def test_nothing_of_a_test_fold_moves_the_choice_or_the_z_score(name: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    recordings, windows = material()
    fitted: list[np.ndarray] = []
    fit = StandardScaler.fit

    def watched(self: StandardScaler, x: np.ndarray, *arguments: Any, **named: Any) -> StandardScaler:
        fitted.append(x.copy())
        result: StandardScaler = fit(self, x, *arguments, **named)
        return result

    monkeypatch.setattr(StandardScaler, "fit", watched)
    fold = folds_of(recordings, drawn=5, seed=0).folds[0]
    names, groups = labels(recordings), np.array([each.source for each in recordings])
    chosen = choose(name, windows, names, groups, train=fold.train, seed=0)
    spoilt = windows.features["all"].copy()
    spoilt[windows.of(fold.test)] = 1e6  # would ruin any mean, and any accuracy
    spoilt_names = names.copy()
    spoilt_names[fold.test] = "another class"
    other = choose(name, Windows({"all": spoilt}, windows.owner), spoilt_names, groups, train=fold.train, seed=0)
    assert chosen == other
    recording_scores(
        name, chosen, Windows({"all": spoilt}, windows.owner), names, train=fold.train, test=fold.test, seed=0
    )
    assert len(fitted) > 1
    assert max(np.abs(x).max() for x in fitted) < 1e5


def test_recordings_of_a_group_stay_together_where_strength_is_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    recordings, windows = material()
    groups = np.array([str(index // 6) for index in range(30)])
    sides: list[tuple[set[str], set[str]]] = []

    def watched(*arguments: Any, train: np.ndarray, test: np.ndarray, **named: Any) -> Any:
        sides.append((set(groups[train]), set(groups[test])))
        return recording_scores(*arguments, train=train, test=test, **named)

    monkeypatch.setattr("avts.probe.classifiers.recording_scores", watched)
    choose("svm", windows, labels(recordings), groups, train=np.arange(24), seed=0)
    assert len(sides) == 4 * len(STRENGTHS["svm"])
    assert all(not train & test for train, test in sides)


def test_of_several_poolings_the_one_that_tells_classes_is_chosen() -> None:
    recordings, windows = material(spread=0.3)
    noise = np.random.default_rng(1).normal(0, 1, windows.features["all"].shape).astype(np.float32)
    both = Windows({"noise": noise, "good": windows.features["all"]}, windows.owner)
    groups = np.array([each.source for each in recordings])
    assert choose("svm", both, labels(recordings), groups, train=np.arange(24), seed=0).pooling == "good"


def test_accuracy_is_the_mean_of_the_folds_and_the_confusion_counts_every_recording() -> None:
    recordings, windows = material(spread=0.2)
    result = probe(recordings, folds_of(recordings, drawn=5, seed=0), linear_probe(recordings, windows, "svm", 0))
    assert (result.accuracy, result.interval, result.num_recordings) == (1.0, (1.0, 1.0), 30)
    assert np.array_equal(result.confusion, np.diag([10, 10, 10]))


def test_with_one_label_a_class_nothing_is_chosen_and_one_recording_of_each_is_fitted() -> None:
    recordings, windows = material(spread=0.2)
    seen: list[int] = []
    score = linear_probe(recordings, windows, "svm", 0)

    def watched(train: np.ndarray, test: np.ndarray) -> Any:
        seen.append(len(train))
        return score(train, test)

    result = probe(recordings, folds_of(recordings, drawn=5, seed=0), watched, labels_per_class=1)
    assert seen == [CLASSES] * 5
    assert result.chosen == ("C 0.001, pooling all",) * 5


def test_folds_in_work_at_once_are_told_in_their_order() -> None:
    recordings, _ = material()
    begun = threading.Barrier(2, timeout=20)

    def score(train: np.ndarray, test: np.ndarray) -> Any:
        begun.wait()  # passes only with another fold
        time.sleep(0.05 if 0 in test else 0)
        return np.eye(1, 3).repeat(len(test), 0), np.unique(labels(recordings)), f"tests {test[0]}"

    folds = folds_of(recordings, drawn=5, seed=0)
    result = probe(recordings, Folds(folds.folds[:4], ""), score, at_a_time=2)
    assert result.chosen == ("tests 0", "tests 3", "tests 6", "tests 9")


def test_interval_of_folds_is_students_and_of_one_fold_wilsons() -> None:
    # five folds, mean 0.8, deviation 0.07906, standard error 0.035355; t of 4 degrees at 97.5 % is 2.7764
    low, high = interval_of([0.7, 0.75, 0.8, 0.85, 0.9], 100)
    assert (low, high) == pytest.approx((0.8 - 2.7764 * 0.035355, 0.8 + 2.7764 * 0.035355), abs=1e-4)
    # 8 of 10: Wilson's 95 % interval is 0.4902 to 0.9433
    assert interval_of([0.8], 10) == pytest.approx((0.4902, 0.9433), abs=1e-4)


def test_a_class_that_is_only_tested_is_said() -> None:
    recordings, windows = material()
    folds = Folds((Fold(np.array([0, 1, 3, 4]), np.array([2, 5])),), "by hand")
    with pytest.raises(CorpusError, match="class 'class 2' is in the test fold, but not in the training folds"):
        probe(recordings, folds, linear_probe(recordings, windows, "svm", 0))
    unnamed = [Recording("a.wav", ""), *recordings]
    with pytest.raises(CorpusError, match=r"a.wav: no label"):
        linear_probe(unnamed, windows, "svm", 0)
