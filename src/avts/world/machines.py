"""Machines: their speed can be seen as motion and heard as pitch and level."""

from __future__ import annotations

import math

import numpy as np

from avts.timebase import SAMPLE_RATE
from avts.world import sounds
from avts.world.canvas import Pen, ring_of, shaded
from avts.world.clock import log_uniform, swell
from avts.world.stage import Builder, Scene, Stage


def _rotor(stage: Stage) -> Scene:
    speed = swell(stage.rng, stage.span, 0.3, 0.75)
    times = stage.sample_seconds
    fast = speed(times)
    base, reach = log_uniform(stage.rng, 70, 240), stage.uniform(1.0, 2.6)
    hertz = base * 2 ** (reach * fast)
    phase = np.cumsum(hertz) / SAMPLE_RATE
    dull = sounds.hum(phase, sounds.harmonics(stage.rng, 6, 1.2))
    bright = sounds.hum(phase, sounds.harmonics(stage.rng, int(min(7000 / hertz.max(), 24)), 0.5))
    whirr = sounds.band(sounds.noise(stage.rng, len(times)), 800, log_uniform(stage.rng, 2000, 6000))
    level = (0.02 + fast**1.5).astype(np.float32)
    share = fast.astype(np.float32)
    sound = level * (dull * (1 - 0.7 * share) + bright * share + stage.uniform(0.05, 0.4) * whirr)
    hub, blade, rim, mark = (stage.colour() for _ in range(4))
    blades, width, closed = int(stage.rng.integers(2, 6)), stage.uniform(0.05, 0.12), stage.chance(0.5)
    # Fewer than 8 blades a second pass any place, so 24 frames a second show which way and how fast they go.
    turn = stage.uniform(5.0, 8.0) / blades * speed.integral(stage.frame_seconds) * 2 * np.pi
    poses = np.stack([turn, speed(stage.frame_seconds)], axis=1)
    radius = stage.uniform(0.32, 0.46)

    def paint(pen: Pen, pose: list[float]) -> None:
        angle, fast = pose
        if closed:
            pen.disc(0, 0, radius * 1.08, radius * 1.08, shaded(rim, 0.6))
        for number in range(blades):
            arm = pen.moved(0, 0, angle=angle + number * 2 * math.pi / blades)
            arm.polygon(np.array([(0, -width / 2), (radius, -width), (radius, width), (0, width / 2)]), blade)
            if number == 0:  # one blade is marked: a turn by one blade must not look like standing still
                arm.disc(radius * 0.8, 0, width * 1.4, width * 1.4, mark)
        pen.disc(0, 0, 0.08, 0.08, hub)
        pen.polygon(ring_of(3, 0.05, angle), shaded(hub, 0.5 + fast))

    return Scene(poses, paint, sound, speed.rise_seconds(), {"base_hertz": base})


BUILDERS: dict[str, Builder] = {"rotor": _rotor}
