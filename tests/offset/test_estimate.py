"""The offset found in made distance maps whose truth is known."""

import dataclasses

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from avts.offset.distance_map import OffsetScan
from avts.offset.estimate import APART, FLAT, SILENT, STILL, TOLERANCE_SECONDS, TOO_SHORT, estimate

STEP_SECONDS = 1 / 24


def offsets(range_seconds: float = 2.0) -> NDArray[np.float64]:
    count = round(range_seconds / STEP_SECONDS)
    return np.arange(-count, count + 1) * STEP_SECONDS


def made_scan(
    true_offset_seconds: float,
    *,
    noise: float = 0.0,
    seed: int = 0,
    seconds: float = 6.0,
    hop_seconds: float = 0.25,
    share_with_event: float = 1.0,
    edges: bool = False,
) -> OffsetScan:
    """A dip of 0.3 at the true offset in windows of 1 s; noise as smooth over time and offsets as overlap makes it."""
    rng = np.random.default_rng(seed)
    times = np.arange(0, seconds - 1 + 1e-9, hop_seconds)
    tried = offsets()
    rough = gaussian_filter(rng.standard_normal((len(times), len(tried))), (0.4 / hop_seconds, 2))
    event = rng.random(int(seconds))[times.astype(int)] < share_with_event
    dip = np.exp(-0.5 * ((tried - true_offset_seconds) / 0.1) ** 2)
    distances = 0.6 + noise * rough / rough.std() - 0.3 * event[:, None] * dip
    if edges:  # the sound that would belong there lies before the file's start or after its end
        starts = times[:, None] - tried
        distances[(starts < 0) | (starts + 1 > seconds)] = np.nan
    return OffsetScan(times, tried, distances.clip(0, 1).astype(np.float32), 1.0)


@pytest.mark.parametrize("true_offset", [-1.5, -0.513, -0.02, 0.0, 0.117, 0.33, 1.24])
def test_a_known_offset_is_found_between_the_offsets_that_were_tried(true_offset: float) -> None:
    found = estimate(made_scan(true_offset, noise=0.005))
    assert found.offset_seconds == pytest.approx(true_offset, abs=0.005)
    assert found.confidence > 0.9
    assert found.reason is None
    assert found.num_windows == 21


def test_the_sign_is_said_in_words() -> None:
    assert estimate(made_scan(0.25)).in_words == "sound 250 ms early"
    assert estimate(made_scan(-0.25)).in_words == "sound 250 ms late"


def test_windows_of_pure_noise_do_not_outvote_the_few_with_an_event() -> None:
    scan = made_scan(0.4, noise=0.03, seconds=12, share_with_event=0.4, seed=3)
    assert estimate(scan).offset_seconds == pytest.approx(0.4, abs=0.03)


def test_a_few_wild_windows_do_not_move_the_offset() -> None:
    scan = made_scan(0.4, noise=0.02)
    scan.distances[7:12] = 1.0
    scan.distances[7:12, 20:24] = 0.0
    found = estimate(scan)
    assert found.curve[20:24].max() < found.curve[56:60].min(), "a plain mean would be misled"
    assert found.offset_seconds == pytest.approx(0.4, abs=0.02)


def test_an_edge_seen_by_two_windows_cannot_win() -> None:
    scan = made_scan(0.4, noise=0.02)
    scan.distances[2:, :12] = np.nan
    scan.distances[:2, :12] = 0.0
    found = estimate(scan)
    assert found.offset_seconds == pytest.approx(0.4, abs=0.02)
    assert np.isnan(found.curve[:12]).all()
    assert np.isfinite(found.curve[12:]).all()


@pytest.mark.parametrize("true_offset", [-1.0, -0.5, 0.5, 1.0])
def test_missing_windows_at_both_ends_of_a_short_file_do_no_harm(true_offset: float) -> None:
    found = estimate(made_scan(true_offset, noise=0.02, edges=True))
    assert found.offset_seconds == pytest.approx(true_offset, abs=0.02)


def test_the_curve_is_the_mean_over_the_windows_that_exist() -> None:
    distances = np.array([[0.2, 0.4, np.nan], [0.4, 0.8, 0.6]], dtype=np.float32)
    scan = OffsetScan(np.array([0.0, 1.0]), np.array([-0.1, 0.0, 0.1]), distances, 1.0)
    assert estimate(scan).curve == pytest.approx([0.3, 0.6, 0.6])


