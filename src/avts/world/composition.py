"""From a seed and a number to a finished take: the action, its surroundings, its sound, on one clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from avts.timebase import SAMPLE_RATE, Span, sample_at
from avts.world import scenery, sounds
from avts.world.canvas import Pen
from avts.world.clock import Floats, log_uniform
from avts.world.kinds import BUILDERS
from avts.world.plan import check_video, kind_of
from avts.world.rests import Rests, rest_seconds
from avts.world.rich import compose_rich, rests_of
from avts.world.stage import Samples, Scene, Stage, timeline
from avts.world.take import DRAWN_OF, FAMILY_OF, MAX_SHIFT_SECONDS, Take, Truth


@dataclass(frozen=True)
class _Place:
    x: float
    y: float
    scale: float
    angle: float
    mirror: bool


def compose(
    seed: int,
    index: int,
    *,
    size: int = 128,
    seconds: float = 6.0,
    kind: str | None = None,
    max_shift_seconds: float = 0.0,
    scenes: str = "plain",
) -> Take:
    """Make one video in memory; the same arguments give the same bytes.

    Args:
        seed: The world, 0 .. 2**32 - 1; two seeds share no video.
        index: The video's number in its world, from 0.
        size: Short side in pixels.
        seconds: Length.
        kind: One of the kinds of these scenes; None for the kind that the world has at that number.
        max_shift_seconds: The sound is shifted by a random offset of up to this much either way.
        scenes: "plain" cartoons of KINDS, "resting" ones that pause now and then, "rich" scenes of RICH_KINDS with
            rests, clutter and other sounds, or "individual" ones: bodies whose looks go with their voice.

    Raises:
        UsageError: An argument is out of range.
    """
    check_video(
        seed=seed,
        index=index,
        size=size,
        seconds=seconds,
        kind=kind,
        max_shift_seconds=max_shift_seconds,
        scenes=scenes,
    )
    name = kind_of(seed, index, DRAWN_OF[scenes]) if kind is None else kind
    if scenes == "rich":
        return compose_rich(seed, index, size=size, seconds=seconds, kind=name, max_shift_seconds=max_shift_seconds)
    rests = rests_of(seed, index, seconds) if scenes == "resting" else None
    return _compose_plain(seed, index, size, seconds, name, max_shift_seconds, rests)


def _compose_plain(
    seed: int,
    index: int,
    size: int,
    seconds: float,
    name: str,
    max_shift_seconds: float,
    rests: Rests | None,
) -> Take:
    # The first stream is the video's own default_rng([seed, index]); the others are its children.
    root = np.random.SeedSequence([seed, index])
    action_rng = np.random.default_rng(root)
    place_rng, look_rng, mix_rng, shift_rng = (np.random.default_rng(child) for child in root.spawn(4))
    width, height = _shape(look_rng, size)
    backdrop = scenery.background(look_rng, width, height)
    span, frame_seconds, sample_seconds = timeline(seconds)
    luminance = float(backdrop[..., :3].mean(axis=(0, 1)) @ (0.299, 0.587, 0.114))
    scene = BUILDERS[name](Stage(action_rng, span, frame_seconds, sample_seconds, luminance, rests or ()))
    offset = sample_at(float(shift_rng.uniform(-1, 1)) * max_shift_seconds)
    places = _places(place_rng, width / height, alone=scene.alone)
    frames = _film(look_rng, scene, backdrop, places, (width, height), span, frame_seconds)
    start = sample_at(MAX_SHIFT_SECONDS) + offset
    samples = _mix(mix_rng, scene.sound)[start : start + sample_at(seconds)]
    resting = {} if rests is None else {"rest_seconds": rest_seconds(frame_seconds, rests, seconds)}
    seen = scene.event_seconds[(scene.event_seconds >= 0) & (scene.event_seconds < seconds)]
    truth = Truth(
        kind=name,
        family=FAMILY_OF[name],
        seconds=seconds,
        event_seconds=tuple(seen.tolist()),
        offset_seconds=offset / SAMPLE_RATE,
        seed=seed,
        index=index,
        choices={**scene.choices, "copies": float(len(places)), **resting},
    )
    return Take(frames, samples, truth)


def _shape(rng: np.random.Generator, size: int) -> tuple[int, int]:
    """Width and height in pixels: four in five are square, the others a little wider or taller."""
    longer = int(size * rng.choice([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.25, 4 / 3])) // 2 * 2
    return (longer, size) if rng.random() < 0.7 else (size, longer)


def _places(rng: np.random.Generator, aspect: float, *, alone: bool) -> list[_Place]:
    """Where the action stands: once, or, if it need not be alone, as two or three copies that do the same."""
    copies = int(rng.choice([1] if alone else [1, 1, 1, 1, 1, 1, 2, 3]))
    middle = 0.5 * max(aspect, 1.0)
    y, angle = rng.uniform(-0.08, 0.08), rng.uniform(-0.15, 0.15) if copies == 1 else 0.0  # copies share their floor
    places = []
    for number in range(copies):
        x = (number + 0.5 - copies / 2) * 2 * middle / copies
        scale = rng.uniform(0.75, 1.1) if copies == 1 else rng.uniform(0.5, 0.65)
        places.append(_Place(x + rng.uniform(-0.08, 0.08), y, scale, angle, bool(rng.random() < 0.5)))
    return places


def _film(
    rng: np.random.Generator,
    scene: Scene,
    backdrop: scenery.Image,
    places: Sequence[_Place],
    shape: tuple[int, int],
    span: Span,
    frame_seconds: Floats,
) -> npt.NDArray[np.uint8]:
    """Draw all frames [T, H, W, 3]."""
    cv2.setNumThreads(1)  # several worker processes share the cores
    width, height = shape
    view = scenery.camera(rng, span, frame_seconds)
    others = [] if scene.alone else scenery.distractors(rng, span, frame_seconds)
    lens = scenery.Lens(rng, span, frame_seconds, width, height)
    depth = rng.uniform(0.4, 1.0)
    frames = np.empty((len(frame_seconds), height, width, 3), np.uint8)
    for number, pose in enumerate(scene.poses.tolist()):
        image = frames[number]
        matrix = view.matrix(number, width, height)
        scenery.show_background(backdrop, image, matrix, depth)
        pen = Pen(image, *matrix)
        for other in others:
            other.paint(pen, number)
        for place in places:
            here = pen.moved(place.x, place.y, scale=place.scale, angle=place.angle, mirror=place.mirror)
            scene.paint(here, pose)
        lens.apply(image, number)
    return frames


def _mix(rng: np.random.Generator, sound: Samples) -> Samples:
    """The sound in its room over background noise, at a random loudness; all choices before any cut or shift."""
    wet = sounds.in_room(rng, sound) if rng.random() < 0.7 else sound
    quieter = 10 ** (-rng.uniform(12, 32) / 20)
    backing = sounds.coloured(rng, len(sound), rng.uniform(0, 2))
    mixed = wet + np.float32(quieter * sounds.loudness(wet)) * backing
    mixed = sounds.through_microphone(rng, mixed)
    peak = log_uniform(rng, 0.2, 0.95)
    return np.asarray(mixed * np.float32(peak / np.abs(mixed).max()), np.float32)
