"""Machines: their speed can be seen as motion and heard as pitch and level."""

from __future__ import annotations

import math

import numpy as np

from avts.timebase import SAMPLE_RATE
from avts.world import sounds, speech
from avts.world.canvas import Pen, ring_of, shaded
from avts.world.clock import Curve, log_uniform, since
from avts.world.impacts import jolt
from avts.world.stage import Builder, Scene, Stage


def _rotor(stage: Stage) -> Scene:
    speed = stage.swell(0.3, 0.75)
    times = stage.sample_seconds
    fast = speed(times)
    base, reach = log_uniform(stage.rng, 70, 240), stage.uniform(1.0, 2.6)
    hertz = base * 2 ** (reach * fast)
    phase = np.cumsum(hertz) / SAMPLE_RATE
    dull = sounds.hum(phase, sounds.harmonics(stage.rng, 6, 1.2))
    bright = sounds.hum(phase, sounds.harmonics(stage.rng, int(min(7000 / hertz.max(), 24)), 0.5))
    whirr = sounds.band(sounds.noise(stage.rng, len(times)), 800, log_uniform(stage.rng, 2000, 6000))
    level = stage.hushed((0.02 + fast**1.5).astype(np.float32))
    share = fast.astype(np.float32)
    sound = level * (dull * (1 - 0.7 * share) + bright * share + stage.uniform(0.05, 0.4) * whirr)
    hub, rim, blade, mark = stage.colours(4)
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

    return Scene(poses, paint, sound, stage.rises(speed), {"base_hertz": base})


def _saw(stage: Stage) -> Scene:
    turns = stage.times(0.22, stage.uniform(0.5, 0.65))
    if stage.rests:  # the last stroke ends, too
        turns = np.append(turns, turns[-1] + 0.5)
    ends = np.where(np.arange(len(turns)) % 2 == 0, -1.0, 1.0) * stage.rng.uniform(0.6, 1.0, len(turns))
    # Each stroke ends before the next begins: the rest between is seen and heard.
    rest = turns[:-1] + np.minimum(np.diff(turns), 0.65) * stage.rng.uniform(0.6, 0.85, len(turns) - 1)
    knots = np.sort(np.concatenate([turns, rest]))
    stroke = Curve(knots, np.repeat(ends, 2)[1 : len(knots) + 1])
    times = stage.sample_seconds
    speed = np.abs(np.gradient(stroke(times), 1 / SAMPLE_RATE))
    fast = np.minimum(speed / 12, 1.0)
    teeth = log_uniform(stage.rng, 18, 60)
    hertz = log_uniform(stage.rng, 500, 1600)
    raw = sounds.noise(stage.rng, len(times))
    rasp = 1 + np.sin(2 * np.pi * teeth * np.cumsum(speed) / SAMPLE_RATE)
    dull, bright = sounds.band(raw, hertz * 0.5, hertz * 1.5), sounds.band(raw, hertz * 2, 7000)
    sound = (fast * rasp * (dull / dull.std() + fast * bright / bright.std())).astype(np.float32)
    frames = stage.frame_seconds
    pace = np.interp(frames, times, fast)
    trembling = pace * np.sin(2 * np.pi * 9.5 * frames)
    poses = np.stack([stroke(frames), pace, trembling, frames], axis=1)
    blade, grip, log, dust = stage.colours(4)
    long, tall = stage.uniform(0.1, 0.2), stage.uniform(0.07, 0.12)
    seeds = stage.rng.uniform(0, 1, (14, 3))
    edge = np.linspace(-0.55, 0.55, 23)
    jagged = np.stack([edge, tall + 0.03 * (np.arange(23) % 2)], axis=-1)
    outline = np.concatenate([jagged, [(0.55, -tall * 0.3), (-0.55, -tall)]])

    def paint(pen: Pen, pose: list[float]) -> None:
        at, fast, trembling, now = pose
        pen.disc(0, 0.3 + 0.012 * trembling, 0.26, 0.24, log)
        pen.disc(0, 0.3 + 0.012 * trembling, 0.16, 0.14, shaded(log, 0.75))
        tool = pen.moved(long * at, 0.02 + 0.01 * trembling)
        tool.polygon(outline, blade)
        tool.box(0.4, -tall * 1.6, 0.66, tall, grip)
        fallen = (seeds[:, 0] + 2.2 * now) % 1.0
        spots = np.stack([(seeds[:, 1] - 0.5) * (0.1 + 0.5 * fallen), 0.12 + 0.4 * fallen], axis=-1)
        count = int(14 * fast)
        pen.dots(spots[:count], 0.01 + 0.02 * seeds[:count, 2], dust)

    return Scene(poses, paint, sound, turns[:-1] if stage.rests else turns, {"teeth": teeth})


