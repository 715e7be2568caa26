"""Limbs that strike or scrape: jointed arms of any build on things of any material."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from avts.timebase import SAMPLE_RATE
from avts.world import sounds
from avts.world.canvas import Pen, ring_of, shaded
from avts.world.clock import Floats, log_uniform, ordinal, since, until
from avts.world.impacts import jolt, lifted
from avts.world.shapes import risings, strokes
from avts.world.stage import Builder, Samples, Scene, Stage

_STEP_SECONDS = 0.004


def joints(base: Floats, lengths: Floats, angles: Floats) -> Floats:
    """Places [T, S + 1, 2] of the joints of a limb that starts at base [2]; angles [T, S] each from the one before."""
    total = np.cumsum(angles, axis=1)
    steps = np.stack([np.cos(total), np.sin(total)], axis=-1) * lengths[:, None]
    start = np.broadcast_to(base, (len(angles), 1, 2))
    return np.concatenate([start, base + np.cumsum(steps, axis=1)], axis=1)


def _limb(stage: Stage) -> tuple[Floats, Floats, Floats]:
    """Where a limb hangs [2], its lengths [S] and its angles [S] when it touches the thing."""
    count = int(stage.rng.integers(1, 4))
    lengths = stage.rng.dirichlet(np.full(count, 4.0)) * stage.uniform(0.55, 0.85)
    base = np.array([stage.uniform(0.25, 0.5) * (1 if stage.chance(0.5) else -1), stage.uniform(-0.5, 0.0)])
    toward = np.arctan2(0.25 - base[1], -base[0] * stage.uniform(0.3, 1.0))
    angles = np.append(toward, stage.rng.uniform(-0.6, 0.6, count - 1))
    return base, lengths, angles


def _painter(stage: Stage, segments: int) -> Callable[[Pen, Floats], None]:
    """Draws a limb through its joints [S + 1, 2]: tapering sleeves, a hand or a tool at the end."""
    colours = stage.colours(3)
    thick = stage.uniform(0.05, 0.14)
    tool = int(stage.rng.integers(3))
    palm = ring_of(9, stage.rng.uniform(0.7, 1.2, 9) * stage.uniform(0.05, 0.11))

    def paint(pen: Pen, at: Floats) -> None:
        for number in range(segments):
            way = at[number + 1] - at[number]
            length = float(np.hypot(*way))
            own = pen.moved(*at[number].tolist(), angle=float(np.arctan2(way[1], way[0])))
            wide = thick * (1 - 0.25 * number / segments)
            near, far = wide / 2, wide * 0.4
            shade = shaded(colours[number % 2], 1 - 0.1 * number)
            own.polygon(
                np.array([(-near, -near), (length, -far), (length + far, 0), (length, far), (-near, near)]), shade
            )
        hand = pen.moved(*at[-1].tolist(), angle=float(np.arctan2(way[1], way[0])))
        if tool == 0:
            hand.polygon(palm, colours[2])
        elif tool == 1:
            hand.box(-0.12, -0.018, 0.02, 0.018, colours[2])
            hand.disc(0, 0, 0.04, 0.04, colours[2])
        else:
            hand.box(-0.03, -0.07, 0.03, 0.07, colours[2])

    return paint


def _striker(stage: Stage) -> Scene:
    rng, frames = stage.rng, stage.frame_seconds
    events = stage.times(stage.uniform(0.15, 0.35), stage.uniform(0.5, 1.5))
    count = int(rng.integers(1, 4))
    picks = rng.integers(0, count, len(events))
    names = [list(sounds.MATERIALS)[number] for number in rng.integers(0, len(sounds.MATERIALS), count)]
    gains = rng.uniform(0.3, 1.0, len(events))
    bodies = [sounds.struck(rng, sounds.MATERIALS[name], takes=1)[0] for name in names]
    sound = sounds.place(stage.sample_seconds, events, bodies, gains, picks.astype(float))
    base, lengths, angles = _limb(stage)
    # Each thing is touched with other angles.
    touch = angles + np.linspace(-0.5, 0.5, count)[:, None] * rng.uniform(-1, 1, len(angles)) * (count > 1)
    raise_ = rng.uniform(0.2, 0.9, len(angles)) * (1 if base[0] > 0 else -1)
    swing, rebound = stage.uniform(0.09, 0.22), stage.uniform(0.03, 0.12)
    done, age = ordinal(frames, events), since(frames, events)
    last, following = picks[np.maximum(done - 1, 0)], picks[np.minimum(done, len(picks) - 1)]
    going = np.clip(age / np.minimum(age + until(frames, events), 0.3), 0, 1)[:, None]
    aim = touch[last] + (touch[following] - touch[last]) * going
    heights = np.append(gains, 0.5)[np.minimum(done, len(gains) - 1)]
    lags = np.linspace(0, stage.uniform(0, 0.03), len(angles))[::-1]
    lift = np.stack(
        [lifted(frames + lag, events, rebound_seconds=rebound, swing_seconds=swing) for lag in lags], axis=1
    )
    places = joints(base, lengths, aim + lift * raise_ * (0.5 + 0.5 * heights)[:, None])
    ends = joints(base, lengths, touch)[:, -1]
    shake = jolt(frames, events, hertz=stage.uniform(8, 12), decay_seconds=stage.uniform(0.03, 0.12))
    arms = places.reshape(len(frames), -1)
    poses = np.concatenate([arms, last[:, None], shake[:, None], age[:, None]], axis=1)
    limb = _painter(stage, len(lengths))
    tints = stage.colours(count + 1)
    shapes = [
        ring_of(int(rng.choice([4, 5, 9, 16])), stage.uniform(0.08, 0.2), 0.8) * (stage.uniform(1, 2), 1) for _ in names
    ]
    yields, table = stage.uniform(0.0, 0.04), stage.chance(0.6)

    def paint(pen: Pen, pose: list[float]) -> None:
        *arm, struck, shaking, _ = pose
        if table:
            pen.box(-0.8, float(ends[:, 1].max()) + 0.12, 0.8, 0.9, tints[-1])
        for number, shape in enumerate(shapes):
            moved = yields * shaking * (number == struck)
            x, y = ends[number].tolist()
            top = float(shape[:, 1].min())
            pen.moved(x, y - top + moved, angle=moved).polygon(shape, tints[number])
        limb(pen, np.array(arm).reshape(-1, 2))

    return Scene(poses, paint, sound, events, {"material": "+".join(names)})


def scraped(stage: Stage, speed: Floats) -> Samples:
    """Rubbing [N] on a rough thing: loudness, brightness and the rate of its grains follow a speed [N] in 0..1."""
    rng = stage.rng
    raw, low = sounds.noise(rng, len(speed)), log_uniform(rng, 200, 2500)
    dull, sharp = sounds.band(raw, low * 0.4, low * 1.2), sounds.band(raw, low * 1.5, min(low * 5, 7600))
    grain = 1 + stage.uniform(0, 1) * np.sin(2 * np.pi * log_uniform(rng, 15, 200) * np.cumsum(speed) / SAMPLE_RATE)
    level = speed ** stage.uniform(0.7, 1.8) * grain
    out = level * (dull / dull.std() + stage.uniform(0.3, 2) * speed * sharp / sharp.std())
    if stage.chance(0.3):  # it squeaks
        hertz = log_uniform(rng, 400, 2000) * 2 ** (stage.uniform(0.2, 1.0) * speed)
        tone = sounds.hum(np.cumsum(hertz) / SAMPLE_RATE, sounds.harmonics(rng, 3, 0.6))
        out = out + stage.uniform(0.3, 1.5) * level * tone
    return np.asarray(out, np.float32)


def _scraper(stage: Stage) -> Scene:
    rng, frames = stage.rng, stage.frame_seconds
    grid = np.arange(stage.span.start_seconds, stage.span.stop_seconds + _STEP_SECONDS, _STEP_SECONDS)
    way = strokes(stage, grid)
    speed = np.abs(np.gradient(way, _STEP_SECONDS))
    speed = np.clip(speed / (np.quantile(speed, 0.98) + 1e-9), 0, 1)
    sound = scraped(stage, np.interp(stage.sample_seconds, grid, speed))
    base, lengths, angles = _limb(stage)
    reach = rng.uniform(0.1, 0.45, len(angles)) * rng.choice([-1, 1], len(angles))
    at = np.interp(frames, grid, way)
    places = joints(base, lengths, angles + at[:, None] * reach)
    middle = joints(base, lengths, angles[None])[0, -1]
    tremble = np.interp(frames, grid, speed) * np.sin(2 * np.pi * 9.3 * frames) * stage.uniform(0, 0.015)
    poses = np.concatenate([places.reshape(len(frames), -1), tremble[:, None]], axis=1)
    limb = _painter(stage, len(lengths))
    ground, mark = stage.colours(2)
    board = ring_of(int(rng.choice([4, 6, 20])), stage.uniform(0.22, 0.4), 0.8) * (stage.uniform(1, 1.8), 1)
    held = stage.chance(0.3)

    def paint(pen: Pen, pose: list[float]) -> None:
        *arm, shaking = pose
        x, y = middle.tolist()
        thing = pen.moved(x, y + 0.08 + shaking)
        thing.polygon(board, ground)
        thing.disc(0.05, 0.04, 0.06, 0.05, mark)
        limb(pen, np.array(arm).reshape(-1, 2))
        if held:
            thing.box(-0.1, 0.15, 0.1, 0.3, mark)

    return Scene(poses, paint, sound, risings(grid, speed), {"joints": float(len(lengths))})


BUILDERS: dict[str, Builder] = {"striker": _striker, "scraper": _scraper}
