"""A film with a visible and an audible truth: every picture shows its own number, and the sound clicks at known times.

Input: a Film. Output: a media file, and the Truth of it: when which picture is shown and when each click is heard.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.video.frame import VideoFrame
from numpy.typing import NDArray

NUM_BITS = 8
"""Vertical bars of a picture: its number in binary, a white bar for 1."""

CLICK_SECONDS = 0.004
CLICK_HERTZ = 2000.0
CLICKS_SECONDS = (0.31, 0.82, 1.27, 1.93)
"""Middles of the clicks after the first picture, unevenly spaced."""

BLOCK_SAMPLES = 1024

BIT_RATES = {"wmav1": 128_000, "wmav2": 128_000, "libopencore_amrnb": 12_200, "g726": 32_000, "g723_1": 6300}
"""Bits a second for encoders that do not open without."""


@dataclass(frozen=True)
class Truth:
    """What a player shows and plays: (seconds, number) of each picture, and the middle of each click, in seconds.

    Both are on one clock that is 0 at the first picture.
    """

    pictures: tuple[tuple[float, int], ...]
    clicks: tuple[float, ...]


@dataclass(frozen=True)
class Film:
    """What to write. Times are in seconds on the container's clock.

    picture_times: of the pictures, if they are not evenly spaced; first_number: shown by the first picture;
    channels_inverted: the second channel is the first one times -1; sound_from: where the first sample lies.
    """

    video: str = "libx264"
    audio: str = "aac"
    seconds: float = 2.4
    rate: Fraction = Fraction(25)
    picture_times: tuple[float, ...] | None = None
    first_number: int = 0
    clicks: tuple[float, ...] = CLICKS_SECONDS
    width: int = 128
    height: int = 96
    sound_rate: int = 48_000
    layout: str = "stereo"
    channels_inverted: bool = False
    picture_from: float = 0.0
    sound_from: float = 0.0
    rotation_degrees: int = 0
    pixel_format: str | None = None
    muxer: str | None = None
    video_options: dict[str, str] = field(default_factory=dict)
    container_options: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def times(self) -> tuple[float, ...]:
        """When each picture is shown, after the first one."""
        if self.picture_times is not None:
            return self.picture_times
        return tuple(float(index / self.rate) for index in range(round(self.seconds * self.rate)))

    @property
    def truth(self) -> Truth:
        """What a player shows and plays of a plain file of this film."""
        pictures = tuple((seconds, self.first_number + index) for index, seconds in enumerate(self.times))
        heard = tuple(click for click in self.clicks if click > self.sound_from - self.picture_from + CLICK_SECONDS)
        return Truth(pictures, heard)

    def picture(self, number: int) -> NDArray[np.uint8]:
        """A grey picture [H, W] that shows a number."""
        bars = np.array([235 if number >> bit & 1 else 16 for bit in range(NUM_BITS)], np.uint8)
        return np.tile(np.repeat(bars, self.width // NUM_BITS), (self.height, 1))

    def samples(self, rate: int) -> NDArray[np.float32]:
        """Sound [N] from `sound_from` to the end of the picture: clicks in faint noise."""
        lead = self.sound_from - self.picture_from
        at = lead + np.arange(round((self.seconds - lead) * rate)) / rate
        sound = np.random.default_rng(0).standard_normal(len(at)) * 1e-3
        for click in self.clicks:
            near = slice(*np.searchsorted(at, [click - CLICK_SECONDS, click + CLICK_SECONDS]))
            sound[near] += click_at(at[near] - click)
        return sound.astype(np.float32)


def click_at(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """A short tone with a Gaussian envelope whose middle is at 0 s."""
    envelope: NDArray[np.float64] = 0.7 * np.exp(-((seconds / (CLICK_SECONDS / 4)) ** 2))
    return envelope * np.cos(2 * np.pi * CLICK_HERTZ * seconds)


def write_film(path: Path, film: Film) -> Truth:
    """Write a film as a media file; the ending of the name says the container.

    Raises:
        ValueError or av.FFmpegError: an encoder or the container does not take what the film asks for.
    """
    options = _options(film, path)
    with av.open(f"file:{path}", "w", format=film.muxer, container_options=options) as container:
        container.metadata.update(film.tags)
        video, audio = add_video(container, film), add_audio(container, film)
        container.start_encoding()
        for _, stream, frame in _in_order(film, video, audio):
            container.mux(stream.encode(frame))
        for stream in filter(None, (video, audio)):
            container.mux(stream.encode(None))
    return film.truth


def _options(film: Film, path: Path) -> dict[str, str]:
    # AVI counts frames from its beginning: a shift that keeps time stamps above 0 would become a doubled frame
    plain = {"avoid_negative_ts": "disabled"} if path.suffix == ".avi" else {}
    return {"fflags": "+bitexact", "strict": "experimental", **plain, **film.container_options}


def add_video(container: Any, film: Film) -> Any:
    """Add the picture's stream to a container that is being written."""
    options = {"strict": "experimental", "flags": "+bitexact", **_video_options(film.video), **film.video_options}
    video = container.add_stream(film.video, rate=film.rate, options=options)
    video.width, video.height = film.width, film.height
    formats = [each.name for each in video.codec_context.codec.video_formats or ()]
    wanted = film.pixel_format or ("yuv420p" if "yuv420p" in formats or not formats else formats[0])
    video.pix_fmt = wanted
    video.codec_context.thread_count = 1
    if film.picture_times is not None:
        video.codec_context.time_base = Fraction(1, 90_000)
    if film.rotation_degrees:
        video.set_display_rotation(film.rotation_degrees)
    return video


