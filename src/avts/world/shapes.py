"""Shapes: a textured body that moves by any rule and sounds by any rule, both from one random curve.

The most general statement of a made sound: loudness, pitch and brightness follow how far, how fast, how abruptly or
when a thing moves, with another rule, another body and another voice in every video.
"""

from __future__ import annotations

import numpy as np

from avts.timebase import SAMPLE_RATE
from avts.world import sounds, speech
from avts.world.canvas import Pen, ring_of, shaded
from avts.world.clock import Curve, Floats, log_uniform, ordinal, since
from avts.world.impacts import jolt
from avts.world.stage import Builder, Samples, Scene, Stage
from avts.world.textures import grains

_STEP_SECONDS = 0.004
"""Motion is worked out this finely before it is turned into sound."""

_APART_SECONDS = 0.15
"""Rises of loudness closer than this are one event."""


def risings(times: Floats, loud: Floats, threshold: float = 0.4) -> Floats:
    """When a loudness [T] between 0 and 1 rises through a threshold, closely following ones left out; [K]."""
    crossings = times[np.flatnonzero((loud[1:] >= threshold) & (loud[:-1] < threshold)) + 1]
    kept: list[float] = []
    for at in crossings.tolist():
        if not kept or at - kept[-1] >= _APART_SECONDS:
            kept.append(at)
    return np.array(kept)


def carrier(stage: Stage, loud: Floats) -> Samples:
    """A sound [N] of any sort whose level, pitch and brightness follow a loudness [N] between 0 and 1."""
    rng = stage.rng
    count = len(loud)
    level = loud ** stage.uniform(0.8, 2.0)
    reach, base = stage.uniform(-0.5, 1.5), log_uniform(rng, 80, 900)
    hertz = np.minimum(base * 2 ** (reach * loud), 3000)
    bright = loud ** stage.uniform(0.5, 2.0)
    sort = int(rng.integers(5))
    if sort == 0:
        raw, low = sounds.noise(rng, count), log_uniform(rng, 150, 2500)
        dull, sharp = sounds.band(raw, low * 0.4, low), sounds.band(raw, low, min(low * stage.uniform(2, 5), 7600))
        out = dull / dull.std() + (bright * stage.uniform(0.3, 2.0)).astype(np.float32) * sharp / sharp.std()
    elif sort == 1:
        phase = np.cumsum(hertz) / SAMPLE_RATE
        full = sounds.harmonics(rng, int(min(7000 / hertz.max(), 30)), stage.uniform(0.2, 1.0))
        plain = sounds.hum(phase, sounds.harmonics(rng, 2, 1.0))
        out = plain + (sounds.hum(phase, full) - plain) * bright.astype(np.float32)
    elif sort == 2:
        phase = 2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE
        out = np.sin(phase + stage.uniform(1, 5) * bright * np.sin(stage.uniform(0.3, 3.5) * phase))
    elif sort == 3:
        low = log_uniform(rng, 300, 2000)
        out = grains(stage, np.maximum(loud, 0.05), log_uniform(rng, 40, 600), (low, low * stage.uniform(1.5, 4)))
        return np.asarray(out * np.minimum(level * 4, 1.0), np.float32)
    else:
        source = speech.buzz(rng, np.minimum(hertz, 600))
        names = rng.permutation(["a", "ae", "o", "e", "i", "u"])[:2].tolist()
        out = speech.vowels(rng, source, [0 * loud, bright, 1 - bright], names, stage.uniform(0.8, 1.3))
    return np.asarray(out * level, np.float32)


def _scene(
    stage: Stage, grid: Floats, control: Floats, loud: Floats, sound: Samples, events: Floats, rule: str
) -> Scene:
    """A body whose place, size, turn and brightness follow a control [G] between -1 and 1, trembling when loud."""
    frames, rng = stage.frame_seconds, stage.rng
    at, level = np.interp(frames, grid, control), np.interp(frames, grid, loud)
    # A quickly changing tremble, louder when louder: most things that sound also shake.
    tremble = level * np.sin(2 * np.pi * stage.uniform(6, 10) * frames + stage.uniform(0, 6))
    poses = np.stack([at, level, tremble], axis=1)
    shares = rng.dirichlet([0.6, 0.6, 0.6, 0.4])
    way = stage.uniform(0, 2 * np.pi)
    far = 0.5 * min(shares[0] + 0.15, 1.0) * np.array([np.cos(way), np.sin(way)])
    grow, turn, glow = 0.6 * shares[1], 2.0 * shares[2], 0.7 * shares[3]
    shiver = stage.uniform(0.03, 0.12) if rule == "level" else stage.uniform(0.0, 0.03)
    count = int(rng.integers(5, 28))
    wobble = 1 + stage.uniform(0.05, 0.35) * np.convolve(np.tile(rng.standard_normal(count), 3), [0.5, 1, 0.5])
    outline = ring_of(count, stage.uniform(0.16, 0.34) * np.clip(wobble[count + 1 : 2 * count + 1], 0.3, 1.8))
    outline = outline * (1.0, stage.uniform(0.5, 1.4))
    bends = rng.standard_normal((count, 2)) * stage.uniform(0.0, 0.12)
    skin, spot, stand = stage.colours(3)
    spots = rng.uniform(-0.13, 0.13, (int(rng.integers(0, 5)), 2))
    standing, string = stage.chance(0.3), stage.chance(0.3)

    def paint(pen: Pen, pose: list[float]) -> None:
        at, level, tremble = pose
        x, y = (at * far + shiver * tremble * far[::-1]).tolist()
        if standing:
            pen.box(-0.5, 0.3, 0.5, 0.42, stand)
        if string:
            pen.stroke(np.array([(0.0, -0.6), (x, y)]), 0.03, stand)
        body = pen.moved(x, y, scale=1 + grow * at + shiver * tremble, angle=turn * at + 0.5 * shiver * tremble)
        colour = shaded(skin, 1 + glow * at + 0.3 * glow * level)
        body.polygon(outline + bends * (at + 0.5 * tremble), colour)
        for spot_x, spot_y in spots.tolist():
            body.disc(spot_x, spot_y, 0.05, 0.04, spot)

    return Scene(poses, paint, sound, events, {"rule": rule})


