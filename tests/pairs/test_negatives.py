"""The plan of pairs: what each kind is, that it is drawn evenly, and that nothing but the relation gives it away."""

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from scipy import stats

from avts.pairs.negatives import (
    EASY,
    HARD,
    POSITIVE,
    SUPER_HARD,
    StepPlan,
    Window,
    epoch_order,
    least_seconds,
    plan_grid,
    plan_pairs,
    window_pair,
)
from avts.timebase import FRAME_RATE, Span

MIXED = {EASY: 0.75, HARD: 0.25}
ALL = {EASY: 0.4, HARD: 0.3, SUPER_HARD: 0.3}
Planner = Callable[..., StepPlan]
RNG = np.random.default_rng


def plan(
    planner: Planner,
    shares: dict[int, float],
    *,
    clips: Sequence[int] = range(8),
    durations: Sequence[float] = (6.0,) * 8,
    seed: int | list[int] = 0,
) -> StepPlan:
    return planner(clips, durations, negative_shares=shares, clip_seconds=1.0, gap_seconds=0.5, rng=RNG(seed))


def drawn(kind: int, duration: float = 6.0, gap: float = 0.5, clip: float = 1.0) -> np.ndarray:
    """2000 pairs of starts, [2000, 2]."""
    rng = RNG(1)
    found = [window_pair(duration, kind, clip_seconds=clip, gap_seconds=gap, rng=rng) for _ in range(2000)]
    return np.array(found)


def gaps(starts: np.ndarray, clip: float = 1.0) -> np.ndarray:
    return np.array([Span(p, p + clip).gap_seconds(Span(s, s + clip)) for p, s in starts])


@pytest.mark.parametrize(("duration", "gap", "clip"), [(6.0, 0.5, 1.0), (2.5, 0.5, 1.0), (9.0, 1.1, 2.3), (4.0, 0, 1)])
def test_hard_negative_never_overlaps_its_picture_and_keeps_the_gap(duration: float, gap: float, clip: float) -> None:
    found = gaps(drawn(HARD, duration, gap, clip), clip)
    assert found.min() >= gap - 1e-9
    assert found.min() <= gap + 2 / FRAME_RATE, "the nearest allowed pairs are drawn too"


@pytest.mark.parametrize("clip", [1.0, 0.5, 2.3])
def test_super_hard_negative_overlaps_and_is_shifted_by_a_fifth_of_a_window_at_least(clip: float) -> None:
    starts = drawn(SUPER_HARD, 6.0, 0.5, clip)
    assert (gaps(starts, clip) < 0).all()
    assert np.abs(np.diff(starts)).min() >= 0.2 * clip - 1e-9


def test_positive_has_picture_and_sound_at_the_same_time_on_a_frame() -> None:
    starts = drawn(POSITIVE)
    assert (starts[:, 0] == starts[:, 1]).all()
    assert sorted(set(np.round(starts[:, 0] * FRAME_RATE, 6))) == list(range(121)), "frames 0 to 120 of 6 s, all drawn"


@pytest.mark.parametrize("kind", [POSITIVE, HARD, SUPER_HARD])
def test_windows_start_on_frames_inside_the_clip(kind: int) -> None:
    starts = drawn(kind, duration=3.0)
    assert starts.min() >= 0
    assert starts.max() <= 2.0
    assert np.allclose(starts * FRAME_RATE, np.round(starts * FRAME_RATE))


@pytest.mark.parametrize(("kind", "least", "most"), [(HARD, 36, 120), (SUPER_HARD, 5, 23)])
def test_all_allowed_pairs_are_equally_likely(kind: int, least: int, most: int) -> None:
    shifts = np.abs(np.diff(np.round(drawn(kind) * FRAME_RATE).astype(int)))[:, 0]
    places = np.array([121 - shift for shift in range(least, most + 1)])  # counted by hand: starts 0 .. 120 - shift
    expected = np.cumsum(places / places.sum())
    found = np.array([(shifts <= shift).mean() for shift in range(least, most + 1)])
    assert np.abs(found - expected).max() < 1.63 / np.sqrt(2000)  # Kolmogorov-Smirnov, 1 %


@pytest.mark.parametrize("kind", [HARD, SUPER_HARD])
def test_pictures_and_sounds_of_a_pair_come_from_the_same_places(kind: int) -> None:
    pictures, sounds = drawn(kind).T
    assert stats.ks_2samp(pictures, sounds).pvalue > 0.01
    assert abs((sounds > pictures).mean() - 0.5) < 0.04


