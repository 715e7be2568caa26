"""Does the map of where the sound comes from point at what makes it? Two films side by side, one of which is heard.

python experiments/pointing.py FOLDER ... [--model RUN] [--films 40]

Each video file of a FOLDER is shown beside the next one, left or right by chance, with its own sound only. Printed is
how often the heard half has the greater part of the map (chance: 50 %), and its mean part, with 95 % intervals over
the films.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avts.corpus.folder import is_video_name
from avts.errors import AvtsError
from avts.media.standard import standard_frames, standard_sound
from avts.offset.film import ArrayFilm
from avts.offset.model import SyncModel, load_sync_model
from avts.offset.where import where_of
from avts.timebase import FRAME_RATE, SAMPLE_RATE

LONGEST_FRAMES = 6 * FRAME_RATE
SHORT_SIDE = 96


def read(path: Path) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """Luminance [T, H, W] at 24 frames a second and sound at 16 kHz, 6 s at most."""
    frames = np.concatenate([chunk.y for chunk in standard_frames(path, short_side=SHORT_SIDE)])[:LONGEST_FRAMES]
    sound = np.concatenate(list(standard_sound(path, start_seconds=0.0, duration_seconds=len(frames) / FRAME_RATE)))
    return frames, sound


def heard_part(heard: Path, silent: Path, side: int, model: SyncModel) -> float:
    """The part of the map that lies in the half of the film that is heard."""
    (mine, sound), (other, _) = read(heard), read(silent)
    count, height, width = np.minimum(mine.shape, other.shape)
    halves = [each[:count, :height, :width] for each in ((mine, other) if side == 0 else (other, mine))]
    film = ArrayFilm(
        np.concatenate(halves, axis=2), FRAME_RATE, sound[: count * SAMPLE_RATE // FRAME_RATE], SAMPLE_RATE
    )
    where = where_of(film, model, offset_seconds=0.0).mean_map
    middle = where.shape[1] // 2
    parts = where[:, :middle].sum(), where[:, middle:].sum()
    return float(parts[side] / max(sum(parts), 1e-9)) if sum(parts) > 0 else 0.5


def main() -> None:
    """Measure every folder, print a line for each."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--films", type=int, default=40)
    given = parser.parse_args()
    model = load_sync_model(given.model)
    for folder in given.folders:
        files = [path for path in sorted(folder.rglob("*")) if is_video_name(path.name)]
        files = files[:: max(1, len(files) // given.films)][: given.films]
        rng, parts = np.random.default_rng(0), []
        for path, beside in zip(files, files[1:] + files[:1], strict=True):
            try:
                parts.append(heard_part(path, beside, int(rng.integers(2)), model))
            except AvtsError as error:
                print(error)
        part = np.array(parts)
        right, wide = (part > 0.5).mean(), 1.96 * np.sqrt(0.25 / len(part))
        spread = 1.96 * part.std(ddof=1) / np.sqrt(len(part))
        print(f"{folder}: {len(part)} films, right {right:.2f} +- {wide:.2f}, part {part.mean():.2f} +- {spread:.2f}")


if __name__ == "__main__":
    main()
