"""Move the sound of a file by stream copy: time stamps change, nothing is decoded or encoded again.

Input: a media file and the offset of its sound. Output: a file of the kind that its name says, with the same packets,
read back and compared with the source before it gets its name. Sound that would start before the file does moves the
picture later instead: no packet is thrown away.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from avts.errors import MediaError, UsageError
from avts.files import whole_file
from avts.offset.copying import copy_of, left_out_in_words, moving_picture
from avts.offset.editlist import NotSimple, moved_by_edits
from avts.offset.learned import learned_times
from avts.offset.reels import Reels, open_source, packets_of, read_reels
from avts.offset.verify import Promise, StreamLost, check_written

FINE_RATE = 90_000
"""Ticks a second that a shift is rounded to."""

DAMAGED = (ArithmeticError, AttributeError, LookupError, ValueError, StopIteration)
"""What contradictory tables of a damaged file raise deep in the reading of its packets."""


def repair(source: Path, target: Path, *, offset_seconds: float, overwrite: bool = False) -> tuple[str, ...]:
    """Write a file with the sound moved so that an offset becomes 0.

    Args:
        source: the file to repair; it is only read.
        target: the file to write; the ending of its name says the container.
        offset_seconds: by how much the sound comes early; the sound is delayed by that much, or if < 0 moved earlier.
        overwrite: replace a target that exists.

    Returns:
        Warnings, one for each kind of stream that the target's container does not take.

    Raises:
        UsageError: the source is missing, the target exists or is the source, its folder is missing, or the offset is
            not a number.
        MediaError: the source has no sound or no picture, the target's container cannot hold it or the shift, or what
            was written is not the source with its sound moved; nothing is written then.
    """
    check_call(source, target, offset_seconds, overwrite)
    with open_source(source) as container:
        check_streams(source, container)
    try:
        with whole_file(target) as part:
            return _write(source, part, target, Fraction(offset_seconds))
    except av.FFmpegError as error:
        raise MediaError(
            f"{source.name}: cannot be copied to {target.name}: FFmpeg does not write its streams into a "
            f"{target.suffix} file ({error.strerror}). Try a .mkv."
        ) from error
    except DAMAGED as error:
        raise MediaError(
            f"{source.name}: cannot be copied to {target.name}: its tables or packets are damaged "
            f"({type(error).__name__}: {error}). Re-encode it first."
        ) from error


def check_call(source: Path, target: Path, offset_seconds: float, overwrite: bool) -> None:
    """Raise UsageError for what can be known before a file is opened."""
    if not source.is_file():
        raise UsageError(f"{source}: no such file. Give the media file to repair.")
    if not target.parent.is_dir():
        raise UsageError(f"{target}: there is no folder {target.parent}. Make it first.")
    if target.exists() and target.samefile(source):
        raise UsageError(f"{target}: the repaired file would replace its source. Give another name.")
    if target.exists() and not overwrite:
        raise UsageError(f"{target}: exists already. Allow overwriting, or give another name.")
    if not math.isfinite(offset_seconds):
        raise UsageError(f"offset_seconds is {offset_seconds}: a repair needs a number of seconds.")


def check_streams(source: Path, container: InputContainer) -> None:
    """Raise MediaError if there is no sound to move or no picture to move it against."""
    for kind, found in (("audio", container.streams.audio), ("video", container.streams.video)):
        if not found:
            kinds = {"video", "audio", "subtitle", "data"}
            has = ", ".join(
                f"{s.type} {getattr(s, 'name', None) or 'unknown'}" for s in container.streams if s.type in kinds
            )
            raise MediaError(f"{source.name}: no {kind} stream (it has: {has or 'nothing'}). Nothing to synchronise.")


def check_packets(source: Path, reels: Reels) -> None:
    """Raise MediaError if the sound to move, or the picture to move it against, is only announced."""
    for kind in ("audio", "video"):
        if not any(len(reel.times) for reel in reels.by_index.values() if reel.kind == kind and not reel.is_cover):
            raise MediaError(
                f"{source.name}: its {kind} stream contains no packets; the file is damaged. Nothing to repair."
            )


def _write(source: Path, part: Path, target: Path, offset: Fraction) -> tuple[str, ...]:
    """Write the source into part with its sound moved, and read it back; returns warnings."""
    reels = read_reels(source)
    check_packets(source, reels)
    learned = learn(source, reels)
    by_edits = _by_edits(source, part, target, offset, reels)
    if by_edits is not None:
        return by_edits
    without: dict[int, str] = {}
    while True:
        promise, left_out = _copied(source, part, target, offset, reels, learned, frozenset(without))
        try:
            check_written(promise, reels)
        except StreamLost as lost:
            reel = reels.by_index[lost.index]
            if reel.kind in {"video", "audio"} and not reel.is_cover:
                raise
            without[lost.index] = "cover picture" if reel.is_cover else f"{reel.kind} stream ({reel.codec})"
        else:
            return left_out_in_words(target, [*left_out, *without.values()])


def _by_edits(source: Path, part: Path, target: Path, offset: Fraction, reels: Reels) -> tuple[str, ...] | None:
    """Write by changing edit lists alone, if the source is an MP4 or QuickTime file and the target is the same."""
    if "mp4" not in reels.container or source.suffix.lower() != target.suffix.lower():
        return None
    with open_source(source) as container:
        picture = moving_picture(container).index
        kinds = {stream.index: stream.type for stream in container.streams}
    try:
        num_edits = moved_by_edits(source, part, offset)
        rest = max(Fraction(0), fine(_shown(part, picture) - reels.by_index[picture].first_shown()))
        shifts = {index: float(rest + (offset if kinds[index] == "audio" else 0)) for index in reels.by_index}
        check_written(Promise(source, target, part, picture, float(offset), shifts), reels)
    except (NotSimple, MediaError, *DAMAGED):  # an old or odd file: FFmpeg writes it anew
        return None
    if num_edits < 2:
        return ()
    return (
        f"{target.name}: made of {num_edits} edits, which are kept; FFmpeg, by which the offset was measured, may "
        "place what is behind the second up to 50 ms off",
    )


def _shown(part: Path, picture: int) -> float:
    return read_reels(part).by_index[picture].first_shown()


def _copied(
    source: Path,
    part: Path,
    target: Path,
    offset: Fraction,
    reels: Reels,
    learned: dict[int, list[Fraction]],
    without: frozenset[int],
) -> tuple[Promise, list[str]]:
    """Copy all packets; returns what was promised and what the container does not take."""
    with open_source(source) as container:
        as_stored = stays_as_stored(reels, target)
        plan = Plan.of(container, reels, {} if as_stored else learned, offset)
        with copy_of(container, part, target, shift_seconds=plan.rest, without=without) as copy:
            for packet in packets_of(container, reels.breaks, unpack=not as_stored):
                if packet.stream_index in copy.streams:
                    plan.place(packet)
                    copy.write(packet)
        shifts = {index: float(plan.shift_of(container.streams[index])) for index in copy.streams}
    return Promise(source, target, part, plan.picture, float(offset), shifts), copy.left_out


def stays_as_stored(reels: Reels, target: Path) -> bool:
    """True if a file and its repaired form are AVI: neither needs times of pictures, nor pictures that are unpacked."""
    return reels.container == "avi" and target.suffix.lower() == ".avi"


def learn(source: Path, reels: Reels) -> dict[int, list[Fraction]]:
    """Learn the times of pictures that their container does not tell, and put them into a file's reels."""
    learned = learned_times(source, reels)
    for index, times in learned.items():
        for number, time in enumerate(times):
            reels.by_index[index].times[number] = float(time)
    return learned


