"""Drift and jumps in made distance maps whose truth is known, and none where there is only noise."""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from avts.offset.distance_map import OffsetScan
from avts.offset.estimate import estimate
from avts.offset.measure import result_of
from avts.offset.timeline import Segment, Timeline, timeline

NOWHERE = 99.0


def made_scan(
    offset_at: Callable[[float], float],
    *,
    noise: float = 0.1,
    seed: int = 0,
    seconds: float = 120.0,
    share_with_event: float = 0.7,
    range_seconds: float = 2.0,
    hop_seconds: float = 0.25,
) -> OffsetScan:
    """A dip of 0.3 at the offset of each time; noise as smooth over time and offsets as overlap makes it."""
    rng = np.random.default_rng(seed)
    times = np.arange(0, seconds - 1 + 1e-9, hop_seconds)
    reach = round(range_seconds * 24)
    tried = np.arange(-reach, reach + 1) / 24
    rough = gaussian_filter(rng.standard_normal((len(times), len(tried))), (0.4 / hop_seconds, 2))
    event = rng.random(int(seconds) + 1)[times.astype(int)] < share_with_event
    true = np.array([offset_at(time + 0.5) for time in times])  # windows are 1 s long
    dip = np.exp(-0.5 * ((tried - true[:, None]) / 0.1) ** 2)
    distances = 0.6 + noise * rough / rough.std() - 0.3 * event[:, None] * dip
    return OffsetScan(times, tried, distances.clip(0, 1).astype(np.float32), 1.0)


def jumping(seconds: float) -> float:
    return 0.3 if seconds < 50 else -0.4


@pytest.mark.parametrize("noise", [0.02, 0.1, 0.2])
@pytest.mark.parametrize("seed", range(4))
def test_a_constant_offset_is_one_segment_without_drift(noise: float, seed: int) -> None:
    found = timeline(made_scan(lambda _: 0.3, noise=noise, seed=seed))
    assert found.is_constant
    (segment,) = found.segments
    assert (segment.start_seconds, segment.stop_seconds) == pytest.approx((0, 120))
    assert segment.offset_seconds == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize("noise", [0.05, 0.1, 0.2, 0.3])
@pytest.mark.parametrize("hop", [1 / 24, 0.25, 1.0])
def test_noise_alone_gives_neither_jumps_nor_drift(noise: float, hop: float) -> None:
    for seed in range(5):
        assert timeline(made_scan(lambda _: NOWHERE, noise=noise, seed=seed, hop_seconds=hop, seconds=90)).is_constant


def test_music_over_a_third_of_the_film_is_no_jump() -> None:
    found = timeline(made_scan(lambda at: NOWHERE if 40 < at < 80 else 0.3, noise=0.1))
    assert found.is_constant
    assert found.segments[0].offset_seconds == pytest.approx(0.3, abs=0.03)


@pytest.mark.parametrize("rate", [-1200.0, -300.0, 240.0, 600.0])
@pytest.mark.parametrize("seed", range(3))
def test_a_drift_is_measured_in_ms_per_minute(rate: float, seed: int) -> None:
    found = timeline(made_scan(lambda at: 0.2 + rate / 60_000 * (at - 60), seed=seed))
    assert len(found.segments) == 1
    assert found.drift_ms_per_minute == pytest.approx(rate, abs=25)
    assert found.segments[0].offset_seconds == pytest.approx(0.2, abs=0.05)
    assert found.offset_at(0) == pytest.approx(0.2 - rate / 1000, abs=0.06)
    assert found.offset_at(120) == pytest.approx(0.2 + rate / 1000, abs=0.06)


def test_a_small_drift_shows_over_a_long_film() -> None:
    found = timeline(made_scan(lambda at: 0.1 + 20 / 60_000 * at, seconds=900, hop_seconds=0.5))
    assert found.drift_ms_per_minute == pytest.approx(20, abs=3)


