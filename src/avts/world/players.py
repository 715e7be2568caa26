"""Players: a bow drawn and a hand struck over strings, sticks and hands on a set of drums."""

from __future__ import annotations

import numpy as np

from avts.timebase import SAMPLE_RATE
from avts.world import sounds
from avts.world.canvas import Pen, ring_of, shaded
from avts.world.clock import Curve, Floats, drift, log_uniform, ordinal, since, until
from avts.world.impacts import jolt, lifted
from avts.world.shapes import risings, strokes
from avts.world.stage import Builder, Samples, Scene, Stage

_STEP_SECONDS = 0.004


def _bowed(stage: Stage, speed: Floats, number: Floats) -> Samples:
    """A bowed string [N]: level and brightness follow the speed [N] in 0..1, pitch the number of the stroke [N]."""
    rng = stage.rng
    steps = rng.integers(0, 13, 64)
    base = log_uniform(rng, 90, 600)
    vibrato = stage.uniform(0, 0.03) * np.sin(2 * np.pi * stage.uniform(4, 7) * stage.sample_seconds)
    hertz = base * 2 ** (steps[number.astype(int) % 64] / 12 + vibrato)
    phase = np.cumsum(hertz) / SAMPLE_RATE
    dull = sounds.hum(phase, sounds.harmonics(rng, 6, 1.3))
    full = sounds.hum(phase, sounds.harmonics(rng, int(min(7000 / hertz.max(), 30)), 0.6))
    raw = sounds.noise(rng, len(speed))
    rosin = np.float32(stage.uniform(0.02, 0.3)) * sounds.band(raw, log_uniform(rng, 800, 3000), 7000)
    share = speed.astype(np.float32)
    return np.asarray((dull + share * (full - dull) + rosin) * share ** np.float32(stage.uniform(0.6, 1.4)), np.float32)


def _strings(stage: Stage) -> Scene:
    rng, frames = stage.rng, stage.frame_seconds
    grid = np.arange(stage.span.start_seconds, stage.span.stop_seconds + _STEP_SECONDS, _STEP_SECONDS)
    way = strokes(stage, grid)
    speed = np.abs(np.gradient(way, _STEP_SECONDS))
    speed = np.clip(speed / (np.quantile(speed, 0.95) + 1e-9), 0, 1)
    events = risings(grid, speed, 0.25)
    times = stage.sample_seconds
    sound = _bowed(stage, np.interp(times, grid, speed), ordinal(times, events).astype(float))
    at, fast = np.interp(frames, grid, way), np.interp(frames, grid, speed)
    sway = stage.uniform(0, 1) * drift(rng, stage.span, 0.8)(stage.run(frames))
    poses = np.stack([at, fast * np.sin(57 * frames), sway], axis=1)
    wood, wire, skin, hair = stage.colours(4)
    tilt, reach, count = stage.uniform(-0.7, 0.7), stage.uniform(0.12, 0.4), int(rng.integers(1, 5))
    waist = np.array([0.5, 0.9, 1.0, 0.9, 0.62, 0.55, 0.7, 0.85, 0.8, 0.5]) * stage.uniform(0.2, 0.32)
    tall = np.linspace(0.45, -0.15, 10)
    side = np.stack([waist, tall], axis=-1)
    body = np.concatenate([side, side[::-1] * (-1, 1)])
    palm = ring_of(8, rng.uniform(0.06, 0.1, 8))

    def paint(pen: Pen, pose: list[float]) -> None:
        at, shaking, sway = pose
        own = pen.moved(0.02 * sway, 0, angle=0.06 * sway)
        own.box(-0.04, -0.6, 0.04, 0.1, shaded(wood, 0.6))
        own.polygon(body, wood)
        for number in range(count):
            x = (number + 0.5 - count / 2) * 0.03
            own.stroke(np.array([(x, -0.58), (x + 0.012 * shaking, 0.1), (x, 0.35)]), 0.012, wire)
        bow = own.moved(reach * at, 0.1, angle=tilt)
        bow.box(-0.5, -0.02, 0.5, 0.02, hair)
        hand = bow.moved(0.5, 0)
        hand.stroke(np.array([(0.02, 0.0), (0.25, 0.25), (0.5, 0.2)]), 0.11, shaded(skin, 0.8))
        hand.polygon(palm, skin)

    return Scene(poses, paint, sound, events, {"strings": float(count)})


