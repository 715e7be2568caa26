"""Voices: a mouth, a dog, a bird; the opening that is seen is the loudness that is heard."""

from __future__ import annotations

import numpy as np

from avts.timebase import SAMPLE_RATE
from avts.world import sounds, speech
from avts.world.canvas import Pen, shaded
from avts.world.clock import Curve, Floats, drift, log_uniform, ordinal, since
from avts.world.stage import Builder, Scene, Stage


def openings(stage: Stage, shortest_seconds: float, longest_seconds: float) -> tuple[Curve, Floats]:
    """How far a mouth is open (0..1) over time, and the onsets of its syllables; it shuts between syllables."""
    events = stage.times(shortest_seconds, longest_seconds)
    gaps = np.minimum(np.diff(events, append=events[-1] + shortest_seconds), longest_seconds)
    wide = stage.rng.uniform(0.6, 1.0, len(events))
    attack = np.minimum(stage.rng.uniform(0.04, 0.09, len(events)), gaps * 0.3)
    hold = attack + (gaps - attack) * stage.rng.uniform(0.15, 0.45, len(events))
    shut = np.minimum(hold + stage.rng.uniform(0.06, 0.14, len(events)), gaps * 0.95)
    shift = np.stack([np.zeros_like(gaps), attack, hold, shut], axis=1)
    knots = (events[:, None] + shift).ravel()
    values = np.stack(
        [np.zeros_like(wide), wide, wide * stage.rng.uniform(0.6, 1.0, len(wide)), 0 * wide], axis=1
    ).ravel()
    edge = np.array([stage.span.start_seconds - 1]), np.array([stage.span.stop_seconds + 2])
    return Curve(np.concatenate([edge[0], knots, edge[1]]), np.concatenate([[0.0], values, [0.0]])), events


def trembling(stage: Stage, opening: Curve) -> Floats:
    """What shakes while the voice sounds, -1..1, and is still while it is silent; [T]."""
    frames = stage.frame_seconds
    return opening(frames + stage.lead_seconds) * np.sin(
        2 * np.pi * stage.uniform(7.0, 10.5) * frames + stage.uniform(0, 6)
    )


def _mouth(stage: Stage) -> Scene:
    opening, events = openings(stage, 0.2, 0.6)
    times = stage.sample_seconds
    open_ = opening(times)
    tone = log_uniform(stage.rng, 85, 300)
    melody = drift(stage.rng, stage.span, 0.4)(times)
    hertz = tone * 2 ** (0.25 * melody + 0.15 * open_)
    source = speech.buzz(stage.rng, hertz)
    source += np.float32(stage.uniform(0.05, 0.4) * source.std()) * sounds.noise(stage.rng, len(times))
    vowel = 0.5 + 0.5 * drift(stage.rng, stage.span, 0.3)(times)
    names = stage.rng.permutation(["a", "ae", "o", "e", "i", "u"])[:2].tolist()
    loud = open_**1.3
    weights = [0.04 * (open_ > 0.02) * (1 - open_), loud * vowel, loud * (1 - vowel)]
    tract = float(np.clip((tone / 150) ** 0.35, 0.85, 1.3)) * stage.uniform(0.93, 1.07)
    sound = speech.vowels(stage.rng, source, weights, names, tract)
    frames = stage.frame_seconds
    run = stage.run(frames)
    head, lips, inside, hair = stage.colours(4)
    nod = drift(stage.rng, stage.span, 0.9)(run)
    blink = (np.abs((run - stage.uniform(0, 2)) % stage.uniform(2, 3.5)) < 0.12).astype(float)
    wide = drift(stage.rng, stage.span, 0.3)(run)
    poses = np.stack([opening(frames + stage.lead_seconds), nod, blink, wide, trembling(stage, opening)], axis=1)
    broad, tall = stage.uniform(0.34, 0.44), stage.uniform(0.42, 0.5)
    mouth_wide, mouth_tall = stage.uniform(0.14, 0.22), stage.uniform(0.13, 0.19)
    teeth = stage.chance(0.6)

    def paint(pen: Pen, pose: list[float]) -> None:
        gap, nodding, shut, stretch, shaking = pose
        face = pen.moved(0.02 * nodding, 0.01 * (nodding - shaking), angle=0.05 * nodding)
        face.disc(0, -0.12, broad * 1.1, tall, hair)
        face.disc(0, 0.06 * gap, broad, tall, head)
        for x in (-0.16, 0.16):
            face.disc(x, -0.14, 0.06, 0.045 * (1 - 0.8 * shut), (245, 245, 245))
            face.disc(x + 0.02 * nodding, -0.14, 0.025, 0.04 * (1 - 0.8 * shut), (20, 20, 20))
        wide_now, tall_now = mouth_wide * (1 + 0.15 * stretch), mouth_tall * (gap + 0.15 * shaking)
        face.disc(0, 0.2, wide_now + 0.035, tall_now + 0.03, lips)
        if gap > 0.05:
            face.disc(0, 0.2, wide_now, tall_now, shaded(inside, 0.25))
            if teeth:
                face.box(-wide_now * 0.6, 0.2 - tall_now * 0.9, wide_now * 0.6, 0.2 - tall_now * 0.6, (240, 240, 230))

    return Scene(poses, paint, sound, events, {"pitch_hertz": tone, "vowels": "+".join(names)})