def test_a_clip_too_short_for_a_kind_gives_none() -> None:
    arguments = {"clip_seconds": 1.0, "gap_seconds": 0.5, "rng": RNG(0)}
    assert window_pair(2.5 - 1 / FRAME_RATE, HARD, **arguments) is None
    assert set(window_pair(2.5, HARD, **arguments) or ()) == {0.0, 1.5}
    assert window_pair(1.0, SUPER_HARD, **arguments) is None
    assert window_pair(1.0, POSITIVE, **arguments) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("kinds", "frames"),
    [({EASY}, 24), ({EASY, HARD}, 60), ({EASY, SUPER_HARD}, 29), ({HARD, SUPER_HARD}, 60)],
)  # a window of 24; two of them and 12 between; one and a shift by 4.8, so 5
def test_the_shortest_clip_that_can_give_a_kind_can_and_a_frame_less_cannot(kinds: set[int], frames: int) -> None:
    assert least_seconds(kinds, clip_seconds=1.0, gap_seconds=0.5) == frames / FRAME_RATE
    options = {"clip_seconds": 1.0, "gap_seconds": 0.5, "rng": RNG(0)}
    assert all(window_pair(frames / FRAME_RATE, kind, **options) for kind in kinds if kind != EASY)
    assert kinds == {EASY} or any(window_pair((frames - 1) / FRAME_RATE, kind, **options) is None for kind in kinds)


def test_silence_takes_all_pairs_of_a_grids_clip_with_it() -> None:
    found = plan(plan_grid, {HARD: 1.0})
    silent = next(found.sounds[sound] for picture, sound, kind in found.pairs if kind == HARD and picture == 3)
    usable = found.usable(lambda window: window != silent)
    for (picture, sound, _), valid in zip(found.pairs, usable, strict=True):
        assert valid is (3 not in (found.pictures[picture].clip, found.sounds[sound].clip))


@pytest.mark.parametrize("shares", [MIXED, ALL])
def test_a_positive_passes_a_sound_over_that_its_negative_would_have_had(shares: dict[int, float]) -> None:
    kinds: Counter[int] = Counter()
    for seed in range(200):
        found = plan(plan_pairs, shares, seed=seed)
        positive = [picture for picture, _, kind in found.pairs if kind == POSITIVE]
        assert [picture for picture, _ in found.passed_over] == positive
        for picture, window in found.passed_over:
            kinds[related(found.pictures[picture], window)] += 1
            assert found.usable(lambda each, silent=window: each != silent)[picture] is False
    assert set(kinds) == {kind for kind, share in shares.items() if share}
    assert all(abs(kinds[kind] / kinds.total() - share) < 0.06 for kind, share in shares.items())


def kinds_of(found: StepPlan) -> Counter[int]:
    return Counter(kind for _, _, kind in found.pairs)


def test_grid_of_easy_negatives_has_every_picture_with_every_sound() -> None:
    found = plan(plan_grid, {EASY: 1.0})
    assert len(found.pictures) == len(found.sounds) == 8
    assert found.pictures == found.sounds
    assert kinds_of(found) == {POSITIVE: 8, EASY: 8 * 7}


def test_grid_with_hard_has_as_many_hard_pairs_as_pictures() -> None:
    found = plan(plan_grid, MIXED)
    assert (len(found.pictures), len(found.sounds)) == (8, 16)
    assert kinds_of(found) == {POSITIVE: 8, HARD: 8, EASY: 16 * 8 - 16}
    assert len({(picture, sound) for picture, sound, _ in found.pairs}) == 128, "each combination once"


def related(picture: Window, sound: Window) -> int:
    """The kind of a pair by its definition, a second way."""
    if picture.clip != sound.clip:
        return EASY
    if picture == sound:
        return POSITIVE
    return SUPER_HARD if abs(picture.start_seconds - sound.start_seconds) < 1 - 1e-9 else HARD


@pytest.mark.parametrize("planner", [plan_grid, plan_pairs])
def test_each_pair_is_what_its_kind_says(planner: Planner) -> None:
    for seed in range(50):
        found = plan(planner, ALL, seed=seed)
        for picture, sound, kind in found.pairs:
            assert related(found.pictures[picture], found.sounds[sound]) == kind


