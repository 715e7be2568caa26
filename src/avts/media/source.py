"""Any media file in: frames and sound in presentation order, each with its time in seconds on the file's own clock.

Leaves out scaling, frame choice and resampling (frames, sound).
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

import av
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from avts.errors import MediaError
from avts.media.clock import ClockBreak, PlayedClock
from avts.media.limits import Guard

FrameT = TypeVar("FrameT", VideoFrame, AudioFrame)

DECODING_TIME_ONLY = frozenset({"avi"})
"""Containers that store no presentation times of pictures."""

SEEKABLE = ("mp4", "matroska")
"""Containers with an index good enough to begin in the middle; others are read from their beginning."""

EBML, SEGMENT = 0x1A45DFA3, 0x18538067
"""Identifiers of the two elements that make up a file."""

HEAD_BYTES = 4096
"""The segment begins within this of the begin of the file."""

LEAD_SECONDS = 1.0
"""A reader that begins in the middle begins this much earlier, for decoders that need a run-up."""

PACKETS_LOOKED_AT = 500
"""Packets of pictures read to tell a film from a cover, where a file has several video streams."""

KINDS = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFDIR: "a folder",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
"""What a path can be besides a file."""

FALLBACK_FRAMES_PER_SECOND = 25.0
"""Step between frames that carry no time, in a file that names no rate either."""


@contextmanager
def opened(path: Path) -> Iterator[InputContainer]:
    """Open a media file for reading.

    Raises:
        MediaError: the file is missing, not a regular file, not readable, or not a media file.
    """
    check_regular(path)
    try:
        # 'file:' keeps names like 'a:b.mp4' from being read as a protocol; the whitelist keeps a playlist off the net
        container = av.open(f"file:{path}", "r", options={"protocol_whitelist": "file"}, metadata_errors="replace")
    except FileNotFoundError as error:
        if path.is_symlink():
            aim = os.readlink(path)
            raise MediaError(f"{path.name}: a link to {aim}, which is not there. Link it anew.") from error
        raise MediaError(f"{path.name}: no such file in {path.parent}. Check the path.") from error
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise MediaError(
            f"{path.name}: not a readable media file ({reason_of(error)}). Check or re-export it."
        ) from error
    with container:
        yield container


def check_regular(path: Path) -> None:
    """Check that a path is a file on a disk: a named pipe or a device may keep its reader waiting for ever.

    Raises:
        MediaError: it is something else; a path that is not there passes.
    """
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    if not stat.S_ISREG(mode):
        kind = KINDS.get(stat.S_IFMT(mode), "a special file")
        raise MediaError(f"{path.name}: {kind}, not a regular file. Give a media file on a disk.")


def reason_of(error: Exception) -> str:
    """The decoder's own words for an error, in lower case and without the path."""
    words = getattr(error, "strerror", None) or str(error)
    return str(words).split(":")[0].rstrip(".").lower()


def start_of(container: InputContainer) -> float:
    """Time in seconds at which a player's counter shows 0."""
    return container.start_time / av.time_base if container.start_time else 0.0


def skip_to(container: InputContainer, seconds: float) -> None:
    """Leave out what lies well before a time on the file's own clock, where that is sure to work."""
    ahead = seconds - LEAD_SECONDS
    if ahead <= start_of(container) or not any(name in container.format.name for name in SEEKABLE):
        return
    try:
        container.seek(int(ahead * av.time_base))
    except (av.error.FFmpegError, OSError):  # no index after all
        container.seek(int(start_of(container) * av.time_base))


def picture_stream(container: InputContainer) -> VideoStream | None:
    """The film: the video stream that moves, of several the one marked default, else the first.

    Covers are passed over, those that are marked as such and those that are not: streams of one picture beside a film.
    """
    streams = [
        stream
        for stream in container.streams.video
        if not stream.disposition & Disposition.attached_pic and stream.codec_context is not None
    ]
    if len(streams) > 1:
        moving = _moving(container, [stream.index for stream in streams])
        streams = [stream for stream in streams if stream.index in moving] or streams
    marked = [stream for stream in streams if stream.disposition & Disposition.default]
    return next(iter(marked or streams), None)


def _moving(container: InputContainer, indices: list[int]) -> set[int]:
    """Those of some streams that have a second picture near the begin of the file."""
    path = Path(container.name.removeprefix("file:"))
    count = dict.fromkeys(indices, 0)
    with opened(path) as again:
        packets = again.demux([again.streams[index] for index in indices])
        try:
            for packet in islice(packets, PACKETS_LOOKED_AT):
                count[packet.stream_index] += packet.size > 0
                if min(count.values()) > 1:
                    break
        except (av.error.FFmpegError, OSError):  # the container breaks off here
            pass
    return {index for index, number in count.items() if number > 1}


