"""Where each frame's bytes lie in a standard-form MP4 file, read from its own tables.

FFmpeg's demuxer opens a file in 0.4 ms and hands packets over one by one; the tables take a tenth of that, and
a window needs nothing else. Only what the standard form has is understood: one H.264 track, one chunk layout,
constant rate, presentation order.
"""

from __future__ import annotations

import struct
from bisect import bisect_right
from dataclasses import dataclass
from itertools import accumulate

from avts.errors import MediaError

NO_MP4 = "not a file of the standard form (H.264 in MP4 at a constant rate, as ingest writes it). Ingest it first."

Bytes = bytes | memoryview


@dataclass(frozen=True)
class PacketTable:
    """Bytes of each frame: packet n is [offsets[n], offsets[n] + sizes[n]) and shows frame n.

    key_frames: indices of the frames that decode by themselves, rising; parameters: the decoder's own (avcC).
    """

    offsets: tuple[int, ...]
    sizes: tuple[int, ...]
    key_frames: tuple[int, ...]
    width: int
    height: int
    frames_per_second: float
    parameters: bytes

    @property
    def num_frames(self) -> int:
        """Number of frames."""
        return len(self.sizes)

    def key_frame_before(self, index: int) -> int:
        """The last key frame at or before a frame."""
        return self.key_frames[bisect_right(self.key_frames, index) - 1]


def packet_table(data: Bytes) -> PacketTable:
    """Read the tables of a standard-form file.

    Raises:
        MediaError: the bytes are not such a file.
    """
    try:
        track = _child(_child(data, b"moov"), b"trak")
        media = _child(track, b"mdia")
        samples = _child(_child(media, b"minf"), b"stbl")
        return _table(media, samples)
    except (struct.error, LookupError, ValueError) as error:
        raise MediaError(NO_MP4) from error


def _table(media: Bytes, samples: Bytes) -> PacketTable:
    entry = _child(samples, b"stsd")[8:]
    if bytes(entry[4:8]) != b"avc1":
        raise LookupError("avc1")
    if _has_child(samples, b"ctts"):  # frames are shown in another order than they are stored
        raise ValueError("ctts")
    width, height = struct.unpack_from(">HH", entry, 32)
    sizes = _sizes(_child(samples, b"stsz"))
    (num_keys,) = struct.unpack_from(">I", _child(samples, b"stss"), 4)
    keys = struct.unpack_from(f">{num_keys}I", _child(samples, b"stss"), 8)
    return PacketTable(
        offsets=_offsets(samples, sizes),
        sizes=sizes,
        key_frames=tuple(key - 1 for key in keys),
        width=width,
        height=height,
        frames_per_second=_rate(media, samples),
        parameters=bytes(_child(entry[86:], b"avcC")),
    )


def _child(boxes: Bytes, name: bytes) -> memoryview:
    """Content of the first box of a name among boxes that follow each other."""
    view = memoryview(boxes)
    position = 0
    while position + 8 <= len(view):
        size, header = struct.unpack_from(">I", view, position)[0], 8
        kind = bytes(view[position + 4 : position + 8])
        if size == 1:
            size, header = struct.unpack_from(">Q", view, position + 8)[0], 16
        if size < header:
            break
        if kind == name:
            return view[position + header : position + size]
        position += size
    raise LookupError(name)


def _has_child(boxes: Bytes, name: bytes) -> bool:
    try:
        _child(boxes, name)
    except LookupError:
        return False
    return True


def _sizes(box: Bytes) -> tuple[int, ...]:
    same, count = struct.unpack_from(">II", box, 4)
    return (same,) * count if same else struct.unpack_from(f">{count}I", box, 12)


def _offsets(samples: Bytes, sizes: tuple[int, ...]) -> tuple[int, ...]:
    """Start of each packet: chunks have starts, and within a chunk packets follow each other."""
    starts = _chunk_starts(samples)
    runs = _child(samples, b"stsc")
    (num_runs,) = struct.unpack_from(">I", runs, 4)
    firsts = [struct.unpack_from(">III", runs, 8 + 12 * run)[:2] for run in range(num_runs)]
    ends = [first for first, _ in firsts[1:]] + [len(starts) + 1]
    offsets: list[int] = []
    for (first, per_chunk), end in zip(firsts, ends, strict=True):
        for start in starts[first - 1 : end - 1]:
            inside = sizes[len(offsets) : len(offsets) + per_chunk]
            offsets.extend(accumulate(inside[:-1], initial=start))
    if len(offsets) != len(sizes):
        raise ValueError("chunks and sizes disagree")
    return tuple(offsets)


def _chunk_starts(samples: Bytes) -> tuple[int, ...]:
    name, form = (b"stco", "I") if _has_child(samples, b"stco") else (b"co64", "Q")
    box = _child(samples, name)
    (count,) = struct.unpack_from(">I", box, 4)
    return struct.unpack_from(f">{count}{form}", box, 8)


def _rate(media: Bytes, samples: Bytes) -> float:
    """Frames a second; one run of equal durations, or the file is not of the standard form."""
    head = _child(media, b"mdhd")
    (scale,) = struct.unpack_from(">I", head, 20 if head[0] == 1 else 12)
    runs = _child(samples, b"stts")
    count, (_, step) = struct.unpack_from(">I", runs, 4)[0], struct.unpack_from(">II", runs, 8)
    if count != 1:
        raise ValueError("the rate changes")
    return float(scale / step)
