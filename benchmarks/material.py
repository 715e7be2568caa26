"""What the loader's benchmark is run on: ordinary videos made by code, and the corpus that ingest makes of them.

The originals are what cameras and platforms leave: 256 lines, H.264 of a usual preset with B-frames and a key frame
every 250, AAC sound. The windows are drawn once and are the same for everyone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avts.corpus.clip import Clip
from avts.corpus.corpus import Corpus
from avts.errors import UsageError
from avts.files import whole_file
from avts.media.planes import Planes
from avts.media.standard import SHORT_SIDE, read_standard
from avts.media.writer import write_video
from avts.timebase import FRAME_RATE, SAMPLE_RATE
from avts.world.composition import compose

ORIGINAL_LINES = 256
ORIGINAL_SECONDS = 10.0
ORIGINAL_OPTIONS = {"preset": "medium", "crf": "23", "g": "250", "bf": "3", "threads": "1"}
WINDOW_SECONDS = 1.0
SEED = 7


@dataclass(frozen=True)
class Place:
    """A window: which original and which clip of the corpus it is in, and where it starts on both their clocks."""

    original: Path
    clip: Clip
    start_seconds: float


@dataclass(frozen=True)
class Material:
    """The originals, their corpus, and both of a video side by side."""

    originals: tuple[Path, ...]
    corpus: Corpus
    clips: tuple[Clip, ...]
    made_of: str

    @property
    def in_words(self) -> str:
        """What it is made of, and how large its pictures and files are."""
        sizes = {f"{clip.width} x {clip.height}" for clip in self.clips}
        rate = sum(path.stat().st_size for path in self.originals) * 8 / len(self.originals) / ORIGINAL_SECONDS / 1000
        return (
            f"{len(self.originals)} {self.made_of} videos, {' and '.join(sorted(sizes))}; originals {rate:.0f} kbit/s"
        )

    def places(self, count: int, *, seed: int) -> list[Place]:
        """Random windows in random videos; they start on frames."""
        rng = np.random.default_rng([SEED, seed])
        found = []
        for _ in range(count):
            video = int(rng.integers(len(self.clips)))
            last = self.clips[video].num_frames - round(WINDOW_SECONDS * FRAME_RATE)
            found.append(Place(self.originals[video], self.clips[video], int(rng.integers(last + 1)) / FRAME_RATE))
        return found


def make_material(folder: Path, *, count: int, videos: Path | None = None, short_side: int = SHORT_SIDE) -> Material:
    """Make what is missing of the originals and the corpus in a folder.

    Args:
        folder: where they are kept.
        count: how many originals.
        videos: folder of films to make them of, instead of generated ones.
        short_side: of the corpus's pictures, pixels, at most that of the originals.

    Raises:
        UsageError: no film there.
    """
    from avts.corpus.ingest import ingest  # not in the workers, which import this module for a plan

    made_of = "generated" if videos is None else videos.name
    films = folder / f"originals-{made_of}-{count}"
    films.mkdir(parents=True, exist_ok=True)
    paths = tuple(films / f"{index:03d}.mp4" for index in range(count))
    sources = [] if videos is None else _spread(sorted(videos.rglob("*.mp4")), count, videos)
    for index, path in enumerate(paths):
        if path.exists():
            continue
        planes, samples = _lengthened(sources[index]) if sources else _generated(index)
        with whole_file(path) as waiting:
            write_video(waiting, planes, samples, options=ORIGINAL_OPTIONS)
    out = folder / f"corpus-{made_of}-{count}-{short_side}"
    ingest(films, out, short_side=short_side)
    corpus = Corpus.open(out)
    clips = {clip.source: clip for clip in corpus.clips}
    return Material(paths, corpus, tuple(clips[path.name] for path in paths), made_of)


def _generated(index: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    take = compose(SEED, index, size=ORIGINAL_LINES, seconds=ORIGINAL_SECONDS, kind=None, max_shift_seconds=0)
    return take.frames, take.samples


def _spread(films: list[Path], count: int, folder: Path) -> list[Path]:
    """As many of the films as are wanted, evenly from all of them."""
    if len(films) < count:
        raise UsageError(
            f"--videos {folder}: {count} films were asked for, it holds {len(films)} (.mp4). Lower --count."
        )
    return [films[index * len(films) // count] for index in range(count)]


def _lengthened(path: Path) -> tuple[Planes, NDArray[np.float32]]:
    """A film of 256 lines that plays forwards and backwards until it has lasted long enough, without a leap."""
    film = read_standard(path, short_side=ORIGINAL_LINES, need_sound=False)
    last = max(film.planes.num_frames - 1, 1)
    steps = np.arange(round(ORIGINAL_SECONDS * FRAME_RATE)) % (2 * last)
    there = np.minimum(np.minimum(steps, 2 * last - steps), film.planes.num_frames - 1)
    noise = np.random.default_rng(SEED).uniform(-0.1, 0.1, round(ORIGINAL_SECONDS * SAMPLE_RATE))
    samples = np.resize(film.samples, len(noise)) if film.has_sound else noise.astype(np.float32)
    return Planes(film.planes.y[there], film.planes.u[there], film.planes.v[there]), samples
