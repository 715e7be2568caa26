"""The picture of any file in the standard form: constant rate, small, square pixels, upright, 4:2:0, frame 0 at 0 s.

Output frame n shows the source frame whose time is nearest to n / frames_per_second, so the mean timing error is zero.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.filter import Graph
from av.video.frame import VideoFrame
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter
from av.video.stream import VideoStream
from numpy.typing import NDArray

from avts.errors import MediaError
from avts.media.clock import ClockBreak
from avts.media.length import length_of
from avts.media.limits import MAX_DURATION_SECONDS, Guard, alive_of
from avts.media.orientation import Orientation, orientation_of
from avts.media.planes import Planes, picture_of
from avts.media.played import played_breaks
from avts.media.source import (
    TimedFrames,
    is_broken_off,
    opened,
    picture_stream,
    skip_to,
    sound_stream,
    start_of,
    streams_in_words,
)
from avts.timebase import Span

CHUNK_FRAMES = 48
"""Frames handed on at a time, at most: 2 s, about 1.2 MB at 128 x 128."""

LONGEST_GAP_SECONDS = 3600.0
"""A longer leap from one frame to the next is a broken clock, not a slide show; filling it could fill a disk. Where no
guard holds a file to a length, all its gaps together may not be longer than MAX_DURATION_SECONDS either."""

LONGEST_AHEAD_SECONDS = 0.1
"""No frame is shown earlier than this before its own time, half a step at 5 frames a second: a slide, or a frame that
was dropped because nothing moved, stands until shortly before the next."""

GAP_SECONDS = 60.0
"""A frame shown for longer counts as a gap."""

TIE_SECONDS = 0.0006
"""Closer than this to half-way is half-way: containers with millisecond stamps are off by as much."""

LONGEST_ASPECT = 8
"""A picture longer than this many times its short side is refused: scaled by its short side it would be huge."""

SHORTFALL_SECONDS = 0.5
"""A picture that ends this much before the container says it does was cut off."""


@dataclass(frozen=True)
class Geometry:
    """How source frames become standard frames: scaled to width x height, then turned."""

    width: int
    height: int
    orientation: Orientation

    @staticmethod
    def of(frame: VideoFrame, stream: VideoStream, short_side: int, name: str) -> Geometry:
        """Square pixels, the shorter side as asked, both sides even, the longer side to the nearest even number."""
        aspect = stream.sample_aspect_ratio or Fraction(1)
        width, height = frame.width * float(aspect if aspect > 0 else 1), float(frame.height)
        scale = short_side / min(width, height)
        if max(width, height) > LONGEST_ASPECT * min(width, height):
            raise MediaError(
                f"{name}: {frame.width} x {frame.height} pixels is longer than {LONGEST_ASPECT} times its short side. "
                "Crop it first."
            )
        return Geometry(even(width * scale), even(height * scale), orientation_of(frame))


def even(pixels: float) -> int:
    """The nearest even number of pixels, at least 2: 4:2:0 halves both sides."""
    return max(2, 2 * round(pixels / 2))


class StandardFrames:
    """The standard-form picture of a file as chunks of Planes; iterate once, memory does not grow with the file.

    From the first chunk on: `has_sound`, `streams`, all the file's streams in words, and `clock_breaks`, where its
    clock starts again or jumps; what follows is taken to go on at once, as players do.
    After the iteration: `start_seconds` is the source time of frame 0, `num_frames` the count,
    `source_frames_per_second` as measured, and `truncated` tells whether something was missing or did not decode.
    """

    def __init__(
        self,
        path: Path,
        *,
        short_side: int,
        frames_per_second: float,
        part: Span | None = None,
        guard: Guard | None = None,
    ) -> None:
        if short_side < 2 or short_side % 2:
            raise MediaError(f"short side of {short_side} pixels: must be even and at least 2.")
        self.start_seconds = 0.0
        self.num_frames = 0
        self.source_frames_per_second = 0.0
        self.truncated = False
        self.has_sound = False
        self.streams = ""
        self.clock_breaks: tuple[ClockBreak, ...] = ()
        self._path = path
        self._short_side = short_side
        self._rate = frames_per_second
        self._part = part
        self._guard = guard
        self._gaps_seconds = 0.0
        self._from_seconds, self._to_seconds = -math.inf, math.inf

    def __iter__(self) -> Iterator[Planes]:
        with opened(self._path) as container:
            stream = picture_stream(container)
            self.has_sound = sound_stream(container) is not None
            self.streams = streams_in_words(container)
            if stream is None:
                raise MediaError(f"{self._path.name}: no video stream (it has: {self.streams}). Nothing to look at.")
            self._begin(container, stream)
            self.clock_breaks = played_breaks(self._path, alive_of(self._guard))
            timed = TimedFrames[VideoFrame](container, stream, self._guard, self.clock_breaks)
            yield from self._chunks(stream, timed)
            if self.num_frames == 0 and self._part is not None and timed.end_seconds:
                raise MediaError(
                    f"{self._path.name}: asked for {self._part.start_seconds:.3f} to {self._part.stop_seconds:.3f} s, "
                    f"but its picture ends at {timed.end_seconds - start_of(container):.3f} s."
                )
            if self.num_frames == 0:
                raise MediaError(f"{self._path.name}: no frame of its video {stream.codec_context.name} decodes.")

    def _begin(self, container: InputContainer, stream: VideoStream) -> None:
        """Check what the file says of itself, and go to the part that was asked for."""
        if self._guard is not None:
            self._guard.before(stream, length_of(container) if self._part is None else self._part.duration_seconds)
        if self._part is not None:
            # half a frame: a start that lies on a frame, but for rounding, takes that frame
            self._from_seconds = start_of(container) + self._part.start_seconds - 0.5 / self._rate
            self._to_seconds = start_of(container) + self._part.stop_seconds
            skip_to(container, self._from_seconds)

    def _chunks(self, stream: VideoStream, timed: TimedFrames[VideoFrame]) -> Iterator[Planes]:
        chunk: Planes | None = None
        scaler: _Scaler | None = None
        filled = 0
        for frame, count in self._chosen(stream, timed):
            if scaler is None:
                scaler = _Scaler(Geometry.of(frame, stream, self._short_side, self._path.name))
            picture = scaler.planes(frame)
            for _ in range(count):
                if chunk is None:
                    chunk = Planes.empty(CHUNK_FRAMES, *picture[0].shape)
                chunk.y[filled], chunk.u[filled], chunk.v[filled] = picture
                filled += 1
                if filled == CHUNK_FRAMES:
                    self.num_frames += filled
                    yield chunk
                    chunk, filled = None, 0
        if chunk is not None:
            self.num_frames += filled
            yield chunk.part(0, filled)

    def _chosen(self, stream: VideoStream, timed: TimedFrames[VideoFrame]) -> Iterator[tuple[VideoFrame, int]]:
        """Source frames with the number of output frames that show them, frames shown nowhere left out."""
        nearest = NearestFrames(self._rate)
        shown = 0
        count = 0
        held: VideoFrame | None = None
        held_seconds = 0.0
        for seconds, frame in deinterlaced(timed, stream):
            if seconds < self._from_seconds:
                continue
            if seconds >= self._to_seconds:
                break
            if held is None:
                self.start_seconds = seconds
            else:
                relative, held_relative = seconds - self.start_seconds, held_seconds - self.start_seconds
                if relative <= held_relative:  # a clock that runs backwards: the earlier frame stays
                    continue
                self._check_gap(held_relative, relative)
                if self._guard is not None:
                    self._guard.check_duration(relative)
                until = nearest.stop_before(relative, held_relative)
                if until > shown:
                    yield held, until - shown
                    shown = until
            held, held_seconds = frame, seconds
            count += 1
        if held is not None:
            length = min(max(timed.end_seconds, held_seconds), self._to_seconds) - self.start_seconds
            total = max(1, round(length * self._rate), shown)
            if total > shown:
                yield held, total - shown
            self._finish(stream, timed, count, length)

    def _check_gap(self, from_seconds: float, to_seconds: float) -> None:
        """Raise MediaError if one frame would have to be shown for longer than any slide is."""
        gap = to_seconds - from_seconds
        self._gaps_seconds += gap if gap > GAP_SECONDS else 0.0
        if gap > LONGEST_GAP_SECONDS or self._gaps_seconds > MAX_DURATION_SECONDS:
            raise MediaError(
                f"{self._path.name}: its video leaps from {from_seconds:.1f} to {to_seconds:.1f} s. "
                "Its clock is broken: re-encode it."
            )

    def _finish(self, stream: VideoStream, timed: TimedFrames[VideoFrame], count: int, length: float) -> None:
        self.source_frames_per_second = count / length if length > 0 else 0.0
        promised = float(stream.duration * stream.time_base) if stream.duration and stream.time_base else 0.0
        if self._part is not None:
            promised = self._part.duration_seconds
        is_short = length < promised - SHORTFALL_SECONDS and not self.clock_breaks
        is_cut = self._part is None and is_broken_off(self._path)
        self.truncated = timed.num_errors > 0 or is_short or is_cut


class NearestFrames:
    """Which output frames are nearer to one source frame than to the next one.

    Output frames half-way between two go to the earlier and the later in turn: always the earlier would set
    30 frames a second back by 4 ms in the mean, and 12 by 21 ms.
    """

    def __init__(self, frames_per_second: float) -> None:
        self._rate = frames_per_second
        self._tie_to_earlier = True

    def stop_before(self, next_seconds: float, held_seconds: float) -> int:
        """Index of the first output frame that shows the next source frame rather than the held one."""
        middle = max((held_seconds + next_seconds) / 2, next_seconds - LONGEST_AHEAD_SECONDS)
        nearest = round(middle * self._rate)
        if abs(middle - nearest / self._rate) > TIE_SECONDS:
            return math.ceil(middle * self._rate)
        self._tie_to_earlier = not self._tie_to_earlier
        return nearest if self._tie_to_earlier else nearest + 1


class _Scaler:
    """Scales and turns decoded frames; keeps the scaler's tables from frame to frame."""

    def __init__(self, geometry: Geometry) -> None:
        self._geometry = geometry
        self._reformatter = VideoReformatter()

    def planes(self, frame: VideoFrame) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
        """Three planes, [H, W] and twice [H/2, W/2]; valid until the next call."""
        to = self._geometry
        shrinks = to.width * to.height < frame.width * frame.height
        scaled = self._reformatter.reformat(
            frame,
            to.width,
            to.height,
            "yuv420p",
            interpolation=Interpolation.AREA if shrinks else Interpolation.BICUBIC,
            src_color_range=frame.color_range or None,
            dst_color_range=ColorRange.MPEG,
        )
        y, u, v = (to.orientation.apply(picture_of(plane)) for plane in scaled.planes)
        return y, u, v


