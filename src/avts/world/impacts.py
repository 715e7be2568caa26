"""Things that strike: ball, hammer, clap, drumstick, footsteps, xylophone."""

from __future__ import annotations

import math

import numpy as np

from avts.world import sounds
from avts.world.canvas import Colour, Pen, ring_of, shaded
from avts.world.clock import Floats, log_uniform, ordinal, since, until
from avts.world.stage import Builder, Samples, Scene, Stage

_SHORTEST_SECONDS = 0.24
_LONGEST_SECONDS = 0.72


def _hits(stage: Stage) -> Floats:
    return stage.times(_SHORTEST_SECONDS, stage.uniform(0.6, _LONGEST_SECONDS))


def _gains(stage: Stage, events: Floats) -> Floats:
    return np.exp(stage.rng.uniform(np.log(0.5), 0.0, len(events)))


def _struck(stage: Stage, events: Floats, gains: Floats, material: str) -> Samples:
    bodies = sounds.struck(stage.rng, sounds.MATERIALS[material])
    picks = stage.rng.integers(0, len(bodies), len(events)).astype(float)
    return sounds.place(stage.sample_seconds, events, bodies, gains, picks)


def _one_of(stage: Stage, *names: str) -> str:
    return names[int(stage.rng.integers(len(names)))]


def lifted(times: Floats, events: Floats, *, rebound_seconds: float, swing_seconds: float) -> Floats:
    """Height 0..1 of something that strikes at the events: quick rebound, wait, ever faster swing down; [T]."""
    up = 1 - np.exp(-since(times, events) / rebound_seconds)
    down = np.clip(until(times, events) / swing_seconds, 0, 1)
    return up * (1 - (1 - down) ** 2)


def jolt(times: Floats, events: Floats, *, hertz: float, decay_seconds: float) -> Floats:
    """Trembling -1..1 that starts at each event and dies away; [T]."""
    age = since(times, events)
    return np.exp(-age / decay_seconds) * np.cos(2 * np.pi * hertz * age)


def spray(pen: Pen, age: float, rays: Floats, colour: Colour) -> None:
    """Sparks or dust flying out from the origin for 0.2 s after a contact; rays [n, 2] are their directions."""
    if age < 0.2:
        part = age / 0.2
        ends = np.stack([rays * (0.3 + 0.5 * part), rays * (0.45 + 0.65 * part)], axis=1)
        pen.strokes(ends, 0.03 * (1 - part) + 0.008, colour)


def _rays(stage: Stage) -> Floats:
    angles = -np.pi * (np.linspace(0.05, 0.95, 7) + stage.rng.uniform(-0.05, 0.05, 7))
    return np.stack([np.cos(angles), np.sin(angles)], axis=-1) * stage.rng.uniform(0.25, 0.5, (7, 1))


def _ball(stage: Stage) -> Scene:
    events = _hits(stage)
    gaps = np.diff(events, append=events[-1] + 0.4)
    material = _one_of(stage, "rubber", "skin", "wood", "plastic", "metal", "stone")
    sound = _struck(stage, events, _gains(stage, events), material)
    ball, mark, floor, dust = stage.colours(4)
    radius, rays = stage.uniform(0.11, 0.2), _rays(stage)
    frames = stage.frame_seconds
    gap = gaps[np.maximum(ordinal(frames, events) - 1, 0)]
    part = np.clip(since(frames, events) / gap, 0, 1)
    # Over a rest the ball is caught at the top of its flight and dropped in time for the next contact.
    falling = 1 - until(frames, events) / _LONGEST_SECONDS
    caught = np.maximum(np.minimum(since(frames, events) / _LONGEST_SECONDS, 0.5), falling)
    part = np.where(gap > _LONGEST_SECONDS + 0.1, caught, part)
    height = 4 * part * (1 - part) * np.minimum((gap / 0.6) ** 1.3, 1.0) * (0.8 - 2 * radius)
    contact = np.exp(-np.minimum(since(frames, events), until(frames, events)) / 0.025)
    shake = jolt(frames, events, hertz=11, decay_seconds=0.07)
    side = np.cumsum(np.sin(1.7 * ordinal(frames, events)) * 0.006)
    poses = np.stack([height, contact, since(frames, events), side - side.mean(), shake], axis=1)
    spin = stage.uniform(-9, 9)

    def paint(pen: Pen, pose: list[float]) -> None:
        up, squash, age, x, shaking = pose
        top = 0.4 + 0.02 * shaking
        pen.box(-1.5, top, 1.5, 1.5, floor)
        pen.disc(x, top + 0.02, radius * (1.3 - up), 0.03, shaded(floor, 0.5))
        spray(pen.moved(x, top), age, rays, dust)
        wide, tall = radius * (1 + 0.35 * squash), radius * (1 - 0.4 * squash)
        y = top - tall - up
        pen.disc(x, y, wide, tall, ball)
        pen.disc(x + 0.5 * wide * math.cos(spin * age), y + 0.5 * tall * math.sin(spin * age), wide / 3, tall / 3, mark)

    return Scene(poses, paint, sound, events, {"material": material})


