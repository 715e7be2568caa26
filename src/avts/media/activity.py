"""How much changes in a picture and how loud its sound is, while a film streams by, and what is stillness and silence.

Input: chunks of planes or of samples. Output: the same chunks, and one number a frame once they have all gone by.

Levels are RMS in dB of full scale. What enters a loss is for a recipe to say (`[pairs] silence_dbfs`, settings.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from avts.media.planes import Planes
from avts.timebase import FRAME_RATE, SAMPLE_RATE, sample_at

SIDE = 64
"""Height and width that pictures are brought to: coding noise averages out, a moving mouth does not."""

STILL_LEVELS = 2.0
"""A frame none of whose 64 x 64 cells changes by more of 255 levels is still; key frames of a still picture pulse."""

STILL_DIFFERENCE = 0.05
"""Mean absolute luminance change from frame to frame, of 0 to 255, at or below which a whole clip is still: what
re-encoding a photograph leaves is 0.00 to 0.03."""

SILENCE_DBFS = -60.0
"""Quieter sound is silence, with nothing to compare a picture with: the floor of a quiet recording with a poor
microphone."""

DITHER_DBFS = -70.0
"""Quieter sound is digital silence or dither, with nothing to be recognised in it: lower than SILENCE_DBFS, the faint
end of a sound is of its class too."""

QUIETEST_DBFS = -120.0
"""Level given for digital silence, whose own would be infinite: below one step of 16 bits, -90 dB."""


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
        import cv2  # here, because loader workers import this module for its levels alone

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


class BlockPower:
    """Mean squares of the blocks of a sound that comes in chunks of any length.

    Args:
        block_samples: length of a block.
    """

    def __init__(self, block_samples: int) -> None:
        self._block_samples = block_samples
        self._rest = np.empty(0, np.float32)

    def add(self, samples: NDArray[np.float32]) -> NDArray[np.float64]:
        """Take the next samples [N]; give the power of the blocks that are whole now, [n]."""
        held = np.concatenate([self._rest, samples])
        whole = len(held) // self._block_samples * self._block_samples
        self._rest = held[whole:]
        blocks = held[:whole].reshape(-1, self._block_samples)
        return np.asarray(np.square(blocks, dtype=np.float64).mean(axis=1))


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
