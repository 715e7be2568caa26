"""Move the sound of a file by stream copy: time stamps change, nothing is decoded or encoded again.

Input: a media file and the offset of its sound. Output: a file of the kind that its name says, with the same packets.
Sound that would start before the file does moves the picture later instead: no packet is thrown away.
"""

from __future__ import annotations

import math
import os
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.stream import Disposition, Stream

from avts.errors import MediaError, UsageError

if TYPE_CHECKING:
    from av.container.core import Chapter

KEPT_KINDS = ({"video", "audio", "subtitle", "data", "attachment"}, {"video", "audio", "subtitle"}, {"video", "audio"})
"""Kinds of stream to copy, from the most to the least: the first set that the target's container takes."""

OWN_TAGS = {"major_brand", "minor_version", "compatible_brands", "encoder"}
"""Tags that describe the container itself, which the new one writes anew."""

FINE_RATE = 90_000
"""Ticks a second that a shift is rounded to, in packets and in MP4 edit lists (where FFmpeg would take 1,000)."""

MOVED_TOLERANCE_SECONDS = 0.005
"""A written file whose sound moved by another amount than asked is refused; Matroska rounds to 1 ms, twice."""


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
        MediaError: the source has no sound or no picture, or the target's container cannot hold it or the shift.
    """
    check_call(source, target, offset_seconds, overwrite)
    # The ending stays, for it says the container; the folder too, so that the last step is one rename.
    part = target.with_name(f".{target.stem}.{os.getpid()}.part{target.suffix}")
    try:
        warnings = _write(source, part, target, offset_seconds)
        _check_moved(source, part, target, offset_seconds)
        os.replace(part, target)
    except av.FFmpegError as error:
        raise MediaError(f"{source.name}: cannot be copied to {target.name}: {error.strerror}. Try a .mkv.") from error
    finally:
        part.unlink(missing_ok=True)
    return warnings


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


def _write(source: Path, part: Path, target: Path, offset_seconds: float) -> tuple[str, ...]:
    """Copy the source into part with its sound moved; returns warnings."""
    with open_source(source) as container:
        check_streams(source, container)
        shifts = _shifts(container, Fraction(offset_seconds))
        for kinds in KEPT_KINDS:
            output = _opened(container, part, target, kinds, shifts[1])
            if output is not None:
                break
        else:
            has = " and ".join(_names(container, kinds))
            raise MediaError(f"{target.name}: a {target.suffix} file cannot hold {has}. Name a .mkv, which holds them.")
        with output:
            _copy_packets(container, output, kinds, shifts)
        dropped = [stream.type for stream in container.streams if stream.type not in kinds]
    return tuple(
        f"{target.name}: {dropped.count(kind)} {kind} stream(s) left out; {target.suffix} does not take them"
        for kind in sorted(set(dropped))
    )


def open_source(path: Path) -> InputContainer:
    """Open a file to read; raise MediaError if it is not a media file."""
    try:
        return av.open(path, options={"fflags": "+genpts"})  # AVI gives no presentation times by itself
    except av.FFmpegError as error:
        raise MediaError(
            f"{path.name}: cannot be read as a media file ({error.strerror}). Nothing to repair."
        ) from error


def check_streams(source: Path, container: InputContainer) -> None:
    """Raise MediaError if there is no sound to move or no picture to move it against."""
    for kind, found in (("audio", container.streams.audio), ("video", container.streams.video)):
        if not found:
            has = ", ".join(_names(container, {"video", "audio", "subtitle", "data"})) or "nothing"
            raise MediaError(f"{source.name}: no {kind} stream (it has: {has}). Nothing to synchronise.")


def _names(container: InputContainer, kinds: set[str]) -> list[str]:
    """The streams of some kinds in words: 'video h264'."""
    return [f"{stream.type} {stream.name or 'unknown'}" for stream in container.streams if stream.type in kinds]


def _opened(
    container: InputContainer, part: Path, target: Path, kinds: set[str], shift_seconds: Fraction
) -> OutputContainer | None:
    """Start a file with copies of the streams of some kinds; None if its container does not take them."""
    try:
        output = av.open(part, "w", container_options={"movie_timescale": str(FINE_RATE)})
    except ValueError as error:
        raise MediaError(
            f"{target.name}: no container is known by the ending {target.suffix!r}. Name a .mp4, .mov, .mkv or .webm."
        ) from error
    try:
        output.metadata.update({key: tag for key, tag in container.metadata.items() if key not in OWN_TAGS})
        output.set_chapters([_moved_chapter(chapter, shift_seconds) for chapter in container.chapters()])
        for stream in container.streams:
            if stream.type in kinds:
                add_copy(output, stream)
        output.start_encoding()
    except (ValueError, av.FFmpegError):
        output.close()
        return None
    return output


def _moved_chapter(chapter: Chapter, shift_seconds: Fraction) -> Chapter:
    """A chapter later by a shift, as the picture is."""
    ticks = round(shift_seconds / (chapter["time_base"] or Fraction(1)))
    return {**chapter, "start": chapter["start"] + ticks, "end": chapter["end"] + ticks}


def add_copy(output: OutputContainer, stream: Stream) -> None:
    """Add a stream like another: codec, tags, language, rotation, disposition."""
    copy = output.add_stream_from_template(stream, opaque=True)
    copy.metadata.update(stream.metadata)
    copy.disposition = stream.disposition
    if stream.type == "video" and stream.codec_tag == "hvc1" and output.format.name in {"mp4", "mov"}:
        copy.codec_tag = "hvc1"  # FFmpeg's own choice, hev1, is refused by Apple's players


def _shifts(container: InputContainer, offset: Fraction) -> tuple[Fraction, Fraction]:
    """Seconds by which the sound and everything else move later; never below 0 what did not start there."""
    starts = [_seconds(stream.start_time, stream) for stream in container.streams.audio]
    floor = min([Fraction(0), *starts, *(_seconds(stream.start_time, stream) for stream in container.streams.video)])
    missing = max(Fraction(0), floor - min(starts) - offset)
    tick = moving_picture(container).time_base or Fraction(1, 1000)
    rest = math.ceil(missing / tick) * tick  # whole ticks, so that the picture's rounding does not eat into the shift
    return offset + rest, rest


def _seconds(ticks: int | None, stream: Stream) -> Fraction:
    """A stream's time stamp in seconds; an unknown one counts as 0."""
    return (ticks or 0) * (stream.time_base or Fraction(0))


