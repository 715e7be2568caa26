"""Surfaces: fractal noise images, and a pen that fills with them instead of flat colour."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy import fft

from avts.world.canvas import Colour, Pen, Points

_SUB = 16
_LEAST_PIXELS = 5
"""Smaller shapes are filled with flat colour: nobody sees their texture."""

_MIDDLE = 128
"""The value of a texture that leaves a colour as it is."""


def fractal(rng: np.random.Generator, height: int, width: int, slope: float) -> npt.NDArray[np.float32]:
    """Noise [H, W] with mean 0 and standard deviation 1 whose amplitude falls as frequency ** -slope; it tiles.

    A slope of 1 is that of photographs, 2 is clouds, 0 is grain.
    """
    rows = np.minimum(np.arange(height), height - np.arange(height)).astype(np.float32)[:, None] / height
    columns = np.arange(width // 2 + 1, dtype=np.float32) / width
    frequency = np.sqrt(rows * rows + columns * columns)
    frequency[0, 0] = 1.0
    spectrum = fft.rfft2(rng.standard_normal((height, width), dtype=np.float32)) * frequency ** np.float32(-slope)
    spectrum[0, 0] = 0.0
    image = fft.irfft2(spectrum, (height, width))
    return np.asarray(image / (image.std() + 1e-9), np.float32)


def random_texture(rng: np.random.Generator, side: int) -> npt.NDArray[Any]:
    """A texture uint8 [side, side] around 128: fractal noise, sometimes with bands or spots in it."""
    field = fractal(rng, side, side, rng.uniform(0.6, 1.7))
    style = rng.random()
    if style < 0.25:
        field = np.sin(rng.uniform(2, 6) * field)  # marble
    elif style < 0.4:
        field = np.where(field > rng.uniform(-0.5, 0.8), 1.0, -1.0)  # spots
    return np.asarray(np.clip(_MIDDLE + rng.uniform(10, 55) * field, 15, 255), np.uint8)


@dataclass(frozen=True, slots=True)
class TexturedPen(Pen):
    """A pen whose fills carry a texture that moves and turns with each part.

    `texture` is uint8 [K, K], 128 leaves a colour as it is; `density` is its pixels per scene unit of this pen.
    """

    texture: npt.NDArray[Any]
    density: float

    def _placed(self, a: float, b: float, c: float, d: float, x: float, y: float) -> Pen:
        return TexturedPen(self.image, a, b, c, d, x, y, self.texture, self.density)

    def polygon(self, points: Points, colour: Colour) -> None:
        """Fill a polygon [n, 2]; its texture is held by its first corner."""
        fixed = self._fixed(points)
        self._fill(fixed, colour, 0, lambda mask, origin: cv2.fillPoly(mask, [fixed - origin], 255, cv2.LINE_AA, 4))

    def disc(self, x: float, y: float, rx: float, ry: float, colour: Colour, angle: float = 0.0) -> None:
        """Fill an ellipse with radii rx, ry turned by angle radians; its texture is held by its middle."""
        scale = math.hypot(self.a, self.c) * _SUB
        turn = math.degrees(math.atan2(self.c, self.a) + (angle if self.a * self.d > self.b * self.c else -angle))
        middle = self._fixed(np.array([(x, y)]))
        axes = max(round(rx * scale), 1), max(round(ry * scale), 1)
        reach = max(axes)
        corners = np.concatenate([middle, middle - reach, middle + reach])

        def draw(mask: npt.NDArray[Any], origin: npt.NDArray[Any]) -> None:
            at_x, at_y = (middle[0] - origin).tolist()
            cv2.ellipse(mask, (at_x, at_y), axes, turn, 0.0, 360.0, 255, -1, cv2.LINE_AA, 4)

        self._fill(corners, colour, 0, draw)

    def stroke(self, points: Points, width: float, colour: Colour) -> None:
        """Draw an open line through points [n, 2]; its texture is held by its first point."""
        fixed, pixels = self._fixed(points), self._pixels(width)

        def draw(mask: npt.NDArray[Any], origin: npt.NDArray[Any]) -> None:
            cv2.polylines(mask, [fixed - origin], False, 255, pixels, cv2.LINE_AA, 4)

        self._fill(fixed, colour, pixels, draw)

    def _fill(self, corners: npt.NDArray[Any], colour: Colour, margin: int, draw: Callable[[Any, Any], object]) -> None:
        """Blend a texture in one colour into the picture where `draw` marks a mask; corners[0] holds the texture."""
        height, width = self.image.shape[:2]
        low_x, low_y = (corners.min(axis=0) // _SUB - margin - 1).tolist()
        high_x, high_y = (corners.max(axis=0) // _SUB + margin + 3).tolist()
        left, top = max(low_x, 0), max(low_y, 0)
        right, bottom = min(high_x, width), min(high_y, height)
        if right <= left or bottom <= top:
            return
        mask = np.zeros((bottom - top, right - left), np.uint8)
        draw(mask, np.array([left * _SUB, top * _SUB]))
        patch = self.image[top:bottom, left:right]
        if min(high_x - low_x, high_y - low_y) <= _LEAST_PIXELS:
            filled = np.empty_like(patch)
            filled[:] = colour
        else:
            grain = self._grain(corners[0] / _SUB - (left, top), mask.shape)
            filled = cv2.merge([cv2.convertScaleAbs(grain, alpha=value / _MIDDLE) for value in colour])
        weight = mask.astype(np.float32)
        patch[:] = cv2.blendLinear(filled, np.ascontiguousarray(patch), weight, 255 - weight)

    def _grain(self, anchor: npt.NDArray[Any], shape: tuple[int, int]) -> npt.NDArray[Any]:
        """The texture as it lies on a patch of that shape, its middle at the anchor in pixels."""
        shrink = self.density / (self.a * self.d - self.b * self.c)
        a, b, c, d = self.d * shrink, -self.b * shrink, -self.c * shrink, self.a * shrink
        middle, (x, y) = len(self.texture) / 2, anchor.tolist()
        matrix = np.array(((a, b, middle - a * x - b * y), (c, d, middle - c * x - d * y)))
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(self.texture, matrix, (shape[1], shape[0]), flags=flags, borderMode=cv2.BORDER_WRAP)
