"""The common ground of picture and sound: the clock, the colours, and what a kind of action must hand over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from avts.timebase import FRAME_RATE, SAMPLE_RATE, Span
from avts.world.canvas import Colour, Pen
from avts.world.clock import Curve, Floats, irregular_times, swell
from avts.world.rests import RAMP_SECONDS, Rests, awake, stirring
from avts.world.take import MAX_SHIFT_SECONDS

Samples = npt.NDArray[np.float32]
"""[N] sound of a whole timeline."""

Choices = dict[str, float | str]

_LEAST_CONTRAST = 65
"""Least difference in luminance (0..255) between a thing and the background: the nets see luminance."""

_LEAST_STEP = 30
"""Least difference in luminance between a colour and the one drawn before it, so that parts are distinguishable."""


@dataclass(frozen=True)
class Stage:
    """Where and when an action plays.

    `lead_seconds` is by how much a voice's movement is seen before it is heard.

    Shapes:
        frame_seconds: [T] world times of the frames
        sample_seconds: [N] world times of the samples, from MAX_SHIFT_SECONDS before the picture to as much after it
    """

    rng: np.random.Generator
    span: Span
    frame_seconds: Floats
    sample_seconds: Floats
    background_luminance: float
    rests: Rests = ()
    least_contrast: float = _LEAST_CONTRAST
    lead_seconds: float = 0.0

    def colours(self, count: int) -> list[Colour]:
        """Random colours that stand out from the background, each also from the one before it."""
        found: list[Colour] = []
        before = -255.0
        while len(found) < count:
            red, green, blue = self.rng.integers(10, 256, 3).tolist()
            luminance = 0.299 * red + 0.587 * green + 0.114 * blue
            apart = abs(luminance - self.background_luminance) >= self.least_contrast
            if apart and abs(luminance - before) >= _LEAST_STEP:
                found.append((red, green, blue))
                before = luminance
        return found

    def uniform(self, low: float, high: float) -> float:
        """A random number between low and high."""
        return float(self.rng.uniform(low, high))

    def times(self, shortest_seconds: float, longest_seconds: float) -> Floats:
        """When things happen: irregular gaps between the two bounds, and nothing in rests; [K] seconds, rising."""
        events = irregular_times(self.rng, self.span, shortest_seconds, longest_seconds)
        return stirring(events, self.rests) if self.rests else events

    def swell(
        self, shortest_seconds: float = 0.28, longest_seconds: float = 0.7, quiet: tuple[float, float] = (0.0, 0.12)
    ) -> Curve:
        """A curve between 0 and 1 that swells and fades in turn, and is 0 in rests."""
        curve = swell(self.rng, self.span, shortest_seconds, longest_seconds, quiet)
        return curve.scaled(self.awake) if self.rests else curve

    def rises(self, curve: Curve) -> Floats:
        """When a curve made by swell rises most steeply: half way up, or at the end of a rest that it was high in."""
        rises = curve.rise_seconds()
        if not self.rests:
            return rises
        rises = rises[self.awake(rises) > 0.99]
        ends = np.array([rest.stop_seconds for rest in self.rests])
        return np.sort(np.concatenate([rises, ends[curve(ends + RAMP_SECONDS) > 0.4] + RAMP_SECONDS / 2]))

    def awake(self, times: Floats) -> Floats:
        """1 where the action may go on, 0 within rests."""
        return awake(times, self.rests)

    def hushed(self, sound: Samples) -> Samples:
        """A sound [N] over sample_seconds with nothing in rests."""
        return sound * self.awake(self.sample_seconds).astype(np.float32) if self.rests else sound

    def run(self, times: Floats) -> Floats:
        """The action's own clock at each time: it stands still in rests."""
        if not self.rests:
            return times
        grid = np.arange(self.span.start_seconds, self.span.stop_seconds + 0.02, 0.01)
        own = grid[0] + 0.01 * np.cumsum(self.awake(grid))
        return np.asarray(np.interp(times, grid, own), np.float64)

    def chance(self, share: float) -> bool:
        """True in the given share of cases."""
        return bool(self.rng.random() < share)


@dataclass(frozen=True)
class Scene:
    """One action, seen and heard.

    `paint(pen, pose)` draws one frame from its row of `poses`, in a box from -0.5 to 0.5 in both directions. One
    that is `alone` is not shown as several copies, and nothing wanders behind it.

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
    alone: bool = False


Builder = Callable[[Stage], Scene]
"""A kind of action: draws its random choices from the stage's rng and sets up a scene."""


def timeline(seconds: float) -> tuple[Span, Floats, Floats]:
    """The span of a video of that length with its margins, its frame times [T] and its sample times [N]."""
    span = Span(-MAX_SHIFT_SECONDS, seconds + MAX_SHIFT_SECONDS)
    frames = np.arange(round(seconds * FRAME_RATE)) / FRAME_RATE
    samples = np.arange(round(span.duration_seconds * SAMPLE_RATE)) / SAMPLE_RATE + span.start_seconds
    return span, frames, samples
