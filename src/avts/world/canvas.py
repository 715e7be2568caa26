"""Drawing with sub-pixel precision in scene units: the short side is 1, the middle is (0, 0), y points down."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Colour = tuple[int, int, int]
"""Red, green, blue, each 0..255."""

Points = npt.NDArray[np.float64]
"""[n, 2] places as (x, y) in scene units."""

_SHIFT = 4
_SUB = 1 << _SHIFT
"""cv2 takes places as fixed-point numbers; 4 bits are 1/16 pixel."""


@dataclass(frozen=True, slots=True)
class Pen:
    """Draws on one frame, in its own frame of reference: x right, y down, turned and scaled on the picture.

    `image` is uint8 [H, W, 3]; (a, b, c, d) turn and scale scene units to pixels, (x, y) is the origin in pixels.
    """

    image: npt.NDArray[Any]
    a: float
    b: float
    c: float
    d: float
    x: float
    y: float

    def moved(self, x: float, y: float, *, scale: float = 1.0, angle: float = 0.0, mirror: bool = False) -> Pen:
        """A pen with its origin at (x, y) of this one, scaled, mirrored left to right, then turned by angle radians."""
        cos, sin = math.cos(angle) * scale, math.sin(angle) * scale
        flip = -1.0 if mirror else 1.0
        return self._placed(
            (self.a * cos + self.b * sin) * flip,
            -self.a * sin + self.b * cos,
            (self.c * cos + self.d * sin) * flip,
            -self.c * sin + self.d * cos,
            self.a * x + self.b * y + self.x,
            self.c * x + self.d * y + self.y,
        )

    def _placed(self, a: float, b: float, c: float, d: float, x: float, y: float) -> Pen:
        return Pen(self.image, a, b, c, d, x, y)

    def polygon(self, points: Points, colour: Colour) -> None:
        """Fill a polygon [n, 2]."""
        cv2.fillPoly(self.image, [self._fixed(points)], colour, cv2.LINE_AA, _SHIFT)

    def box(self, left: float, top: float, right: float, bottom: float, colour: Colour) -> None:
        """Fill a rectangle given by its edges."""
        self.polygon(np.array([(left, top), (right, top), (right, bottom), (left, bottom)]), colour)

    def disc(self, x: float, y: float, rx: float, ry: float, colour: Colour, angle: float = 0.0) -> None:
        """Fill an ellipse with radii rx, ry turned by angle radians."""
        scale = math.hypot(self.a, self.c) * _SUB
        turn = math.degrees(math.atan2(self.c, self.a) + (angle if self.a * self.d > self.b * self.c else -angle))
        cv2.ellipse(
            self.image,
            (round((self.a * x + self.b * y + self.x) * _SUB), round((self.c * x + self.d * y + self.y) * _SUB)),
            (max(round(rx * scale), 1), max(round(ry * scale), 1)),
            turn,
            0.0,
            360.0,
            colour,
            -1,
            cv2.LINE_AA,
            _SHIFT,
        )

    def stroke(self, points: Points, width: float, colour: Colour) -> None:
        """Draw an open line through points [n, 2]."""
        cv2.polylines(self.image, [self._fixed(points)], False, colour, self._pixels(width), cv2.LINE_AA, _SHIFT)

    def strokes(self, points: Points, width: float, colour: Colour) -> None:
        """Draw many separate lines, points [lines, n, 2]."""
        if len(points):
            lines = list(self._fixed(points))
            cv2.polylines(self.image, lines, False, colour, self._pixels(width), cv2.LINE_AA, _SHIFT)

    def dots(self, points: Points, radii: Points, colour: Colour) -> None:
        """Fill many small circles at points [n, 2] with radii [n]."""
        scale = math.hypot(self.a, self.c) * _SUB
        for (x, y), radius in zip(self._fixed(points).tolist(), (radii * scale).tolist(), strict=True):
            cv2.circle(self.image, (x, y), max(round(radius), 1), colour, -1, cv2.LINE_AA, _SHIFT)

    def _fixed(self, points: Points) -> npt.NDArray[np.int32]:
        x, y = points[..., 0], points[..., 1]
        fixed = np.empty(points.shape, np.float64)
        fixed[..., 0] = (self.a * x + self.b * y + self.x) * _SUB
        fixed[..., 1] = (self.c * x + self.d * y + self.y) * _SUB
        return np.rint(fixed).astype(np.int32)

    def _pixels(self, width: float) -> int:
        return max(round(width * math.hypot(self.a, self.c)), 1)


def ring_of(count: int, radii: float | Points, start: float = 0.0) -> Points:
    """Corners [count, 2] around the origin at one radius or at radii [count], the first at angle start (radians)."""
    angles = start + np.arange(count) * (2 * np.pi / count)
    return np.stack([np.cos(angles) * radii, np.sin(angles) * radii], axis=-1)


def shaded(colour: Colour, factor: float) -> Colour:
    """The colour made darker (factor < 1) or lighter (factor > 1)."""
    red, green, blue = (min(max(round(value * factor), 0), 255) for value in colour)
    return red, green, blue
