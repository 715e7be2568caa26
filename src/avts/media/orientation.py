"""How a picture is turned and mirrored for display: the display matrix of phones' and cameras' files."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import cast

import numpy as np
from av.buffer import Buffer
from av.filter import Graph
from av.sidedata.sidedata import Type
from av.video.frame import VideoFrame
from numpy.typing import NDArray

MOST_TYPES = 64
"""Numbers below this are looked through for types of side data that PyAV has no name for; FFmpeg 8.1 uses 32."""


@dataclass(frozen=True)
class Orientation:
    """Transpose first, then mirror left-right, then up-down. Angles that are no right angle go to the nearest."""

    transpose: bool = False
    mirror_x: bool = False
    mirror_y: bool = False

    @property
    def rotation_degrees(self) -> int:
        """Clockwise turn for display: 0, 90, 180 or 270; a mirrored picture counts as its turn alone."""
        if self.transpose:
            return 90 if self.mirror_x else 270
        return 180 if self.mirror_y else 0

    def apply(self, plane: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Turn one plane [H, W] the way it is to be shown, as a view [H, W] or [W, H]."""
        turned = plane.T if self.transpose else plane
        turned = turned[:, ::-1] if self.mirror_x else turned
        return turned[::-1] if self.mirror_y else turned


def orientation_of(frame: VideoFrame) -> Orientation:
    """Orientation from the frame's display matrix; upright if it has none."""
    try:
        side_data = frame.side_data.get("DISPLAYMATRIX")
    except ValueError:
        side_data = _without_unknown(frame).side_data.get("DISPLAYMATRIX")
    if side_data is None:
        return Orientation()
    # x' = a x + c y, y' = b x + d y; libavutil/display.h
    a, b, _, c, d = np.frombuffer(bytes(cast(Buffer, side_data)), np.int32)[:5].tolist()
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return Orientation(transpose=False, mirror_x=a < 0, mirror_y=d < 0)
    return Orientation(transpose=True, mirror_x=c < 0, mirror_y=b < 0)


def _without_unknown(frame: VideoFrame) -> VideoFrame:
    """The frame without the side data that PyAV has no name for, such as EXIF: with one such it lists none at all."""
    known = {int(cast(int, each.value)) for each in Type}
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base or Fraction(1, 1000)
    )
    unknown = [number for number in range(MOST_TYPES) if number not in known]
    filters = [graph.add("sidedata", f"mode=delete:type={number}") for number in unknown]
    graph.link_nodes(source, *filters, graph.add("buffersink")).configure()
    graph.vpush(frame)
    return graph.vpull()
