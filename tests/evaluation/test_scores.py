"""AUC, accuracy, threshold and intervals against counting pair by pair."""

import math
from itertools import product

import numpy as np
import pytest

from avts.evaluation.scores import (
    KINDS,
    PairDistances,
    accuracy,
    auc,
    fit_threshold,
    kind_counts,
    with_intervals,
    within_share,
)
from avts.pairs.negatives import EASY, HARD, POSITIVE, SUPER_HARD

MIXED = {EASY: 0.75, HARD: 0.25}


def made(positive: list[float], easy: list[float], hard: list[float] | None = None) -> PairDistances:
    groups = [positive, easy, hard or []]
    kinds = np.concatenate([np.full(len(group), kind) for kind, group in enumerate(groups)]).astype(np.int64)
    distances = np.concatenate([np.array(group, dtype=float) for group in groups])
    return PairDistances(distances, kinds, np.arange(len(distances)))


def random_pairs(seed: int, count: int = 40, decimals: int = 2) -> PairDistances:
    """Rounded, so that there are ties."""
    rng = np.random.default_rng(seed)
    groups = [rng.normal(mean, 0.15, count).round(decimals).tolist() for mean in (0.4, 0.6, 0.5)]
    return made(*groups)


def counted_auc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Every positive against every negative."""
    return float(np.mean([(p < n) + 0.5 * (p == n) for p, n in product(positive, negative)]))


def test_auc_by_hand() -> None:
    found = auc(made([0.1, 0.5], [0.3, 0.9]), {EASY: 1.0})
    assert found == (1 + 1 + 0 + 1) / 4
    assert auc(made([0.9], [0.1]), {EASY: 1.0}) == 0.0


def test_equal_distances_count_half() -> None:
    assert auc(made([0.5, 0.5], [0.5]), {EASY: 1.0}) == 0.5
    assert auc(made([0.1, 0.5], [0.5]), {EASY: 1.0}) == 0.75


@pytest.mark.parametrize("seed", range(5))
def test_auc_is_the_share_of_pairs_of_pairs_in_order(seed: int) -> None:
    pairs = random_pairs(seed)
    easy, hard = (counted_auc(pairs.of_kind(POSITIVE), pairs.of_kind(kind)) for kind in (EASY, HARD))
    assert auc(pairs, {EASY: 1.0}) == pytest.approx(easy)
    assert auc(pairs, MIXED) == pytest.approx(0.75 * easy + 0.25 * hard)


def test_a_weight_counts_a_pair_as_often() -> None:
    pairs = random_pairs(0, count=8)
    weights = np.random.default_rng(1).integers(0, 4, len(pairs.distances))
    repeated = PairDistances(*(np.repeat(column, weights) for column in (pairs.distances, pairs.kinds, pairs.clips)))
    assert auc(pairs, MIXED, weights.astype(float)) == pytest.approx(auc(repeated, MIXED))
    assert accuracy(pairs, 0.5, MIXED, weights.astype(float)) == pytest.approx(accuracy(repeated, 0.5, MIXED))


def test_accuracy_by_hand_weighs_both_sides_one_half() -> None:
    pairs = made([0.1, 0.2, 0.3, 0.8], [0.4, 0.6], [0.2, 0.9, 0.9, 0.5, 0.7])
    # threshold 0.5: 3 of 4 positives, 1 of 2 easy, and 4 of 5 hard are right (0.5 is not below 0.5)
    assert accuracy(pairs, 0.5, {EASY: 1.0}) == pytest.approx(0.5 * 3 / 4 + 0.5 * 1 / 2)
    assert accuracy(pairs, 0.5, MIXED) == pytest.approx(0.5 * 3 / 4 + 0.5 * (0.75 * 1 / 2 + 0.25 * 4 / 5))


@pytest.mark.parametrize("shares", [{EASY: 1.0}, MIXED, {HARD: 1.0}])
@pytest.mark.parametrize(("decimals", "count"), [(6, 30), (1, 30), (1, 3)])
@pytest.mark.parametrize("seed", range(5))
def test_no_threshold_is_better_than_the_one_fitted(
    seed: int, decimals: int, count: int, shares: dict[int, float]
) -> None:
    pairs = random_pairs(seed, count, decimals)
    candidates = np.concatenate([[-1, 2], pairs.distances, pairs.distances + 1e-9])
    best = max(accuracy(pairs, threshold, shares) for threshold in candidates)
    assert accuracy(pairs, fit_threshold(pairs, shares), shares) == pytest.approx(best)


def test_the_threshold_lies_midway_between_the_two_sides() -> None:
    assert fit_threshold(made([0.1, 0.2], [0.6, 0.7]), {EASY: 1.0}) == pytest.approx(0.4)


@pytest.mark.parametrize("pairs", [made([0.5], [0.5]), made([0.5, 0.6], [0.1, 0.2]), made([0.1, 0.2], [])])
def test_a_threshold_is_found_where_the_sides_cannot_be_told_apart(pairs: PairDistances) -> None:
    assert math.isfinite(fit_threshold(pairs, {EASY: 1.0}))


def chance(rng: np.random.Generator, videos: int = 40, rounds: int = 3, gain: float = 0.0) -> PairDistances:
    """Windows of a video are alike: each video has a distance of its own, and all its pairs lie around it."""
    clips = np.tile(np.repeat(np.arange(videos), rounds), 2)
    kinds = np.repeat([POSITIVE, HARD], videos * rounds)
    own = rng.normal(0, 0.1, videos)[clips]
    distances = 0.5 + own + rng.normal(0, 0.1, len(clips)) - gain * (kinds == POSITIVE)
    return PairDistances(distances, kinds, clips)


def test_distances_by_chance_have_an_auc_of_one_half() -> None:
    rng = np.random.default_rng(0)
    areas = [auc(chance(rng), {HARD: 1.0}) for _ in range(100)]
    assert np.mean(areas) == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize("gain", [0.0, 0.15])
def test_intervals_hold_the_truth_about_nineteen_times_in_twenty(gain: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avts.evaluation.scores.RESAMPLES", 120)
    rng = np.random.default_rng(1)
    # distances of two pairs differ by a normal of variance 4 * 0.1^2
    area = 0.5 * (1 + math.erf(gain / 0.2 / math.sqrt(2)))
    spread = math.sqrt(2) * 0.1
    right = [0.5 * (1 + math.erf(x / spread / math.sqrt(2))) for x in (0.5 - (0.5 - gain), 0.0)]
    inside = np.zeros(2)
    for index in range(120):
        areas, shares = with_intervals(chance(rng, gain=gain), 0.5, {HARD: 1.0}, seed=index)
        inside += [areas.low <= area <= areas.high, shares.low <= 0.5 * sum(right) <= shares.high]
        assert areas.low <= areas.value <= areas.high
    assert (inside / 120 >= 0.88).all()
    assert (inside / 120 <= 0.995).all(), "an interval that always holds the truth is too wide"


def test_intervals_of_alike_windows_are_as_wide_as_videos_are_few() -> None:
    """Each pair ten times tells nothing new."""
    pairs = chance(np.random.default_rng(2), gain=0.1)
    again = PairDistances(*(np.repeat(column, 10) for column in (pairs.distances, pairs.kinds, pairs.clips)))
    one, ten = (with_intervals(each, 0.5, {HARD: 1.0})[0] for each in (pairs, again))
    assert ten.high - ten.low == pytest.approx(one.high - one.low, rel=0.01)


def test_a_kind_without_pairs_is_unknown() -> None:
    pairs = random_pairs(0)
    assert math.isnan(auc(pairs, {SUPER_HARD: 1.0}))
    assert math.isnan(accuracy(pairs, 0.5, {SUPER_HARD: 1.0}))
    for interval in with_intervals(pairs, 0.5, {SUPER_HARD: 1.0}):
        assert (interval.value, interval.low, interval.high) == (None, None, None)


def test_pairs_are_counted_by_kind() -> None:
    assert kind_counts(made([0.1] * 3, [0.2] * 5, [0.3])) == {"positive": 3, "easy": 5, "hard": 1, "super_hard": 0}
    assert [name for name, shares in KINDS.items() if shares == MIXED] == ["mixed"]


def test_pairs_of_a_clip_are_those_of_its_pictures() -> None:
    mine = random_pairs(0).of_clips(np.array([3, 50]))
    assert mine.clips.tolist() == [3, 50]
    assert mine.kinds.tolist() == [POSITIVE, EASY]


def test_the_share_within_clips_is_that_of_the_variances_made() -> None:
    rng = np.random.default_rng(3)
    clips, windows = rng.normal(0, 2, (4000, 1, 3)), rng.normal(0, 1, (4000, 2, 3))
    found = within_share((clips + windows).astype(np.float32))
    assert found == pytest.approx(1 / 5, abs=0.01)
    same = within_share(np.repeat(clips, 2, axis=1).astype(np.float32))
    assert same == pytest.approx(0)
    assert within_share(windows.astype(np.float32)) == pytest.approx(1, abs=0.03)
    assert within_share(np.ones((5, 2, 3), np.float32)) is None
    assert within_share(np.ones((1, 2, 3), np.float32)) is None


def test_a_clip_without_a_hard_pair_gives_no_positive_beside_hard_ones() -> None:
    kinds = np.array([POSITIVE, EASY, HARD, POSITIVE, EASY])
    pairs = PairDistances(np.array([0.1, 0.9, 0.5, 0.7, 0.8]), kinds, np.array([0, 0, 0, 1, 1]))
    assert pairs.comparable(KINDS["hard"]).distances.tolist() == [0.1, 0.9, 0.5]
    assert pairs.comparable(KINDS["easy"]).distances.tolist() == pairs.distances.tolist()
    assert auc(pairs.comparable(MIXED), MIXED) == 1.0
    assert auc(pairs, MIXED) < 1.0
    assert len(pairs.comparable(KINDS["super_hard"]).kinds) == 0
