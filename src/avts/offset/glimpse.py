"""A moment of a film that shows its offset: some frames, and the filterbank of the sound that belongs to them.

Input: a file and its SyncResult. Output: a Glimpse. It is looked for early in the film, so that little is decoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avts.media.standard import standard_frames, standard_sound
from avts.offset.measure import SyncResult
from avts.timebase import FRAME_RATE

SECONDS = 2.0
LATEST_SECONDS = 60.0
"""A moment that starts later is not looked for."""

FILTER_BANDS = 40


@dataclass(frozen=True)
class Glimpse:
    """Picture and sound of a moment, put right.

    Attributes:
        start_seconds: where the picture's moment starts in the film.
        frames: luminance, uint8 [T, H, W], 24 a second.
        as_it_is: log filterbank energies of the sound as the file plays it, [M, S], 100 steps a second.
        put_right: those of the sound moved by the offset, [M, S].
    """

    start_seconds: float
    frames: NDArray[np.uint8]
    as_it_is: NDArray[np.float32]
    put_right: NDArray[np.float32]

    @property
    def seconds(self) -> float:
        """Its length."""
        return len(self.frames) / FRAME_RATE


def glimpse(path: Path, result: SyncResult) -> Glimpse | None:
    """The most telling early moment of a film; None if the film is too short.

    Raises:
        MediaError: the file can no longer be read.
    """
    start = _moment(result)
    frames = standard_frames(path, short_side=96)
    first, stop = round(start * FRAME_RATE), round((start + SECONDS) * FRAME_RATE)
    kept: list[NDArray[np.uint8]] = []
    count = 0
    for chunk in frames:
        kept.append(chunk.y[max(first - count, 0) : max(stop - count, 0)])
        count += chunk.num_frames
        if count >= stop:
            break
    shown = np.concatenate(kept) if kept else np.empty((0, 2, 2), np.uint8)
    if len(shown) < 2:
        return None
    at = frames.start_seconds + first / FRAME_RATE
    offset = result.offset_at(start + SECONDS / 2) if result.segments else 0.0
    heard = [_filterbank(path, place, len(shown) / FRAME_RATE) for place in (at, at - offset)]
    return Glimpse(first / FRAME_RATE, shown, heard[0], heard[1])


def _moment(result: SyncResult) -> float:
    """Start of the early window that fits best at the offset found, compared with other offsets."""
    scan = result.scan
    early = scan.times_seconds <= LATEST_SECONDS
    if not early.any() or not result.segments:
        return 0.0
    rows = scan.distances[early]
    offsets = np.array([result.offset_at(time) for time in scan.times_seconds[early]])
    column = np.abs(scan.offsets_seconds - offsets[:, None]).argmin(axis=1)
    known = np.isfinite(rows)
    middle = np.where(known, rows, 0).sum(axis=1) / np.maximum(known.sum(axis=1), 1)
    gain = middle - rows[np.arange(len(rows)), column]
    if not np.isfinite(gain).any():
        return 0.0
    best = float(scan.times_seconds[early][int(np.nanargmax(gain))])
    return max(0.0, best - (SECONDS - scan.window_seconds) / 2)


def _filterbank(path: Path, start_seconds: float, duration_seconds: float) -> NDArray[np.float32]:
    """Log filterbank energies of a stretch of a file, [M, S]."""
    import torch

    from avts.model.frontend import Filterbank

    samples = np.concatenate(list(standard_sound(path, start_seconds=start_seconds, duration_seconds=duration_seconds)))
    energies: NDArray[np.float32] = Filterbank(FILTER_BANDS)(torch.from_numpy(samples)[None])[0].numpy()
    return energies
