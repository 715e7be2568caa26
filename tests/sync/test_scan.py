"""The distance map: its sign, its edges, what is left out, and that thinning changes nothing."""

import numpy as np
import pytest

from avts.sync import scan as scan_module
from avts.sync.features import Features
from avts.sync.scan import scan_features

FRAME_RATE = 24


def unit_vectors(count: int, seed: int = 0, size: int = 32) -> np.ndarray:
    vectors = np.random.default_rng(seed).normal(size=(count, size))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)


def features(frames_early: int = 0, count: int = 100) -> Features:
    """Sound that is found so many frames before its picture."""
    pictures = unit_vectors(count)
    sounds = unit_vectors(count, seed=1)
    for window in range(count):
        if 0 <= window - frames_early < count:
            sounds[window - frames_early] = pictures[window]
    heard = np.ones(count, dtype=bool)
    return Features(pictures, sounds, heard.copy(), heard, 1.0)


def by_hand(found: Features, offset: int, window: int) -> float:
    """Distance of a picture window to the sound that comes `offset` frames early, or NaN."""
    place = window - offset
    if not (0 <= place < len(found) and found.heard[place] and found.moving[window]):
        return float("nan")
    return float(np.linalg.norm(found.pictures[window].astype(float) - found.sounds[place].astype(float)) / 2)


@pytest.mark.parametrize("early", [-30, -7, 0, 1, 24])
def test_sound_that_comes_early_by_k_frames_is_found_at_plus_k(early: int) -> None:
    found = scan_features(features(early), 2.0)
    curve = np.nanmean(found.distances, axis=0)
    assert found.offsets_seconds[curve.argmin()] == pytest.approx(early / FRAME_RATE)
    assert curve.min() < 0.05
    assert np.sort(curve)[1] > 0.5


def test_every_cell_is_the_distance_of_its_picture_to_its_sound() -> None:
    given = features(5)
    given.heard[40:50] = False
    given.moving[70:75] = False
    found = scan_features(given, 1.0)
    expected = [[by_hand(given, offset, window) for offset in range(-24, 25)] for window in range(100)]
    np.testing.assert_allclose(found.distances, expected, atol=2e-2)  # half precision, and a root near 0
    assert np.array_equal(np.isnan(found.distances), np.isnan(expected))
    assert (found.num_heard, found.num_moving) == (90, 95)


def test_there_is_no_sound_before_the_start_nor_after_the_end() -> None:
    known = np.isfinite(scan_features(features(), 1.0).distances)
    assert known[0].tolist() == [offset <= 0 for offset in range(-24, 25)], "early sound of the first window is lost"
    assert known[-1].tolist() == [offset >= 0 for offset in range(-24, 25)]
    assert known[50].all()


@pytest.mark.parametrize("range_seconds", [0.5, 3.0, 15.0])
def test_offsets_are_a_frame_apart_and_the_same_either_way(range_seconds: float) -> None:
    found = scan_features(features(), range_seconds)
    assert len(found.offsets_seconds) == 2 * range_seconds * FRAME_RATE + 1
    assert np.allclose(np.diff(found.offsets_seconds), 1 / FRAME_RATE)
    assert found.offsets_seconds[[0, -1]].tolist() == [-range_seconds, range_seconds]
    assert found.distances.shape == (100, len(found.offsets_seconds))


def test_offsets_can_be_tried_around_a_centre() -> None:
    around, whole = scan_features(features(20), 0.5, centre_seconds=20 / FRAME_RATE), scan_features(features(20), 2.0)
    first = int(np.flatnonzero(np.isclose(whole.offsets_seconds, 8 / FRAME_RATE))[0])
    np.testing.assert_allclose(around.distances, whole.distances[:, first : first + 25], atol=1e-4)
    assert np.nanmean(around.distances, axis=0).argmin() == 12


@pytest.mark.parametrize("hop", [2, 3, 7, 60])
def test_a_thinned_map_holds_every_nth_row_of_the_whole(hop: int, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = scan_features(features(5), 1.0)
    monkeypatch.setattr(scan_module, "MAP_CELLS", 49 * 100 / hop)
    thinned = scan_features(features(5), 1.0)
    np.testing.assert_allclose(thinned.distances, whole.distances[::hop], atol=1e-4)
    assert np.array_equal(thinned.times_seconds, whole.times_seconds[::hop])


def test_no_window_makes_an_empty_map() -> None:
    none = Features(np.empty((0, 0), np.float16), np.empty((0, 0), np.float16), *[np.empty(0, bool)] * 2, 1.0)
    assert scan_features(none, 1.0).distances.shape == (0, 49)
