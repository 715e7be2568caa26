"""Decode a window out of a standard-form video, and nothing but the window: the hot path of training.

The frames from the last key frame on are decoded by one thread, and the planes copied as they are. A decoder is kept
in each thread for each set of parameters, because making one costs as much as decoding a frame.
"""

from __future__ import annotations

import mmap
import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.plane import VideoPlane
from numpy.typing import NDArray

from avts.errors import MediaError
from avts.media.packets import PacketTable, packet_table
from avts.media.planes import Planes, picture_of

Source = bytes | memoryview | Path

KEPT_DECODERS = 16
"""Decoders kept in a thread; a corpus has one set of parameters for each picture size."""


@dataclass(frozen=True)
class Target:
    """Where decoded frames of a window go, and the corners of the parts of them that are wanted.

    Attributes:
        planes: smaller than the picture if only a part of it is wanted; with u and v empty, luminance alone is read.
        corner: top and left of the part of the luminance, pixels; that of the colour differences is at half of it,
            rounded down.
    """

    planes: Planes
    corner: tuple[int, int] = (0, 0)

    def moved(self, top: int, left: int) -> Target:
        """The part so many pixels further down and to the right, even numbers of them."""
        return Target(self.planes, (self.corner[0] + top, self.corner[1] + left))

    @property
    def chroma_corner(self) -> tuple[int, int]:
        """Top and left of the part of the colour differences, in their own pixels."""
        return self.corner[0] // 2, self.corner[1] // 2

    def fits(self, height: int, width: int) -> bool:
        """Whether the part lies inside pictures of this size."""
        top, left = self.corner
        inside = top + self.planes.height <= height and left + self.planes.width <= width
        if not self.planes.u.size:
            return inside
        (top, left), (rows, columns) = self.chroma_corner, self.planes.u.shape[1:]
        return inside and top + rows <= height // 2 and left + columns <= width // 2

    def take(self, frame: VideoFrame, index: int) -> None:
        """Copy a frame's planes to a place, without the padding at the end of each line; frames before 0 go."""
        if index < 0:
            return
        planes = frame.planes
        self._copy(self.planes.y, planes[0], index, self.corner)
        if self.planes.u.size:
            self._copy(self.planes.u, planes[1], index, self.chroma_corner)
            self._copy(self.planes.v, planes[2], index, self.chroma_corner)

    @staticmethod
    def _copy(target: NDArray[np.uint8], plane: VideoPlane, index: int, corner: tuple[int, int]) -> None:
        (top, left), (height, width) = corner, target.shape[1:]
        target[index] = picture_of(plane)[top : top + height, left : left + width]


def read_windows(source: Source, starts_seconds: Sequence[float], duration_seconds: float) -> list[Planes]:
    """Decode windows of one length of a standard-form video, opening it once.

    Args:
        source: the file, or its bytes.
        starts_seconds: of each window, from the first frame; goes to the nearest frame.
        duration_seconds: goes to the nearest number of frames.

    Returns:
        For each window planes of exactly that number of frames.

    Raises:
        MediaError: a window is not inside the video, or the source is damaged or not of the standard form.
    """
    data, name = _opened(source)
    table = _table_of(data, name)
    count = round(duration_seconds * table.frames_per_second)
    found = []
    for start in starts_seconds:
        _check_inside(table, name, start, count)
        found.append(Planes.empty(count, table.height, table.width))
        _window_into(data, table, name, start, Target(found[-1]))
    return found


def read_windows_into(source: Source, starts_seconds: Sequence[float], targets: Sequence[Target]) -> None:
    """Decode several windows into memory that is there already, each as many frames as its target has.

    Args:
        source: the file, or its bytes.
        starts_seconds: from the first frame; goes to the nearest frame.
        targets: one for each window.

    Raises:
        MediaError: as read_window; the part is not inside the picture.
    """
    data, name = _opened(source)
    table = _table_of(data, name)
    for start, target in zip(starts_seconds, targets, strict=True):
        if not target.fits(table.height, table.width):
            (top, left), planes = target.corner, target.planes
            raise MediaError(
                f"{name}: asked for {planes.width} x {planes.height} pixels from ({left}, {top}) on, "
                f"but it has {table.width} x {table.height}. Ingest its source again."
            )
        _window_into(data, table, name, start, target)


def _mapped(path: Path) -> mmap.mmap:
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError as error:
        raise MediaError(f"{path.name}: no such file in {path.parent}. Check the path.") from error
    except (OSError, ValueError) as error:
        raise MediaError(f"{path.name}: cannot be read ({error}).") from error


def _opened(source: Source) -> tuple[memoryview, str]:
    """The bytes, and what to call them."""
    if isinstance(source, Path):
        return memoryview(_mapped(source)), source.name
    return memoryview(source), "video"


def _table_of(data: memoryview, name: str) -> PacketTable:
    try:
        return packet_table(data)
    except MediaError as error:
        raise MediaError(f"{name}: {error}") from error


def _check_inside(table: PacketTable, name: str, start_seconds: float, count: int) -> None:
    rate = table.frames_per_second
    first = round(start_seconds * rate)
    if first < 0 or count < 1 or first + count > table.num_frames:
        raise MediaError(
            f"{name}: asked for {start_seconds:.3f} to {start_seconds + count / rate:.3f} s, "
            f"but it lasts from 0 to {table.num_frames / rate:.3f} s. Ask for a window inside it."
        )


def _window_into(data: memoryview, table: PacketTable, name: str, start_seconds: float, target: Target) -> None:
    count = target.planes.num_frames
    _check_inside(table, name, start_seconds, count)
    decoder = _decoder(table.parameters)
    first = round(start_seconds * table.frames_per_second)
    try:
        done = _decode_into(target, decoder, data, table, first)
    except (av.error.FFmpegError, ValueError, IndexError) as error:
        _decoders().pop(table.parameters, None)
        raise MediaError(f"{name}: damaged near {start_seconds:.3f} s ({error}). Ingest its source again.") from error
    if done != count:
        raise MediaError(f"{name}: damaged near {start_seconds:.3f} s: {done} of {count} frames decode. Ingest again.")


def _decode_into(target: Target, decoder: VideoCodecContext, data: memoryview, table: PacketTable, first: int) -> int:
    """Decode from the key frame before `first` on until the target is full; give the number of frames filled."""
    index = key = table.key_frame_before(first)
    for position in range(key, first + target.planes.num_frames):
        offset = table.offsets[position]
        for frame in decoder.decode(Packet(cast(bytes, data[offset : offset + table.sizes[position]]))):
            target.take(frame, index - first)
            index += 1
    for frame in decoder.decode(None):
        target.take(frame, index - first)
        index += 1
    decoder.flush_buffers()
    return max(0, index - first)


_local = threading.local()


def _decoders() -> OrderedDict[bytes, VideoCodecContext]:
    if not hasattr(_local, "decoders"):
        _local.decoders = OrderedDict()
    return cast("OrderedDict[bytes, VideoCodecContext]", _local.decoders)


def _decoder(parameters: bytes) -> VideoCodecContext:
    """This thread's decoder for a set of parameters."""
    decoders = _decoders()
    if parameters not in decoders:
        decoder = av.CodecContext.create("h264", "r")
        decoder.extradata = parameters
        decoder.thread_count = 1
        decoders[parameters] = decoder
        if len(decoders) > KEPT_DECODERS:
            decoders.popitem(last=False)
    decoders.move_to_end(parameters)
    return decoders[parameters]
