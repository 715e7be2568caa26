"""`avts.load` and `avts.sync` as a user calls them, and what importing avts costs."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import avts
import avts.offset.model as model_module
from avts.api import SyncResult, load, sync
from avts.errors import CheckpointError, UsageError

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
    assert {"load", "sync", "SyncModel", "SyncResult"} <= set(dir(avts))
    with pytest.raises(AttributeError, match=r"no attribute 'sinc'; public are .*load, sync"):
        _ = avts.sinc


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

    def loaded(path: object) -> str:
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
    with pytest.raises(CheckpointError, match=r"none in the box .*no model\.json.*'avts train'.*'--method motion'"):
        avts.load()


@pytest.mark.parametrize("seconds", [0.0, -1.0, 15.5])
def test_a_range_out_of_bounds_is_refused(seconds: float) -> None:
    arrays = (np.zeros((24, 8, 8), np.uint8), FPS, np.zeros(RATE, np.float32), RATE)
    with pytest.raises(UsageError, match=f"range_seconds is {seconds}: give more than 0 and at most 15"):
        sync(arrays, method="motion", range_seconds=seconds)
