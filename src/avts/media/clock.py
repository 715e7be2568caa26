"""Where the clock of a file breaks, from its packets alone, and what a player shows there.

Recordings that were joined end to end start their time stamps again, and a live stream that was interrupted leaps
forwards. Players play on without a pause: they put what follows at the end of what came before. A silence in the
sound or a picture that stands still is no break: there, one stream leaps and the other goes on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream

TS_DISCONT = 512
"""FFmpeg's flag of containers whose stamps may leap, AVFMT_TS_DISCONT: MPEG transport and program streams, Ogg."""

BACK_SECONDS = Fraction(1, 2)
"""Decoding times that go back by more than this start again; smaller steps back are faults of a muxer."""

LEAP_SECONDS = Fraction(10)
"""Stamps that go forwards by more than this leap, where the container allows it (FFmpeg's `-dts_delta_threshold`)."""

SAME_JUMP_SECONDS = Fraction(5)
"""Leaps of two streams that differ by less than this are one break: one stream may end before the other."""


@dataclass(frozen=True)
class ClockBreak:
    """A place where time stamps stop to follow each other.

    at_seconds: how long a player has played when it gets there, counted from the start of the file.
    jump_seconds: by how much the stamps leap there; < 0 where they start again.
    kind: 'video' or 'audio', the stream that leaps first.
    shift_seconds: what to add to all stamps behind it (all earlier breaks included), so that they go on where those
        before it ended; None if only one of the streams leaps back, so that no player could go on in step.
    """

    at_seconds: float
    jump_seconds: float
    kind: str
    shift_seconds: Fraction | None


def clock_breaks(container: InputContainer) -> tuple[ClockBreak, ...]:
    """Find the breaks in the clock of an open file. Reads all of its packets, decodes nothing.

    Args:
        container: a file just opened; its packets are used up.

    Returns:
        The breaks in their order.
    """
    return breaks_among(leaps_of(container))


@dataclass
class Track:
    """The stamps of one stream, in seconds on its own clock: where it leaps, and how far it got in between."""

    kind: str
    may_leap: bool
    start: Fraction | None = None
    end: Fraction | None = None
    last: Fraction | None = None
    leaps: list[Leap] = field(default_factory=list)

    def see(self, stamp: Fraction, length: Fraction) -> bool:
        """Take note of a packet; True if its stamp does not follow the ones before."""
        leapt = self.leaps_to(stamp)
        if self.start is None:
            self.start = stamp
        if leapt and self.end is not None:
            self.leaps.append(Leap(self.end, stamp))
        self.end = stamp + length if leapt or self.end is None else max(self.end, stamp + length)
        self.last = stamp
        return leapt

    def leaps_to(self, stamp: Fraction) -> bool:
        """True if a stamp does not follow the last one."""
        if self.last is None or self.end is None:
            return False
        return stamp < self.last - BACK_SECONDS or (self.may_leap and stamp > self.end + LEAP_SECONDS)


@dataclass(frozen=True)
class Leap:
    """A stream's stamps went from one time to another: `left` is the end of the last packet before."""

    left: Fraction
    landed: Fraction


def leaps_of(container: InputContainer) -> list[Track]:
    """The pictures' and sounds' tracks of an open file, its packets used up."""
    tracks = tracks_in(container)
    for packet in _packets(container):
        stamp = stamp_of(packet)
        if stamp is not None and packet.stream_index in tracks:
            tracks[packet.stream_index].see(stamp, (packet.duration or 0) * packet.time_base)
    return [track for track in tracks.values() if track.start is not None]


def tracks_in(container: InputContainer) -> dict[int, Track]:
    """A track for each stream of moving pictures or sound whose clock may break, by the stream's index."""
    if "mp4" in container.format.name:  # its tables are one clock; edits that repeat a part are no break
        return {}
    may_leap = bool(container.format.flags & TS_DISCONT)
    timed = [stream for stream in container.streams if is_timed(stream)]
    return {stream.index: Track(stream.type, may_leap) for stream in timed}


