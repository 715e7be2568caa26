"""`avts.embed` and `avts.features`: the vectors are those of the table, and what cannot be asked is said."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

import avts
from avts.cli import main
from avts.errors import MediaError, UsageError
from avts.features.towers import Plan


@pytest.fixture
def film(tmp_path: Path, write_film: Any) -> Path:
    path: Path = tmp_path / "clap.mp4"
    write_film(path, seconds=2.0)
    return path


def column(table: Any, name: str) -> np.ndarray:
    return np.stack([np.array(vector) for vector in table[name].to_pylist()])


def test_the_vectors_are_those_that_the_command_writes(film: Path, tiny_run: Path, tmp_path: Path) -> None:
    words = ["--out", tmp_path / "f.parquet", "--model", tiny_run, "--stage", "conv5", "--pooling", "2x1"]
    with pytest.raises(SystemExit) as stopped:
        main(["embed", *map(str, [film, *words, "--workers", 1, "--device", "cpu"])])
    assert not stopped.value.code
    table = pq.read_table(tmp_path / "f.parquet")
    model = avts.load(tiny_run)
    embedded = avts.embed(film, model)
    staged = avts.features(str(film), model=model, pooling="2x1")
    assert len(embedded) == len(staged) == 3
    assert embedded.starts_seconds.tolist() == staged.starts_seconds.tolist() == [0.0, 0.5, 1.0]
    for name, found in (("picture", embedded), ("picture_conv5", staged)):
        np.testing.assert_allclose(found.picture, column(table, name), atol=1e-3)
    for name, found in (("sound", embedded), ("sound_conv5", staged)):
        np.testing.assert_allclose(found.sound, column(table, name), atol=1e-3)
    assert repr(embedded) == "FilmFeatures(embedding: picture [3, 8], sound [3, 8]; 3 windows of 1 s)"


def test_arrays_and_one_tower(tiny_run: Path) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (30, 32, 32), np.uint8)
    samples = np.random.default_rng(0).normal(0, 0.1, 20_000).astype(np.float32)
    found = avts.features((frames, 24.0, samples, 16_000), "sound:conv4", tiny_run, hop_seconds=0.125)
    assert found.picture is None
    assert found.sound is not None
    assert found.sound.shape == (3, 32)  # 30 frames: windows at 0, 3 and 6; conv4 of width 8 has 32 channels
    assert found.starts_seconds.tolist() == [0.0, 0.125, 0.25]


def test_what_cannot_be_asked_is_said(film: Path, tiny_run: Path) -> None:
    with pytest.raises(UsageError, match=r"unknown stage 'conv9'; the stages are picture: conv1, "):
        avts.features(film, "conv9", tiny_run)
    with pytest.raises(UsageError, match=r"pooling 'mean': give parts of space x parts of time"):
        avts.features(film, model=tiny_run, pooling="mean")
    with pytest.raises(UsageError, match=r"hop_seconds is 0\.01; give at least one frame, 1 / 24 s"):
        avts.embed(film, tiny_run, hop_seconds=0.01)
    frames, samples = np.zeros((12, 32, 32), np.uint8), np.zeros(8_000, np.float32)
    with pytest.raises(MediaError, match=r"shorter than a window of 1 s\. No features can be taken of it"):
        avts.embed((frames, 24.0, samples, 16_000), tiny_run)
    with pytest.raises(MediaError, match="no such file"):
        avts.embed("gone.mp4", tiny_run)


def test_the_function_and_the_package_of_one_name_are_both_there() -> None:
    assert callable(avts.features)
    assert avts.features.towers.Plan is Plan
