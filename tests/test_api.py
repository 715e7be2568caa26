"""`avts.load` and `avts.sync` as a user calls them, and what importing avts costs."""

import dataclasses
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import avts
import avts.api as api_module
import avts.offset.model as model_module
from avts.api import SyncResult, load, sync
from avts.errors import CheckpointError, InputError, UsageError
from avts.offset.film import ArrayFilm
from avts.offset.measure import result_of

FPS, RATE = 24.0, 16_000


def beating(seconds: float, offset_seconds: float) -> tuple[np.ndarray, np.ndarray]:
    """Frames [T, 32, 32] that flicker by a random course, and noise as loud as they flicker, early by an offset."""
    rng = np.random.default_rng(7)
    course = np.exp(rng.normal(0, 1.0, round((seconds + 2) * 8)))
    at = np.arange(round(seconds * FPS)) / FPS
    flicker = np.interp(at + 1, np.arange(len(course)) / 8, course)
    frames = 128 + 8 * flicker * (-1) ** np.arange(len(at))
    heard = np.arange(round(seconds * RATE)) / RATE
    loudness = np.interp(heard + 1 + offset_seconds, np.arange(len(course)) / 8, course)
    samples = 0.02 * loudness * rng.normal(0, 1, len(heard))
    return np.tile(frames.clip(0, 255).astype(np.uint8)[:, None, None], (1, 32, 32)), samples


def test_importing_avts_is_light_and_sync_is_a_plain_function() -> None:
    code = """
import sys, types, avts
assert not {'torch', 'numpy', 'av', 'matplotlib', 'avts.offset', 'avts.api'} & set(sys.modules)
assert type(avts.sync) is types.FunctionType and 'torch' not in sys.modules
import avts.offset.distance_map
assert type(avts.sync) is types.FunctionType
assert callable(avts.features) and avts.features is sys.modules['avts.features']
try:
    avts.sync('gone.mp4', method='motion')
except avts.errors.MediaError as error:
    print(error)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("gone.mp4: no such file")


def test_public_names_are_those_of_the_interface() -> None:
    assert avts.load is load
    assert avts.SyncResult is SyncResult
    public = {"embed", "features", "load", "repair", "sync", "FilmFeatures", "RepairResult", "SyncModel", "SyncResult"}
    assert public <= set(dir(avts))
    with pytest.raises(AttributeError, match=r"no attribute 'sinc'; public are .*load, repair, sync"):
        _ = avts.sinc


def test_the_model_in_the_box_has_a_name_and_a_short_repr() -> None:
    box = avts.load("box")
    assert repr(box).startswith("SyncModel('box': 1.87 M weights, windows of 1 s, its own calibration)")
    one, other = (model.network.state_dict() for model in (box, avts.load()))
    assert all((one[name] == other[name]).all() for name in one)


@pytest.mark.parametrize("colour", [False, True])
def test_arrays_give_the_offset_that_their_sound_was_moved_by(colour: bool) -> None:
    frames, samples = beating(seconds=12, offset_seconds=0.25)
    shown = np.repeat(frames[..., None], 3, axis=3) if colour else frames
    found = avts.sync((shown, FPS, samples, RATE), method="motion")
    assert isinstance(found, SyncResult)
    assert found.offset_seconds == pytest.approx(0.25, abs=0.02)
    assert found.in_words.endswith("ms early")
    assert found.reason is None
    assert found.confidence > 0.9


def test_a_model_is_loaded_from_a_folder_or_handed_over(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[object] = []

    def loaded(path: object, *, device: str) -> str:
        assert device == "auto"
        asked.append(path)
        raise CheckpointError(f"{path}: asked for")

    monkeypatch.setattr("avts.api.load_sync_model", loaded)
    arrays = (np.zeros((24, 8, 8), np.uint8), FPS, np.zeros(RATE, np.float32), RATE)
    for given in (tmp_path, None):
        with pytest.raises(CheckpointError, match=str(given)):
            sync(arrays, given)
    assert asked == [tmp_path, None]


def test_without_a_model_in_the_box_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(model_module, "SHIPPED", tmp_path)
    with pytest.raises(CheckpointError, match=r"contains none .*no model\.json.*'avts train'.*'--method motion'"):
        avts.load()


@pytest.mark.parametrize("seconds", [0.0, -1.0, 15.5])
def test_a_range_out_of_bounds_is_refused(seconds: float) -> None:
    arrays = (np.zeros((24, 8, 8), np.uint8), FPS, np.zeros(RATE, np.float32), RATE)
    with pytest.raises(UsageError, match=f"range_seconds is {seconds}: give more than 0 and at most 15"):
        sync(arrays, method="motion", range_seconds=seconds)


def test_repair_moves_the_sound_by_an_offset_that_is_given(films: Any) -> None:
    film = films.write("talk.mp4", seconds=2.0)
    done = avts.repair(film, film.parent / "new" / "fixed.mp4", 0.12)
    assert isinstance(done, avts.RepairResult)
    assert (done.path, done.moved_seconds) == (film.parent / "new" / "fixed.mp4", 0.12)
    assert (done.before, done.after, done.warnings) == (None, None, ())
    sound = next(each for each in done.streams if each.kind == "audio")
    assert sound.new_start_seconds - sound.start_seconds == pytest.approx(0.12, abs=1e-3)
    assert len(repr(done)) < 300, "no arrays in it"
    with pytest.raises(UsageError, match=r"fixed\.mp4: exists already"):
        avts.repair(film, done.path, 0.12)
    assert avts.repair(str(film), str(done.path), -0.1, overwrite=True).moved_seconds == -0.1


def test_repair_measures_what_is_not_given_and_acts_on_certainty_only(
    films: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = films.write("talk.mp4", seconds=2.0)
    measured: list[str] = []

    def measure(read: Any, model: object, *, range_seconds: float, least_confidence: float | None) -> SyncResult:
        measured.append(read.path.name)
        frames, samples = beating(seconds=12, offset_seconds=0.25 if len(measured) == 1 else 0.0)
        film = ArrayFilm(frames, FPS, samples, RATE)
        found = real(film, None, range_seconds=range_seconds, least_confidence=least_confidence)
        return result_of("talk.mp4", found.scan, dataclasses.replace(found.estimate, confidence=confidence))

    real, confidence = api_module.measure, 0.9
    monkeypatch.setattr(api_module, "measure", measure)
    done = avts.repair(film, film.parent / "fixed.mp4", method="motion")
    assert measured == ["talk.mp4", "fixed.mp4"]
    assert done.moved_seconds == pytest.approx(0.25, abs=0.02)
    assert done.before is not None
    assert done.after is not None
    assert done.after.offset_seconds == pytest.approx(0, abs=0.02)
    measured.clear()
    confidence = 0.45
    with pytest.raises(InputError, match=r"not repaired, .* is uncertain \(sound about 25\d ms early, "):
        avts.repair(film, film.parent / "other.mp4", method="motion")
    assert not (film.parent / "other.mp4").exists()


@pytest.mark.parametrize("confidence", [-0.1, 1.5, float("nan")])
def test_a_least_confidence_out_of_bounds_is_refused(films: Any, confidence: float) -> None:
    with pytest.raises(UsageError, match=f"least_confidence is {confidence}. Give a number from 0 to 1"):
        avts.repair("a.mp4", "b.mp4", least_confidence=confidence)
