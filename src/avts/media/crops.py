"""Boxes cut out of pictures: where they lie in a plane, and how the pieces lie in memory, one after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avts.media.planes import Planes
from avts.media.reader import Target


@dataclass(frozen=True)
class Crops:
    """A box for each window of picture, in pixels of one plane.

    Attributes:
        tops: first row of each box, int64 [P].
        lefts: first column, int64 [P].
        heights: rows, int64 [P].
        widths: columns, int64 [P].
        mirrored: whether left and right are to be exchanged, bool [P].
    """

    tops: NDArray[np.int64]
    lefts: NDArray[np.int64]
    heights: NDArray[np.int64]
    widths: NDArray[np.int64]
    mirrored: NDArray[np.bool_]

    @staticmethod
    def of(boxes: NDArray[np.float64], height: int, width: int) -> Crops:
        """Boxes in pixels; each has at least one.

        Args:
            boxes: [P, 5]: top, left, bottom, right as shares of height and width, and 1 to mirror.
            height: of the plane, pixels.
            width: of the plane, pixels.
        """
        tops, lefts, bottoms, rights = (boxes[:, :4] * (height, width, height, width)).astype(np.int64).T
        return Crops(tops, lefts, np.maximum(bottoms - tops, 1), np.maximum(rights - lefts, 1), boxes[:, 4] > 0)

    @property
    def areas(self) -> NDArray[np.int64]:
        """Pixels of a frame of each box, int64 [P]."""
        return self.heights * self.widths

    def corners(self) -> list[tuple[int, int]]:
        """Top and left of each box."""
        return list(zip(self.tops.tolist(), self.lefts.tolist(), strict=True))

    def starts(self, num_frames: int) -> NDArray[np.int64]:
        """Where the pieces of windows of so many frames begin in memory, and the last one ends, int64 [P + 1]."""
        return np.concatenate([[0], np.cumsum(num_frames * self.areas)])

    def pieces(self, packed: Any, num_frames: int) -> list[Any]:
        """The pieces in packed memory as views [T, h, w]; of an array or a tensor."""
        starts = self.starts(num_frames).tolist()
        sizes = zip(self.heights.tolist(), self.widths.tolist(), strict=True)
        spans = zip(starts, starts[1:], sizes, strict=False)
        return [packed[start:stop].reshape(num_frames, *size) for start, stop, size in spans]


@dataclass(frozen=True)
class Cut:
    """How the pictures of a batch were cut.

    Attributes:
        boxes: shares of the sides, see `Crops.of`, float64 [P, 5].
        num_frames: frames of each window.
        height: of the luminance before it was cut, pixels, even.
        width: likewise.
    """

    boxes: NDArray[np.float64]
    num_frames: int
    height: int
    width: int

    @property
    def luminance(self) -> Crops:
        """The boxes in the luminance plane."""
        return Crops.of(self.boxes, self.height, self.width)

    @property
    def chroma(self) -> Crops:
        """The boxes in each plane of colour differences, of half the height and width."""
        return Crops.of(self.boxes, self.height // 2, self.width // 2)

    def packed_shapes(self, *, colour: bool) -> tuple[tuple[int], tuple[int]]:
        """Of the packed luminance, and of each packed plane of colour differences, which is empty without colour."""
        luminance, chroma = (int(crops.starts(self.num_frames)[-1]) for crops in (self.luminance, self.chroma))
        return (luminance,), (chroma if colour else 0,)


def targets_of(into: Planes, cut: Cut | None) -> list[Target]:
    """Where the windows of a batch go: planes [P, T, H, W], or packed ones if boxes are cut out of the pictures."""
    if cut is None:
        return [Target(Planes(*planes)) for planes in zip(into.y, into.u, into.v, strict=True)]
    luminance, chroma, frames = cut.luminance, cut.chroma, cut.num_frames
    y, nothing = luminance.pieces(into.y, frames), [np.empty((frames, 0, 0), np.uint8)] * len(cut.boxes)
    u, v = (chroma.pieces(plane, frames) if plane.size else nothing for plane in (into.u, into.v))
    # a box of the chroma begins at half of its luminance's corner, as both sides of the luminance are even
    return [Target(Planes(*planes), corner) for *planes, corner in zip(y, u, v, luminance.corners(), strict=True)]
