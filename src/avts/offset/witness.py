"""Hear whether a sound that was encoded is where it was put: encoders delay it, and not every container says so."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from av.audio.resampler import AudioResampler
from numpy.typing import NDArray

from avts.offset.reels import open_source

RATE = 16_000
"""Samples a second at which sounds are compared."""

NEAR_SECONDS = 0.25
"""How far off its place a sound is looked for, to both sides."""

LEAST_LIKENESS = 0.5
"""Correlation below which two sounds are not the same: nothing is said then."""


class Witness:
    """Remembers the block of a sound whose loudness changes most, and looks for it in a file."""

    def __init__(self) -> None:
        self._change = 0.0
        self._seconds = 0.0
        self._block: NDArray[np.float32] = np.zeros(0, np.float32)

    def hear(self, seconds: float, block: NDArray[np.float32], rate: int) -> None:
        """Take note of samples [channels, N] that were put at a time."""
        mono = block.mean(axis=0)
        loudness = np.abs(mono[: len(mono) // 64 * 64]).reshape(-1, 64).mean(axis=1)
        change = float(loudness.std()) if len(loudness) else 0.0
        if change > self._change:
            at = np.arange(int(len(mono) * RATE / rate)) * (rate / RATE)
            self._change, self._seconds = change, seconds
            self._block = np.interp(at, np.arange(len(mono)), mono).astype(np.float32)

    def lateness_in(self, path: Path, zero_seconds: float) -> float:
        """By how much the block comes later in a file than it was put, in seconds; 0 if unknown.

        Args:
            path: the file.
            zero_seconds: the time on its own clock that was 0 s.
        """
        if not len(self._block):
            return 0.0
        start = zero_seconds + self._seconds - NEAR_SECONDS
        near = _sound(path, start, len(self._block) + round(2 * NEAR_SECONDS * RATE))
        products = np.correlate(near, self._block, "valid")
        power = np.convolve(near**2, np.ones(len(self._block), np.float32), "valid")
        likeness = products / np.sqrt(np.maximum(power * np.sum(self._block**2), 1e-12))
        best = int(np.argmax(likeness))
        return best / RATE - NEAR_SECONDS if likeness[best] > LEAST_LIKENESS else 0.0


def _sound(path: Path, start_seconds: float, num_samples: int) -> NDArray[np.float32]:
    """Mono samples from a time on a file's own clock, silence where it has none."""
    out = np.zeros(num_samples, np.float32)
    with open_source(path) as container:
        plain = AudioResampler(format="fltp", layout="mono", rate=RATE)
        place = None
        for frame in container.decode(audio=0):
            if place is None and frame.pts is not None and frame.time_base is not None:
                place = round((float(frame.pts * frame.time_base) - start_seconds) * RATE)
            for part in plain.resample(frame):
                samples = part.to_ndarray()[0]
                low, high = max(0, place or 0), min(num_samples, (place or 0) + len(samples))
                if low < high:
                    out[low:high] = samples[low - (place or 0) : high - (place or 0)]
                place = (place or 0) + len(samples)
            if place is not None and place > num_samples:
                break
    return out
