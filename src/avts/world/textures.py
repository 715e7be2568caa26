"""Textures: many small things whose density swells and fades to the eye as to the ear."""

from __future__ import annotations

import numpy as np

from avts.timebase import SAMPLE_RATE
from avts.world import sounds
from avts.world.canvas import Pen, shaded
from avts.world.clock import Floats, drift, log_uniform
from avts.world.stage import Builder, Samples, Scene, Stage


def hiss(stage: Stage, density: Floats, low_hertz: float, high_hertz: float) -> Samples:
    """Noise [N] that gets both louder and brighter with the density [N] in 0..1."""
    raw = sounds.noise(stage.rng, len(density))
    dull = sounds.band(raw, 40, low_hertz)
    bright = sounds.band(raw, low_hertz, high_hertz)
    dull /= dull.std()
    bright /= bright.std()
    return stage.hushed((dull * (0.02 + density**1.2) + bright * density**2.2).astype(np.float32))


def grains(stage: Stage, density: Floats, per_second: float, hertz: tuple[float, float]) -> Samples:
    """Short ringing drops or crackles [N]: so many a second at density 1, each at one of a few pitches."""
    out = np.zeros(len(density), np.float32)
    chance = (density**1.5 * (per_second / 4 / SAMPLE_RATE)).astype(np.float32)
    quiet = sounds.noise(stage.rng, len(density)) * np.float32(1e-6)
    for centre in np.exp(stage.rng.uniform(np.log(hertz[0]), np.log(hertz[1]), 4)):
        starts = np.flatnonzero(stage.rng.random(len(density), dtype=np.float32) < chance)
        # A little noise between the drops: silence would end in subnormal numbers, which filter ten times slower.
        impulses = quiet.copy()
        impulses[starts] = np.exp(stage.rng.uniform(-2.0, 0.0, len(starts)))
        out += sounds.band(impulses, centre * 0.93, centre * 1.07)
    return np.asarray(out / (np.sqrt(np.mean(out**2)) + 1e-9), np.float32)


def _rain(stage: Stage) -> Scene:
    density = stage.swell(0.28, 0.7)
    thick = density(stage.sample_seconds)
    low = log_uniform(stage.rng, 500, 1500)
    sound = hiss(stage, thick, low, low * stage.uniform(3, 5))
    sound += np.float32(stage.uniform(0.2, 0.9)) * grains(stage, thick, stage.uniform(80, 300), (900, 5000))
    drops = 90
    x, offset, depth = stage.rng.uniform(-0.8, 0.8, drops), stage.rng.random(drops), stage.rng.uniform(0.6, 1, drops)
    slant, length = stage.uniform(-0.25, 0.25), stage.uniform(0.1, 0.2)
    frames = stage.frame_seconds
    fall = stage.uniform(2.0, 3.0) * (0.4 * stage.run(frames) + 0.6 * density.integral(frames))
    poses = np.stack([density(frames), fall], axis=1)
    water, ground = stage.colours(2)
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

    return Scene(poses, paint, sound, stage.rises(density), {})


def _fire(stage: Stage) -> Scene:
    density = stage.swell(0.28, 0.7, quiet=(0.05, 0.2))
    thick = density(stage.sample_seconds)
    low = log_uniform(stage.rng, 200, 700)
    sound = hiss(stage, thick, low, low * stage.uniform(2, 5))
    sound += np.float32(stage.uniform(0.15, 0.55)) * grains(stage, thick, stage.uniform(30, 110), (700, 5500))
    frames = stage.frame_seconds
    tongues = int(stage.rng.integers(4, 8))
    sway = [drift(stage.rng, stage.span, 0.12)(stage.run(frames)) for _ in range(tongues)]
    poses = np.stack([density(frames), 1.2 * stage.run(frames) + density.integral(frames), *sway], axis=1)
    outer, logs = stage.colours(2)
    bright = stage.background_luminance < 128
    core = (255, 235, 150) if bright else shaded(outer, 0.6)
    home = np.linspace(-0.32, 0.32, tongues)
    seeds, broad = stage.rng.uniform(0, 1, (20, 3)), 0.5 / tongues + 0.06

    def paint(pen: Pen, pose: list[float]) -> None:
        amount, risen, *lean = pose
        for colour, share in ((outer, 1.0), (core, 0.55)):
            for number, x in enumerate(home.tolist()):
                high = share * (0.08 + 0.75 * amount * (1 + 0.3 * lean[number]) * (1 - 0.9 * abs(x)))
                tip = x + 0.12 * lean[number]
                half = broad * share * (0.6 + 0.4 * amount)
                shape = [(x - half, 0.38), (x - half * 0.9, 0.38 - high * 0.35), (tip, 0.38 - high)]
                pen.polygon(np.array([*shape, (x + half * 0.9, 0.38 - high * 0.35), (x + half, 0.38)]), colour)
        pen.box(-0.42, 0.34, 0.42, 0.44, logs)
        count = int(20 * amount)
        high_up = (seeds[:count, 0] + risen) % 1.0
        spots = np.stack([(seeds[:count, 1] - 0.5) * (0.4 + 0.5 * high_up), 0.3 - 0.85 * high_up], axis=-1)
        pen.dots(spots, 0.012 + 0.014 * seeds[:count, 2], outer)

    return Scene(poses, paint, sound, stage.rises(density), {})


