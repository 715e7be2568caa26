"""How much class explains, by hand and with labels that mean nothing."""

import numpy as np
import pytest

from avts.inspection.selectivity import class_means, explained_by_class, most_selective, shuffled_level, sparseness

RNG = np.random.default_rng(0)


def test_a_channel_that_answers_by_class_alone_is_explained_whole() -> None:
    responses = np.array([[1.0, 2.0], [1.0, 5.0], [4.0, 2.0], [4.0, 5.0]])
    explained = explained_by_class(responses, ["a", "a", "b", "b"])
    assert explained[0] == 1
    # all within: 1 - 1 * (4 - 1) / (4 - 2)
    assert explained[1] == -0.5


def test_what_class_explains_by_hand() -> None:
    # means 1 and 4, all 2.5; within: 4 * 1 = 4; between: 4 * 2.25 = 9; 1 - 4 / 13 * 3 / 2
    responses = np.array([[0.0], [2.0], [3.0], [5.0]])
    assert explained_by_class(responses, ["a", "a", "b", "b"])[0] == pytest.approx(1 - 4 / 13 * 3 / 2)


def test_labels_without_meaning_explain_nothing_on_average() -> None:
    responses = RNG.random((60, 2000))
    labels = [f"class {row % 20}" for row in range(60)]
    explained = explained_by_class(responses, labels)
    assert abs(explained.mean()) < 0.01
    assert (explained > shuffled_level(responses, labels, seed=0)).mean() == pytest.approx(0.05, abs=0.02)


def test_one_class_or_a_mute_channel_explains_nothing() -> None:
    assert explained_by_class(RNG.random((4, 3)), ["a"] * 4).tolist() == [0, 0, 0]
    assert explained_by_class(RNG.random((2, 1)), ["a", "b"]).tolist() == [0]
    assert explained_by_class(np.zeros((4, 1)), ["a", "a", "b", "b"])[0] <= 0


def test_means_are_of_each_class_by_name() -> None:
    classes, means = class_means(np.array([[1.0], [5.0], [3.0]]), ["b", "a", "b"])
    assert classes == ["a", "b"]
    assert means.tolist() == [[5], [2]]


def test_sparseness_is_0_for_all_alike_and_1_for_one_alone() -> None:
    responses = np.array([[1.0, 3.0, 0.0], [1.0, 0.0, 0.0], [1.0, 0.0, 0.0]])
    assert sparseness(responses) == pytest.approx([0, 1, 0])
    assert sparseness(responses[:1]).tolist() == [0, 0, 0]


def test_the_best_of_each_class_is_shown_before_the_second_best() -> None:
    means = np.array([[2.0, 2.0, 0.0, 0.0], [0.0, 0.0, 2.0, 2.0]])
    assert most_selective(np.array([0.9, 0.8, 0.3, 0.2]), means, 3) == [0, 2, 1]
    assert most_selective(np.array([0.9, 0.8, 0.3, 0.2]), means, 3, least=0.3) == [0, 1, 2]
    assert most_selective(np.array([0.1, 0.8, 0.3, 0.2]), np.zeros((0, 4)), 2) == [1, 2]
