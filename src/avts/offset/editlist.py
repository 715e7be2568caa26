"""Move the sound of an MP4 or QuickTime file by its edit lists alone: every byte of every stream and tag is kept.

An edit list says what part of a track is shown and when; an empty edit in front makes a track begin later. Files with
several edits, with edits that begin inside a group of pictures, timecode tracks, covers, chapters and phone tags stay
as they are. Source: ISO/IEC 14496-12, boxes moov, trak, edts, elst, stco, co64.
"""

from __future__ import annotations

import shutil
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

LEAST_TIMESCALE = 10_000
"""Ticks a second that a film's own clock is made to have, so that a shift is exact to 0.1 ms."""

UNKNOWN_32 = 0xFFFFFFFF

LARGEST_HEADER_BYTES = 512 << 20

CONTRADICTORY = (ArithmeticError, IndexError, ValueError, struct.error)
"""What tables that contradict each other raise."""


class NotSimple(Exception):
    """A file whose edit lists cannot be changed in place: fragments, offsets of a kind that is not known."""


@dataclass
class Edit:
    """One entry of an edit list: its length on the film's clock; where it begins in the track, -1 for nothing."""

    length: int
    media_time: int
    rate: int = 1 << 16


@dataclass
class Box:
    """A box in the header: its name, and its content or the boxes in it."""

    name: bytes
    content: bytes = b""
    children: list[Box] | None = None

    def packed(self) -> bytes:
        """The box as stored."""
        inside = self.content if self.children is None else b"".join(child.packed() for child in self.children)
        return struct.pack(">I4s", 8 + len(inside), self.name) + inside

    def find(self, *path: bytes) -> Box | None:
        """The first box by a path of names."""
        if not path:
            return self
        child = next((child for child in self.children or () if child.name == path[0]), None)
        return child.find(*path[1:]) if child is not None else None

    def need(self, *path: bytes) -> Box:
        """The first box by a path of names, which must be there."""
        found = self.find(*path)
        if found is None:
            raise NotSimple(b"/".join(path).decode("latin1"))
        return found


PARENTS = frozenset({b"moov", b"trak", b"edts", b"mdia", b"minf", b"stbl"})


def moved_by_edits(source: Path, part: Path, offset: Fraction) -> int:
    """Write a file with its sound later by an offset in seconds; all else later where the sound would begin before 0.

    Returns:
        Number of edits in the picture or sound that has most of them, without those that show nothing.

    Raises:
        NotSimple: the file is built in a way in which that cannot be done.
    """
    header, start, size = _header(source)
    count = _move(header, offset)
    _shift_offsets(header, start + size, len(header.packed()) - size)
    with source.open("rb") as file, part.open("wb") as out:
        _copy_bytes(file, out, start)
        out.write(header.packed())
        file.seek(start + size)
        shutil.copyfileobj(file, out, 1 << 20)
    return count


def num_edits(path: Path) -> int:
    """Number of edits in the track that has most of them, without those that show nothing; 0 if that is not known."""
    try:
        header, _, _ = _header(path)
        tracks = [box for box in header.children or () if box.name == b"trak"]
        return max((_num_shown(_edits(track, 1, 1)) for track in tracks), default=0)
    except (NotSimple, OSError, *CONTRADICTORY):
        return 0


def _num_shown(edits: list[Edit]) -> int:
    return sum(edit.media_time != -1 for edit in edits)


def _header(path: Path) -> tuple[Box, int, int]:
    """The header of a file, its place and its size in bytes."""
    layout = list(_top_level(path))
    headers = [box for box in layout if box[0] == b"moov"]
    if len(headers) != 1 or {name for name, _, _ in layout} & {b"moof", b"mfra", b"sidx"}:
        raise NotSimple("fragments")
    _, start, size = headers[0]
    if size > LARGEST_HEADER_BYTES:
        raise NotSimple("header")
    with path.open("rb") as file:
        file.seek(start)
        return _parse(file.read(size)), start, size


def _copy_bytes(file: BinaryIO, out: BinaryIO, count: int) -> None:
    left = count
    while left:
        block = file.read(min(left, 1 << 20))
        if not block:
            raise NotSimple("short")
        out.write(block)
        left -= len(block)


def _top_level(path: Path) -> Iterator[tuple[bytes, int, int]]:
    """Name, place and size of each box of a file."""
    end, place = path.stat().st_size, 0
    with path.open("rb") as file:
        while place + 8 <= end:
            file.seek(place)
            size, name = struct.unpack(">I4s", file.read(8))
            if size == 1:
                (size,) = struct.unpack(">Q", file.read(8))
                if name == b"moov":
                    raise NotSimple("large header")
            size = size or end - place
            if size < 8 or place + size > end:
                raise NotSimple("cut off")
            yield name, place, size
            place += size


def _parse(data: bytes) -> Box:
    size, name = struct.unpack_from(">I4s", data)
    if size != len(data):
        raise NotSimple("size")
    if name not in PARENTS:
        return Box(name, data[8:])
    children, place = [], 8
    while place + 8 <= len(data):
        (inner,) = struct.unpack_from(">I", data, place)
        if inner < 8 or place + inner > len(data):
            break
        children.append(_parse(data[place : place + inner]))
        place += inner
    if place != len(data) and any(data[place:]):  # QuickTime ends some lists with zeros
        raise NotSimple("boxes")
    return Box(name, b"", children)