def _piston(stage: Stage) -> Scene:
    speed = stage.swell(0.35, 0.8, quiet=(0.12, 0.3))
    most = stage.uniform(2.6, 3.6)  # strokes a second
    times, frames = stage.sample_seconds, stage.frame_seconds
    turned = most * speed.integral(times)
    events = times[np.flatnonzero(np.diff(np.floor(turned)) > 0) + 1]
    length = int(0.3 * SAMPLE_RATE)
    low = log_uniform(stage.rng, 200, 1200)
    decay = stage.uniform(0.03, 0.09) * SAMPLE_RATE
    puff = sounds.band(sounds.noise(stage.rng, length), low, low * stage.uniform(2, 5))
    puff *= np.exp(-np.arange(length) / decay).astype(np.float32)
    clank = sounds.struck(stage.rng, sounds.MATERIALS["metal"], takes=2)
    gains = 0.3 + 0.7 * speed(events)
    sound = sounds.place(stage.sample_seconds, events, [puff / np.abs(puff).max()], gains)
    sound += np.float32(stage.uniform(0.1, 0.8)) * sounds.place(stage.sample_seconds, events, clank, gains)
    gear = log_uniform(stage.rng, 40, 160) * 2 ** (1.2 * speed(times))
    whine = sounds.hum(np.cumsum(gear) / SAMPLE_RATE, sounds.harmonics(stage.rng, 10, 1.0))
    sound += np.float32(stage.uniform(0.03, 0.15)) * whine * speed(times).astype(np.float32)
    angle = 2 * np.pi * most * speed.integral(frames)
    shake = jolt(frames, events, hertz=10, decay_seconds=0.08)
    poses = np.stack([angle, since(frames, events), shake], axis=1)
    cylinder, head, wheel, steam = stage.colours(4)
    radius, broad, seeds = stage.uniform(0.13, 0.18), stage.uniform(0.16, 0.24), stage.rng.uniform(-1, 1, (7, 2))

    def paint(pen: Pen, pose: list[float]) -> None:
        turn, age, shaking = pose
        pen = pen.moved(0, 0.03 * shaking)
        pen.box(-broad - 0.05, -0.42, broad + 0.05, 0.08, shaded(cylinder, 1 + 0.6 * math.exp(-age / 0.06)))
        pen.box(-broad, -0.38, broad, 0.12, shaded(cylinder, 0.4))
        crank = (radius * math.sin(turn), 0.3 - radius * math.cos(turn))
        top = crank[1] - 0.42
        pen.disc(0, 0.3, radius * 1.4, radius * 1.4, shaded(wheel, 0.7))
        pen.stroke(np.array([(0.0, top), crank]), 0.06, wheel)
        pen.disc(*crank, 0.06, 0.06, shaded(wheel, 1.4))
        pen.box(-broad * 0.95, top - 0.1, broad * 0.95, top + 0.1, head)
        if age < 0.3:
            spread = age / 0.3
            spots = (0.0, -0.36) + seeds * (0.15 + 0.35 * spread, 0.1 + 0.15 * spread)
            pen.dots(spots, np.full(7, 0.13 * (1 - spread)), steam)

    return Scene(poses, paint, sound, events, {"strokes_per_second": most})


def _engine(stage: Stage) -> Scene:
    speed = stage.swell(0.3, 0.75)
    times, frames = stage.sample_seconds, stage.frame_seconds
    fast = speed(times)
    idle, reach = log_uniform(stage.rng, 18, 60), stage.uniform(1.2, 2.4)
    pulses = speech.buzz(stage.rng, idle * 2 ** (reach * fast) * (1 + 0.02 * sounds.noise(stage.rng, len(times))))
    pipe = tuple(log_uniform(stage.rng, low, low * 2) for low in (90, 250, 700, 1800))
    body = speech.formants(pulses, pipe, sharpness=0.4)
    roar = sounds.band(sounds.noise(stage.rng, len(times)), pipe[1], pipe[3])
    level = stage.hushed((0.04 + fast**1.4).astype(np.float32))
    share = np.float32(stage.uniform(0.1, 0.6))
    sound = level * (body / body.std() + share * fast.astype(np.float32) * roar / roar.std())
    beat = 2 * np.pi * (3.0 * frames + stage.uniform(4, 6) * speed.integral(frames))
    shake = speed(frames) ** 1.3
    poses = np.stack([speed(frames), shake * np.sin(beat), shake * np.cos(1.3 * beat), stage.run(frames)], axis=1)
    hood, block, belt, smoke = stage.colours(4)
    seeds, wheel = stage.rng.uniform(0, 1, (16, 3)), stage.uniform(0.1, 0.15)
    spin = stage.uniform(1.5, 2.5) * speed.integral(frames) * 2 * np.pi
    poses = np.concatenate([poses, spin[:, None]], axis=1)

    def paint(pen: Pen, pose: list[float]) -> None:
        fast, x, y, now, turn = pose
        puffs = (seeds[:, 0] + 2.0 * now) % 1.0
        spots = np.stack([0.36 + 0.25 * puffs, -0.1 - 0.35 * puffs + 0.15 * (seeds[:, 1] - 0.5)], axis=-1)
        count = int(2 + 14 * fast)
        pen.dots(spots[:count], (0.02 + 0.07 * puffs[:count]) * (0.3 + fast), smoke)
        case = pen.moved(0.03 * x, 0.03 * y)
        case.box(-0.42, -0.1, 0.3, 0.36, block)
        case.box(-0.34, -0.3 - 0.03 * y, 0.22, -0.1, hood)
        case.box(0.26, -0.06, 0.4, 0.02, shaded(hood, 0.6))
        for side in (-0.26, 0.12):
            case.disc(side, 0.14, wheel, wheel, belt)
            case.moved(side, 0.14, angle=turn).box(-wheel, -0.03, wheel * 0.2, 0.03, shaded(block, 0.5))

    return Scene(poses, paint, sound, stage.rises(speed), {"idle_hertz": idle})


BUILDERS: dict[str, Builder] = {"rotor": _rotor, "saw": _saw, "piston": _piston, "engine": _engine}
