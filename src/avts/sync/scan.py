"""A film's distance map: how well each stretch of picture fits the sound at each offset.

Input: the Features of a film. Output: an OffsetScan. The map of a long film is thinned in time, so that it stays small.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from avts.sync.features import Features, film_features
from avts.sync.film import FileFilm
from avts.timebase import FRAME_RATE

if TYPE_CHECKING:
    from avts.model.two_stream import TwoStream

ScalarT = TypeVar("ScalarT", bound=np.generic)

WINDOW_SECONDS = 1.0
"""Length of a window: the one that the recipes of this project train on."""

MAP_CELLS = 2_000_000
"""Distances in a map, about, at most: a quarter of an hour over +-2 s with a window at each frame."""


@dataclass(frozen=True)
class OffsetScan:
    """Distances between the windows of a file's picture and its sound at each offset.

    Attributes:
        times_seconds: start of each picture window in the file, [W].
        offsets_seconds: the offsets tried, ascending, [K]; > 0 means that the sound of the file comes early.
        distances: embedding distance of each window at each offset, float32 [W, K]; NaN where the file has no sound
            there (before its start, after its end), the sound is silent, or the picture is still.
        window_seconds: length of a window.
        num_heard: windows whose sound is not silent; None if not known.
        num_moving: windows whose picture is not still; None if not known.
    """

    times_seconds: NDArray[np.float64]
    offsets_seconds: NDArray[np.float64]
    distances: NDArray[np.float32]
    window_seconds: float
    num_heard: int | None = None
    num_moving: int | None = None


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
    return scan_features(film_features(FileFilm(path), model, window_seconds=window_seconds), range_seconds)


def scan_features(features: Features, range_seconds: float, *, centre_seconds: float = 0.0) -> OffsetScan:
    """The distance map of a film's features over the offsets around a centre.

    Args:
        features: of the whole film.
        range_seconds: offsets up to this much either way of the centre are tried, a frame apart.
        centre_seconds: the middle of the offsets; goes to the nearest frame.
    """
    reach, centre = round(range_seconds * FRAME_RATE), round(centre_seconds * FRAME_RATE)
    num_offsets = 2 * reach + 1
    hop = max(1, math.ceil(len(features) * num_offsets / MAP_CELLS))
    return OffsetScan(
        times_seconds=np.arange(0, len(features), hop) / FRAME_RATE,
        offsets_seconds=np.arange(centre - reach, centre + reach + 1) / FRAME_RATE,
        distances=distance_map(features, first_offset=centre - reach, num_offsets=num_offsets, hop=hop),
        window_seconds=features.window_seconds,
        num_heard=int(features.heard.sum()),
        num_moving=int(features.moving.sum()),
    )


def distance_map(features: Features, *, first_offset: int, num_offsets: int, hop: int) -> NDArray[np.float32]:
    """Distance of each picture window to the sound window at each offset.

    Sound that comes early by k frames is found k frames before its picture. A block of windows is multiplied with all
    the sounds in their reach at once, and the diagonals of the product are the rows of the map.

    Args:
        features: [W, D] of picture and sound.
        first_offset: least offset in frames; the next ones are a frame apart.
        num_offsets: K.
        hop: frames from one row to the next.

    Returns:
        float32 [ceil(W / hop), K] in [0, 1]; NaN where there is no sound window, a silent one, or a still picture.
    """
    rows = np.arange(0, len(features), hop)
    distances = np.full((len(rows), num_offsets), np.nan, dtype=np.float32)
    block = max(1, num_offsets // hop)
    for first in range(0, len(rows), block):
        chosen = rows[first : first + block]
        # the sounds that the block reaches, the last offset of its first row first
        start = int(chosen[0]) - (first_offset + num_offsets - 1)
        stop = int(chosen[-1]) - first_offset + 1
        sounds = _padded(features.sounds, start, stop)
        heard = _padded(features.heard, start, stop)
        closeness = features.pictures[chosen].astype(np.float32) @ sounds.astype(np.float32).T
        known = _diagonals(np.broadcast_to(heard, closeness.shape).copy(), num_offsets, hop)
        known = known & features.moving[chosen, None]
        found = np.sqrt(np.maximum(2 - 2 * _diagonals(closeness, num_offsets, hop), 0)) / 2
        distances[first : first + block] = np.where(known, found, np.nan)
    return distances


def _padded(values: NDArray[ScalarT], start: int, stop: int) -> NDArray[ScalarT]:
    """values[start:stop], zeros where there are none."""
    inside = values[max(start, 0) : max(stop, 0)]
    out = np.zeros((stop - start, *values.shape[1:]), values.dtype)
    skip = max(-start, 0)
    out[skip : skip + len(inside)] = inside
    return out


def _diagonals(product: NDArray[ScalarT], num_offsets: int, hop: int) -> NDArray[ScalarT]:
    """Element (i, j) is product[i, i * hop + num_offsets - 1 - j]; a view."""
    across, along = product.strides
    return as_strided(
        product[:, num_offsets - 1 :],
        (len(product), num_offsets),
        (across + hop * along, -along),
        writeable=False,
    )