def _strum(stage: Stage) -> Scene:
    rng, frames = stage.rng, stage.frame_seconds
    events = stage.times(stage.uniform(0.16, 0.3), stage.uniform(0.45, 1.1))
    base = log_uniform(rng, 80, 330)
    chords = []
    for _ in range(4):
        steps = rng.choice([0, 3, 4, 5, 7, 9, 12, 16], int(rng.integers(1, 5)), replace=False)
        notes = [sounds.plucked(rng, float(base * 2 ** ((step + rng.integers(0, 6)) / 12))) for step in steps]
        apart = int(rng.uniform(0.0, 0.018) * SAMPLE_RATE)
        chord = np.zeros(len(notes[0]) + apart * len(notes), np.float32)
        for number, note in enumerate(notes):
            chord[number * apart : number * apart + len(note)] += note
        chords.append(chord)
    gains = rng.uniform(0.3, 1.0, len(events))
    sound = sounds.place(stage.sample_seconds, events, chords, gains, rng.integers(0, 4, len(events)).astype(float))
    # The hand crosses the strings in the middle of each stroke.
    half = np.minimum(np.diff(events, append=events[-1] + 0.4) * 0.45, stage.uniform(0.05, 0.12))
    half = np.minimum(half, np.diff(events, prepend=events[0] - 0.4) * 0.45)
    side = np.where(np.arange(len(events)) % 2 == 0, 1.0, -1.0) * (0.5 + 0.5 * gains)
    knots = np.stack([events - half, events + half], axis=1).ravel()
    values = np.stack([-np.append(side[:1], -side[:-1]), side], axis=1).ravel()
    edge = np.array([stage.span.start_seconds - 9]), np.array([stage.span.stop_seconds + 9])
    way = Curve(np.concatenate([edge[0], knots, edge[1]]), np.concatenate([values[:1], values, values[-1:]]))
    shake = jolt(frames, events, hertz=10, decay_seconds=0.12)
    sway = stage.uniform(0, 1) * drift(rng, stage.span, 0.8)(stage.run(frames))
    poses = np.stack([way(frames), shake, sway], axis=1)
    wood, wire, skin, sleeve = stage.colours(4)
    count, reach, broad = int(rng.integers(2, 7)), stage.uniform(0.12, 0.28), stage.uniform(0.3, 0.45)
    palm = ring_of(9, rng.uniform(0.06, 0.12, 9))
    along = np.linspace(-0.6, 0.5, 3)

    def paint(pen: Pen, pose: list[float]) -> None:
        at, shaking, sway = pose
        own = pen.moved(0.02 * sway, 0, angle=0.05 * sway)
        own.box(-0.8, -0.06, 0.0, 0.06, shaded(wood, 0.7))
        own.disc(0.1, 0, broad, broad * 0.75, wood)
        own.disc(0.0, 0, 0.1, 0.1, shaded(wood, 0.3))
        for number in range(count):
            y = (number + 0.5 - count / 2) * 0.03
            own.stroke(np.stack([along, [y, y + 0.015 * shaking, y]], axis=-1), 0.012, wire)
        hand = own.moved(0.1, reach * at, angle=0.3 * at)
        hand.stroke(np.array([(0.0, 0.0), (0.25, 0.1), (0.55, 0.4)]), 0.13, sleeve)
        hand.polygon(palm, skin)
        hand.disc(-0.08, 0.03, 0.06, 0.025, skin)

    return Scene(poses, paint, sound, events, {"base_hertz": base})


