"""The photographic look of rich scenes: textured backgrounds, hand-held cameras, clutter, lenses and sensors."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from avts.timebase import Span
from avts.world.canvas import Colour, Pen, ring_of
from avts.world.clock import Floats, drift, log_uniform, swell
from avts.world.scenery import Camera, Image
from avts.world.surfaces import TexturedPen, fractal, random_texture

_MARGIN = 1.5
"""The background is this much larger than the picture; beyond its edge it is mirrored."""

_TEXTURE_PIXELS = 128


def backdrop(rng: np.random.Generator, width: int, height: int) -> Image:
    """A background like a photograph: light that falls off, noise of every size, things standing about; RGBA."""
    wide, high = int(width * _MARGIN) // 2 * 2, int(height * _MARGIN) // 2 * 2
    light = fractal(rng, high, wide, rng.uniform(0.9, 2.0)) * np.float32(log_uniform(rng, 4, 45))
    y, x = np.mgrid[0:high, 0:wide].astype(np.float32)
    angle, fall = rng.uniform(0, 2 * np.pi), rng.uniform(0, 120)
    light += np.float32(fall) * (math.cos(angle) * (x / wide - 0.5) + math.sin(angle) * (y / high - 0.5))
    base = rng.uniform(20, 225) + rng.normal(0, 18, 3)
    image = np.empty((high, wide, 3), np.float32)
    tint = cv2.resize(rng.standard_normal((4, 4, 3), dtype=np.float32), (wide, high), interpolation=cv2.INTER_CUBIC)
    for channel in range(3):
        image[..., channel] = light + base[channel] + rng.uniform(0, 18) * tint[..., channel]
    flat: Image = np.clip(image, 0, 255).astype(np.uint8)
    if rng.random() < 0.4:  # a floor
        horizon = int(high * rng.uniform(0.4, 0.8))
        flat[horizon:] = cv2.convertScaleAbs(flat[horizon:], alpha=rng.uniform(0.5, 1.5), beta=rng.uniform(-25, 25))
    scale = min(width, height)
    pen = textured(rng, Pen(flat, scale, 0.0, 0.0, scale, wide / 2, high / 2), 1.0)
    for _ in range(int(rng.choice([0, 0, 2, 4, 8, 14]))):
        clutter(rng, base).paint(pen, 0)
    blur = log_uniform(rng, 0.3, 3.0)
    if rng.random() < 0.6:
        flat = cv2.GaussianBlur(flat, (0, 0), blur * scale / 128)
    return cv2.cvtColor(flat, cv2.COLOR_RGB2RGBA)


def textured(rng: np.random.Generator, pen: Pen, scale: float) -> TexturedPen:
    """The same pen with a random texture, one pixel of it per pixel of the picture for parts of that scale."""
    texture = random_texture(rng, _TEXTURE_PIXELS)
    density = max(math.hypot(pen.a, pen.c) * scale * rng.uniform(0.5, 1.1), 8.0)
    return TexturedPen(pen.image, pen.a, pen.b, pen.c, pen.d, pen.x, pen.y, texture, density)


def show(background: Image, out: Image, matrix: tuple[float, ...], depth: float) -> None:
    """Copy the part of the background that the camera sees; it moves `depth` times as much as the action."""
    height, width = out.shape[:2]
    a, b, c, d, x, y = matrix
    short = min(width, height)
    back = np.array([[a / short, b / short, 0.0], [c / short, d / short, 0.0]])
    middle = np.array([background.shape[1] / 2, background.shape[0] / 2])
    back[:, 2] = (width / 2 + depth * (x - width / 2), height / 2 + depth * (y - height / 2)) - back[:, :2] @ middle
    four = cv2.warpAffine(background, back, (width, height), borderMode=cv2.BORDER_REFLECT_101)
    cv2.cvtColor(four, cv2.COLOR_RGBA2RGB, dst=out)


def camera(rng: np.random.Generator, span: Span, times: Floats) -> Camera:
    """A camera on a tripod, panned and zoomed slowly, or held by a hand of any steadiness."""
    still = np.zeros(len(times))
    x, y, zoom, roll = still, still, still + 1, still + rng.normal(0, 0.06)
    style = rng.random()
    if style < 0.4:
        return Camera(x, y, zoom, roll)
    if rng.random() < 0.5:
        reach, pace = rng.uniform(0.01, 0.15), rng.uniform(1.0, 4.0)
        x, y = (reach * drift(rng, span, pace)(times) for _ in range(2))
    if rng.random() < 0.4:
        zoom = 1 + rng.uniform(0.02, 0.2) * drift(rng, span, rng.uniform(1.5, 4.0))(times)
    if style > 0.6:
        shake = log_uniform(rng, 0.002, 0.025)
        for pace, share in ((0.5, 1.0), (0.12, 0.35)):
            x = x + share * shake * drift(rng, span, pace)(times)
            y = y + share * shake * drift(rng, span, pace)(times)
            roll = roll + share * shake * drift(rng, span, pace)(times)
    return Camera(x, y, zoom, roll)


@dataclass(frozen=True)
class Thing:
    """A silent textured thing: places [T or 1, 2], turns and sizes [T or 1]."""

    places: Floats
    turns: Floats
    sizes: Floats
    outline: Floats
    colour: Colour

    def paint(self, pen: Pen, frame: int) -> None:
        """Draw it on one frame."""
        at = min(frame, len(self.turns) - 1)
        x, y = self.places[at].tolist()
        own = pen.moved(x, y, angle=float(self.turns[at]), scale=float(self.sizes[at]))
        own.polygon(self.outline, self.colour)


def clutter(rng: np.random.Generator, base: Floats) -> Thing:
    """Something that stands about in the background."""
    colour = np.clip(base + rng.normal(0, 40) + rng.normal(0, 20, 3), 5, 250).astype(int)
    places = rng.uniform(-0.9, 0.9, (1, 2))
    return _thing(rng, places, rng.uniform(0, 6.3, 1), np.ones(1), log_uniform(rng, 0.05, 0.5), colour)


def movers(rng: np.random.Generator, span: Span, times: Floats, scale: float) -> list[Thing]:
    """Silent things that wander, tremble or come and go, about as large as the action; none in most videos."""
    found = []
    for _ in range(int(rng.choice([0, 0, 0, 0, 1, 1, 2]))):
        home, pace = rng.uniform(-0.5, 0.5, 2), log_uniform(rng, 0.15, 2.0)
        reach = log_uniform(rng, 0.02, 0.5) * min(pace + 0.2, 1.0)
        path = np.stack([home[axis] + reach * drift(rng, span, pace)(times) for axis in (0, 1)], axis=1)
        turns = rng.uniform(0, 1.5) * drift(rng, span, pace)(times)
        sizes = 1 + rng.uniform(0, 0.4) * drift(rng, span, pace)(times)
        if rng.random() < 0.4:  # now and then it stops
            going = swell(rng, span, 0.5, 2.0)(times)
            clock = np.cumsum(going) / max(float(going.sum()), 1e-9) * len(times)
            path = np.stack([np.interp(clock, np.arange(len(times)), path[:, axis]) for axis in (0, 1)], axis=1)
        found.append(
            _thing(rng, path, turns, sizes, scale * rng.uniform(0.15, 0.5), rng.integers(5, 250, 3).astype(int))
        )
    return found


def occluders(rng: np.random.Generator) -> list[Thing]:
    """Things in front of the action, at an edge or across a part; none in most videos."""
    found = []
    for _ in range(int(rng.choice([0, 0, 0, 0, 0, 1, 2]))):
        angle = rng.uniform(0, 2 * np.pi)
        place = rng.uniform(0.4, 0.65) * np.array([[np.cos(angle), np.sin(angle)]])
        colour = rng.integers(5, 200, 3).astype(int)
        found.append(_thing(rng, place, rng.uniform(0, 6.3, 1), np.ones(1), rng.uniform(0.03, 0.2), colour))
    return found


def _thing(
    rng: np.random.Generator, places: Floats, turns: Floats, sizes: Floats, radius: float, colour: npt.NDArray[Any]
) -> Thing:
    count = int(rng.choice([4, 4, 6, 10, 24]))
    rough = rng.uniform(0.75, 1.25, count) if count < 24 else np.ones(count)
    outline = ring_of(count, radius * rough, rng.uniform(0, 1)) * (1.0, log_uniform(rng, 0.4, 2.5))
    red, green, blue = colour.tolist()
    return Thing(places, turns, sizes, outline, (red, green, blue))


class Finish:
    """Light, vignette, blur, gamma and sensor noise, applied to finished frames in place."""

    def __init__(self, rng: np.random.Generator, span: Span, times: Floats, width: int, height: int) -> None:
        gain = np.full(len(times), rng.uniform(0.7, 1.3))
        if rng.random() < 0.5:
            gain = gain * (1 + rng.uniform(0, 0.25) * drift(rng, span, rng.uniform(0.4, 3.0))(times))
        if rng.random() < 0.2:  # lamps that flicker
            gain = gain * (1 + rng.uniform(0.005, 0.04) * rng.standard_normal(len(times)))
        gamma, contrast, lift = log_uniform(rng, 0.65, 1.5), rng.uniform(0.5, 1.0), rng.uniform(0, 1)
        levels = 255 * ((np.arange(256) / 255) ** gamma * contrast + (1 - contrast) * lift)
        self._tables = np.clip(np.rint(gain[:, None] * levels), 0, 255).astype(np.uint8)
        self._blur = log_uniform(rng, 0.4, 1.6) * min(width, height) / 128 if rng.random() < 0.6 else 0.0
        self._shade: Image | None = None
        if rng.random() < 0.4:
            y, x = np.mgrid[0:height, 0:width].astype(np.float32)
            distance = np.hypot(x / width - rng.uniform(0.2, 0.8), y / height - rng.uniform(0.2, 0.8))
            shade = np.clip(255 - 255 * rng.uniform(0.1, 0.9) * distance**2, 60, 255)
            self._shade = np.repeat(shade[..., None], 3, axis=2).astype(np.uint8)
        self._grain: list[Image] = []
        if rng.random() < 0.6:
            strength = np.float32(log_uniform(rng, 0.5, 5))
            noise = rng.standard_normal((5, height, width, 1), dtype=np.float32) * strength
            self._grain = list(np.repeat(np.clip(noise + 32, 0, 64), 3, axis=3).astype(np.uint8))

    def apply(self, image: Image, frame: int) -> None:
        """Finish one frame."""
        if self._blur:
            cv2.GaussianBlur(image, (0, 0), self._blur, dst=image)
        cv2.LUT(image, self._tables[frame], dst=image)
        if self._shade is not None:
            cv2.multiply(image, self._shade, dst=image, scale=1 / 255)
        if self._grain:
            cv2.addWeighted(image, 1.0, self._grain[(frame * 7 + frame // 5) % 5], 1.0, -32.0, dst=image)
