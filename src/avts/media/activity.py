"""How much changes in a picture and how loud its sound is, frame by frame, measured while a film streams by.

Input: chunks of planes or of samples. Output: the same chunks, and one number a frame once they have all gone by.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from avts.media.planes import Planes
from avts.timebase import FRAME_RATE, SAMPLE_RATE, sample_at

SIDE = 64
"""Height and width that pictures are brought to: coding noise averages out, a moving mouth does not."""

STILL_LEVELS = 2.0
"""A frame none of whose 64 x 64 cells changes by more of 255 levels is still; key frames of a still picture pulse."""

SILENCE_DBFS = -60.0
"""A window whose sound is quieter has nothing to be compared with."""


class PictureActivity:
    """Change of the picture from each frame to the next: what happens while the frame is shown, as its sound does.

    Attributes:
        change: mean absolute change as a share of 255, [T]; the last frame has that of the one before.
        largest: largest change of one of SIDE x SIDE cells in levels of 255, [T].
    """

    def __init__(self) -> None:
        self._num_frames = 0
        self._change: list[float] = []
        self._largest: list[float] = []

    def watching(self, chunks: Iterable[Planes]) -> Iterator[Planes]:
        """Hand chunks on and measure them."""
        last: NDArray[np.float32] | None = None
        for chunk in chunks:
            for picture in chunk.y:
                small = cv2.resize(picture, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float32)
                if last is not None:
                    moved = np.abs(small - last)
                    self._change.append(float(moved.mean()) / 255)
                    self._largest.append(float(moved.max()))
                self._num_frames += 1
                last = small
            yield chunk

    @property
    def change(self) -> NDArray[np.float64]:
        """Mean absolute change, [T]."""
        return self._filled(self._change)

    @property
    def largest(self) -> NDArray[np.float64]:
        """Largest change, [T]."""
        return self._filled(self._largest)

    def _filled(self, values: list[float]) -> NDArray[np.float64]:
        """One value a frame: a change of 0 at the last one would be an event."""
        return np.array([*values, *(values[-1:] or [0.0])][: self._num_frames], np.float64)


class SoundActivity:
    """Power of the sound during each frame, and the number of samples.

    Attributes:
        num_samples: samples gone by.
    """

    def __init__(self) -> None:
        self.num_samples = 0
        self._power: list[NDArray[np.float64]] = []
        self._rest: NDArray[np.float32] = np.empty(0, np.float32)
        self._frames = 0

    def watching(self, chunks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        """Hand chunks on and measure them."""
        for chunk in chunks:
            self.num_samples += len(chunk)
            self._measure(np.concatenate([self._rest, chunk]))
            yield chunk

    def _measure(self, samples: NDArray[np.float32]) -> None:
        first = sample_at(self._frames / FRAME_RATE)
        whole = int((first + len(samples)) / SAMPLE_RATE * FRAME_RATE + 1e-6) - self._frames
        edges = np.round(np.arange(self._frames, self._frames + whole + 1) * (SAMPLE_RATE / FRAME_RATE)).astype(int)
        edges = edges[edges <= first + len(samples)] - first
        if len(edges) > 1:
            self._power.append(np.add.reduceat(np.square(samples[: edges[-1]], dtype=np.float64), edges[:-1]))
            self._power[-1] /= np.diff(edges)
            self._frames += len(edges) - 1
        self._rest = samples[edges[-1] :] if len(edges) else samples

    @property
    def power(self) -> NDArray[np.float64]:
        """Mean square of the samples during each whole frame, [T]."""
        return np.concatenate([np.empty(0), *self._power])


def audible_windows(power: NDArray[np.float64], window_frames: int) -> NDArray[np.bool_]:
    """Which of the windows that start at each frame have sound in them, bool [T - window_frames + 1].

    Args:
        power: mean square of the samples of each frame, [T].
        window_frames: length of a window.
    """
    if len(power) < window_frames:
        return np.zeros(0, np.bool_)
    total = np.concatenate([[0.0], np.cumsum(power)])
    mean = (total[window_frames:] - total[:-window_frames]) / window_frames
    return np.asarray(mean > 10 ** (SILENCE_DBFS / 10))


def moving_windows(largest: NDArray[np.float64], window_frames: int) -> NDArray[np.bool_]:
    """Which of the windows that start at each frame have motion in them, bool [T - window_frames + 1]."""
    if len(largest) < window_frames:
        return np.zeros(0, np.bool_)
    moves = np.concatenate([[0], np.cumsum(largest > STILL_LEVELS)])
    return np.asarray(moves[window_frames:] > moves[:-window_frames])
