"""The common ground of picture and sound: the clock, the colours, and what a kind of action must hand over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from avts.timebase import FRAME_RATE, SAMPLE_RATE, Span
from avts.world.canvas import Colour, Pen
from avts.world.clock import Floats
from avts.world.take import MAX_SHIFT_SECONDS

Samples = npt.NDArray[np.float32]
"""[N] sound of a whole timeline."""

Choices = dict[str, float | str]

_LEAST_CONTRAST = 65
"""Least difference in luminance (0..255) between a thing and the background: the nets see luminance."""

_LEAST_STEP = 30
"""Least difference in luminance between a colour and the one drawn before it, so that parts can be told apart."""


@dataclass(frozen=True)
class Stage:
    """Where and when an action plays.

    Shapes:
        frame_seconds: [T] world times of the frames
        sample_seconds: [N] world times of the samples, from MAX_SHIFT_SECONDS before the picture to as much after it
    """

    rng: np.random.Generator
    span: Span
    frame_seconds: Floats
    sample_seconds: Floats
    background_luminance: float

    def colours(self, count: int) -> list[Colour]:
        """Random colours that stand out from the background, each also from the one before it."""
        found: list[Colour] = []
        before = -255.0
        while len(found) < count:
            red, green, blue = self.rng.integers(10, 256, 3).tolist()
            luminance = 0.299 * red + 0.587 * green + 0.114 * blue
            apart = abs(luminance - self.background_luminance) >= _LEAST_CONTRAST
            if apart and abs(luminance - before) >= _LEAST_STEP:
                found.append((red, green, blue))
                before = luminance
        return found

    def uniform(self, low: float, high: float) -> float:
        """A random number between low and high."""
        return float(self.rng.uniform(low, high))

    def chance(self, share: float) -> bool:
        """True in the given share of cases."""
        return bool(self.rng.random() < share)


@dataclass(frozen=True)
class Scene:
    """One action, seen and heard.

    `paint(pen, pose)` draws one frame from its row of `poses`, in a box from -0.5 to 0.5 in both directions.

    Shapes:
        poses: [T, P] whatever the painter needs to know about each frame
        sound: float32 [N] over the stage's sample_seconds, at any level
        event_seconds: [K] world times at which something is both seen and heard to happen
    """

    poses: Floats
    paint: Callable[[Pen, list[float]], None]
    sound: Samples
    event_seconds: Floats
    choices: Choices = field(default_factory=dict)


Builder = Callable[[Stage], Scene]
"""A kind of action: draws its random choices from the stage's rng and sets up a scene."""


def timeline(seconds: float) -> tuple[Span, Floats, Floats]:
    """The span of a video of that length with its margins, its frame times [T] and its sample times [N]."""
    span = Span(-MAX_SHIFT_SECONDS, seconds + MAX_SHIFT_SECONDS)
    frames = np.arange(round(seconds * FRAME_RATE)) / FRAME_RATE
    samples = np.arange(round(span.duration_seconds * SAMPLE_RATE)) / SAMPLE_RATE + span.start_seconds
    return span, frames, samples