def test_short_clips_of_a_grid_take_part_in_positives_and_easy_pairs_only() -> None:
    found = plan(plan_grid, {EASY: 0.5, HARD: 0.5}, durations=[6.0] * 4 + [2.0] * 4)
    assert kinds_of(found) == {POSITIVE: 8, HARD: 4, EASY: 12 * 8 - 12}
    assert {found.pictures[p].clip for p, _, kind in found.pairs if kind == HARD} == {0, 1, 2, 3}


def test_short_clips_pair_by_pair_give_easy_negatives_instead() -> None:
    kinds = sum((kinds_of(plan(plan_pairs, {HARD: 1.0}, durations=[2.0] * 8, seed=s)) for s in range(50)), Counter())
    assert set(kinds) == {POSITIVE, EASY}


def test_pair_by_pair_has_half_positives_and_the_shares_asked_for() -> None:
    kinds = sum((kinds_of(plan(plan_pairs, MIXED, seed=seed)) for seed in range(500)), Counter())
    assert kinds.total() == 4000
    for kind, share in {POSITIVE: 0.5, EASY: 0.375, HARD: 0.125}.items():
        assert abs(kinds[kind] / 4000 - share) < 4 * np.sqrt(share * (1 - share) / 4000)


def test_pair_by_pair_gives_each_clip_one_picture() -> None:
    found = plan(plan_pairs, MIXED, clips=[5, 2, 7])
    assert [window.clip for window in found.pictures] == [5, 2, 7]
    assert [(picture, sound) for picture, sound, _ in found.pairs] == [(0, 0), (1, 1), (2, 2)]


@pytest.mark.parametrize("planner", [plan_grid, plan_pairs])
def test_easy_sound_comes_from_any_time_of_another_clip(planner: Planner) -> None:
    found = [plan(planner, {EASY: 1.0}, seed=seed) for seed in range(100)]
    starts = [p.sounds[sound].start_seconds for p in found for _, sound, kind in p.pairs if kind == EASY]
    assert np.histogram(starts, bins=[0, 1, 2, 3, 4, 5.01])[0].min() > 0.15 * len(starts)


@pytest.mark.parametrize("duration", [3.0, 6.0])
@pytest.mark.parametrize("side", ["picture", "sound"])
@pytest.mark.parametrize("shares", [MIXED, {HARD: 1.0}, ALL])
@pytest.mark.parametrize("planner", [plan_grid, plan_pairs])
def test_neither_side_alone_tells_a_negative_from_a_positive(
    planner: Planner, shares: dict[int, float], side: str, duration: float
) -> None:
    positive, negative = [], []
    for seed in range(400):
        found = plan(planner, shares, durations=[duration] * 8, seed=seed)
        weights = {kind: shares.get(kind, 1) / count for kind, count in kinds_of(found).items()}
        for picture, sound, kind in found.pairs:
            window = found.pictures[picture] if side == "picture" else found.sounds[sound]
            (positive if kind == POSITIVE else negative).append((window.start_seconds, weights[kind]))
    assert best_accuracy(positive, negative) < 0.56  # two draws of this size from one distribution reach 0.53 to 0.55


def best_accuracy(positive: list[tuple[float, float]], negative: list[tuple[float, float]], bins: int = 12) -> float:
    """Accuracy of the classifier that looks a start up in the two histograms it was fitted to: the best there is."""
    top = max(start for start, _ in positive + negative) + 1e-6
    sides = []
    for rows in (positive, negative):
        starts, weights = np.array(rows).T
        sides.append(np.histogram(starts, bins, (0, top), weights=weights)[0] / weights.sum())
    return float(0.5 * np.maximum(*sides).sum())


@pytest.mark.parametrize("planner", [plan_grid, plan_pairs])
def test_same_seed_same_plan_and_another_seed_another(planner: Planner) -> None:
    assert plan(planner, ALL, seed=[3, 1, 4]) == plan(planner, ALL, seed=[3, 1, 4])
    assert plan(planner, ALL, seed=[3, 1, 4]) != plan(planner, ALL, seed=[3, 1, 5])


def test_an_epoch_has_each_clip_once_in_an_order_of_its_own() -> None:
    first, again, second = (epoch_order(50, seed=7, epoch=epoch) for epoch in (0, 0, 1))
    assert sorted(first) == list(range(50))
    assert (first == again).all()
    assert (first != second).any()
    assert (first != np.arange(50)).any()
