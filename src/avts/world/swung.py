"""Swung and plucked things: bell, string, pendulum clock; pushed irregularly, so never periodic."""

from __future__ import annotations

import math

import numpy as np

from avts.world import sounds
from avts.world.canvas import Pen, ring_of, shaded
from avts.world.clock import Floats, log_uniform, ordinal, since, until
from avts.world.impacts import jolt, spray
from avts.world.stage import Builder, Scene, Stage

_LONGEST_SECONDS = 1.0
"""After a longer gap between two events there was a rest."""

_SWING_SECONDS = 0.6
"""How long a swing takes after a rest."""


def swung(times: Floats, events: Floats, sharpness: float) -> Floats:
    """Side to side between -1 and 1, reaching a side at each event; sharpness > 1 arrives ever faster; [T]."""
    after, before = since(times, events), until(times, events)
    part = np.clip(after / (after + before), 0, 1)
    part = np.where(after + before > _LONGEST_SECONDS, np.clip(1 - before / _SWING_SECONDS, 0, 1), part) ** sharpness
    side = 1.0 - 2.0 * (ordinal(times, events) % 2)
    return side * (2 * part - 1)


def _bell(stage: Stage) -> Scene:
    events = stage.times(0.26, stage.uniform(0.6, 0.75))
    bodies = sounds.struck(stage.rng, sounds.MATERIALS["bell"], takes=2)
    gains = np.exp(stage.rng.uniform(-0.7, 0.0, len(events)))
    sound = sounds.place(stage.sample_seconds, events, bodies, gains)
    metal, tongue, beam, flash = stage.colours(4)
    frames = stage.frame_seconds
    clapper = swung(frames, events, stage.uniform(2.2, 3.5))
    side = 2.0 * (ordinal(frames, events) % 2) - 1.0
    recoil = side * jolt(frames, events, hertz=9, decay_seconds=0.12)
    poses = np.stack([clapper, recoil, since(frames, events), side], axis=1)
    lip, tall = stage.uniform(0.24, 0.32), stage.uniform(0.45, 0.55)
    sway = stage.uniform(0.15, 0.4)
    profile = np.array([(0.3, 0.0), (0.42, 0.2), (0.5, 0.6), (0.7, 0.85), (1.0, 1.0)]) * (lip, tall)
    outline = np.concatenate([profile, profile[::-1] * (-1, 1)])
    rays = ring_of(9, 0.36, 0.1)

    def paint(pen: Pen, pose: list[float]) -> None:
        at, shaken, age, struck_side = pose
        pen.box(-0.5, -0.46, 0.5, -0.38, beam)
        body = pen.moved(0, -0.4, angle=-sway * at + 0.16 * shaken)
        tip = (0.62 * lip * at, tall * 1.05)
        body.stroke(np.array([(0.0, 0.0), tip]), 0.04, shaded(tongue, 0.8))
        body.polygon(outline, shaded(metal, 1.0 + 0.6 * math.exp(-age / 0.08)))
        body.disc(0, tall, lip, 0.05, shaded(metal, 0.5))
        body.disc(*tip, 0.085, 0.085, tongue)
        spray(body.moved(struck_side * lip * 0.9, tall), age, rays, flash)

    return Scene(poses, paint, sound, events, {"material": "bell"})


