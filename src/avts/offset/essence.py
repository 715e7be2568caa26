"""What of a packet stays the same in every container: its payload without what muxers add, take away or re-word.

H.264 and H.265 are stored with start codes or with lengths, with parameter sets inside the packets or in the header;
AAC with or without a header before each packet.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

START_CODE = re.compile(b"\x00\x00\x01")

SEPARATOR = b"\x00\x00\x01"
"""Put between the units of a packet, so that two packets are equal only if their units are."""

ADDED_UNITS = {"h264": frozenset({7, 8, 9, 13}), "hevc": frozenset({32, 33, 34, 35})}
"""Types of unit that muxers add or move into the header: parameter sets and access unit delimiters."""


class Essence:
    """Gives the bytes of a packet that count; made for one open file."""

    def __init__(self, container: InputContainer) -> None:
        self._length_bytes = {s.index: _length_bytes(s) for s in container.streams if _codec(s) in ADDED_UNITS}

    def __call__(self, packet: Packet[Any]) -> bytes:
        """The payload of a packet as it would be in any container."""
        payload, codec = bytes(packet), _codec(packet.stream)
        if codec == "aac":
            return _without_adts(payload)
        if codec not in ADDED_UNITS:
            return payload
        length = self._length_bytes.get(packet.stream_index, 0)
        units = _by_length(payload, length) if length else START_CODE.split(payload)
        kept = (unit.rstrip(b"\x00") for unit in units)
        return SEPARATOR.join(unit for unit in kept if unit and _type(unit, codec) not in ADDED_UNITS[codec])


def _codec(stream: Stream) -> str:
    context = getattr(stream, "codec_context", None)
    return "" if context is None else str(context.codec.canonical_name)


def _length_bytes(stream: Any) -> int:
    """How many bytes say how long a unit is; 0 where start codes part the units."""
    extra = stream.codec_context.extradata or b""
    if len(extra) < 23 and not (len(extra) > 6 and extra[0] == 1):
        return 0
    if extra[0] != 1 and extra[:3] in {b"\x00\x00\x00", b"\x00\x00\x01"}:
        return 0
    return int((extra[4] if _codec(stream) == "h264" else extra[21]) & 3) + 1


def _by_length(payload: bytes, length: int) -> Iterator[bytes]:
    place = 0
    while place + length <= len(payload):
        size = int.from_bytes(payload[place : place + length], "big")
        yield payload[place + length : place + length + size]
        place += length + size


def _type(unit: bytes, codec: str) -> int:
    return unit[0] & 31 if codec == "h264" else unit[0] >> 1 & 63


def _without_adts(payload: bytes) -> bytes:
    """AAC without the header that transport streams put before it."""
    if len(payload) < 7 or payload[0] != 0xFF or payload[1] & 0xF6 != 0xF0:
        return payload
    return payload[7 if payload[1] & 1 else 9 :]
