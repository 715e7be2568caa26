"""How loud each window of a sound is, measured while the sound goes by."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from avts.media.activity import QUIETEST_DBFS, BlockPower
from avts.timebase import SAMPLE_RATE

STEP_SAMPLES = SAMPLE_RATE // 100
"""Windows start and end at the nearest hundredth of a second."""


class Loudness:
    """Mean squares of a sound, each over 0.01 s.

    Attributes:
        num_samples: that went by.
    """

    def __init__(self) -> None:
        self.num_samples = 0
        self._squares: list[NDArray[np.float64]] = []
        self._blocks = BlockPower(STEP_SAMPLES)

    def watching(self, chunks: Iterable[NDArray[np.float32]]) -> Iterator[NDArray[np.float32]]:
        """Hand chunks [N] through."""
        for chunk in chunks:
            self.num_samples += len(chunk)
            self._squares.append(self._blocks.add(chunk))
            yield chunk

    def of_windows(self, starts_seconds: NDArray[np.float64], window_seconds: float) -> NDArray[np.float32]:
        """RMS of the windows that start at some times, dB of full scale, [W]."""
        squares = np.concatenate([np.zeros(1), *self._squares])
        total = np.cumsum(squares)
        first = np.round(starts_seconds * 100).astype(np.int64).clip(0, len(total) - 1)
        stop = (first + round(window_seconds * 100)).clip(0, len(total) - 1)
        mean = (total[stop] - total[first]) / np.maximum(stop - first, 1)
        db: NDArray[np.float32] = (10 * np.log10(np.maximum(mean, 10 ** (QUIETEST_DBFS / 10)))).astype(np.float32)
        return db
