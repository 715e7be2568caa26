"""A folder with something wrong of every kind, and a corpus."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avts.corpus.ingest import ingest
from avts.media.writer import write_video
from fixtures_training import small_corpus

__all__ = ["corpus_copy", "made_corpus", "sick_folder", "small_corpus"]


def write_film(path: Path, *, seconds: float = 3.0, sound: float | None = 0.3, moves: bool = True) -> Path:
    """Noise to see and to hear; sound is its loudness, None for no sound stream."""
    rng = np.random.default_rng(sum(map(ord, path.stem)))
    frames = rng.integers(30, 220, (round(seconds * 24), 16, 24, 3), np.uint8).repeat(4, 1).repeat(4, 2)
    samples = None if sound is None else sound * rng.uniform(-1, 1, round(seconds * 16_000)).astype(np.float32)
    write_video(path, frames if moves else frames[:1].repeat(len(frames), 0), samples, options={"preset": "ultrafast"})
    return path


@pytest.fixture(scope="session")
def sick_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two good films, a copy of one, and one each without sound, silent, still, too short and unreadable."""
    folder = tmp_path_factory.mktemp("sick")
    write_film(folder / "good.mp4")
    write_film(folder / "long.mp4", seconds=7.0)
    shutil.copy(folder / "good.mp4", folder / "copy.mp4")
    write_film(folder / "mute.mp4", sound=None)
    write_film(folder / "silent.mp4", sound=0.0)
    write_film(folder / "still.mp4", moves=False)
    write_film(folder / "short.mp4", seconds=0.5)
    (folder / "text.mp4").write_text("no film")
    return folder


@pytest.fixture(scope="session")
def made_corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of four films; not to be written to."""
    folder = tmp_path_factory.mktemp("whole")
    for name in ("a", "b", "c", "d"):
        (folder / "films" / "train").mkdir(parents=True, exist_ok=True)
        write_film(folder / "films" / "train" / f"{name}.mp4")
    ingest(folder / "films", folder / "corpus", short_side=64, workers=1)
    return folder / "corpus"


@pytest.fixture
def corpus_copy(made_corpus: Path, tmp_path: Path) -> Any:
    return Path(shutil.copytree(made_corpus, tmp_path / "corpus"))
