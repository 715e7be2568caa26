"""Films in memory whose motion and sound follow one random course."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

Arrays = tuple[NDArray[np.uint8], float, NDArray[np.float64], int]
Make = Callable[..., Arrays]


@pytest.fixture
def beating() -> Make:
    """Makes arrays: a picture that flickers by a random course, and noise as loud as that, early by an offset."""

    def make(
        *,
        seconds: float = 12.0,
        offset_seconds: float = 0.0,
        frames_per_second: float = 24.0,
        sample_rate: int = 16_000,
        seed: int = 7,
    ) -> Arrays:
        rng = np.random.default_rng(seed)
        course = np.exp(rng.normal(0, 1.0, round((seconds + 4) * 8)))
        knots = np.arange(len(course)) / 8 - 2
        shown = np.arange(round(seconds * frames_per_second)) / frames_per_second
        heard = np.arange(round(seconds * sample_rate)) / sample_rate
        # the change to the next frame is twice the mean of both
        flicker = np.interp(shown, knots, course) * (-1) ** np.arange(len(shown))
        loudness = np.interp(heard + offset_seconds, knots, course)
        frames = np.tile((128 + 8 * flicker).clip(0, 255).astype(np.uint8)[:, None, None], (1, 32, 48))
        return frames, frames_per_second, 0.02 * loudness * rng.normal(0, 1, len(heard)), sample_rate

    return make