def _video_options(codec: str) -> dict[str, str]:
    """Options that make an encoder fast; x264 keeps its B-frames."""
    known = {
        "libx264": {"preset": "ultrafast", "bf": "2", "g": "25", "x264-params": "threads=1"},
        "libx265": {"preset": "ultrafast", "x265-params": "log-level=none:pools=none:frame-threads=1"},
        "libvpx": {"cpu-used": "8", "deadline": "realtime"},
        "libvpx-vp9": {"cpu-used": "8", "deadline": "realtime"},
        "libsvtav1": {"preset": "12", "svtav1-params": "lp=1"},
    }
    return known.get(codec, {"b": "2M"})


def add_audio(container: Any, film: Film) -> Any:
    """Add the sound's stream, with the layout and rate nearest to what the film asks for; None for a silent film."""
    if not film.audio:
        return None
    codec = av.Codec(film.audio, "w")
    rates = codec.audio_rates or []
    rate = film.sound_rate if not rates or film.sound_rate in rates else min(rates, key=_far_from(film.sound_rate))
    options = {"strict": "experimental", "flags": "+bitexact"}
    if film.audio == "aac":
        options["aac_coder"] = "fast"
    if film.layout not in {"mono", "stereo"} and film.audio == "libopus":
        options["mapping_family"] = "255"
    audio = container.add_stream(film.audio, rate=rate, options=options, layout=film.layout)
    formats = codec.audio_formats
    if formats:
        audio.codec_context.format = formats[0].name
    if film.audio in BIT_RATES:
        audio.bit_rate = BIT_RATES[film.audio]
    return audio


def _far_from(rate: int) -> Any:
    return lambda other: abs(other - rate)


def _in_order(film: Film, video: Any, audio: Any) -> Iterator[tuple[float, Any, VideoFrame | AudioFrame]]:
    """Frames of both streams in the order of their times."""
    frames: list[tuple[float, Any, VideoFrame | AudioFrame]] = []
    for seconds, picture in pictures_of(film, str(video.pix_fmt)):
        frames.append((seconds, video, picture))
    if audio is not None:
        for block in sounds_of(film, audio.codec_context):
            frames.append((_seconds(block), audio, block))
    return iter(sorted(frames, key=lambda item: item[0]))


def _seconds(frame: Any) -> float:
    return float(frame.pts * frame.time_base)


def pictures_of(film: Film, pixel_format: str) -> Iterator[tuple[float, VideoFrame]]:
    """The pictures as frames for an encoder, each with its time."""
    base = 1 / film.rate if film.picture_times is None else Fraction(1, 90_000)
    for index, seconds in enumerate(film.times):
        frame = _frame(film.picture(film.first_number + index), pixel_format)
        frame.pts, frame.time_base = round((seconds + film.picture_from) / base), base
        yield seconds + film.picture_from, frame


def _frame(grey: NDArray[np.uint8], pixel_format: str) -> VideoFrame:
    if pixel_format == "yuv420p":
        height, width = grey.shape
        chroma = np.full((height // 2, width), 128, np.uint8)
        return VideoFrame.from_ndarray(np.concatenate([grey, chroma]), format="yuv420p")
    return VideoFrame.from_ndarray(grey, format="gray").reformat(format=pixel_format)


def sounds_of(film: Film, codec: Any) -> Iterator[AudioFrame]:
    """The sound as frames for an encoder: its format, its layout and its frame size."""
    rate, layout = int(codec.sample_rate), codec.layout
    samples = film.samples(rate)
    channels = np.repeat(samples[None], layout.nb_channels, axis=0)
    if film.channels_inverted:
        channels[1] *= -1
    codec.open(strict=False)
    to_encoder = AudioResampler(format=codec.format, layout=layout, rate=rate, frame_size=codec.frame_size or None)
    for block in _blocks(channels, layout.name, rate, round(film.sound_from * rate)):
        yield from _placed(to_encoder.resample(block))
    yield from _placed(to_encoder.resample(None))


def _blocks(channels: NDArray[np.float32], layout: str, rate: int, first_tick: int) -> Iterator[AudioFrame]:
    for first in range(0, channels.shape[1], BLOCK_SAMPLES):
        # interleaved: more than 8 planes are more than PyAV holds
        part = np.ascontiguousarray(channels[:, first : first + BLOCK_SAMPLES].T).reshape(1, -1)
        frame = AudioFrame.from_ndarray(part, format="flt", layout=layout)
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), first_tick + first
        yield frame


def _placed(frames: Iterable[AudioFrame]) -> Iterator[AudioFrame]:
    return (frame for frame in frames if frame is not None and frame.samples)