def _hammer(stage: Stage) -> Scene:
    events = _hits(stage)
    material = _one_of(stage, "metal", "wood", "stone", "metal", "glass", "plastic")
    sound = _struck(stage, events, _gains(stage, events), material)
    handle, head, anvil, spark = stage.colours(4)
    frames = stage.frame_seconds
    lift = lifted(frames, events, rebound_seconds=0.05, swing_seconds=stage.uniform(0.1, 0.18))
    shake = jolt(frames, events, hertz=12, decay_seconds=0.07)
    poses = np.stack([lift, since(frames, events), shake], axis=1)
    swing, rays = stage.uniform(0.6, 1.0), _rays(stage)
    long, thick = stage.uniform(0.16, 0.24), stage.uniform(0.09, 0.13)

    def paint(pen: Pen, pose: list[float]) -> None:
        up, age, shaking = pose
        pen.box(-0.45, 0.24 + 0.025 * shaking, 0.1, 0.5 + 0.025 * shaking, anvil)
        spray(pen.moved(-0.22, 0.22), age, rays, spark)
        tool = pen.moved(0.42, 0.24 - long * 0.6, angle=up * swing)
        tool.box(-0.66, -0.03, 0.1, 0.03, handle)
        tool.box(-0.64 - thick, -long * 0.6, -0.64 + thick, long * 0.6, head)

    return Scene(poses, paint, sound, events, {"material": material})


def _clap(stage: Stage) -> Scene:
    events = _hits(stage)
    gains = _gains(stage, events)
    bodies = [_clap_sound(stage) for _ in range(4)]
    sound = sounds.place(
        stage.sample_seconds, events, bodies, gains, stage.rng.integers(0, 4, len(events)).astype(float)
    )
    skin, sleeve = stage.colours(2)
    frames = stage.frame_seconds
    apart = lifted(frames, events, rebound_seconds=stage.uniform(0.06, 0.1), swing_seconds=stage.uniform(0.12, 0.22))
    poses = np.stack([apart, since(frames, events), jolt(frames, events, hertz=10, decay_seconds=0.06)], axis=1)
    reach, size = stage.uniform(0.22, 0.34), stage.uniform(0.2, 0.3)
    rays = ring_of(8, 0.45, 0.2)

    def paint(pen: Pen, pose: list[float]) -> None:
        open_, age, shaking = pose
        spray(pen, age, rays, shaded(skin, 1.3))
        for mirror in (False, True):
            hand = pen.moved(0, 0.02 * shaking, mirror=mirror).moved(0.03 + reach * open_, 0, angle=0.35 * open_)
            hand.box(0.02, size * 0.9, 0.14, 0.8, sleeve)
            hand.disc(0.06, size * 0.35, 0.07, size * 0.75, skin)
            for finger in range(3):
                hand.disc(0.04 + 0.02 * finger, -size * (0.5 + 0.1 * finger), 0.035, size * 0.55, shaded(skin, 0.9))

    return Scene(poses, paint, sound, events, {})


def _clap_sound(stage: Stage) -> Samples:
    """Two palms: a few bursts of noise within milliseconds, coloured by the cavity between them."""
    count = 2400
    low = log_uniform(stage.rng, 500, 1800)
    raw = sounds.band(sounds.noise(stage.rng, count), low, low * stage.uniform(1.6, 4.0))
    decay = stage.uniform(60, 260)
    burst = raw * np.exp(-np.arange(count) / decay).astype(np.float32)
    return np.asarray(burst / np.abs(burst).max(), np.float32)


def _drumstick(stage: Stage) -> Scene:
    events = _hits(stage)
    material = _one_of(stage, "skin", "skin", "metal", "plastic")
    sound = _struck(stage, events, _gains(stage, events), material)
    shell, skin, stick, flash = stage.colours(4)
    frames = stage.frame_seconds
    right = stage.rng.random(len(events)) < 0.5
    if right.all() or not right.any():
        right[::2] = ~right[::2]
    swing = stage.uniform(0.1, 0.17)
    lifts = [lifted(frames, events[hand], rebound_seconds=0.05, swing_seconds=swing) for hand in (right, ~right)]
    shake = jolt(frames, events, hertz=11, decay_seconds=0.08)
    poses = np.stack([*lifts, since(frames, events), shake], axis=1)
    broad, deep, rays = stage.uniform(0.3, 0.42), stage.uniform(0.15, 0.3), _rays(stage)
    flat = stage.uniform(0.08, 0.14)

    def paint(pen: Pen, pose: list[float]) -> None:
        one, other, age, shaking = pose
        top = 0.12 + 0.03 * shaking
        pen.box(-broad, top, broad, top + deep, shell)
        pen.disc(0, top + deep, broad, flat, shell)
        pen.disc(0, top, broad, flat, shaded(skin, 0.75))
        pen.disc(0, top, broad * 0.92, flat * 0.85, skin)
        spray(pen.moved(0, top), age, rays * 0.8, flash)
        for mirror, lift in ((False, one), (True, other)):
            hand = pen.moved(0, 0.1, mirror=mirror).moved(0.55, -0.12, angle=1.0 * lift - 0.12)
            hand.box(-0.5, -0.025, 0.1, 0.025, stick)
            hand.disc(-0.5, 0, 0.055, 0.045, shaded(stick, 1.2))

    return Scene(poses, paint, sound, events, {"material": material})