def _waves(stage: Stage) -> Scene:
    density = stage.swell(0.35, 0.75)
    thick = density(stage.sample_seconds)
    low = log_uniform(stage.rng, 250, 900)
    sound = hiss(stage, thick, low, low * stage.uniform(3, 8))
    frames = stage.frame_seconds
    poses = np.stack([density(frames), 1.5 * stage.run(frames) + 2 * density.integral(frames)], axis=1)
    water, foam = stage.colours(2)
    rows = [(0.5, 0.6), (1.0, 1.0)]
    along = np.linspace(-1.2, 1.2, 25)
    seeds = stage.rng.uniform(0, 1, (40, 3))
    ripples = stage.uniform(6, 14)

    def paint(pen: Pen, pose: list[float]) -> None:
        amount, run = pose
        for reach, shade in rows:
            crest = 0.36 - 0.5 * amount * reach + (0.02 + 0.03 * amount) * np.sin(ripples * along + 4 * run * reach)
            edge = np.stack([along, crest], axis=-1)
            pen.polygon(np.concatenate([edge, [(1.2, 1.5), (-1.2, 1.5)]]), shaded(water, shade))
            if amount > 0.1:
                pen.stroke(edge, 0.01 + 0.07 * amount, shaded(foam, shade))
        count = int(40 * amount)
        hop = (seeds[:count, 2] + run) % 1.0
        spots = np.stack([seeds[:count, 0] * 1.4 - 0.7, 0.34 - 0.5 * amount - 0.3 * hop * (1 - hop) * 4], axis=-1)
        pen.dots(spots, 0.012 + 0.025 * seeds[:count, 1], foam)

    return Scene(poses, paint, sound, stage.rises(density), {})


def _pouring(stage: Stage) -> Scene:
    flow = stage.swell(0.28, 0.7, quiet=(0.0, 0.05))
    times, frames = stage.sample_seconds, stage.frame_seconds
    thick = flow(times)
    filled = flow.integral(times) / flow.integral(times)[-1]
    low = log_uniform(stage.rng, 500, 1200)
    splash = hiss(stage, thick, low, low * stage.uniform(3, 5))
    # The air above the water is a pipe that gets shorter: its tone rises as the glass fills.
    gurgle = log_uniform(stage.rng, 250, 600) * 2 ** (1.6 * filled + 0.15 * drift(stage.rng, stage.span, 0.06)(times))
    tone = sounds.hum(np.cumsum(gurgle) / SAMPLE_RATE, sounds.harmonics(stage.rng, 4, 1.5))
    bubbles = grains(stage, thick, stage.uniform(40, 150), (400, 2500))
    sound = splash + np.float32(stage.uniform(0.3, 0.9)) * bubbles
    sound += np.float32(stage.uniform(0.1, 0.7)) * tone * thick.astype(np.float32)
    level = np.interp(frames, times, filled)
    poses = np.stack([flow(frames), level, 0.8 * stage.run(frames) + 3.5 * flow.integral(frames)], axis=1)
    jug, glass, water, drop = stage.colours(4)
    wide, seeds = stage.uniform(0.2, 0.28), stage.rng.uniform(0, 1, (24, 3))
    spout, thickest = stage.uniform(-0.04, 0.04), stage.uniform(0.09, 0.16)

    def paint(pen: Pen, pose: list[float]) -> None:
        amount, level, run = pose
        surface = 0.42 - 0.4 * level
        pen.box(-wide, 0.0, wide, 0.46, glass)
        pen.box(-wide * 0.88, surface, wide * 0.88, 0.43, water)
        if amount > 0.02:
            half = thickest * amount
            pen.box(spout - half, -0.3, spout + half, surface + 0.03, water)
            count = int(24 * amount)
            fallen = (seeds[:count, 0] + run) % 1.0
            beads = np.stack(
                [spout + 1.3 * half * (2 * seeds[:count, 1] - 1), -0.3 + fallen * (surface + 0.3)], axis=-1
            )
            pen.dots(beads, 0.018 + 0.02 * seeds[:count, 2], drop)
            hop = (seeds[:count, 2] + run) % 1.0
            spots = np.stack([spout + 2 * wide * (seeds[:count, 1] - 0.5), surface - 0.5 * hop * (1 - hop)], axis=-1)
            pen.dots(spots, 0.014 + 0.02 * seeds[:count, 0], water)
        pen.moved(spout + 0.04, -0.3, angle=-0.25 - 0.9 * amount).box(-0.02, -0.16, 0.4, 0.12, jug)

    return Scene(poses, paint, sound, stage.rises(flow), {})


BUILDERS: dict[str, Builder] = {"rain": _rain, "fire": _fire, "waves": _waves, "pouring": _pouring}
