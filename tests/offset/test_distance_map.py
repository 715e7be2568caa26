"""The distance map against distances one by one, thinned and not, and coarse to fine over a wide range."""

import dataclasses

import numpy as np
import pytest

from avts.offset.calibration import MODEL, Calibration
from avts.offset.distance_map import distance_map, scan_features
from avts.offset.features import Features
from avts.offset.measure import scan_and_estimate


def made_features(windows: int, *, offset_frames: int | None = None, noise: float = 0.3, seed: int = 0) -> Features:
    """Random unit vectors; with an offset each picture's sound lies that many frames before it, else nowhere."""
    rng = np.random.default_rng(seed)
    pictures = rng.standard_normal((windows, 16))
    sounds = rng.standard_normal((windows, 16))
    if offset_frames is not None:
        sounds = noise * sounds
        first, stop = max(offset_frames, 0), min(windows + offset_frames, windows)
        sounds[first - offset_frames : stop - offset_frames] += pictures[first:stop]
    unit = [(part / np.linalg.norm(part, axis=1, keepdims=True)).astype(np.float16) for part in (pictures, sounds)]
    return Features(unit[0], unit[1], rng.random(windows) > 0.2, rng.random(windows) > 0.1, 1.0)


@pytest.mark.parametrize(
    ("windows", "first_offset", "num_offsets", "hop"),
    [(50, -10, 21, 1), (50, -10, 21, 3), (40, 5, 7, 9), (5, -48, 97, 1), (1, -3, 7, 1), (0, -3, 7, 1), (33, -60, 3, 2)],
)
def test_every_cell_is_the_distance_of_one_pair(windows: int, first_offset: int, num_offsets: int, hop: int) -> None:
    features = made_features(windows)
    found = distance_map(features, first_offset=first_offset, num_offsets=num_offsets, hop=hop)
    assert found.shape == (len(range(0, windows, hop)), num_offsets)
    for row, picture in enumerate(range(0, windows, hop)):
        for column in range(num_offsets):
            sound = picture - (first_offset + column)  # sound that comes early lies before its picture
            if not (0 <= sound < windows and features.heard[sound] and features.moving[picture]):
                assert np.isnan(found[row, column])
            else:
                apart = features.pictures[picture].astype(float) - features.sounds[sound].astype(float)
                assert found[row, column] == pytest.approx(np.linalg.norm(apart) / 2, abs=2e-3)


@pytest.mark.parametrize(("first_offset", "num_offsets", "hop"), [(-10, 21, 1), (-10, 21, 3), (5, 7, 9), (-48, 97, 1)])
def test_every_cell_is_compared_as_the_model_compares_one_pair(first_offset: int, num_offsets: int, hop: int) -> None:
    def compare(pictures: np.ndarray, sounds: np.ndarray) -> np.ndarray:
        return np.tanh(np.abs(pictures @ weights[:, None] - 2 * (sounds @ weights)[None])).astype(np.float32)

    weights = np.random.default_rng(5).standard_normal(16).astype(np.float32)
    features = dataclasses.replace(made_features(50), compare=compare)
    found = distance_map(features, first_offset=first_offset, num_offsets=num_offsets, hop=hop)
    pictures, sounds = (part.astype(np.float32) for part in (features.pictures, features.sounds))
    for row, picture in enumerate(range(0, 50, hop)):
        for column in range(num_offsets):
            sound = picture - (first_offset + column)
            if not (0 <= sound < 50 and features.heard[sound] and features.moving[picture]):
                assert np.isnan(found[row, column])
            else:
                apart = compare(pictures[picture : picture + 1], sounds[sound : sound + 1])
                assert found[row, column] == pytest.approx(apart.item(), abs=1e-5)


def test_a_scan_names_its_times_offsets_and_what_was_heard() -> None:
    features = made_features(60)
    scan = scan_features(features, 0.5)
    assert scan.times_seconds == pytest.approx(np.arange(60) / 24)
    assert scan.offsets_seconds == pytest.approx(np.arange(-12, 13) / 24)
    assert (scan.num_heard, scan.num_moving) == (features.heard.sum(), features.moving.sum())
    assert scan_features(features, 0.5, centre_seconds=1.0).offsets_seconds == pytest.approx(np.arange(12, 37) / 24)


def test_the_map_of_a_long_film_stays_small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avts.offset.distance_map.MAP_CELLS", 10_000)
    scan = scan_features(made_features(5000), 2.0)
    assert 5_000 < scan.distances.size <= 10_000 + 97
    assert scan.times_seconds == pytest.approx(np.arange(0, 5000, 49) / 24)


@pytest.mark.parametrize("offset_frames", [-330, -3, 0, 200])
def test_a_wide_range_is_searched_coarse_to_fine(offset_frames: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("avts.offset.distance_map.MAP_CELLS", 60_000)  # 721 offsets leave a window every 1.1 s
    features = made_features(2000, offset_frames=offset_frames, noise=0.6)
    scan, answer = scan_and_estimate(features, range_seconds=15.0)
    assert scan.times_seconds[1] > 0.25
    assert answer.offset_seconds == pytest.approx(offset_frames / 24, abs=0.01)
    assert answer.confidence > 0.9


@pytest.mark.parametrize("offset_frames", [0, 13, None])
def test_offset_and_confidence_do_not_depend_on_the_range_searched(offset_frames: int | None) -> None:
    features = made_features(200, offset_frames=offset_frames, noise=1.0)
    found = [scan_and_estimate(features, range_seconds=reach)[1] for reach in (1.0, 2.0, 3.0)]
    same_peak = [each for each in found if abs(each.offset_seconds - found[0].offset_seconds) < 0.1]
    assert offset_frames is None or len(same_peak) == 3
    assert len({(each.offset_seconds, each.confidence, each.reason) for each in same_peak}) == 1


def test_a_film_in_which_nothing_fits_gets_no_answer() -> None:
    answer = scan_and_estimate(made_features(200), range_seconds=2.0)[1]
    assert answer.confidence < MODEL.least_confidence
    assert answer.reason is not None


def test_the_calibration_given_decides() -> None:
    features = made_features(200, offset_frames=3)
    never, always = (Calibration(constant, {}, 0.5) for constant in (-9.0, 9.0))
    refused = scan_and_estimate(features, range_seconds=1.0, calibration=never)[1]
    assert refused.reason is not None
    assert refused.reason.startswith("uncertain")
    assert refused.offset_seconds == pytest.approx(3 / 24, abs=0.01), "the best guess is kept"
    assert scan_and_estimate(features, range_seconds=1.0, calibration=always)[1].reason is None
