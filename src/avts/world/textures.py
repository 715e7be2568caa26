"""Textures: many small things whose density swells and fades to the eye as to the ear."""

from __future__ import annotations

import numpy as np

from avts.timebase import SAMPLE_RATE
from avts.world import sounds
from avts.world.canvas import Pen
from avts.world.clock import Floats, log_uniform, swell
from avts.world.stage import Builder, Samples, Scene, Stage


def hiss(stage: Stage, density: Floats, low_hertz: float, high_hertz: float) -> Samples:
    """Noise [N] that gets both louder and brighter with the density [N] in 0..1."""
    raw = sounds.noise(stage.rng, len(density))
    dull = sounds.band(raw, 40, low_hertz)
    bright = sounds.band(raw, low_hertz, high_hertz)
    dull /= dull.std()
    bright /= bright.std()
    return (dull * (0.02 + density**1.2) + bright * density**2.2).astype(np.float32)


def grains(stage: Stage, density: Floats, per_second: float, hertz: tuple[float, float]) -> Samples:
    """Short ringing drops or crackles [N]: so many a second at density 1, each at one of a few pitches."""
    out = np.zeros(len(density), np.float32)
    for centre in np.exp(stage.rng.uniform(np.log(hertz[0]), np.log(hertz[1]), 4)):
        chance = density * (per_second / 4 / SAMPLE_RATE)
        starts = np.flatnonzero(stage.rng.random(len(density), dtype=np.float32) < chance)
        impulses = np.zeros(len(density), np.float32)
        impulses[starts] = np.exp(stage.rng.uniform(-2.0, 0.0, len(starts)))
        out += sounds.band(impulses, centre * 0.93, centre * 1.07)
    return np.asarray(out / (np.sqrt(np.mean(out**2)) + 1e-9), np.float32)


def _rain(stage: Stage) -> Scene:
    density = swell(stage.rng, stage.span, 0.28, 0.7)
    thick = density(stage.sample_seconds)
    low = log_uniform(stage.rng, 500, 1500)
    sound = hiss(stage, thick, low, low * stage.uniform(3, 5))
    sound += np.float32(stage.uniform(0.2, 0.9)) * grains(stage, thick, stage.uniform(80, 300), (900, 5000))
    drops = 90
    x, offset, depth = stage.rng.uniform(-0.8, 0.8, drops), stage.rng.random(drops), stage.rng.uniform(0.6, 1, drops)
    slant, length = stage.uniform(-0.25, 0.25), stage.uniform(0.1, 0.2)
    frames = stage.frame_seconds
    fall = stage.uniform(2.0, 3.0) * (0.4 * frames + 0.6 * density.integral(frames))
    poses = np.stack([density(frames), fall], axis=1)
    water, ground = stage.colour(), stage.colour()
    width = stage.uniform(0.014, 0.03)

    def paint(pen: Pen, pose: list[float]) -> None:
        amount, fallen = pose
        pen.box(-1.5, 0.42, 1.5, 1.5, ground)
        count = int(drops * amount)
        y = (offset + fallen * depth)[:count] % 1.0
        start = np.stack([x[:count] + slant * y, y * 1.2 - 0.75], axis=-1)
        pen.strokes(np.stack([start, start + np.array([slant * length, length])], axis=1), width, water)
        landing = np.flatnonzero(y > 0.88)
        for number in landing[:10].tolist():
            pen.disc(x[number] + slant, 0.44 + 0.1 * offset[number], 0.05, 0.015, water)

    return Scene(poses, paint, sound, density.rise_seconds(), {})


BUILDERS: dict[str, Builder] = {"rain": _rain}
