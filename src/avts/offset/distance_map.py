"""The distance map of a film: how well each window of picture matches the sound at each offset.

Input: the Features of a film. Output: an OffsetScan. The map of a long film is subsampled in time to bound its size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

from avts.offset.correlation import motion_evidence
from avts.offset.features import Features, film_features
from avts.offset.film import FileFilm
from avts.timebase import FRAME_RATE

if TYPE_CHECKING:
    from avts.model.two_stream import TwoStream

ScalarT = TypeVar("ScalarT", bound=np.generic)

WINDOW_SECONDS = 1.0
"""Window length that the recipes of this project train on."""

MAP_CELLS = 2_000_000
"""Approximate maximum size of a map: 15 minutes over +-2 s with a window at each frame."""


MOST_ROWS = 8
"""Maximum number of windows per matrix product; with more, too much of the product is unused."""

GROUP_CELLS = 16_000
"""Approximate size of a batch of products: small enough that only the first and the last of a film need padding."""


@dataclass(frozen=True)
class OffsetScan:
    """Distances between the windows of a file's picture and its sound at each offset.

    Attributes:
        times_seconds: start of each picture window in the file, [W].
        offsets_seconds: the offsets tried, ascending, [K]; > 0 means that the sound of the file comes early.
        distances: embedding distance of each window at each offset, float32 [W, K]; NaN where the file has no sound
            there (before its start, after its end), the sound is silent, or the picture is still.
        window_seconds: length of a window.
        num_heard: number of windows whose sound is not silent; None if unknown.
        num_moving: number of windows whose picture is not still; None if unknown.
        motion_evidence: evidence from motion against loudness for each offset, nats [K]; None if not computed.
    """

    times_seconds: NDArray[np.float64]
    offsets_seconds: NDArray[np.float64]
    distances: NDArray[np.float32]
    window_seconds: float
    num_heard: int | None = None
    num_moving: int | None = None
    motion_evidence: NDArray[np.float64] | None = None


def scan(
    path: Path, model: TwoStream, *, range_seconds: float = 2.0, window_seconds: float = WINDOW_SECONDS
) -> OffsetScan:
    """Compare every second of a file's picture with its sound at every offset in the search range.

    Args:
        path: any media file.
        model: a trained model.
        range_seconds: search range in either direction.
        window_seconds: length of the windows that are compared.

    Raises:
        MediaError: the file cannot be read, or has no picture or no sound.
    """
    return scan_features(film_features(FileFilm(path), model, window_seconds=window_seconds), range_seconds)


def scan_features(features: Features, range_seconds: float, *, centre_seconds: float = 0.0) -> OffsetScan:
    """The distance map of a film's features over the offsets around a centre.

    Args:
        features: of the whole film.
        range_seconds: search range on either side of the centre, in steps of a frame.
        centre_seconds: the middle of the offsets, rounded to a frame.
    """
    reach, centre = round(range_seconds * FRAME_RATE), round(centre_seconds * FRAME_RATE)
    num_offsets = 2 * reach + 1
    hop = max(1, math.ceil(len(features) * num_offsets / MAP_CELLS))
    offsets = np.arange(centre - reach, centre + reach + 1)
    plain = None
    if features.change is not None and features.power is not None:
        plain = motion_evidence(features.change, features.power, offsets)
    return OffsetScan(
        times_seconds=np.arange(0, len(features), hop) / FRAME_RATE,
        offsets_seconds=offsets / FRAME_RATE,
        distances=distance_map(features, first_offset=centre - reach, num_offsets=num_offsets, hop=hop),
        window_seconds=features.window_seconds,
        num_heard=int(features.heard.sum()),
        num_moving=int(features.moving.sum()),
        motion_evidence=plain,
    )


def distance_map(features: Features, *, first_offset: int, num_offsets: int, hop: int) -> NDArray[np.float32]:
    """Distance of each picture window to the sound window at each offset.

    Sound that comes early by k frames is found k frames before its picture. A block of windows is multiplied with all
    sounds in its search range at once; the requested distances are the diagonals of the product. With parts of the
    picture a distance is the soft minimum of those of the whole and its parts.

    Args:
        features: [W, D] of picture and sound.
        first_offset: smallest offset in frames; offsets are a frame apart.
        num_offsets: K.
        hop: frames between rows.

    Returns:
        float32 [ceil(W / hop), K] in [0, 1]; NaN where there is no sound window, a silent one, or a still picture.
    """
    whole = _map(features, first_offset, num_offsets, hop)
    if features.parts is None:
        return whole
    import torch

    from avts.model.losses import soft_minimum

    parts = [_map(replace(features, pictures=each), first_offset, num_offsets, hop) for each in features.parts]
    return np.asarray(soft_minimum(torch.from_numpy(np.stack([whole, *parts]))).numpy())


def _map(features: Features, first_offset: int, num_offsets: int, hop: int) -> NDArray[np.float32]:
    distances = np.full((math.ceil(len(features) / hop), num_offsets), np.nan, dtype=np.float32)
    block = max(1, min(MOST_ROWS, num_offsets // hop))
    at_once = block * max(1, GROUP_CELLS // (block * (block * hop + num_offsets)))
    for first in range(0, len(distances), at_once):
        rows = distances[first : first + at_once]
        rows[:] = _rows(features, first * hop, len(rows), first_offset, num_offsets, hop, block)
    return distances


def _rows(
    features: Features, start: int, count: int, first_offset: int, num_offsets: int, hop: int, block: int
) -> NDArray[np.float32]:
    """Consecutive rows of a map that begin at a given window, [count, K]."""
    blocks = math.ceil(count / block)
    # Window t at offset k needs the sound at t - k, so the earliest one is that of the first row at the largest offset.
    origin = start - (first_offset + num_offsets - 1)
    stop = origin + (blocks * block - 1) * hop + num_offsets
    sounds = _padded(features.sounds, origin, stop).astype(np.float32, copy=False)
    heard = _padded(features.heard, origin, stop)
    pictures = _padded(features.pictures[start::hop], 0, blocks * block).astype(np.float32, copy=False)
    moving = _padded(features.moving[start::hop], 0, blocks * block)
    size = sounds.shape[1]
    span = (block - 1) * hop + num_offsets
    # The search ranges of neighbouring blocks overlap: with a strided view [blocks, D, span] of the sounds one batched
    # product reads them in place, where a copy would multiply the memory by span / (block * hop).
    across, along = sounds.strides
    reached = as_strided(sounds, (blocks, size, span), (block * hop * across, along, across), writeable=False)
    pictures = pictures.reshape(blocks, block, size)
    if features.compare is None:
        compared = pictures @ reached  # [blocks, block, span]
    else:
        compared = np.stack([features.compare(*each) for each in zip(pictures, reached.swapaxes(1, 2), strict=True)])
    # Row r of a block starts r * hop frames later: its sound for offset j is in column r * hop + num_offsets - 1 - j.
    # One step in r moves hop columns to the right, one step in j a column to the left. The view reads these diagonals
    # without index arrays. Columns go from 0 to span - 1, so it stays within the product; NumPy would not notice a
    # wrong stride, and read other memory.
    one, row, cell = compared.strides
    diagonals = as_strided(
        compared[:, :, num_offsets - 1 :],
        (blocks, block, num_offsets),
        (one, row + hop * cell, -cell),
        writeable=False,
    )
    distances = np.array(diagonals).reshape(-1, num_offsets)
    if features.compare is None:
        np.subtract(2, 2 * distances, out=distances)
        np.sqrt(np.maximum(distances, 0, out=distances), out=distances)
        distances /= 2
    # the same diagonals in the mask of audible sounds, which is not split into blocks
    (step,) = heard.strides
    known = as_strided(heard[num_offsets - 1 :], (blocks * block, num_offsets), (hop * step, -step), writeable=False)
    distances[~(known & moving[:, None])] = np.nan
    return distances[:count]


def _padded(values: NDArray[ScalarT], start: int, stop: int) -> NDArray[ScalarT]:
    """values[start:stop], padded with zeros outside of the array."""
    if start >= 0 and stop <= len(values):
        return values[start:stop]
    inside = values[max(start, 0) : max(stop, 0)]
    out = np.zeros((stop - start, *values.shape[1:]), values.dtype)
    skip = max(-start, 0)
    out[skip : skip + len(inside)] = inside
    return out