@dataclass
class Plan:
    """When each packet goes: all times less the file's start, the sound later by `sound` and all else by `rest`.

    picture: index of the picture's stream; learned: times of pictures that their container does not tell.
    """

    picture: int
    sound: Fraction
    rest: Fraction
    learned: dict[int, Learned]

    @staticmethod
    def of(
        container: InputContainer, reels: Reels, learned: dict[int, list[Fraction]], offset: Fraction = Fraction(0)
    ) -> Plan:
        """The plan that moves the sound by an offset; never below 0 what did not start there."""
        start = max(Fraction(0), fine(reels.start_seconds))
        picture = moving_picture(container)
        starts = {kind: _first(reels, kind) - start for kind in ("video", "audio")}
        floor = min(Fraction(0), *starts.values())
        missing = max(Fraction(0), floor - starts["audio"] - offset)
        tick = picture.time_base or Fraction(1, 1000)
        rest = math.ceil(missing / tick) * tick  # whole ticks, so that the picture's rounding stays as it is
        return Plan(picture.index, offset + rest - start, rest - start, {n: Learned(t) for n, t in learned.items()})

    def shift_of(self, stream: Stream) -> Fraction:
        """By how much a stream is later."""
        return self.sound if stream.type == "audio" else self.rest

    def place(self, packet: Packet[Any]) -> None:
        """Give a packet its time in the new file."""
        if packet.stream_index in self.learned:
            self.learned[packet.stream_index].stamp(packet)
        move(packet, self.shift_of(packet.stream))


def _first(reels: Reels, kind: str) -> Fraction:
    """When the first packet of a kind of stream is decoded or shown, in seconds on the source's clock."""
    firsts = [min(reel.times) for reel in reels.by_index.values() if reel.kind == kind and not reel.is_cover]
    return fine(min((first for first in firsts if math.isfinite(first)), default=0.0))


def fine(seconds: float) -> Fraction:
    """A time to the nearest tick."""
    return Fraction(round(seconds * FINE_RATE), FINE_RATE)


class Learned:
    """Stamps packets with learned times, in the order stored; decoding times rise and are never after them."""

    def __init__(self, times: list[Fraction]) -> None:
        self._times = iter(times)
        slots = sorted(times)
        delay = max((slot - time for slot, time in zip(slots, times, strict=True)), default=Fraction(0))
        self._slots = iter([slot - delay for slot in slots])

    def stamp(self, packet: Packet[Any]) -> None:
        """Give a packet its times."""
        base = Fraction(1, FINE_RATE)
        packet.time_base = base
        packet.pts, packet.dts = round(next(self._times) / base), round(next(self._slots) / base)


def move(packet: Packet[Any], shift_seconds: Fraction) -> None:
    """Make a packet later. A coarse clock (AVI counts whole audio frames) is split into exact parts first."""
    parts = math.ceil(packet.time_base * FINE_RATE)
    ticks = round(shift_seconds / packet.time_base * parts)
    pts = packet.dts if packet.pts is None else packet.pts
    dts, duration = packet.dts, packet.duration
    packet.time_base /= parts
    packet.pts = None if pts is None else pts * parts + ticks
    packet.dts = None if dts is None else dts * parts + ticks
    packet.duration = None if duration is None else duration * parts
