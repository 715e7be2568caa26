import numpy as np
import pytest

from avts.finetune.testing import ClassScores, group_numbers, mean_over_windows, share_right, summary


def scores(rows: list[list[float]], targets: list[int]) -> ClassScores:
    return ClassScores(np.array(rows), np.array(targets), np.arange(len(targets)))


def test_scores_are_averaged_over_the_clips_of_a_video() -> None:
    clips = np.array([[1.0, 0.0], [0.2, 0.8], [0.4, 0.6], [0.0, 1.0], [0.5, 0.5]])
    means, videos = mean_over_windows(clips, np.array([7, 3, 7, 7, 3]))
    assert videos.tolist() == [3, 7]
    np.testing.assert_allclose(means, [[0.35, 0.65], [1.4 / 3, 1.6 / 3]])


def test_top_one_top_five_and_confusion_by_hand() -> None:
    rows = np.eye(7) * 0.1 + np.arange(7)[::-1] * 0.01  # class 0 first, unless its own tenth decides
    found = scores(rows.tolist(), [0, 1, 2, 3, 4, 5, 6])
    assert found.in_top(1).all()
    falling = scores([[0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1]] * 7, [0, 1, 2, 3, 4, 5, 6])
    assert falling.in_top(1).tolist() == [True] + [False] * 6
    assert falling.in_top(5).tolist() == [True] * 5 + [False] * 2
    three = scores([[0.9, 0.1, 0], [0.2, 0.8, 0], [0.1, 0.6, 0.3], [0, 0.1, 0.9]], [0, 0, 2, 2])
    assert three.confusion().tolist() == [[1, 1, 0], [0, 0, 0], [0, 1, 1]]


def test_summary_is_the_mean_over_tests_and_top5_needs_more_than_five_classes() -> None:
    first = scores([[0.9, 0.1], [0.9, 0.1]], [0, 1])  # half right
    second = scores([[0.9, 0.1], [0.1, 0.9], [0.2, 0.8], [0.1, 0.9]], [0, 1, 1, 1])  # all right
    found = summary([first, second], ["a", "b"])
    assert found["top1"]["value"] == pytest.approx(0.75)
    assert found["top5"] is None
    assert found["confusion"] == [[2, 0], [1, 3]]
    assert found["per_class"] == {"a": 1.0, "b": 0.75}
    assert (found["num_videos"], found["chance"]) == (6, pytest.approx(4 / 6))
    six = summary([scores(np.eye(6).tolist(), list(range(6)))], list("abcdef"))
    assert six["top5"] == {"value": 1.0, "low": 1.0, "high": 1.0}


def test_interval_of_a_coin_is_that_of_the_binomial() -> None:
    right = np.arange(400) % 2 == 0
    found = share_right([(right, np.arange(400))])
    half = 1.96 * np.sqrt(0.25 / 400)
    assert found["value"] == 0.5
    assert found["low"] == pytest.approx(0.5 - half, abs=0.008)
    assert found["high"] == pytest.approx(0.5 + half, abs=0.008)


def test_clips_of_one_source_count_as_one_in_the_interval() -> None:
    right = np.repeat([True, False, True, False], 100)
    alone, together = (share_right([(right, groups)]) for groups in (np.arange(400), np.repeat(np.arange(4), 100)))
    assert together["high"] - together["low"] > 5 * (alone["high"] - alone["low"])


def test_videos_without_a_group_are_groups_of_their_own() -> None:
    numbers = group_numbers(["x", None, "x", None, "alone 1"])
    assert numbers[0] == numbers[2]
    assert len(set(numbers.tolist())) == 4
