"""What the first bytes of a Matroska or WebM file promise: how long the file is meant to be."""

from __future__ import annotations

from pathlib import Path

EBML, SEGMENT = 0x1A45DFA3, 0x18538067
"""Identifiers of the two elements that make up a file."""

HEAD_BYTES = 4096
"""The segment begins within this of the begin of the file."""


def is_broken_off(path: Path) -> bool:
    """True if a Matroska or WebM file is shorter than its segment says; False for any other file.

    A segment of unknown size, as live streams have, promises nothing.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    identifier = EBML.to_bytes(4, "big")
    if not head.startswith(identifier):
        return False
    size = _number_at(head, len(identifier))
    start = None if size is None else len(identifier) + size[1] + size[0]
    segment = SEGMENT.to_bytes(4, "big")
    if start is None or head[start : start + len(segment)] != segment:
        return False
    content = _number_at(head, start + len(segment))
    if content is None:
        return False
    return start + len(segment) + content[1] + content[0] > path.stat().st_size


def _number_at(head: bytes, position: int) -> tuple[int, int] | None:
    """An EBML number of variable length and its length in bytes; None if it stands for 'unknown' or is no number.

    Source: RFC 8794, section 4: as many bytes as there are leading zero bits, and one more.
    """
    if position >= len(head) or head[position] == 0:
        return None
    length = 9 - head[position].bit_length()
    marker = 1 << 7 * length
    value = int.from_bytes(head[position : position + length], "big") & (marker - 1)
    return None if value == marker - 1 else (value, length)