def sound_stream(container: InputContainer) -> AudioStream | None:
    """The sound stream a player would choose: the one marked default, else the first."""
    streams = [stream for stream in container.streams.audio if stream.codec_context is not None]
    marked = [stream for stream in streams if stream.disposition & Disposition.default]
    return next(iter(marked or streams), None)


def streams_in_words(container: InputContainer) -> str:
    """The streams a file has, for messages: 'video h264, audio aac'."""
    names = [f"{s.type} {s.codec_context.name if s.codec_context else 'unknown'}" for s in container.streams]
    return ", ".join(names) or "no stream"


class TimedFrames(Generic[FrameT]):
    """Frames of one stream with their times in seconds; iterate once.

    A packet that does not decode costs that packet. Behind each of the breaks of the file's clock times go on as a
    player goes on. After the iteration `num_errors` tells how many did not, and
    `end_seconds` is where the last frame ends.
    """

    def __init__(
        self,
        container: InputContainer,
        stream: VideoStream | AudioStream,
        guard: Guard | None = None,
        breaks: tuple[ClockBreak, ...] = (),
    ) -> None:
        self.num_errors = 0
        self.end_seconds = 0.0
        self._container = container
        self._stream = stream
        self._guard = guard
        self._played = PlayedClock(container, breaks) if breaks else None
        self._clock = _DecodingClock() if container.format.name in DECODING_TIME_ONLY else None
        # ingest runs one file a core, and decoding times are right with one thread only
        stream.codec_context.thread_count = 1

    def __iter__(self) -> Iterator[tuple[float, FrameT]]:
        step = default_step_seconds(self._stream)
        last_seconds: float | None = None
        for frame in self._decoded():
            if self._guard is not None:
                self._guard.see(frame)
            seconds = time_of(frame, self._clock)
            if seconds is None:  # AVI and MPEG program streams leave some out
                seconds = self.end_seconds if last_seconds is not None else 0.0
            length = frame_seconds(frame, step, None if last_seconds is None else seconds - last_seconds)
            last_seconds, self.end_seconds = seconds, seconds + length
            yield seconds, frame

    def _decoded(self) -> Iterator[FrameT]:
        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.error.FFmpegError, OSError):  # the container breaks off here
                self.num_errors += 1
                return
            if packet is None:
                return
            if self._clock is not None:
                self._clock.see(packet)
            if self._played is not None:
                _move(packet, self._played.shift_of(packet))
            try:
                yield from cast("list[FrameT]", packet.decode())
            except (av.error.FFmpegError, ValueError):
                self.num_errors += 1


def _move(packet: Packet[Any], seconds: Fraction) -> None:
    """Move the stamps of a packet about to be decoded."""
    if seconds and packet.time_base:
        steps = round(seconds / packet.time_base)
        packet.pts = None if packet.pts is None else packet.pts + steps
        packet.dts = None if packet.dts is None else packet.dts + steps


class _DecodingClock:
    """Times for containers that store no presentation times, where the guessed ones are wrong with B-frames.

    Frames come out of the decoder in order, so their decoding times less the decoder's delay are their times.
    """

    def __init__(self) -> None:
        self._first_packet: int | None = None
        self._delay: int | None = None

    def see(self, packet: Packet[Any]) -> None:
        """Take note of a packet about to be decoded."""
        if self._first_packet is None and packet.size:
            self._first_packet = packet.dts

    def stamp_of(self, frame: VideoFrame) -> int | None:
        """Time of a decoded frame in its time base; None for the last ones, that wait in the decoder."""
        if frame.dts is None:
            return None
        if self._delay is None:
            self._delay = frame.dts - (frame.dts if self._first_packet is None else self._first_packet)
        return frame.dts - self._delay


def default_step_seconds(stream: VideoStream | AudioStream) -> float:
    """Time from one picture to the next by the stream's own rate, in seconds."""
    rate = stream.average_rate or stream.guessed_rate if isinstance(stream, VideoStream) else None
    return 1 / float(rate) if rate else 1 / FALLBACK_FRAMES_PER_SECOND


def frame_seconds(frame: VideoFrame | AudioFrame, default_seconds: float, since_last_seconds: float | None) -> float:
    """How long a frame lasts: its samples, its own duration, the step from the one before, or the default."""
    if isinstance(frame, AudioFrame):
        return frame.samples / frame.sample_rate
    if frame.duration and frame.time_base:
        return float(frame.duration * frame.time_base)
    return since_last_seconds if since_last_seconds is not None and since_last_seconds > 0 else default_seconds


def time_of(frame: VideoFrame | AudioFrame, clock: _DecodingClock | None = None) -> float | None:
    """A frame's presentation time in seconds; its decoding time if it has no other; None without either."""
    if clock is not None and isinstance(frame, VideoFrame):
        stamp = clock.stamp_of(frame)
    else:
        stamp = frame.pts if frame.pts is not None else frame.dts
    return None if stamp is None or frame.time_base is None else float(stamp * frame.time_base)


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