def _footsteps(stage: Stage) -> Scene:
    events = _hits(stage)
    material = _one_of(stage, "wood", "stone", "rubber", "plastic")
    thud = _struck(stage, events, _gains(stage, events), material)
    grit = sounds.noise(stage.rng, 2400) * np.exp(-np.arange(2400) / stage.uniform(150, 700)).astype(np.float32)
    low = log_uniform(stage.rng, 300, 2500)
    sole = sounds.band(grit, low, low * 2.5)
    sound = thud + sounds.place(
        stage.sample_seconds, events, [sole / np.abs(sole).max()], stage.uniform(0.2, 1.2) * _gains(stage, events)
    )
    trousers, shoe, ground, dust = stage.colours(4)
    frames = stage.frame_seconds
    swing = stage.uniform(0.14, 0.22)
    lifts = [lifted(frames, events[foot::2], rebound_seconds=0.12, swing_seconds=swing) for foot in (0, 1)]
    poses = np.stack([*lifts, since(frames, events), jolt(frames, events, hertz=9, decay_seconds=0.07)], axis=1)
    legs, rays, high = stage.uniform(0.09, 0.14), _rays(stage), stage.uniform(0.22, 0.34)

    def paint(pen: Pen, pose: list[float]) -> None:
        age, shaking = pose[2], pose[3]
        pen.box(-1.5, 0.38 + 0.015 * shaking, 1.5, 1.5, ground)
        for x, lift, shade in ((-0.2, pose[0], 0.8), (0.16, pose[1], 1.0)):
            foot = 0.36 - high * lift
            knee = np.array([(x, -0.6), (x + 0.2 * lift, -0.1 - 0.3 * lift), (x, foot - 0.04)])
            pen.stroke(knee, legs, shaded(trousers, shade))
            pen.moved(x, foot, angle=-0.5 * lift).disc(0.06, -0.02, 0.17, 0.065, shaded(shoe, shade))
            if lift < 0.5:
                spray(pen.moved(x + 0.06, 0.38), age, rays, dust)

    return Scene(poses, paint, sound, events, {"material": material})


def _xylophone(stage: Stage) -> Scene:
    events = _hits(stage)
    count = int(stage.rng.integers(3, 7))
    material = _one_of(stage, "bar", "bar", "wood", "glass", "bell")
    lowest = log_uniform(stage.rng, 250, 700)
    steps = np.sort(stage.rng.choice(np.arange(14), count, replace=False))
    notes = [sounds.struck(stage.rng, sounds.MATERIALS[material], pitch=lowest * 2 ** (step / 12))[0] for step in steps]
    picks = stage.rng.integers(0, count, len(events))
    sound = sounds.place(stage.sample_seconds, events, notes, _gains(stage, events), picks.astype(float))
    bars, frame, mallet, flash = stage.colours(4)
    frames = stage.frame_seconds
    lift = lifted(frames, events, rebound_seconds=0.05, swing_seconds=0.13)
    done = ordinal(frames, events)
    last, following = picks[np.maximum(done - 1, 0)], picks[np.minimum(done, len(picks) - 1)]
    going = np.clip(since(frames, events) / np.maximum(since(frames, events) + until(frames, events) - 0.1, 0.1), 0, 1)
    where = last + (following - last) * going
    age = since(frames, events)
    poses = np.stack([lift, where, last, age, jolt(frames, events, hertz=11, decay_seconds=0.08)], axis=1)
    pitch, rays = 0.86 / count, _rays(stage) * 0.7

    def paint(pen: Pen, pose: list[float]) -> None:
        up, at, struck, age, shaking = pose
        pen.box(-0.46, 0.2, 0.46, 0.3, frame)
        for bar in range(count):
            x, half = (bar + 0.5) * pitch - 0.43, 0.34 - 0.18 * bar / count
            lit = bar == struck
            bright = 1.0 + (0.8 * math.exp(-age / 0.1) if lit else 0.0) - 0.06 * (bar % 2)
            y = 0.22 + (0.05 * shaking if lit else 0.0)
            pen.box(x - 0.4 * pitch, y - half / 2, x + 0.4 * pitch, y + half / 2, shaded(bars, bright))
        spray(pen.moved((struck + 0.5) * pitch - 0.43, 0.14), age, rays, flash)
        arm = pen.moved((at + 0.5) * pitch - 0.43, 0.16 - 0.42 * up, angle=0.35 * up - 0.3)
        arm.stroke(np.array([(0.0, 0.0), (0.1, -0.6)]), 0.035, shaded(mallet, 0.8))
        arm.disc(0, -0.02, 0.075, 0.075, mallet)

    return Scene(poses, paint, sound, events, {"material": material})


BUILDERS: dict[str, Builder] = {
    "ball": _ball,
    "hammer": _hammer,
    "clap": _clap,
    "drumstick": _drumstick,
    "footsteps": _footsteps,
    "xylophone": _xylophone,
}
