"""Which clips are usable: rules on sound and picture, and the running measures that they need.

A silent or still clip is kept but not used: it has no cue for the match of sound and picture.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from avts.media.activity import QUIETEST_DBFS, SILENCE_DBFS, STILL_DIFFERENCE, BlockPower
from avts.timebase import SAMPLE_RATE

SHORTEST_SECONDS = 1.0
"""Shorter clips do not contain a window of the usual length."""

LEAST_AUDIBLE_SHARE = 0.02
"""A clip is silent if a smaller share of its blocks than this is louder than SILENCE_DBFS."""

BLOCK_SAMPLES = SAMPLE_RATE // 20
"""Samples per RMS value: 50 ms."""

UNUSABLE = frozenset({"no_audio", "no_video", "silent", "still", "short"})
"""Flags of clips that are not used for training on pairs."""


class SoundMeter:
    """Loudness of a sound given in chunks of any length."""

    def __init__(self) -> None:
        self._energy = 0.0
        self._num_samples = 0
        self._num_blocks = 0
        self._num_audible = 0
        self._blocks = BlockPower(BLOCK_SAMPLES)

    def add(self, samples: NDArray[np.float32]) -> None:
        """Add the next samples [N], full scale 1."""
        self._energy += float(np.square(samples, dtype=np.float64).sum())
        self._num_samples += len(samples)
        power = self._blocks.add(samples)
        self._num_blocks += len(power)
        self._num_audible += int(np.count_nonzero(power > 10 ** (SILENCE_DBFS / 10)))

    @property
    def loudness_db(self) -> float:
        """RMS of all samples, dB of full scale."""
        power = self._energy / self._num_samples if self._num_samples else 0.0
        return max(QUIETEST_DBFS, 10 * math.log10(power)) if power > 0 else QUIETEST_DBFS

    @property
    def is_silent(self) -> bool:
        """True if almost nothing of it is audible."""
        if self._num_blocks == 0:
            return self.loudness_db <= SILENCE_DBFS
        return self._num_audible < LEAST_AUDIBLE_SHARE * self._num_blocks


class MotionMeter:
    """Change of the luminance of a picture given in chunks."""

    def __init__(self) -> None:
        self._total = 0.0
        self._num_steps = 0
        self._last: NDArray[np.uint8] | None = None

    def add(self, luminance: NDArray[np.uint8]) -> None:
        """Add the next frames [T, H, W]."""
        for frame in luminance:
            if self._last is not None:
                self._total += mean_difference(self._last, frame)
                self._num_steps += 1
            self._last = frame

    @property
    def motion(self) -> float:
        """Mean absolute difference from frame to frame, 0 to 255."""
        return self._total / self._num_steps if self._num_steps else 0.0

    @property
    def is_still(self) -> bool:
        """True if the picture does not change."""
        return self.motion <= STILL_DIFFERENCE


def mean_difference(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> float:
    """Mean absolute difference of two pictures [H, W], 0 to 255."""
    # larger minus smaller stays within uint8, which takes a quarter of the time of a signed difference
    return float((np.maximum(first, second) - np.minimum(first, second)).mean())


def is_silent(samples: NDArray[np.float32]) -> bool:
    """True if almost nothing of a sound [N] is audible."""
    meter = SoundMeter()
    meter.add(samples)
    return meter.is_silent


def is_still(luminance: NDArray[np.uint8]) -> bool:
    """True if frames [T, H, W] do not change."""
    meter = MotionMeter()
    meter.add(luminance)
    return meter.is_still


def is_too_short(duration_seconds: float) -> bool:
    """True if a clip cannot contain a window."""
    return duration_seconds < SHORTEST_SECONDS


def is_usable(flags: tuple[str, ...]) -> bool:
    """True if no flag excludes a clip from training."""
    return not UNUSABLE.intersection(flags)