def is_timed(stream: Stream) -> bool:
    """True for moving pictures and sound, whose packets follow each other without gaps."""
    return stream.type in {"video", "audio"} and not stream.disposition & Disposition.attached_pic


def stamp_of(packet: Packet[Any]) -> Fraction | None:
    """A packet's decoding time in seconds, its presentation time if it has no other."""
    stamp = packet.pts if packet.dts is None else packet.dts
    return None if stamp is None else stamp * packet.time_base


def _packets(container: InputContainer) -> Iterator[Packet[Any]]:
    """Packets up to the end, or to where the container breaks off."""
    try:
        yield from (packet for packet in container.demux() if packet.size)
    except (av.FFmpegError, OSError):
        return


def breaks_among(tracks: list[Track]) -> tuple[ClockBreak, ...]:
    """Breaks that the leaps of all streams make together; a leap forwards of one stream alone is a gap in it."""
    ways = [iter(track.leaps) for track in tracks]
    begin = min((track.start for track in tracks if track.start is not None), default=Fraction(0))
    shift: Fraction | None = Fraction(0)
    breaks: list[ClockBreak] = []
    heads = [next(way, None) for way in ways]
    while any(heads):
        number = min((n for n, head in enumerate(heads) if head), key=lambda n: _left(heads[n]))
        first = heads[number]
        assert first is not None
        mine = [n for n, head in enumerate(heads) if head and _same(head, first)]
        together = [head for n in mine if (head := heads[n]) is not None]
        whole = len(together) == len(tracks)
        jump = first.landed - first.left
        if whole or jump < 0:
            step = max(head.left - head.landed for head in together)
            at = first.left + (shift or 0) - begin
            shift = shift + step if whole and shift is not None else None
            breaks.append(ClockBreak(float(at), float(jump), tracks[number].kind, shift))
        for n in mine:
            heads[n] = next(ways[n], None)
    return tuple(breaks)


def _left(leap: Leap | None) -> Fraction:
    return Fraction(0) if leap is None else leap.left


def _same(one: Leap, other: Leap) -> bool:
    near = abs(one.left - other.left) < SAME_JUMP_SECONDS
    return near and abs((one.landed - one.left) - (other.landed - other.left)) < SAME_JUMP_SECONDS


class PlayedClock:
    """Gives each packet of a file with a broken clock the time at which a player shows it.

    Feed it the packets of any of the streams in the file's order; each pass over a file needs a new one.
    """

    def __init__(self, container: InputContainer, breaks: tuple[ClockBreak, ...]) -> None:
        self._breaks = breaks
        self._tracks = tracks_in(container)
        self._passed = dict.fromkeys(self._tracks, 0)

    def shift_of(self, packet: Packet[Any]) -> Fraction:
        """Seconds to add to the stamps of a packet."""
        stamp = stamp_of(packet)
        if not self._breaks or stamp is None:
            return Fraction(0)
        track = self._tracks.get(packet.stream_index)
        if track is None:
            return self._shift_after(self._section_near(stamp))
        left = track.end
        if track.see(stamp, (packet.duration or 0) * packet.time_base) and left is not None:
            self._pass(packet.stream_index, stamp - left)
        return self._shift_after(self._passed[packet.stream_index])

    def _pass(self, index: int, jump: Fraction) -> None:
        """Count the next break as passed, if a leap of this size is one and not a gap in this stream."""
        number = self._passed[index]
        if number < len(self._breaks) and abs(jump - Fraction(self._breaks[number].jump_seconds)) < SAME_JUMP_SECONDS:
            self._passed[index] += 1

    def _section_near(self, stamp: Fraction) -> int:
        """Number of breaks before a packet of subtitles or data: as many as before the sound or picture near it."""
        near = [(abs(stamp - track.last), -self._passed[n]) for n, track in self._tracks.items() if track.last]
        return -min(near)[1] if near else 0

    def _shift_after(self, passed: int) -> Fraction:
        return (self._breaks[passed - 1].shift_seconds or Fraction(0)) if passed else Fraction(0)
