"""Decode a window out of a standard-form video, and nothing but the window: the hot path of training.

The frames from the last key frame on are decoded by one thread, and the planes copied as they are. A decoder is kept
in each thread for each set of parameters, because making one costs as much as decoding a frame.
"""

from __future__ import annotations

import mmap
import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import av
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from avts.errors import MediaError
from avts.media.packets import PacketTable, packet_table
from avts.media.planes import Planes, picture_of

Source = bytes | memoryview | Path

KEPT_DECODERS = 16
"""Decoders kept in a thread; a corpus has one set of parameters for each picture size."""


def read_window(source: Source, *, start_seconds: float, duration_seconds: float) -> Planes:
    """Decode the frames nearest to [start_seconds, start_seconds + duration_seconds) of a standard-form video.

    Args:
        source: the file, or its bytes.
        start_seconds: from the first frame; goes to the nearest frame.
        duration_seconds: goes to the nearest number of frames.

    Returns:
        Planes of exactly that number of frames.

    Raises:
        MediaError: the window is not inside the video, or the source is damaged or not of the standard form.
    """
    return read_windows(source, [start_seconds], duration_seconds)[0]


def read_windows(source: Source, starts_seconds: Sequence[float], duration_seconds: float) -> list[Planes]:
    """Decode several windows of one length, opening the video once.

    Raises:
        MediaError: as read_window.
    """
    if isinstance(source, Path):
        return _windows(memoryview(_mapped(source)), source.name, starts_seconds, duration_seconds)
    return _windows(memoryview(source), "video", starts_seconds, duration_seconds)


def _mapped(path: Path) -> mmap.mmap:
    try:
        with path.open("rb") as file:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except FileNotFoundError as error:
        raise MediaError(f"{path.name}: no such file in {path.parent}. Check the path.") from error
    except (OSError, ValueError) as error:
        raise MediaError(f"{path.name}: cannot be read ({error}).") from error


def _windows(data: memoryview, name: str, starts_seconds: Sequence[float], duration_seconds: float) -> list[Planes]:
    try:
        table = packet_table(data)
    except MediaError as error:
        raise MediaError(f"{name}: {error}") from error
    return [_window(data, table, name, start, duration_seconds) for start in starts_seconds]


def _window(data: memoryview, table: PacketTable, name: str, start_seconds: float, duration_seconds: float) -> Planes:
    rate = table.frames_per_second
    first, count = round(start_seconds * rate), round(duration_seconds * rate)
    if first < 0 or count < 1 or first + count > table.num_frames:
        raise MediaError(
            f"{name}: asked for {start_seconds:.3f} to {start_seconds + duration_seconds:.3f} s, "
            f"but it lasts from 0 to {table.num_frames / rate:.3f} s. Ask for a window inside it."
        )
    decoder = _decoder(table.parameters)
    planes = Planes.empty(count, table.height, table.width)
    try:
        done = _decode_into(planes, decoder, data, table, first)
    except (av.error.FFmpegError, ValueError, IndexError) as error:
        _decoders().pop(table.parameters, None)
        raise MediaError(f"{name}: damaged near {start_seconds:.3f} s ({error}). Ingest its source again.") from error
    if done != count:
        raise MediaError(f"{name}: damaged near {start_seconds:.3f} s: {done} of {count} frames decode. Ingest again.")
    return planes


def _decode_into(planes: Planes, decoder: VideoCodecContext, data: memoryview, table: PacketTable, first: int) -> int:
    """Decode from the key frame before `first` on until planes are full; give the number of frames filled."""
    index = key = table.key_frame_before(first)
    stop = first + planes.num_frames
    for position in range(key, stop):
        offset = table.offsets[position]
        for frame in decoder.decode(Packet(cast(bytes, data[offset : offset + table.sizes[position]]))):
            _copy(frame, planes, index - first)
            index += 1
    for frame in decoder.decode(None):
        _copy(frame, planes, index - first)
        index += 1
    decoder.flush_buffers()
    return max(0, index - first)


def _copy(frame: VideoFrame, planes: Planes, index: int) -> None:
    """Copy a decoded frame's planes to a place, cutting the padding at the end of each line; frames before 0 go."""
    if index < 0:
        return
    for target, plane in zip((planes.y, planes.u, planes.v), frame.planes, strict=True):
        target[index] = picture_of(plane)


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
