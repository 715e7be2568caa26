"""A small copy of a film that browsers play, for films whose own codecs or container they lack.

Input: any film. Output: H.264 and AAC in MP4, or VP9 and Opus in WebM. It begins at the first frame, picture and sound
are on one clock, so that an offset is seen and heard as in the film.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, cast

import av
import numpy as np
from av.audio.stream import AudioStream
from av.codec import Codec
from av.codec.codec import UnknownCodecError
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray

from avts.errors import MediaError
from avts.files import whole_file
from avts.jobs.pool import beat
from avts.media.frames import StandardFrames, even
from avts.media.limits import UNLIMITED, Guard
from avts.media.planes import Planes
from avts.media.probe import MediaInfo, probe
from avts.media.standard import standard_frames, standard_sound
from avts.media.writer import set_picture, sound_frames, video_frames

Form = Literal["mp4", "webm"]

SHORT_SIDE = 360
"""Short side of the picture at most, in pixels."""

FASTEST = 30.0
"""Frames a second at most; a faster film is halved until it is not above this."""

FALLBACK_FRAMES_PER_SECOND = 25.0
"""For a film that names no rate."""

SAMPLE_RATE = 48_000
"""Samples a second; Opus takes no 44,100."""


@dataclass(frozen=True)
class Encoders:
    """FFmpeg's names of the encoders of picture and sound, the options of the first, and those of the container."""

    picture: str
    sound: str
    options: dict[str, str]
    container: dict[str, str] = field(default_factory=dict)


ENCODERS: dict[Form, Encoders] = {
    "mp4": Encoders("libx264", "aac", {"preset": "veryfast", "crf": "26"}, {"movflags": "+faststart"}),
    "webm": Encoders("libvpx-vp9", "libopus", {"deadline": "realtime", "cpu-used": "8", "crf": "36", "b": "0"}),
}


def form_here(wanted: Form) -> Form:
    """The form that this FFmpeg can write: the wanted one, otherwise the other.

    Raises:
        MediaError: it can write neither.
    """
    for form in (wanted, *ENCODERS):
        if all(map(_can_encode, (ENCODERS[form].picture, ENCODERS[form].sound))):
            return form
    names = ", ".join(each.picture for each in ENCODERS.values())
    raise MediaError(f"no preview: this FFmpeg has no encoder for one ({names}). Install PyAV's own wheel.")


def _can_encode(name: str) -> bool:
    try:
        Codec(name, "w")
    except UnknownCodecError:
        return False
    return True


def write_preview(source: Path, target: Path, *, on_progress: Callable[[int, int], None] | None = None) -> None:
    """Write the small copy of a film.

    Args:
        source: the film; it is only read.
        target: the file to write; its ending, .mp4 or .webm, says the form.
        on_progress: called with (seconds written, seconds), where the film says how long it is.

    Raises:
        MediaError: the film cannot be read, or an encoder does not take it.
    """
    info = probe(source)
    encoders = ENCODERS["webm" if target.suffix == ".webm" else "mp4"]
    rate = _rate(info)
    frames = standard_frames(
        source, short_side=_short_side(info), frames_per_second=float(rate), guard=Guard(source.name, UNLIMITED, beat)
    )
    total = round(info.duration_seconds)
    try:
        with whole_file(target) as part, av.open(str(part), "w", container_options=encoders.container) as container:
            copy = _Copy(container, encoders, rate)
            for seconds in copy.write(source, frames):
                if on_progress and total:
                    on_progress(min(round(seconds), total), total)
    except av.FFmpegError as error:
        raise MediaError(
            f"{source.name}: no preview, because {encoders.picture} or {encoders.sound} does not encode it "
            f"({error.strerror}). Watch it in a player of its own."
        ) from error


def _rate(info: MediaInfo) -> Fraction:
    """Frames a second of the copy."""
    rate = (info.video.frames_per_second if info.video else 0.0) or FALLBACK_FRAMES_PER_SECOND
    while rate > FASTEST:
        rate /= 2
    return Fraction(rate).limit_denominator(1001)


def _short_side(info: MediaInfo) -> int:
    """Pixels of the short side of the copy: those of the film, but not more than SHORT_SIDE."""
    return min(SHORT_SIDE, even(min(info.video.width, info.video.height)) if info.video else SHORT_SIDE)


class _Copy:
    """A copy being written: the sound follows each chunk of the picture, so that a player finds them together."""

    def __init__(self, container: OutputContainer, encoders: Encoders, rate: Fraction) -> None:
        self._container, self._encoders, self._rate = container, encoders, rate
        self._num_frames = self._num_samples = 0

    def write(self, source: Path, frames: StandardFrames) -> Iterator[float]:
        """Write a film; gives the seconds written after each chunk."""
        video: VideoStream | None = None
        audio: AudioStream | None = None
        sounds: Iterator[NDArray[np.float32]] = iter(())
        for chunk in frames:
            if video is None:
                video, audio = self._streams(chunk, has_sound=frames.has_sound)
                if audio is not None:
                    sounds = iter(standard_sound(source, start_seconds=frames.start_seconds, sample_rate=SAMPLE_RATE))
            self._add_pictures(video, chunk)
            until = float(self._num_frames / self._rate)
            while audio is not None and self._num_samples < until * SAMPLE_RATE:
                samples = next(sounds, None)
                if samples is None:
                    break
                self._add_sound(audio, samples)
            yield until
        if video is not None:
            self._container.mux(video.encode(None))
        if audio is not None:
            self._container.mux(audio.encode(None))

    def _streams(self, chunk: Planes, *, has_sound: bool) -> tuple[VideoStream, AudioStream | None]:
        encoders = self._encoders
        video = cast(
            VideoStream, self._container.add_stream(encoders.picture, rate=self._rate, options=encoders.options)
        )
        set_picture(video, chunk.width, chunk.height)
        if not has_sound:
            return video, None
        sound: Any = self._container.add_stream(encoders.sound, rate=SAMPLE_RATE, layout="mono")
        return video, cast(AudioStream, sound)

    def _add_pictures(self, stream: VideoStream, chunk: Planes) -> None:
        for frame in video_frames(chunk):
            frame.pts, frame.time_base = self._num_frames, 1 / self._rate
            self._num_frames += 1
            self._container.mux(stream.encode(frame))

    def _add_sound(self, stream: AudioStream, samples: NDArray[np.float32]) -> None:
        for frame in sound_frames(samples, SAMPLE_RATE):
            frame.pts = self._num_samples + (frame.pts or 0)
            self._container.mux(stream.encode(frame))
        self._num_samples += len(samples)
