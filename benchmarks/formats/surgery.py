"""Changes to finished media files that no encoder makes: joined recordings, broken clocks, edit lists, packed pictures.

Input: a file. Output: another file. Each function says what a player makes of it.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av

SAME = {"fflags": "+bitexact", "avoid_negative_ts": "disabled", "strict": "experimental"}

DIVX_PACKED = b"\x00\x00\x01\xb2DivX503b1393p"
"""The user data by which decoders know that B-frames lie behind the frame they refer to, in one packet."""

VOP = b"\x00\x00\x01\xb6"


def joined(target: Path, parts: Sequence[Path]) -> None:
    """Write files end to end, as transport streams are joined: the clock of each begins where it began."""
    target.write_bytes(b"".join(part.read_bytes() for part in parts))


def remuxed(
    source: Path,
    target: Path,
    *,
    shift: Callable[[Any], float] = lambda _: 0.0,
    before: Callable[[Any], list[Any]] = lambda _: [],
    after: Callable[[Any], list[Any]] = lambda _: [],
    kept: Callable[[Any], bool] = lambda _: True,
) -> None:
    """Copy the packets of a file into another.

    Args:
        source: the file to copy.
        target: the file to write.
        shift: seconds by which a packet moves later.
        before: adds streams ahead of the copies and returns their packets.
        after: adds streams, chapters and tags behind them and returns their packets.
        kept: which streams are copied.
    """
    options = SAME if target.suffix != ".flv" else {**SAME, "avoid_negative_ts": "auto"}  # its times have no sign
    with av.open(str(source)) as container, av.open(str(target), "w", container_options=options) as output:
        output.metadata.update(container.metadata)
        own = before(output)
        copies = {
            each.index: output.add_stream_from_template(each, opaque=True) for each in container.streams if kept(each)
        }
        own += after(output)
        for packet in own:
            output.mux_one(packet)
        for packet in container.demux([each for each in container.streams if kept(each)]):
            if not packet.size:
                continue
            ticks = round(Fraction(shift(packet)) / packet.time_base)
            packet.pts = None if packet.pts is None else packet.pts + ticks
            packet.dts = None if packet.dts is None else packet.dts + ticks
            packet.stream = copies[packet.stream.index]
            output.mux_one(packet)


def with_gap(source: Path, target: Path, *, at_seconds: float, gap_seconds: float) -> None:
    """Copy a file whose clock leaps ahead, sound and picture alike, at a key frame."""
    begun: dict[int, bool] = {}

    def shift(packet: Any) -> float:
        index = packet.stream.index
        stamp = packet.pts if packet.pts is not None else packet.dts
        start = float((packet.stream.start_time or 0) * packet.time_base)
        if float(stamp * packet.time_base) - min(start, 0.0) >= at_seconds - 1e-4 and packet.is_keyframe:
            begun[index] = True
        return gap_seconds if begun.get(index) else 0.0

    remuxed(source, target, shift=shift)


# MP4 boxes


def with_edits(source: Path, target: Path, edits: Sequence[tuple[float, float]]) -> None:
    """Copy an MP4 whose tracks play only parts of what they hold: (from, to) in seconds after the first picture."""
    data = source.read_bytes()
    parts = dict(_boxes(data))
    if list(parts)[-1] != b"moov":
        raise ValueError(f"{source.name}: its moov box must come last.")
    head = data[: data.rindex(b"moov") - 4]
    movie_scale = struct.unpack_from(">I", dict(_boxes(parts[b"moov"]))[b"mvhd"], 12)[0]
    moov = b"".join(
        _box(kind, _edited(body, edits, movie_scale) if kind == b"trak" else body)
        for kind, body in _boxes(parts[b"moov"])
    )
    target.write_bytes(head + _box(b"moov", moov))


def _boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + size]
        at += max(size, 8)


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I4s", 8 + len(body), kind) + body


def _edited(trak: bytes, edits: Sequence[tuple[float, float]], movie_scale: int) -> bytes:
    """A track box with another edit list; what its media skipped at the start before is skipped still."""
    media = dict(_boxes(dict(_boxes(trak))[b"mdia"]))
    scale = struct.unpack_from(">I", media[b"mdhd"], 12)[0]
    skipped = 0
    for kind, body in _boxes(trak):
        if kind == b"edts":
            entries = dict(_boxes(body))[b"elst"]
            skipped = struct.unpack_from(">i", entries, 12)[0]
    rows = [
        struct.pack(">IiI", round((stop - start) * movie_scale), skipped + round(start * scale), 1 << 16)
        for start, stop in edits
    ]
    elst = _box(b"elst", struct.pack(">II", 0, len(rows)) + b"".join(rows))
    body = b"".join(_box(kind, inner) for kind, inner in _boxes(trak) if kind != b"edts")
    tkhd = len(_box(b"tkhd", dict(_boxes(trak))[b"tkhd"]))
    return body[:tkhd] + _box(b"edts", elst) + body[tkhd:]


# MPEG-4 ASP as DivX 5 packs it


def packed_divx(source: Path, target: Path) -> None:
    """Copy an AVI of MPEG-4 with one B-frame after each reference; a packet then holds a reference and its B-frame.

    The next packet, an empty picture, stands for the second of them. A player shows the same as before.
    """
    with av.open(str(source)) as container, av.open(str(target), "w", container_options=SAME) as output:
        copies = [output.add_stream_from_template(each, opaque=True) for each in container.streams]
        video = [packet for packet in container.demux(container.streams.video[0]) if packet.size]
        container.seek(0)
        sound = [packet for packet in container.demux(container.streams.audio[0]) if packet.size]
        packet: Any
        for number, data in enumerate(_packed([bytes(packet) for packet in video])):
            packet = av.Packet(data)
            packet.pts = packet.dts = number
            packet.duration, packet.time_base, packet.stream = 1, Fraction(1, 25), copies[0]
            packet.is_keyframe = number == 0
            output.mux_one(packet)
        for packet in sound:
            packet.stream = copies[1]
            output.mux_one(packet)


def _packed(pictures: list[bytes]) -> Iterator[bytes]:
    head = pictures[0].index(VOP)
    yield pictures[0][:head] + DIVX_PACKED + pictures[0][head:]
    rest = pictures[1:]
    while rest:
        if len(rest) > 1 and _is_b_frame(rest[1]):
            yield rest[0] + rest[1]
            yield VOP + b"\x50\x4f"  # a P picture of which nothing is coded
            rest = rest[2:]
        else:
            yield rest.pop(0)


def _is_b_frame(data: bytes) -> bool:
    return data[data.index(VOP) + 4] >> 6 == 2
