"""All that is seen besides the action: background, silent motion, camera, light and lens."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from avts.timebase import Span
from avts.world.canvas import Colour, Pen, ring_of
from avts.world.clock import Floats, drift, log_uniform

Image = npt.NDArray[Any]
"""uint8 [H, W, 3], RGB."""

_BACKGROUND_MARGIN = 1.4
"""The background is this much larger than the picture, for the camera to move over."""


@dataclass(frozen=True)
class Camera:
    """Where the camera looks from frame to frame: [T] shifts in scene units, zoom factors and roll in radians."""

    x: Floats
    y: Floats
    zoom: Floats
    roll: Floats

    def matrix(self, frame: int, width: int, height: int) -> tuple[float, float, float, float, float, float]:
        """(a, b, c, d, x, y): from scene units to pixels of one frame."""
        scale = min(width, height) * self.zoom[frame]
        cos, sin = math.cos(self.roll[frame]) * scale, math.sin(self.roll[frame]) * scale
        x, y = self.x[frame], self.y[frame]
        return cos, -sin, sin, cos, width / 2 - cos * x + sin * y, height / 2 - sin * x - cos * y


def camera(rng: np.random.Generator, span: Span, times: Floats) -> Camera:
    """A camera that drifts slowly and, in a third of the videos, shakes a little."""
    reach = rng.uniform(0.0, 0.07)
    shake = rng.uniform(0.002, 0.008) if rng.random() < 0.35 else 0.0
    x, y = (reach * drift(rng, span, 2.5)(times) + shake * drift(rng, span, 0.18)(times) for _ in range(2))
    zoom = 1 + rng.uniform(0.0, 0.08) * drift(rng, span, 3.0)(times)
    roll = rng.uniform(-0.12, 0.12) + rng.uniform(0, 0.04) * drift(rng, span, 2.0)(times)
    return Camera(x, y, zoom, roll)


def background(rng: np.random.Generator, width: int, height: int) -> Image:
    """A textured background, larger than the picture: clouds of colour, stripes, tiles, boxes or a horizon; RGBA."""
    wide, high = int(width * _BACKGROUND_MARGIN), int(height * _BACKGROUND_MARGIN)
    base = rng.uniform(30, 225) + rng.uniform(-35, 35, 3)
    image = np.full((high, wide, 3), base, np.float32)
    for cells, strength in ((3, 30), (9, 18), (36, 12)):
        low = rng.standard_normal((cells, cells, 3), dtype=np.float32)
        low = low.mean(axis=2, keepdims=True) + np.float32(0.5) * low
        image += cv2.resize(low, (wide, high), interpolation=cv2.INTER_CUBIC) * np.float32(
            strength * rng.uniform(0.2, 1.2)
        )
    style = int(rng.integers(5))
    y, x = np.mgrid[0:high, 0:wide].astype(np.float32) / np.float32(min(width, height))
    if style == 1:
        angle, pitch = rng.uniform(0, np.pi), log_uniform(rng, 8, 40)
        image += np.float32(rng.uniform(5, 22)) * np.sin(pitch * (math.cos(angle) * x + math.sin(angle) * y))[..., None]
    elif style == 2:
        pitch = log_uniform(rng, 3, 12)
        image += np.float32(rng.uniform(5, 20)) * ((np.floor(x * pitch) + np.floor(y * pitch)) % 2 - 0.5)[..., None]
    elif style == 3:
        image[int(high * rng.uniform(0.5, 0.8)) :] += rng.uniform(-45, 45, 3).astype(np.float32)
    flat = np.clip(image, 5, 250).astype(np.uint8)
    if style == 4:
        for _ in range(int(rng.integers(2, 7))):
            corner = rng.integers(0, (wide, high))
            size = rng.integers(8, min(wide, high) // 2, 2)
            tint = np.clip(base + rng.uniform(-40, 40, 3), 0, 255)
            cv2.rectangle(flat, corner.tolist(), (corner + size).tolist(), tint.tolist(), -1)
    return cv2.cvtColor(flat, cv2.COLOR_RGB2RGBA)


def show_background(backdrop: Image, out: Image, matrix: tuple[float, ...], depth: float) -> None:
    """Copy the part of the background that the camera sees; it moves `depth` times as much as the action."""
    height, width = out.shape[:2]
    a, b, c, d, x, y = matrix
    short = min(width, height)
    matrix_back = np.array([[a / short, b / short, 0.0], [c / short, d / short, 0.0]])
    middle = np.array([backdrop.shape[1] / 2, backdrop.shape[0] / 2])
    shift = np.array([width / 2 + depth * (x - width / 2), height / 2 + depth * (y - height / 2)])
    matrix_back[:, 2] = shift - matrix_back[:, :2] @ middle
    # OpenCV warps four channels three times faster than three.
    four = cv2.warpAffine(backdrop, matrix_back, (width, height), borderMode=cv2.BORDER_REPLICATE)
    cv2.cvtColor(four, cv2.COLOR_RGBA2RGB, dst=out)


@dataclass(frozen=True)
class Distractor:
    """Something that moves by itself and makes no sound: places [T, 2], sizes [T], turns [T]."""

    places: Floats
    turns: Floats
    corners: Floats
    colour: Colour

    def paint(self, pen: Pen, frame: int) -> None:
        """Draw it on one frame."""
        x, y = self.places[frame].tolist()
        pen.moved(x, y, angle=float(self.turns[frame])).polygon(self.corners, self.colour)


def distractors(rng: np.random.Generator, span: Span, times: Floats) -> list[Distractor]:
    """Nothing in half of the videos; else one or two silent things that wander and turn behind the action."""
    found = []
    for _ in range(int(rng.choice([0, 0, 0, 1, 1, 2]))):
        home, reach, pace = rng.uniform(-0.45, 0.45, 2), rng.uniform(0.05, 0.4), rng.uniform(0.4, 1.5)
        paths = [home[axis] + reach * drift(rng, span, pace)(times) for axis in (0, 1)]
        count = int(rng.integers(3, 9))
        corners = ring_of(count, rng.uniform(0.04, 0.12) * rng.uniform(0.6, 1.4, count))
        red, green, blue = rng.integers(10, 246, 3).tolist()
        turns = rng.uniform(0, 3) * drift(rng, span, pace)(times)
        found.append(Distractor(np.stack(paths, axis=1), turns, corners, (red, green, blue)))
    return found


class Lens:
    """Light, vignette, blur, gamma and sensor noise, applied to finished frames in place."""

    def __init__(self, rng: np.random.Generator, span: Span, times: Floats, width: int, height: int) -> None:
        gain = rng.uniform(0.8, 1.15) * (1 + rng.uniform(0, 0.15) * drift(rng, span, 2.5)(times))
        gamma = np.exp(rng.uniform(-0.3, 0.3))
        levels = 255 * (np.arange(256) / 255) ** gamma
        self._tables = np.clip(np.rint(gain[:, None] * levels), 0, 255).astype(np.uint8)
        self._blur = float(rng.uniform(0.4, 1.0)) if rng.random() < 0.3 else 0.0
        self._shade: Image | None = None
        if rng.random() < 0.5:
            y, x = np.mgrid[0:height, 0:width].astype(np.float32)
            distance = np.hypot(x / width - rng.uniform(0.2, 0.8), y / height - rng.uniform(0.2, 0.8))
            shade = np.clip(255 - 255 * rng.uniform(0.1, 0.6) * distance**2, 80, 255)
            self._shade = np.repeat(shade[..., None], 3, axis=2).astype(np.uint8)
        self._grain: list[Image] = []
        if rng.random() < 0.4:
            noise = rng.standard_normal((4, height, width, 1), dtype=np.float32) * np.float32(rng.uniform(1, 5))
            self._grain = list(np.repeat(np.clip(noise + 16, 0, 32), 3, axis=3).astype(np.uint8))

    def apply(self, image: Image, frame: int) -> None:
        """Finish one frame."""
        cv2.LUT(image, self._tables[frame], dst=image)
        if self._shade is not None:
            cv2.multiply(image, self._shade, dst=image, scale=1 / 255)
        if self._blur:
            cv2.GaussianBlur(image, (3, 3), self._blur, dst=image)
        if self._grain:
            cv2.addWeighted(image, 1.0, self._grain[(frame * 7 + frame // 4) % 4], 1.0, -16.0, dst=image)
