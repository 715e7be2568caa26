"""A file's distance map: how well each stretch of picture fits the sound at each offset.

Both towers run once, densely, over the whole file; windows are cut from their features.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from avts.media.standard import standard_frames, standard_sound
from avts.timebase import FRAME_RATE, sample_at

if TYPE_CHECKING:
    from avts.model.two_stream import TwoStream

WINDOW_SECONDS = 1.0
"""Length of a window: the one that the recipes of this project train on."""

SILENCE_DBFS = -60.0
"""A window whose sound is quieter has nothing to be compared with."""


@dataclass(frozen=True)
class OffsetScan:
    """Distances between the windows of a file's picture and its sound at each offset.

    Attributes:
        times_seconds: start of each picture window in the file, [W].
        offsets_seconds: the offsets tried, ascending, [K]; > 0 means that the sound of the file comes early.
        distances: embedding distance of each window at each offset, float32 [W, K]; NaN where the file has no sound
            there (before its start, after its end) or the sound is silent.
        window_seconds: length of a window.
    """

    times_seconds: NDArray[np.float64]
    offsets_seconds: NDArray[np.float64]
    distances: NDArray[np.float32]
    window_seconds: float


def scan(
    path: Path, model: TwoStream, *, range_seconds: float = 2.0, window_seconds: float = WINDOW_SECONDS
) -> OffsetScan:
    """Compare every second of a file's picture with its sound at every offset of the search range.

    Args:
        path: any media file.
        model: a trained model.
        range_seconds: offsets up to this much either way are tried.
        window_seconds: length of the windows that are compared.

    Raises:
        MediaError: the file cannot be read, or has no picture or no sound.
    """
    from avts.model.dense import picture_windows, sound_windows

    frames = standard_frames(path)
    pictures = picture_windows(model, frames, window_seconds=window_seconds).numpy()
    duration = frames.num_frames / FRAME_RATE
    stream = standard_sound(path, start_seconds=frames.start_seconds, duration_seconds=duration)
    samples = np.concatenate(list(stream))
    sounds = sound_windows(model, samples, window_seconds=window_seconds).numpy()
    count = min(len(pictures), len(sounds))
    reach = round(range_seconds * FRAME_RATE)
    heard = audible(samples, count, window_seconds)
    offsets = np.arange(-reach, reach + 1)
    return OffsetScan(
        times_seconds=np.arange(count) / FRAME_RATE,
        offsets_seconds=offsets / FRAME_RATE,
        distances=distance_map(pictures[:count], sounds[:count], heard, offsets),
        window_seconds=window_seconds,
    )


def distance_map(
    pictures: NDArray[np.float32], sounds: NDArray[np.float32], heard: NDArray[np.bool_], offsets: NDArray[np.int64]
) -> NDArray[np.float32]:
    """Distance of each picture window to the sound window at each offset.

    Sound that comes early by k frames is found k frames before its picture.

    Args:
        pictures: [W, D], of unit length, one window a frame.
        sounds: [W, D], likewise.
        heard: bool [W]; False where a sound window is silent.
        offsets: offsets to try in frames, [K].

    Returns:
        float32 [W, K] in [0, 1]; NaN where there is no sound window, or a silent one.
    """
    count = len(pictures)
    distances = np.full((count, len(offsets)), np.nan, dtype=np.float32)
    for column, offset in enumerate(offsets):
        first, stop = max(offset, 0), min(count + offset, count)
        if first >= stop:
            continue
        closeness = np.einsum("wd,wd->w", pictures[first:stop], sounds[first - offset : stop - offset])
        found = np.sqrt(np.maximum(2 - 2 * closeness, 0)) / 2
        distances[first:stop, column] = np.where(heard[first - offset : stop - offset], found, np.nan)
    return distances


def audible(samples: NDArray[np.float32], count: int, window_seconds: float) -> NDArray[np.bool_]:
    """Which of the windows that start at each frame have sound in them, bool [count]."""
    power = np.concatenate([[0.0], np.cumsum(np.square(samples, dtype=np.float64))])
    starts = np.array([sample_at(frame / FRAME_RATE) for frame in range(count)], dtype=np.int64)
    stops = np.minimum(starts + sample_at(window_seconds), len(samples))
    mean = (power[stops] - power[starts]) / sample_at(window_seconds)
    return np.asarray(mean > 10 ** (SILENCE_DBFS / 10))