def _string(stage: Stage) -> Scene:
    events = stage.times(0.24, stage.uniform(0.55, 0.72))
    count = int(stage.rng.integers(1, 5))
    base = log_uniform(stage.rng, 80, 420)
    pitches = base * 2 ** (np.sort(stage.rng.integers(0, 15, count)) / 12)
    notes = [sounds.plucked(stage.rng, pitch) for pitch in pitches.tolist()]
    picks = stage.rng.integers(0, count, len(events))
    gains = np.exp(stage.rng.uniform(-0.7, 0.0, len(events)))
    sound = sounds.place(stage.sample_seconds, events, notes, gains, picks.astype(float))
    hole, wood, wire, finger = stage.colours(4)
    frames = stage.frame_seconds
    age, coming, done = since(frames, events), until(frames, events), ordinal(frames, events)
    pull = np.clip(1 - coming / 0.14, 0, 1) ** 2
    swing = np.exp(-age / 0.2) * np.cos(2 * np.pi * stage.uniform(8.5, 10.5) * age)
    last, following = picks[np.maximum(done - 1, 0)], picks[np.minimum(done, len(picks) - 1)]
    poses = np.stack([age, pull, swing, last, following], axis=1)
    gap, depth = 0.5 / count, max(min(0.6 / count, 0.2), 0.16)
    along = np.linspace(-0.5, 0.5, 17)
    bow, plucked_at = np.cos(np.pi * along), stage.uniform(-0.2, 0.2)
    tent = np.interp(along, [-0.5, plucked_at, 0.5], [0.0, 1.0, 0.0])

    def paint(pen: Pen, pose: list[float]) -> None:
        age, pull, swing, last, following = pose
        pen.disc(0, 0, 0.46, 0.4, wood)
        pen.disc(0, 0, 0.17, 0.17, shaded(hole, 0.4))
        for number in range(count):
            y = (number + 0.5 - count / 2) * gap
            shape = 0 * along
            if number == last:
                blur = depth * math.exp(-age / 0.14)
                edge = np.stack([along, y + blur * bow], axis=-1), np.stack([along, y - blur * bow], axis=-1)
                pen.polygon(np.concatenate([edge[0], edge[1][::-1]]), shaded(wire, 0.75))
                shape = shape + depth * swing * bow
            if number == following:
                shape = shape - depth * pull * tent
            pen.stroke(np.stack([along, y + shape], axis=-1), 0.028, wire)
        y = (following + 0.5 - count / 2) * gap - depth * pull
        free = 0.07 * (1 - min(pull * 4, 1.0))
        pen.disc(plucked_at, y - 0.1 - free, 0.06, 0.11, finger)

    return Scene(poses, paint, sound, events, {"base_hertz": base})


def _pendulum(stage: Stage) -> Scene:
    turns = stage.times(0.22, stage.uniform(0.65, 0.8))
    # The bob passes the middle, the escapement drops.
    rested = np.diff(turns) > _LONGEST_SECONDS
    events = np.where(rested, turns[1:] - _SWING_SECONDS / 2, (turns[:-1] + turns[1:]) / 2)
    first = turns[0] - _SWING_SECONDS / 2
    if stage.rests and first >= stage.span.start_seconds:
        events = np.append(first, events)
    material = ("wood", "metal", "plastic", "glass")[int(stage.rng.integers(4))]
    bodies = sounds.struck(stage.rng, sounds.MATERIALS[material], takes=2)
    gains = np.exp(stage.rng.uniform(-0.4, 0.0, len(events)))
    sound = sounds.place(stage.sample_seconds, events, bodies, gains)
    case, bob, dial, hand = stage.colours(4)
    frames = stage.frame_seconds
    angle = np.sin(np.pi / 2 * swung(frames, turns, 1.0))
    # The hand jumps at each tick and overshoots a little.
    hands = ordinal(frames, events) + 0.7 * jolt(frames, events, hertz=9, decay_seconds=0.05)
    poses = np.stack([angle, hands, since(frames, events)], axis=1)
    reach, size, face = stage.uniform(0.45, 0.8), stage.uniform(0.09, 0.14), stage.uniform(0.17, 0.22)
    step, teeth = stage.uniform(0.35, 0.8), ring_of(16, np.tile([1.0, 0.75], 8))

    def paint(pen: Pen, pose: list[float]) -> None:
        swing, turned, age = pose
        pen.box(-0.3, -0.5, 0.3, 0.0, case)
        rod = pen.moved(0, -0.1, angle=reach * swing)
        rod.box(-0.018, 0, 0.018, 0.45, shaded(bob, 0.8))
        rod.disc(0, 0.45, size, size, bob)
        wheel = pen.moved(0, -0.25, angle=step * turned)
        wheel.polygon(teeth * (face * 1.15), shaded(dial, 0.7 + 0.5 * math.exp(-age / 0.05)))
        wheel.disc(0, 0, face * 0.8, face * 0.8, dial)
        wheel.box(-0.03, -face * 0.9, 0.03, 0.03, hand)

    return Scene(poses, paint, sound, events, {"material": material})


BUILDERS: dict[str, Builder] = {"bell": _bell, "string": _string, "pendulum": _pendulum}