def _beaten(stage: Stage, *, sticks: bool) -> Scene:
    """Two sticks or hands in turn on two to four drums, now fast, now slow."""
    rng, frames = stage.rng, stage.frame_seconds
    events = stage.times(stage.uniform(0.1, 0.2), stage.uniform(0.3, 0.9))
    count = int(rng.integers(1, 5))
    names = rng.choice(["skin", "skin", "skin", "metal", "plastic", "wood"], count).tolist()
    bodies = [sounds.struck(rng, sounds.MATERIALS[name], takes=1)[0] for name in names]
    picks, gains = rng.integers(0, count, len(events)), rng.uniform(0.3, 1.0, len(events))
    sound = sounds.place(stage.sample_seconds, events, bodies, gains, picks.astype(float))
    swing, rebound = stage.uniform(0.08, 0.16), stage.uniform(0.03, 0.08)
    columns = []
    for hand in (0, 1):
        own, aims = events[hand::2], picks[hand::2]
        lift = lifted(frames, own, rebound_seconds=rebound, swing_seconds=swing)
        if len(own):
            done = ordinal(frames, own)
            last, following = aims[np.maximum(done - 1, 0)], aims[np.minimum(done, len(aims) - 1)]
            gap = np.minimum(since(frames, own) + until(frames, own), 0.3)
            columns += [lift, last + (following - last) * np.clip(since(frames, own) / gap, 0, 1)]
        else:
            columns += [lift, np.zeros(len(frames))]
    done = ordinal(frames, events)
    last = picks[np.maximum(done - 1, 0)]
    shake = jolt(frames, events, hertz=stage.uniform(9, 12), decay_seconds=stage.uniform(0.04, 0.1))
    poses = np.stack([*columns, last, shake], axis=1)
    tops = stage.colours(count)
    wood, skin, sleeve = stage.colours(3)
    broad = 0.42 / count * rng.uniform(0.8, 1.3, count)
    x = (np.arange(count) + 0.5 - count / 2) * (0.85 / count)
    y, deep = 0.15 + rng.uniform(-0.1, 0.1, count), rng.uniform(0.05, 0.3, count)
    flat, high, yields = stage.uniform(0.25, 0.6), stage.uniform(0.15, 0.4), stage.uniform(0.0, 0.04)

    def paint(pen: Pen, pose: list[float]) -> None:
        struck, shaking = int(pose[4]), pose[5]
        for number in range(count):
            top = float(y[number]) + yields * shaking * (number == struck)
            own = pen.moved(float(x[number]), top)
            wide = float(broad[number])
            own.box(-wide, 0, wide, float(deep[number]), shaded(tops[number], 0.5))
            own.disc(0, 0, wide, wide * flat, tops[number])
        for hand, turn in ((0, -1.0), (1, 1.0)):
            lift, aim = pose[2 * hand], pose[2 * hand + 1]
            at = float(np.interp(aim, np.arange(count), x)), float(np.interp(aim, np.arange(count), y))
            tip = pen.moved(at[0] + turn * 0.03, at[1] - high * lift, angle=-turn * (0.3 + 0.4 * lift))
            if sticks:
                tip.stroke(np.array([(0.0, 0.0), (turn * 0.42, 0.2)]), 0.035, wood)
                tip.disc(turn * 0.42, 0.2, 0.07, 0.06, skin)
                tip.stroke(np.array([(turn * 0.42, 0.2), (turn * 0.6, 0.7)]), 0.1, sleeve)
            else:
                tip.stroke(np.array([(turn * 0.1, 0.02), (turn * 0.35, 0.15), (turn * 0.6, 0.7)]), 0.11, sleeve)
                tip.disc(turn * 0.06, 0, 0.11, 0.05, skin, angle=0.3 * turn)

    return Scene(poses, paint, sound, events, {"material": "+".join(names)})


def _drumkit(stage: Stage) -> Scene:
    """Two sticks."""
    return _beaten(stage, sticks=True)


def _hands(stage: Stage) -> Scene:
    """Two hands."""
    return _beaten(stage, sticks=False)


BUILDERS: dict[str, Builder] = {"bow": _strings, "strum": _strum, "drumkit": _drumkit, "hands": _hands}
"""What makes each kind of player."""