def test_a_file_without_sound_cannot_be_told() -> None:
    scan = made_scan(0.0)
    found = estimate(dataclasses.replace(scan, distances=np.full_like(scan.distances, np.nan)))
    assert (found.reason, found.confidence, found.num_windows, found.in_words) == (SILENT, 0.0, 0, "cannot tell")
    assert np.isnan(found.curve).all()


@pytest.mark.parametrize(
    ("heard", "moving", "reason"), [(0, 9, SILENT), (9, 0, STILL), (9, 9, APART), (0, 0, SILENT), (None, None, SILENT)]
)
def test_an_empty_map_says_what_was_missing(heard: int | None, moving: int | None, reason: str) -> None:
    scan = made_scan(0.0)
    empty = np.full_like(scan.distances, np.nan)
    assert estimate(dataclasses.replace(scan, distances=empty, num_heard=heard, num_moving=moving)).reason == reason


def test_a_file_without_a_whole_window_cannot_be_told() -> None:
    found = estimate(OffsetScan(np.empty(0), offsets(), np.empty((0, len(offsets())), np.float32), 1.0))
    assert (found.reason, found.confidence, found.num_windows) == (TOO_SHORT, 0.0, 0)


def test_a_flat_map_cannot_be_told() -> None:
    scan = made_scan(0.0)
    found = estimate(dataclasses.replace(scan, distances=np.full_like(scan.distances, 0.5)))
    assert found.reason == FLAT
    assert found.confidence < 0.1


def test_a_single_offset_cannot_be_told_from_others() -> None:
    assert estimate(OffsetScan(np.array([0.0]), np.array([0.0]), np.zeros((1, 1), np.float32), 1.0)).reason == FLAT


def test_an_offset_at_the_end_of_the_range_stays_inside_it() -> None:
    assert estimate(made_scan(2.1, noise=0.01)).offset_seconds <= 2.0


@pytest.mark.parametrize(("reach", "advice"), [(2.0, "; try --range 4"), (10.0, "; try --range 15"), (15.0, "")])
@pytest.mark.parametrize("sign", [-1, 1])
def test_a_best_offset_at_the_edge_of_the_range_cannot_be_told(reach: float, advice: str, sign: int) -> None:
    tried = offsets(reach)
    slope = np.tile(0.6 - 0.3 * np.exp(-0.5 * ((tried - sign * (reach + 0.1)) / 0.1) ** 2), (20, 1))
    found = estimate(OffsetScan(np.arange(20.0), tried, slope.astype(np.float32), 1.0))
    assert found.reason == f"the best offset is at the edge of the search range, {reach:g} s{advice}"
    assert found.in_words == "cannot tell"


def test_confidence_falls_as_noise_grows() -> None:
    few, some, much = (
        np.mean([estimate(made_scan(0.3, noise=noise, seed=seed)).confidence for seed in range(40)])
        for noise in (0.1, 0.2, 0.4)
    )
    assert few > some + 0.05
    assert some > much + 0.05


@pytest.mark.parametrize("seconds", [6.0, 40.0])
def test_noise_alone_is_never_called_sure(seconds: float) -> None:
    found = [estimate(made_scan(9.0, noise=0.2, seed=seed, seconds=seconds)) for seed in range(60)]
    assert np.mean([each.confidence for each in found]) < 0.3
    assert np.quantile([each.confidence for each in found], 0.9) < 0.8


def test_overlapping_windows_do_not_add_confidence() -> None:
    few = np.mean([estimate(made_scan(0.3, noise=0.2, seed=s, hop_seconds=0.5)).confidence for s in range(40)])
    many = np.mean([estimate(made_scan(0.3, noise=0.2, seed=s, hop_seconds=0.05)).confidence for s in range(40)])
    assert many == pytest.approx(few, abs=0.1)


def test_confidence_is_about_the_share_of_right_answers() -> None:
    rng = np.random.default_rng(5)
    said, right = [], []
    for seed in range(400):
        truth = rng.uniform(-1, 1)
        found = estimate(made_scan(truth, noise=rng.uniform(0.02, 0.3), seed=seed, share_with_event=0.7, edges=True))
        said.append(found.confidence)
        right.append(abs(found.offset_seconds - truth) < TOLERANCE_SECONDS)
    for group in np.array_split(np.argsort(said), 4):  # a reliability diagram of four bars, modest on the left
        assert np.mean(np.array(said)[group]) < np.mean(np.array(right)[group]) + 0.1
    sure = np.array(said) > 0.9
    assert np.array(said)[sure].mean() == pytest.approx(np.array(right)[sure].mean(), abs=0.05)
    assert np.mean(said) == pytest.approx(np.mean(right), abs=0.15)