def _move(header: Box, offset: Fraction) -> int:
    """Change the edit lists of all tracks, and the lengths that go with them; gives the most edits of a track."""
    tracks = [box for box in header.children or () if box.name == b"trak"]
    if header.find(b"mvex") is not None or header.find(b"cmov") is not None:
        raise NotSimple("fragments")
    factor = _refine(header)
    scale = _timescale(header.need(b"mvhd"))
    edits = [_edits(track, scale, factor) for track in tracks]
    wanted = [round(offset * scale) if _is_sound(track) else 0 for track in tracks]
    rest = max([0, *(-shift - _lead(edit) for shift, edit in zip(wanted, edits, strict=True))])
    lengths = []
    for track, edit, shift in zip(tracks, edits, wanted, strict=True):
        moved = _later(edit, shift + rest)
        _put_edits(track, moved)
        lengths.append(sum(each.length for each in moved))
        _put_length(track.need(b"tkhd"), lengths[-1], 20, 28)
    _put_length(header.need(b"mvhd"), max(lengths), 16, 24)
    return max(_num_shown(edit) for edit in edits)


def _is_sound(track: Box) -> bool:
    return track.need(b"mdia", b"hdlr").content[8:12] == b"soun"


def _timescale(box: Box) -> int:
    """Ticks a second of an mvhd or mdhd."""
    return int(struct.unpack_from(">I", box.content, 20 if box.content[0] == 1 else 12)[0])


def _refine(header: Box) -> int:
    """Give the film's clock enough ticks; by how many times more it has then."""
    mvhd = header.need(b"mvhd")
    scale = _timescale(mvhd)
    factor = -(-LEAST_TIMESCALE // max(1, scale))
    place = 20 if mvhd.content[0] == 1 else 12
    mvhd.content = mvhd.content[:place] + struct.pack(">I", scale * factor) + mvhd.content[place + 4 :]
    return factor


def _lead(edits: list[Edit]) -> int:
    """How long a track shows nothing at its beginning, in ticks of the film's clock."""
    return edits[0].length if edits and edits[0].media_time == -1 else 0


def _later(edits: list[Edit], shift: int) -> list[Edit]:
    lead = _lead(edits) + shift
    shown = edits[1:] if _lead(edits) else edits
    return [Edit(lead, -1), *shown] if lead else shown


def _edits(track: Box, scale: int, factor: int) -> list[Edit]:
    """A track's edits on the refined clock; one that shows all of it if it has none."""
    box = track.find(b"edts", b"elst")
    if box is None or not struct.unpack_from(">I", box.content, 4)[0]:
        media = track.need(b"mdia", b"mdhd")
        long = media.content[0] == 1
        (length,) = struct.unpack_from(">Q" if long else ">I", media.content, 24 if long else 16)
        return [Edit(round(Fraction(length * scale, _timescale(media))), 0)]
    form = struct.Struct(">QqI" if box.content[0] == 1 else ">IiI")
    (count,) = struct.unpack_from(">I", box.content, 4)
    entries = [form.unpack_from(box.content, 8 + form.size * number) for number in range(count)]
    return [Edit(length * factor, media_time, rate) for length, media_time, rate in entries]


def _put_edits(track: Box, edits: list[Edit]) -> None:
    entries = b"".join(struct.pack(">QqI", edit.length, edit.media_time, edit.rate) for edit in edits)
    elst = Box(b"elst", struct.pack(">II", 1 << 24, len(edits)) + entries)
    children = [child for child in track.children or () if child.name != b"edts"]
    place = next(number for number, child in enumerate(children) if child.name == b"tkhd") + 1
    track.children = [*children[:place], Box(b"edts", b"", [elst]), *children[place:]]


def _put_length(box: Box, length: int, short: int, long: int) -> None:
    """Write the length into a tkhd or mvhd, unless it says that it is not known."""
    wide = box.content[0] == 1
    place, form = (long, ">Q") if wide else (short, ">I")
    if not wide and length >= UNKNOWN_32:
        raise NotSimple("too long")
    size = struct.calcsize(form)
    box.content = box.content[:place] + struct.pack(form, length) + box.content[place + size :]


def _shift_offsets(header: Box, after: int, by: int) -> None:
    """Samples behind the header have moved by as much as it grew."""
    for track in (box for box in header.children or () if box.name == b"trak"):
        table = track.need(b"mdia", b"minf", b"stbl")
        if table.find(b"saio") is not None:
            raise NotSimple("encrypted")
        for name, form in ((b"stco", "I"), (b"co64", "Q")):
            box = table.find(name)
            if box is None:
                continue
            (count,) = struct.unpack_from(">I", box.content, 4)
            places = struct.unpack_from(f">{count}{form}", box.content, 8)
            moved = [place + by if place >= after else place for place in places]
            if form == "I" and moved and max(moved) > UNKNOWN_32:
                raise NotSimple("4 GiB")
            box.content = box.content[:8] + struct.pack(f">{count}{form}", *moved)