@pytest.mark.parametrize("noise", [0.02, 0.1, 0.2])
def test_a_jump_is_found_where_the_edit_went_wrong(noise: float) -> None:
    stops = []
    for seed in range(6):
        found = timeline(made_scan(jumping, noise=noise, share_with_event=1.0, seed=seed))
        assert found.drift_ms_per_minute is None
        first, second = found.segments
        assert (first.offset_seconds, second.offset_seconds) == pytest.approx((0.3, -0.4), abs=0.05)
        assert second.stop_seconds == pytest.approx(120)
        assert min(first.confidence, second.confidence) > 0.9
        assert first.stop_seconds == second.start_seconds
        stops.append(first.stop_seconds)
    # where a dip of 0.3 stands against noise of 0.2 the likeliest place of one jump may be seconds off, not the median
    assert np.median(stops) == pytest.approx(50, abs=2)
    assert noise > 0.1 or stops[0] == pytest.approx(50, abs=2)
    assert noise > 0.02 or stops == pytest.approx([50] * 6, abs=1)


def test_jumps_there_and_back_are_three_segments() -> None:
    found = timeline(made_scan(lambda at: -0.4 if 30 < at < 80 else 0.3))
    assert [segment.offset_seconds for segment in found.segments] == pytest.approx([0.3, -0.4, 0.3], abs=0.05)
    assert [before.stop_seconds for before, _ in pairwise(found.segments)] == pytest.approx([30, 80], abs=2)


def test_jumps_in_a_film_that_drifts_are_told_together() -> None:
    found = timeline(made_scan(lambda at: jumping(at) + 0.004 * (at - 60), noise=0.05, seconds=180))
    assert len(found.segments) == 2
    assert found.drift_ms_per_minute == pytest.approx(240, abs=30)
    for at in (5, 45, 60, 175):
        assert found.offset_at(at) == pytest.approx(jumping(at) + 0.004 * (at - 60), abs=0.06)


def test_a_jump_of_less_than_a_frame_and_a_half_is_none() -> None:
    assert timeline(made_scan(lambda at: 0.3 if at < 60 else 0.33, noise=0.02)).is_constant


def test_a_wide_range_is_searched_too() -> None:
    found = timeline(made_scan(lambda at: 11.0 if at < 60 else -7.5, range_seconds=15.0, hop_seconds=0.5))
    assert [segment.offset_seconds for segment in found.segments] == pytest.approx([11, -7.5], abs=0.05)


def test_a_film_of_a_few_seconds_has_no_timeline() -> None:
    assert timeline(made_scan(jumping, seconds=5)) == Timeline()
    empty = made_scan(jumping)
    assert timeline(OffsetScan(empty.times_seconds, empty.offsets_seconds, empty.distances * np.nan, 1.0)) == Timeline()


def test_a_drift_that_one_offset_cannot_explain_is_told_all_the_same() -> None:
    scan = made_scan(lambda at: 0.025 * (at - 60), noise=0.15)
    result = result_of("film", scan, estimate(scan))
    assert result.reason is None
    assert result.offset_seconds == pytest.approx(0.0, abs=0.05)
    assert result.drift_ms_per_minute == pytest.approx(1500, abs=40)
    assert result.extremes_seconds == pytest.approx((-1.5, 1.5), abs=0.08)


def test_the_offset_of_a_film_that_jumps_is_that_of_its_longest_segment() -> None:
    result = result_of("film", (scan := made_scan(jumping)), estimate(scan))
    assert result.offset_seconds == pytest.approx(-0.4, abs=0.03)
    assert result.extremes_seconds == pytest.approx((-0.4, 0.3), abs=0.05)


def test_a_constant_offset_is_one_segment_of_the_whole_film() -> None:
    scan = made_scan(lambda _: 0.3, seconds=4)
    answer = estimate(scan)
    result = result_of("film", scan, answer)
    assert result.segments == (Segment(0.0, pytest.approx(4.0), answer.offset_seconds, answer.confidence),)
    assert result.is_constant


def test_what_cannot_be_told_has_no_segment() -> None:
    scan = made_scan(lambda _: 0.3)
    flat = OffsetScan(scan.times_seconds, scan.offsets_seconds, np.full_like(scan.distances, 0.5), 1.0)
    assert result_of("film", flat, estimate(flat)).segments == ()