def deinterlaced(timed: Iterable[tuple[float, VideoFrame]], stream: VideoStream) -> Iterator[tuple[float, VideoFrame]]:
    """Frames as they are while progressive; from the first interlaced one on, the field shown first, filled up.

    Both fields mixed would show a time half a field later than the frame's own.
    """
    graph: Graph | None = None
    waiting: list[float] = []
    for seconds, frame in timed:
        if graph is None and frame.interlaced_frame:
            graph = _deinterlacer(frame, stream)
        if graph is None:
            yield seconds, frame
            continue
        waiting.append(seconds)
        graph.vpush(frame)
        yield from _pulled(graph, waiting)
    if graph is not None:
        graph.vpush(None)
        yield from _pulled(graph, waiting)


def _deinterlacer(frame: VideoFrame, stream: VideoStream) -> Graph:
    graph = Graph()
    source = graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format, time_base=stream.time_base or Fraction(1, 1000)
    )
    graph.link_nodes(
        source, graph.add("bwdif", "mode=send_frame:parity=auto:deint=interlaced"), graph.add("buffersink")
    ).configure()
    return graph


def _pulled(graph: Graph, waiting: list[float]) -> Iterator[tuple[float, VideoFrame]]:
    """Frames the filter has ready; it gives one for each it got, in order, so times are handed through beside it."""
    while waiting:
        try:
            frame = graph.vpull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
        yield waiting.pop(0), frame
