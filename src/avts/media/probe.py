"""Tell what is in a media file without decoding more than its first picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from avts.media.length import length_of
from avts.media.orientation import Orientation, orientation_of
from avts.media.source import opened, picture_stream, sound_stream, time_of


@dataclass(frozen=True)
class VideoInfo:
    """The picture: pixels as displayed (turned, square), rate, start on the file's clock, clockwise turn."""

    codec: str
    width: int
    height: int
    frames_per_second: float
    start_seconds: float
    rotation_degrees: int


@dataclass(frozen=True)
class AudioInfo:
    """The sound: rate in samples a second, channels, start on the file's clock."""

    codec: str
    sample_rate: int
    channels: int
    start_seconds: float


@dataclass(frozen=True)
class MediaInfo:
    """What a file holds; duration as its container says, or its packets where that cannot be; 0 if it does not."""

    path: Path
    container: str
    duration_seconds: float
    video: VideoInfo | None
    audio: AudioInfo | None


def probe(path: Path) -> MediaInfo:
    """Tell what is in a media file.

    Raises:
        MediaError: the file is missing, unreadable, or not a media file.
    """
    path = Path(path)
    with opened(path) as container:
        picture, sound = picture_stream(container), sound_stream(container)
        return MediaInfo(
            path=path,
            container=container.format.name,
            duration_seconds=length_of(container),
            video=None if picture is None else _video_info(container, picture),
            audio=None if sound is None else _audio_info(sound),
        )


def _video_info(container: InputContainer, stream: VideoStream) -> VideoInfo:
    frame = _first_frame(container, stream)
    orientation = Orientation() if frame is None else orientation_of(frame)
    aspect = stream.sample_aspect_ratio
    width, height = round(stream.width * float(aspect)) if aspect else stream.width, stream.height
    if orientation.transpose:
        width, height = height, width
    rate = stream.average_rate or stream.guessed_rate
    return VideoInfo(
        codec=stream.codec_context.name,
        width=width,
        height=height,
        frames_per_second=float(rate) if rate else 0.0,
        start_seconds=_start_seconds(stream, None if frame is None else time_of(frame)),
        rotation_degrees=orientation.rotation_degrees,
    )


def _audio_info(stream: AudioStream) -> AudioInfo:
    return AudioInfo(
        codec=stream.codec_context.name,
        sample_rate=stream.rate,
        channels=stream.channels,
        start_seconds=_start_seconds(stream, None),
    )


def _first_frame(container: InputContainer, stream: VideoStream) -> VideoFrame | None:
    """The first picture that decodes; none if the codec or the data are broken."""
    stream.thread_count = 1
    try:
        return next(container.decode(stream), None)
    except (av.error.FFmpegError, ValueError):
        return None


def _start_seconds(stream: VideoStream | AudioStream, decoded_seconds: float | None) -> float:
    if decoded_seconds is not None:
        return decoded_seconds
    if stream.start_time is None or stream.time_base is None:
        return 0.0
    return float(stream.start_time * stream.time_base)
