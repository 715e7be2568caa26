"""Neighbours of the same class, by hand."""

import numpy as np
import pytest

from avts.inspection.embedding_map import NOTHING, Labelled, agreement


def labelled(*windows: tuple[float, str, str]) -> Labelled:
    places, labels, clips = zip(*windows, strict=True)
    return Labelled(np.array(places, np.float32)[:, None], labels, clips)


LINE = labelled((0.0, "a", "1"), (1.0, "a", "2"), (2.1, "b", "3"), (3.2, "b", "4"), (4.3, "a", "5"))


def test_the_share_and_chance_of_a_line_by_hand() -> None:
    # nearest other: 0 -> 1 (a a), 1 -> 0 (a a), 2.1 -> 1 or 3.2: 3.2 is 1.1 off, as is 1: the first of them (b a)
    line = labelled((0.0, "a", "1"), (1.0, "a", "2"), (2.5, "b", "3"), (3.2, "b", "4"), (3.5, "a", "5"))
    found = agreement(line, line, nearest=1)
    # 2.5 -> 3.2 (b b); 3.2 -> 3.5 (b a); 3.5 -> 3.2 (a b)
    assert found.share == pytest.approx(3 / 5)
    assert found.chance == pytest.approx((3 * 2 / 4 + 2 * 1 / 4) / 5)
    assert found.most == 1
    assert (found.num_windows, found.num_classes) == (5, 2)


def test_a_windows_own_clip_is_not_searched() -> None:
    twins = labelled((0.0, "a", "1"), (0.0, "a", "1"), (0.1, "b", "2"), (5.0, "a", "3"), (5.1, "b", "4"))
    found = agreement(twins, twins, nearest=1)
    assert found.share == 0


def test_a_class_of_one_clip_cannot_be_asked_for() -> None:
    windows = labelled((0.0, "a", "1"), (0.0, "a", "1"), (1.0, "b", "2"), (2.0, "b", "3"))
    found = agreement(windows, windows, nearest=1)
    assert (found.num_windows, found.num_classes) == (2, 1)


def test_small_classes_cannot_reach_all() -> None:
    found = agreement(LINE, LINE, nearest=4)
    # 'a' has 2 others of 4, 'b' 1
    assert found.most == pytest.approx((3 * 2 / 4 + 2 * 1 / 4) / 5)
    assert found.share == pytest.approx(found.chance)


def test_sounds_can_be_searched_by_pictures() -> None:
    sounds = labelled((10.0, "a", "1"), (1.0, "b", "2"), (0.5, "a", "5"))
    found = agreement(labelled((0.0, "a", "1"), (0.0, "a", "9")), sounds, nearest=1)
    assert found.share == 1
    assert found.chance == pytest.approx((1 / 2 + 2 / 3) / 2)


def test_with_classes_dealt_out_at_random_the_share_is_chance_and_rarely_over_the_shuffled_level() -> None:
    shares, chances, over = [], [], 0
    for seed in range(20):
        vectors = np.random.default_rng(seed).normal(size=(72, 8)).astype(np.float32)
        windows = Labelled(vectors, [f"{row // 2 % 6}" for row in range(72)], [f"clip {row // 2}" for row in range(72)])
        found = agreement(windows, windows)
        assert found.share is not None
        assert found.shuffled is not None
        shares.append(found.share)
        chances.append(found.chance)
        over += found.share > found.shuffled
    assert np.mean(shares) == pytest.approx(np.mean(chances), abs=0.015)
    assert over <= 4  # 1 of 20 on average


def test_classes_that_lie_in_heaps_are_over_the_shuffled_level() -> None:
    vectors = np.repeat(np.eye(4), 6, axis=0).astype(np.float32)
    heaps = Labelled(vectors, [f"{row // 6}" for row in range(24)], [f"clip {row}" for row in range(24)])
    found = agreement(heaps, heaps)
    assert found.share == 1
    assert found.shuffled is not None
    assert found.shuffled < 0.5


def test_without_labels_there_is_nothing() -> None:
    nobody = Labelled(np.zeros((0, 4), np.float32), [], [])
    assert agreement(nobody, LINE) == agreement(LINE, nobody) == NOTHING
    alone = labelled((0.0, "a", "1"), (0.0, "b", "2"))
    assert agreement(alone, alone).share is None
