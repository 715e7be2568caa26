"""Individuals: bodies whose looks go with their voice, one look in each video.

Which sound belongs to which picture can be guessed without timing, by hue, outline and voice. When it sounds can be
told only from what the body does: it jumps, grows or flashes at each event, which a grey thing beside it does too, at
other times and without a sound; and it wanders up and down, and its voice with it. In ordinary videos both are so: a
dog looks like what is heard, and also moves when it barks.
"""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import numpy as np

from avts.timebase import SAMPLE_RATE
from avts.world import sounds
from avts.world.canvas import Colour, Pen, ring_of, shaded
from avts.world.clock import Floats, drift, irregular_times, ordinal, since
from avts.world.stage import Builder, Samples, Scene, Stage

_HUES = 0.8
"""Part of the colour circle that is used: its two ends, the lowest and the highest voice, look different."""

_LOWEST_HERTZ, _OCTAVES = 200.0, 3.0

_CORNERS = (3, 4, 5, 7, 12)
"""Outlines, from the harshest voice to the purest."""

_LEAST_PURITY = 0.4
"""So that every voice has a pitch that can be heard."""

_DRONE = 0.15
"""Level of the voice between events: the pitch can always be heard."""

_LOOSE = 0.1
"""How far hue and outline stray from the voice: standard deviation, where the voices lie in 0 to 1."""

_PACE_SECONDS, _RISE, _BEND_OCTAVES = 1.6, 0.25, 1.5
"""How fast a body wanders up and down, how far, in scene units, and by how much its voice bends where it is highest.

Without the bend, embeddings settle on looks alone: 0.7 % of their variance is then within videos (35 and 58 % with
fresh weights, 98 % after hard negatives only), and hard negatives that come later find nothing to start from.
"""

_GAPS_SECONDS = (0.2, 0.8)

_LASTS_SECONDS = 0.2
"""Time in which what an event does to a body falls to a third."""

Motion = Callable[[Floats, Floats], Floats]
"""From the age [T] of the last event and the side [T] it went to, -1 or 1, to how far it is moved [T]."""


def _voice(
    rng: np.random.Generator, times: Floats, events: Floats, pitch: float, purity: float, height: Floats
) -> Samples:
    """A tone that bends with the height [N] and noise about its middle, loud at each event and soft between; [N]."""
    middle = _LOWEST_HERTZ * 2 ** (_OCTAVES * pitch)
    hertz = middle * 2 ** (_BEND_OCTAVES * height)
    partials = max(int(min(6, 7000 / hertz.max()) * (1 - purity)), 1) + 1
    tone = sounds.hum(np.cumsum(hertz) / SAMPLE_RATE, sounds.harmonics(rng, partials, 1.0))
    hiss = sounds.band(sounds.noise(rng, len(times)), middle / 1.6, middle * 1.6)
    body = purity * tone / tone.std() + (1 - purity) * hiss / hiss.std()
    gains = np.append(0.0, rng.uniform(0.6, 1.0, len(events)))[ordinal(times, events)]
    age = since(times, events)
    level = np.minimum(age / 0.008, 1.0) * np.exp(-age / rng.uniform(0.08, 0.16)) * gains
    return np.asarray(body * (_DRONE + level), np.float32)


def _jumping(age: Floats, side: Floats) -> Floats:
    return side * np.exp(-age / _LASTS_SECONDS)


def _flashing(age: Floats, _: Floats) -> Floats:
    return np.exp(-age / _LASTS_SECONDS)


def _individual(move: Motion, *, jump: float, grow: float, glow: float) -> Builder:
    """A kind: what of a body changes at an event, in scene units, as a factor of its size and of its brightness."""

    def build(stage: Stage) -> Scene:
        rng, frames = stage.rng, stage.frame_seconds
        pitch, purity = stage.uniform(0, 1), stage.uniform(_LEAST_PURITY, 1)
        height = drift(rng, stage.span, _PACE_SECONDS)
        events = stage.times(*_GAPS_SECONDS)
        sound = stage.hushed(_voice(rng, stage.sample_seconds, events, pitch, purity, height(stage.sample_seconds)))
        hue, pure = (float(voice + _LOOSE * rng.standard_normal()) for voice in (pitch, purity))
        red, green, blue = colorsys.hsv_to_rgb(min(max(_HUES * hue, -0.1), 0.9) % 1.0, 1.0, 0.8)
        skin: Colour = (round(255 * red), round(255 * green), round(255 * blue))
        corners = _CORNERS[min(int(max(pure, 0.0) * len(_CORNERS)), len(_CORNERS) - 1)]
        outline = ring_of(corners, 0.24, stage.uniform(0, 6))
        other = _Silent(stage)
        moves = [_moved(rng, frames, events, move), other.moves, height(frames)]

        def paint(pen: Pen, pose: list[float]) -> None:
            at, silent, high = pose
            other.paint(pen, silent)
            body = pen.moved(jump * at, 0.3 * jump * abs(at) - _RISE * high, scale=1 + grow * at)
            body.polygon(outline, shaded(skin, 0.75 + glow * at))

        choices: dict[str, float | str] = {"pitch": pitch, "purity": purity}
        return Scene(np.stack(moves, axis=1), paint, sound, events, choices, alone=True)

    return build


def _moved(rng: np.random.Generator, frames: Floats, events: Floats, move: Motion) -> Floats:
    sides = np.where(rng.random(len(events) + 1) < 0.5, -1.0, 1.0)[ordinal(frames, events)]
    return move(since(frames, events), sides)


class _Silent:
    """A grey thing that jumps, grows and flashes at times of its own and makes no sound."""

    def __init__(self, stage: Stage) -> None:
        rng = stage.rng
        level = int(rng.integers(40, 200))
        self.colour: Colour = (level, level, level)
        self.place = rng.uniform(-0.45, 0.45, 2)
        self.outline = ring_of(int(rng.integers(3, 9)), stage.uniform(0.06, 0.16))
        self.jump, self.grow, self.glow = rng.uniform(0, 0.2), rng.uniform(0, 0.5), rng.uniform(0, 0.6)
        own = irregular_times(rng, stage.span, *_GAPS_SECONDS)
        self.moves = _moved(rng, stage.frame_seconds, own, _jumping)

    def paint(self, pen: Pen, at: float) -> None:
        x, y = self.place.tolist()
        here = pen.moved(x + self.jump * at, y, scale=1 + self.grow * abs(at))
        here.polygon(self.outline, shaded(self.colour, 1 + self.glow * abs(at)))


BUILDERS: dict[str, Builder] = {
    "jumper": _individual(_jumping, jump=0.35, grow=0.0, glow=0.4),
    "grower": _individual(_flashing, jump=0.0, grow=0.8, glow=0.4),
    "flasher": _individual(_flashing, jump=0.0, grow=0.3, glow=0.6),
}
