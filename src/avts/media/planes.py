"""Pictures as the decoder leaves them: YUV 4:2:0 planes. Turning them to RGB is the model's front end's work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
from av.video.plane import VideoPlane
from numpy.typing import NDArray


@dataclass(frozen=True)
class Planes:
    """Consecutive frames as three planes of limited range (luminance 16 to 235, colour 16 to 240).

    y: luminance, uint8 [T, H, W]; u, v: colour differences, uint8 [T, H/2, W/2]. H and W are even.
    """

    y: NDArray[np.uint8]
    u: NDArray[np.uint8]
    v: NDArray[np.uint8]

    @property
    def num_frames(self) -> int:
        """Number of frames, T."""
        return int(self.y.shape[0])

    @property
    def height(self) -> int:
        """Height of the luminance plane in pixels, H."""
        return int(self.y.shape[1])

    @property
    def width(self) -> int:
        """Width of the luminance plane in pixels, W."""
        return int(self.y.shape[2])

    def part(self, first: int, stop: int) -> Planes:
        """The frames from first up to but not including stop, as views."""
        return Planes(self.y[first:stop], self.u[first:stop], self.v[first:stop])

    @staticmethod
    def empty(num_frames: int, height: int, width: int) -> Planes:
        """Planes to be filled: [T, H, W] and twice [T, H/2, W/2]."""
        half = (num_frames, height // 2, width // 2)
        return Planes(
            np.empty((num_frames, height, width), np.uint8), np.empty(half, np.uint8), np.empty(half, np.uint8)
        )

    @staticmethod
    def join(parts: Sequence[Planes]) -> Planes:
        """Put parts of equal height and width one after the other."""
        return Planes(
            np.concatenate([part.y for part in parts]),
            np.concatenate([part.u for part in parts]),
            np.concatenate([part.v for part in parts]),
        )


def picture_of(plane: VideoPlane) -> NDArray[np.uint8]:
    """One plane of a decoded 8-bit frame as a view [H, W], without the padding at the ends of its lines."""
    # planes are buffers, which their type stubs do not say
    lines = np.frombuffer(cast(bytes, plane), np.uint8).reshape(-1, plane.line_size)
    return lines[: plane.height, : plane.width]
