"""Tiny models on disk, and small sounds and films of known content."""

from __future__ import annotations

import itertools
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from avts.media.writer import pcm_of, write_video
from avts.model.checkpoint import build_model, save_model
from avts.model.two_stream import TwoStream
from avts.settings import ModelSettings
from fixtures_training import tiny_recipe

RATE = 16_000

Tone = Callable[..., Path]


@pytest.fixture(scope="session")
def tiny_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny model with fresh weights."""
    folder = tmp_path_factory.mktemp("run")
    recipe = tiny_recipe()
    torch.manual_seed(1)
    save_model(folder, build_model(recipe.model), recipe, {"step": 0})
    return folder


SMALL = ModelSettings(
    video_width=4,
    audio_width=8,
    picture_input="change",
    frame_size=32,
    head="temporal",
    hidden=16,
    embedding=16,
    filter_bands=16,
)


def small_network(settings: ModelSettings = SMALL) -> TwoStream:
    """A small model that keeps time, with fresh weights."""
    model = build_model(settings).eval()
    model.low_precision = False
    return model


@pytest.fixture
def tiny_model() -> TwoStream:
    torch.manual_seed(1)
    model = build_model(tiny_recipe().model).eval()
    model.low_precision = False
    return model


def tone(hertz: float, seconds: float, seed: int) -> NDArray[np.float32]:
    """A tone that beats, in faint noise."""
    at = np.arange(round(seconds * RATE)) / RATE
    noise = np.random.default_rng(seed).normal(0, 0.01, len(at))
    return (noise + 0.3 * np.sin(2 * np.pi * hertz * at) * (1 + np.sin(2 * np.pi * (3 + seed % 3) * at))).astype(
        np.float32
    )


def write_wav(path: Path, samples: NDArray[np.float32]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm_of(samples).tobytes())
    return path


@pytest.fixture
def write_sound() -> Tone:
    """Writes a WAV of a tone."""
    number = itertools.count()

    def write(path: Path, *, hertz: float = 440.0, seconds: float = 2.0) -> Path:
        return write_wav(path, tone(hertz, seconds, next(number)))

    return write


@pytest.fixture
def write_film() -> Callable[..., Path]:
    """Writes a film of noise, 64 x 32, with or without sound."""

    def write(path: Path, *, seconds: float = 2.0, has_sound: bool = True) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        frames = np.random.default_rng(0).integers(0, 255, (round(24 * seconds), 32, 64, 3), np.uint8)
        write_video(path, frames, tone(300, seconds, 0) if has_sound else None)
        return path

    return write
