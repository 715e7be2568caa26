"""A rich take: an action that rests, often small, in a cluttered photographed place, among sounds that do not belong.

What the plain world leaves out and real clips have. Made from the same kinds of action and on the same clock.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from avts.timebase import FRAME_RATE, SAMPLE_RATE, Span, sample_at
from avts.world import photo, soundscape
from avts.world.canvas import Pen
from avts.world.clock import Floats, drift, log_uniform
from avts.world.gestures import LEAD_SECONDS
from avts.world.kinds import BUILDERS
from avts.world.rests import Rests, random_rests, rest_seconds
from avts.world.scenery import Camera, Image
from avts.world.stage import Scene, Stage, timeline
from avts.world.surfaces import TexturedPen
from avts.world.take import DRAWN_OF, FAMILY_OF, MAX_SHIFT_SECONDS, Take, Truth

_SOURCE_RATES = (12.5, 15.0, 25.0, 30.0)
"""Frames a second of files that are brought to FRAME_RATE by repeating and leaving out frames."""


@dataclass(frozen=True)
class _Actor:
    """A scene and where it plays: places [T, 2] of its middle, its size, turn and look."""

    scene: Scene
    places: Floats
    scale: float
    angle: float
    mirror: bool
    pen: TexturedPen

    def paint(self, pen: Pen, frame: int) -> None:
        x, y = self.places[frame].tolist()
        texture = TexturedPen(pen.image, pen.a, pen.b, pen.c, pen.d, pen.x, pen.y, self.pen.texture, self.pen.density)
        here = texture.moved(x, y, scale=self.scale, angle=self.angle, mirror=self.mirror)
        self.scene.paint(here, self.scene.poses[frame].tolist())


@dataclass(frozen=True)
class _Shot:
    """What stays the same between two cuts."""

    background: Image
    view: Camera
    depth: float
    zoom: float
    x: float
    y: float

    def matrix(self, frame: int, width: int, height: int) -> tuple[float, float, float, float, float, float]:
        a, b, c, d, x, y = self.view.matrix(frame, width, height)
        zoom = self.zoom
        x, y = x - zoom * (a * self.x + b * self.y), y - zoom * (c * self.x + d * self.y)
        return a * zoom, b * zoom, c * zoom, d * zoom, x, y


def compose_rich(
    seed: int, index: int, *, size: int, seconds: float, kind: str, max_shift_seconds: float, clean: bool = False
) -> Take:
    """Make one rich video in memory; the same arguments give the same bytes.

    Args:
        seed: The world.
        index: The video's number in its world.
        size: Short side in pixels.
        seconds: Length.
        kind: One of RICH_KINDS.
        max_shift_seconds: The sound is shifted by a random offset of up to this much either way.
        clean: Leave out everything that moves or sounds besides the action: clutter, camera, noise.
    """
    action_rng, place_rng, look_rng, mix_rng, shift_rng, _ = _streams(seed, index)
    width, height = _shape(look_rng, size)
    span, frame_seconds, sample_seconds = timeline(seconds)
    shown, copies, subframes = _exposures(look_rng, frame_seconds)
    rests = rests_of(seed, index, seconds)
    shots = _shots(look_rng, span, shown, width, height, clean)
    luminance = float(shots[0].background[..., :3].mean(axis=(0, 1)) @ (0.299, 0.587, 0.114))
    contrast = float(look_rng.uniform(20, 65))
    lead = float(look_rng.uniform(*LEAD_SECONDS))
    scene = BUILDERS[kind](Stage(action_rng, span, shown, sample_seconds, luminance, rests, contrast, lead))
    actors = [_actor(place_rng, scene, span, shown, width / height)]
    if clean:
        actors = [replace(actors[0], places=0 * actors[0].places)]
    if not clean and place_rng.random() < 0.2:  # another action whose sound is not to be heard
        others = DRAWN_OF["rich"]
        other = others[int(place_rng.integers(len(others)))]
        silent = BUILDERS[other](
            Stage(place_rng, span, shown, sample_seconds, luminance, random_rests(place_rng, span, seconds), contrast)
        )
        actors.insert(0, _actor(place_rng, silent, span, shown, width / height, 0.9 * actors[0].scale))
    drawn = _film(look_rng, actors, shots, (width, height), span, shown, subframes, clean)
    offset = sample_at(float(shift_rng.uniform(-1, 1)) * max_shift_seconds)
    start = sample_at(MAX_SHIFT_SECONDS) + offset
    samples = soundscape.mixed(mix_rng, scene.sound, sample_seconds, clean=clean)[start : start + sample_at(seconds)]
    seen = scene.event_seconds[(scene.event_seconds >= 0) & (scene.event_seconds < seconds)]
    truth = Truth(
        kind=kind,
        family=FAMILY_OF[kind],
        seconds=seconds,
        event_seconds=tuple(seen.tolist()),
        offset_seconds=offset / SAMPLE_RATE,
        seed=seed,
        index=index,
        choices={
            **scene.choices,
            "copies": 1.0,
            "scale": actors[-1].scale,
            "rest_seconds": rest_seconds(frame_seconds, rests, seconds),
        },
    )
    return Take(drawn[copies], np.ascontiguousarray(samples), truth)


def rests_of(seed: int, index: int, seconds: float) -> Rests:
    """The rests of one rich video."""
    return random_rests(_streams(seed, index)[-1], timeline(seconds)[0], seconds)


def _streams(seed: int, index: int) -> list[np.random.Generator]:
    """Independent sources of choices: action, place, look, mix, shift, rests."""
    root = np.random.SeedSequence([seed, index], spawn_key=(202,))
    return [np.random.default_rng(source) for source in (root, *root.spawn(5))]


def _shape(rng: np.random.Generator, size: int) -> tuple[int, int]:
    """Width and height in pixels: square, 4:3 or 16:9, one in four of the oblong ones upright."""
    longer = int(size * rng.choice([1.0, 1.0, 1.25, 4 / 3, 16 / 9])) // 2 * 2
    return (longer, size) if rng.random() < 0.75 else (size, longer)


def _exposures(rng: np.random.Generator, frame_seconds: Floats) -> tuple[Floats, npt.NDArray[np.int64], int]:
    """The world times to draw, which drawn frame each frame of the file shows, and how many times make one frame.

    In half of the videos the world is filmed at another rate and each frame of the file shows the nearest picture.
    In a third each picture is the mean over two moments that the shutter was open.
    """
    rate = float(FRAME_RATE) if rng.random() < 0.5 else float(rng.choice(_SOURCE_RATES))
    phase = 0.0 if rate == FRAME_RATE else float(rng.uniform(-0.5, 0.5))
    numbers, copies = np.unique(np.rint(frame_seconds * rate - phase).astype(int), return_inverse=True)
    pictures = (numbers + phase) / rate
    if rng.random() < 0.33:
        open_seconds = rng.uniform(0.2, 0.9) / rate
        return (pictures[:, None] + open_seconds * np.array([-0.25, 0.25])).ravel(), copies, 2
    return pictures, copies, 1


def _shots(rng: np.random.Generator, span: Span, times: Floats, width: int, height: int, clean: bool) -> list[_Shot]:
    """For each drawn moment, the shot it belongs to: one for all, or two with a cut between."""
    shots = []
    for number in range(2 if rng.random() < 0.1 else 1):
        view = photo.camera(rng, span, times)
        if clean:
            view = Camera(0 * times, 0 * times, 0 * times + 1, 0 * times)
        zoom, x, y = (1.0, 0.0, 0.0) if number == 0 else (rng.uniform(0.65, 1.2), *rng.uniform(-0.1, 0.1, 2))
        shots.append(_Shot(photo.backdrop(rng, width, height), view, rng.uniform(0.4, 1.0), zoom, x, y))
    cut = rng.uniform(0.15, 0.85) if len(shots) > 1 else 1.0
    return [shots[0] if number < cut * len(times) else shots[-1] for number in range(len(times))]


def _actor(
    rng: np.random.Generator, scene: Scene, span: Span, times: Floats, aspect: float, largest: float = 1.05
) -> _Actor:
    """The scene somewhere in the picture, more often small than large, sometimes wandering about."""
    scale = log_uniform(rng, min(0.15, 0.8 * largest), largest)
    half = 0.5 * np.array([max(aspect, 1.0), max(1 / aspect, 1.0)])
    room = np.maximum(half - 0.5 * scale, 0.03)
    home = rng.uniform(-1, 1, 2) * room
    reach = rng.uniform(0.02, 0.15) if rng.random() < 0.3 else 0.0
    pace = rng.uniform(0.8, 3.0)
    places = np.stack([home[axis] + reach * drift(rng, span, pace)(times) for axis in (0, 1)], axis=1)
    blank = Pen(np.empty((1, 1, 3), np.uint8), 128.0, 0.0, 0.0, 128.0, 0.0, 0.0)
    pen = photo.textured(rng, blank, scale)
    return _Actor(scene, places, scale, float(rng.normal(0, 0.12)), bool(rng.random() < 0.5), pen)


def _film(
    rng: np.random.Generator,
    actors: list[_Actor],
    shots: list[_Shot],
    shape: tuple[int, int],
    span: Span,
    times: Floats,
    subframes: int,
    clean: bool,
) -> npt.NDArray[np.uint8]:
    """Draw all pictures [T / subframes, H, W, 3]."""
    cv2.setNumThreads(1)  # several worker processes share the cores
    width, height = shape
    things = [] if clean else photo.movers(rng, span, times, actors[-1].scale)
    front = [] if clean else photo.occluders(rng)
    dressed = [photo.textured(rng, actors[-1].pen, 1.0) for _ in (*things, *front)]
    finish = None if clean else photo.Finish(rng, span, times[::subframes], width, height)
    pictures = np.empty((len(times) // subframes, height, width, 3), np.uint8)
    spare = np.empty((height, width, 3), np.uint8)
    for number in range(len(times)):
        picture, part = divmod(number, subframes)
        image = pictures[picture] if part == 0 else spare
        shot = shots[number]
        matrix = shot.matrix(number, width, height)
        photo.show(shot.background, image, matrix, shot.depth)
        pen = Pen(image, *matrix)
        pens = [TexturedPen(image, *matrix, other.texture, other.density) for other in dressed]
        for thing, own in zip(things, pens, strict=False):
            thing.paint(own, number)
        for actor in actors:
            actor.paint(pen, number)
        for thing, own in zip(front, pens[len(things) :], strict=True):
            thing.paint(own, number)
        if part:
            cv2.addWeighted(pictures[picture], 0.5, spare, 0.5, 0.0, dst=pictures[picture])
        if finish is not None and part == subframes - 1:
            finish.apply(pictures[picture], picture)
    return pictures