def _grid(stage: Stage) -> Floats:
    return np.arange(stage.span.start_seconds, stage.span.stop_seconds + _STEP_SECONDS, _STEP_SECONDS)


def _finish(stage: Stage, grid: Floats, control: Floats, loud: Floats, rule: str) -> Scene:
    loud = np.clip(loud / (np.quantile(loud, 0.995) + 1e-9), 0, 1) * stage.awake(grid)
    sound = carrier(stage, np.interp(stage.sample_seconds, grid, loud))
    return _scene(stage, grid, control, loud, sound, risings(grid, loud), rule)


def _swelling(stage: Stage) -> Scene:
    """As far as it has moved, so loud it is."""
    grid = _grid(stage)
    far = stage.swell(stage.uniform(0.15, 0.3), stage.uniform(0.4, 0.9))(grid)
    return _finish(stage, grid, far * (1 if stage.chance(0.7) else -1), far, "level")


def strokes(stage: Stage, grid: Floats) -> Floats:
    """A way [G] that goes to and fro in strokes of many lengths, with short stops between; still in rests."""
    starts = stage.times(stage.uniform(0.18, 0.28), stage.uniform(0.5, 0.9))
    gaps = np.minimum(np.diff(starts, append=starts[-1] + 0.4), 0.7)
    stops = starts + gaps * stage.rng.uniform(0.4, 0.95, len(starts))
    ends = np.where(np.arange(len(starts)) % 2 == 0, -1.0, 1.0) * stage.rng.uniform(0.3, 1.0, len(starts))
    if stage.chance(0.3):
        ends = stage.rng.uniform(-1, 1, len(starts))
    knots = np.concatenate([[grid[0] - 9], np.stack([starts, stops], axis=1).ravel(), [grid[-1] + 9]])
    values = np.concatenate([[0.0, 0.0], np.repeat(ends, 2)])
    return Curve(knots, values[: len(knots)])(grid)


def _gliding(stage: Stage) -> Scene:
    """As fast as it moves, so loud it is."""
    grid = _grid(stage)
    way = strokes(stage, grid)
    speed = np.abs(np.gradient(way, _STEP_SECONDS))
    return _finish(stage, grid, way, speed, "speed")


def _jerking(stage: Stage) -> Scene:
    """As abruptly as it changes its speed, so loud it is."""
    grid = _grid(stage)
    way = strokes(stage, grid)
    force = np.abs(np.gradient(np.gradient(way, _STEP_SECONDS), _STEP_SECONDS))
    smooth = np.hanning(13) / np.hanning(13).sum()
    return _finish(stage, grid, way, np.convolve(np.minimum(force, np.quantile(force, 0.98)), smooth, "same"), "force")


def _popping(stage: Stage) -> Scene:
    """Each time it jumps there is a sound."""
    grid, rng = _grid(stage), stage.rng
    events = stage.times(stage.uniform(0.14, 0.3), stage.uniform(0.5, 1.2))
    places = np.append(rng.uniform(-1, 1), rng.uniform(-1, 1, len(events)))
    flips = np.abs(np.diff(places)) < 0.5
    places[1:][flips] = -np.sign(places[:-1][flips] + 1e-9) * rng.uniform(0.4, 1.0, int(flips.sum()))
    moves = events - stage.uniform(0.0, 0.08)  # the sound comes while it jumps or as it arrives
    number, age = ordinal(grid, moves), since(grid, moves)
    rise = stage.uniform(0.02, 0.1)
    back = stage.chance(0.4)
    before = np.where(back, 0.0, places[np.maximum(number - 1, 0)])
    part = 1 - np.exp(-age / rise)
    jump = before + (places[number] - before) * part
    if back:  # it jumps out and sinks back
        jump = places[number] * part * np.exp(-age / stage.uniform(0.1, 0.3)) * 1.5
    jump = np.where(number > 0, jump, before * (0.0 if back else 1.0))
    control = jump + 0.15 * jolt(grid, events, hertz=stage.uniform(6, 11), decay_seconds=0.08) * (number > 0)
    gains = rng.uniform(0.4, 1.0, len(events))
    if stage.chance(0.5):
        name = list(sounds.MATERIALS)[int(rng.integers(len(sounds.MATERIALS)))]
        sound = sounds.place(stage.sample_seconds, events, sounds.struck(rng, sounds.MATERIALS[name]), gains)
    else:
        fade = log_uniform(rng, 0.03, 0.25)
        loud = np.exp(-since(stage.sample_seconds, events) / fade)
        loud *= np.append(0.0, gains)[ordinal(stage.sample_seconds, events)]
        sound = carrier(stage, loud)
    level = np.exp(-age / 0.06) * (number > 0)
    return _scene(stage, grid, np.clip(control, -1.3, 1.3), level, sound, events, "onset")


BUILDERS: dict[str, Builder] = {
    "swelling": _swelling,
    "gliding": _gliding,
    "jerking": _jerking,
    "popping": _popping,
}
