"""Trees of files as data sets have them, and small films to fill them with."""

from __future__ import annotations

import itertools
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from avts.media.writer import pcm_of, write_video

Tree = Callable[..., Path]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    """Makes a folder of empty files and of lists with their text; gives the folder."""

    def make(*names: str, **lists: str) -> Path:
        folder = tmp_path / "set"
        for name, content in {**dict.fromkeys(names, ""), **lists}.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content, encoding="utf-8")
        return folder

    return make


@pytest.fixture(scope="session")
def small_films(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """A film of 1.5 s, 64 x 32, with sound ('both') and without ('mute'), and its sound alone ('sound')."""
    folder = tmp_path_factory.mktemp("small")
    frames = np.random.default_rng(0).integers(0, 255, (36, 32, 64, 3), np.uint8)
    noise = np.random.default_rng(0).normal(0, 0.1, 24_000).astype(np.float32)
    write_video(folder / "both.mp4", frames, noise)
    write_video(folder / "mute.avi", frames, None, video_codec="mpeg4")
    with wave.open(str(folder / "sound.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(16_000)
        sound.writeframes(pcm_of(noise).tobytes())
    return {kind: next(folder.glob(f"{kind}.*")).read_bytes() for kind in ("both", "mute", "sound")}


@pytest.fixture
def put(small_films: dict[str, bytes]) -> Callable[..., Path]:
    """Writes a small film under any name; each has bytes of its own behind what players read."""
    number = itertools.count()

    def write(path: Path, kind: str = "both") -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(small_films[kind] + b"\0\0\0\x10free" + next(number).to_bytes(8, "big"))
        return path

    return write