def moving_picture(container: InputContainer) -> Stream:
    """The first video stream that is not a cover picture."""
    moving = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    return (moving or list(container.streams.video))[0]


def _copy_packets(
    container: InputContainer, output: OutputContainer, kinds: set[str], shifts: tuple[Fraction, Fraction]
) -> None:
    """Copy every packet, audio later by the first shift and all else by the second."""
    kept = [stream for stream in container.streams if stream.type in kinds and stream.type != "attachment"]
    copies = dict(
        zip((stream.index for stream in container.streams if stream.type in kinds), output.streams, strict=True)
    )
    last: dict[int, Fraction] = {}
    for packet in container.demux(kept):
        if packet.size == 0 and packet.dts is None:
            continue  # the demuxer's end mark
        _move(packet, shifts[0] if packet.stream.type == "audio" else shifts[1])
        packet.stream = copies[packet.stream.index]
        keep_order(packet, last)
        output.mux_one(packet)


def _move(packet: Packet[Stream], shift_seconds: Fraction) -> None:
    """Make a packet later. A coarse clock (AVI counts whole audio frames) is split into exact parts first."""
    parts = math.ceil(packet.time_base * FINE_RATE)
    ticks = round(shift_seconds / packet.time_base * parts)
    pts = packet.dts if packet.pts is None else packet.pts
    dts, duration = packet.dts, packet.duration
    packet.time_base /= parts
    packet.pts = None if pts is None else pts * parts + ticks
    packet.dts = None if dts is None else dts * parts + ticks
    packet.duration = None if duration is None else duration * parts


def keep_order(packet: Packet[Stream], last: dict[int, Fraction]) -> None:
    """Make a decoding time later than the last one of its stream: MPEG-2 demuxing repeats some, muxers refuse that."""
    if packet.dts is None:
        return
    index, tick = packet.stream.index, packet.stream.time_base or packet.time_base
    if index in last and packet.dts * packet.time_base < last[index] + tick / 2:
        packet.dts = math.ceil((last[index] + tick) / packet.time_base)
        packet.pts = packet.dts if packet.pts is None else max(packet.pts, packet.dts)
    last[index] = packet.dts * packet.time_base


def _check_moved(source: Path, part: Path, target: Path, offset_seconds: float) -> None:
    """Raise MediaError if the sound of the written file did not move by the offset against its picture."""
    moved = _sound_start(part) - _sound_start(source)
    if abs(moved - offset_seconds) > MOVED_TOLERANCE_SECONDS:
        raise MediaError(
            f"{target.name}: asked to move the sound by {offset_seconds * 1000:.0f} ms, a {target.suffix} file moved "
            f"it by {moved * 1000:.0f} ms: it cannot say when a stream starts. Name a .mkv or .mp4, which can."
        )


def _sound_start(path: Path) -> float:
    """Time of the first audio packet after that of the first video packet, in seconds."""
    with open_source(path) as container:
        streams = (moving_picture(container), container.streams.audio[0])
        first: dict[int, Fraction] = {}
        for packet in container.demux(streams):
            stamp = packet.dts if packet.pts is None else packet.pts
            if stamp is not None and packet.stream.index not in first:
                first[packet.stream.index] = stamp * packet.time_base
            if len(first) == 2:
                break
        picture, sound = (first.get(stream.index, Fraction(0)) for stream in streams)
    return float(sound - picture)