def _dog(stage: Stage) -> Scene:
    opening, events = openings(stage, 0.26, 0.72)
    times = stage.sample_seconds
    open_ = opening(times)
    tone = log_uniform(stage.rng, 130, 520)
    hertz = tone * 2 ** (stage.uniform(0.4, 1.2) * open_) * (1 + 0.04 * drift(stage.rng, stage.span, 0.05)(times))
    source = speech.buzz(stage.rng, hertz)
    rough = np.float32(stage.uniform(0.2, 0.8) * source.std())
    source += rough * sounds.noise(stage.rng, len(times))
    tract = float(np.clip((tone / 250) ** 0.4, 0.7, 1.4))
    shapes = tuple(stage.rng.permutation(["a", "ae", "o"])[:2].tolist())
    sweep = np.clip(since(times, events) / 0.15, 0, 1)
    loud = open_**1.5
    sound = speech.vowels(stage.rng, source, [0 * open_, loud * sweep, loud * (1 - sweep)], list(shapes), tract)
    frames = stage.frame_seconds
    run = stage.run(frames)
    fur, muzzle, tongue, ear = stage.colours(4)
    nod = drift(stage.rng, stage.span, 0.8)(run)
    poses = np.stack([opening(frames + stage.lead_seconds), nod, trembling(stage, opening)], axis=1)
    skull, snout = stage.uniform(0.22, 0.28), stage.uniform(0.24, 0.34)
    gape = stage.uniform(0.5, 0.8)
    upper = np.array([(0.0, -0.16), (snout, -0.07), (snout + 0.03, 0.0), (0.0, 0.04)])
    lower = np.array([(0.0, 0.0), (snout * 0.92, 0.02), (snout * 0.88, 0.09), (0.0, 0.16)])

    def paint(pen: Pen, pose: list[float]) -> None:
        gap, nodding, shaking = pose
        head = pen.moved(-0.12, 0.0, angle=0.06 * nodding - 0.25 * gap + 0.04 * shaking)
        head.disc(-0.1, 0.28, 0.2, 0.32, shaded(fur, 0.85))
        jaw = head.moved(0.1, 0.06, angle=gape * gap)
        jaw.polygon(lower, shaded(muzzle, 0.85))
        if gap > 0.1:
            jaw.disc(snout * 0.5, 0.0, snout * 0.45, 0.045, tongue)
        head.moved(0.1, 0.04, angle=-0.4 * gape * gap).polygon(upper, muzzle)
        head.disc(-0.02, -0.04, skull, skull * 0.9, fur)
        head.disc(-0.14, -0.14, 0.08, 0.18, ear, angle=0.4 + 0.5 * gap)
        head.disc(0.06, -0.1, 0.03, 0.03, (15, 15, 15))

    return Scene(poses, paint, sound, events, {"pitch_hertz": tone})


def _bird(stage: Stage) -> Scene:
    opening, events = openings(stage, 0.2, 0.66)
    times = stage.sample_seconds
    open_ = opening(times)
    tone = log_uniform(stage.rng, 700, 3000)
    number = np.maximum(ordinal(times, events) - 1, 0)
    rise = stage.rng.uniform(-0.8, 0.8, 4)[stage.rng.integers(0, 4, len(events))][number]
    start = (stage.uniform(-0.3, 0.3) * stage.rng.standard_normal(len(events)))[number]
    trill = stage.uniform(0.0, 0.12) * np.sin(2 * np.pi * stage.uniform(18, 45) * times)
    hertz = np.clip(tone * 2 ** (start + rise * np.clip(since(times, events) / 0.2, 0, 1) + trill), 300, 7000)
    partials = int(np.clip(7000 / hertz.max(), 1, 5))
    sound = sounds.hum(np.cumsum(hertz) / SAMPLE_RATE, sounds.harmonics(stage.rng, partials, 1.5))
    air = sounds.band(sounds.noise(stage.rng, len(times)), 1500, 6500)
    sound = (sound + np.float32(stage.uniform(0.0, 0.25)) * air) * (open_**1.2).astype(np.float32)
    frames = stage.frame_seconds
    run = stage.run(frames)
    body, wing, beak, belly = stage.colours(4)
    nod = drift(stage.rng, stage.span, 0.7)(run)
    poses = np.stack([opening(frames + stage.lead_seconds), nod, trembling(stage, opening)], axis=1)
    fat, long, gape = stage.uniform(0.2, 0.27), stage.uniform(0.16, 0.24), stage.uniform(0.4, 0.65)
    half = np.array([(-0.04, 0.0), (long, 0.0), (-0.04, 0.09)])

    def paint(pen: Pen, pose: list[float]) -> None:
        gap, nodding, shaking = pose
        perch = pen.moved(-0.08, 0.1 + 0.012 * shaking)
        perch.moved(-0.22, 0.06, angle=0.5 - 0.5 * gap).box(-0.3, -0.05, 0.05, 0.05, shaded(wing, 0.8))
        perch.disc(-0.04, 0.06, fat * 1.25, fat * (1 + 0.15 * gap), body, angle=-0.3)
        perch.disc(0.06, 0.12, fat * 0.8, fat * 0.75, belly)
        perch.moved(-0.1, 0.02, angle=-0.9 * gap + 0.15 * shaking).disc(-0.08, 0.05, 0.19, 0.09, wing, angle=0.3)
        head = perch.moved(0.1, -0.22 - 0.03 * gap, angle=0.08 * nodding - 0.3 * gap)
        head.moved(0.1, 0.0, angle=gape * gap).polygon(half, shaded(beak, 0.8))
        head.moved(0.1, 0.0, angle=-gape * gap).polygon(half * np.array([1, -1]), beak)
        head.disc(0, 0, 0.17, 0.16, body)
        head.disc(0.05, -0.04, 0.03, 0.03, (15, 15, 15))

    return Scene(poses, paint, sound, events, {"pitch_hertz": tone})


BUILDERS: dict[str, Builder] = {"mouth": _mouth, "dog": _dog, "bird": _bird}
