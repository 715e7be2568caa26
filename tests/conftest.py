"""Media made by code: films that count their own frames and click at known times, and what is read back from them."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from numpy.typing import NDArray

BITS = 8
"""Vertical bars of a picture; they are the frame's index in binary, white for 1."""

CLICK_SECONDS = 0.004
CLICK_HERTZ = 2000.0


@dataclass(frozen=True)
class CountingFilm:
    """A film whose every frame shows its own index, with clicks at known times; times on the picture's clock.

    times_seconds: presentation times of the frames; by default frame k at k / frames_per_second.
    clicks_seconds: middles of the clicks after the first frame. video_start_seconds and sound_start_seconds: where the
    container puts the first frame and the first sample. gap_seconds: (from, to) of sound that is left out.
    """

    frames_per_second: Fraction = Fraction(25)
    seconds: float = 4.0
    clicks_seconds: tuple[float, ...] = (0.5, 1.0, 1.7, 2.3, 3.1)
    times_seconds: tuple[float, ...] | None = None
    width: int = 128
    height: int = 64
    video_codec: str = "libx264"
    audio_codec: str | None = "aac"
    sample_rate: int = 48_000
    layout: str = "mono"
    video_start_seconds: float = 0.0
    sound_start_seconds: float = 0.0
    gap_seconds: tuple[float, float] | None = None
    pixel_format: str = "yuv420p"
    rotation_degrees: int = 0
    aspect: Fraction | None = None
    options: dict[str, str] = field(default_factory=dict)
    container_options: dict[str, str] = field(default_factory=dict)

    @property
    def frame_times(self) -> list[float]:
        if self.times_seconds is not None:
            return list(self.times_seconds)
        return [float(k / self.frames_per_second) for k in range(round(self.seconds * self.frames_per_second))]

    def write(self, path: Path) -> Path:
        with av.open(str(path), "w", container_options=self.container_options) as container:
            video: Any = container.add_stream(self.video_codec, rate=self.frames_per_second, options=self.options)
            video.width, video.height, video.pix_fmt = self.width, self.height, self.pixel_format
            video.codec_context.thread_count = 1
            if self.times_seconds is not None:
                video.codec_context.time_base = Fraction(1, 90_000)
            if self.aspect is not None:
                video.codec_context.sample_aspect_ratio = self.aspect
            if self.rotation_degrees:
                video.set_display_rotation(self.rotation_degrees)
            audio: Any = None
            if self.audio_codec:
                audio = container.add_stream(self.audio_codec, rate=self.sample_rate, layout=self.layout)
            self._mux(container, video, audio)
        return path

    def _mux(self, container: Any, video: Any, audio: Any) -> None:
        base = Fraction(1, 90_000) if self.times_seconds is not None else 1 / self.frames_per_second
        pictures: list[tuple[float, Any, VideoFrame]] = []
        for index, seconds in enumerate(self.frame_times):
            frame = VideoFrame.from_ndarray(self.picture(index), format="gray").reformat(format=self.pixel_format)
            frame.pts, frame.time_base = round((seconds + self.video_start_seconds) / base), base
            pictures.append((seconds + self.video_start_seconds, video, frame))
        sounds = [] if audio is None else [(float(f.pts * f.time_base), audio, f) for f in self._sound_frames()]
        for _, stream, frame in sorted([*pictures, *sounds], key=lambda item: item[0]):
            container.mux(stream.encode(frame))
        for stream in filter(None, (video, audio)):
            container.mux(stream.encode(None))

    def picture(self, index: int) -> NDArray[np.uint8]:
        """Frame [H, W]: bar b is white if bit b of the index is set."""
        bars = np.array([235 if index >> bit & 1 else 16 for bit in range(BITS)], np.uint8)
        return np.tile(np.repeat(bars, self.width // BITS), (self.height, 1))

    def samples(self) -> NDArray[np.float32]:
        """Sound from the container's first sample on: clicks in faint noise."""
        lead = self.sound_start_seconds - self.video_start_seconds
        at = lead + np.arange(round((self.seconds - lead) * self.sample_rate)) / self.sample_rate
        noise = np.random.default_rng(0).standard_normal(len(at)) * 1e-3
        for click in self.clicks_seconds:
            noise += click_at(at - click)
        return noise.astype(np.float32)

    def _sound_frames(self) -> list[AudioFrame]:
        samples = self.samples()
        size = 1024
        channels = 1 if self.layout == "mono" else 2
        frames = []
        for first in range(0, len(samples), size):
            at = self.sound_start_seconds - self.video_start_seconds + first / self.sample_rate
            if self.gap_seconds and self.gap_seconds[0] <= at < self.gap_seconds[1]:
                continue
            block = np.tile(samples[first : first + size], (channels, 1))
            frame = AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout=self.layout)
            frame.sample_rate, frame.time_base = self.sample_rate, Fraction(1, self.sample_rate)
            frame.pts = first + round(self.sound_start_seconds * self.sample_rate)
            frames.append(frame)
        return frames


def click_at(seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """A short tone whose middle is at 0 s."""
    return 0.7 * np.exp(-((seconds / (CLICK_SECONDS / 4)) ** 2)) * np.cos(2 * np.pi * CLICK_HERTZ * seconds)


def shown_indices(luminance: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The frame index that each of [T, H, W] pictures shows."""
    height, width = luminance.shape[1:]
    middles = (np.arange(BITS) + 0.5) * width / BITS
    bars = luminance[:, height // 4 : -height // 4, middles.astype(int)].mean(axis=1) > 125
    return (bars * 2 ** np.arange(BITS)).sum(axis=1)


def picture_error_seconds(film: CountingFilm, luminance: NDArray[np.uint8], rate: float = 24.0) -> NDArray[np.float64]:
    """For each output frame: time of the source frame it shows minus its own time; plus shows what comes later."""
    times = np.array(film.frame_times) - film.frame_times[0]
    return times[shown_indices(luminance)] - np.arange(len(luminance)) / rate


def click_errors_seconds(
    clicks: Sequence[float], samples: NDArray[np.float32], rate: int = 16_000
) -> NDArray[np.float64]:
    """For each click: where it is found, within 60 ms, minus where it should be; plus is late."""
    template = click_at(np.arange(-64, 65) / rate)
    errors = []
    for click in clicks:
        first = max(0, round((click - 0.06) * rate) - 64)
        near = samples[first : round((click + 0.06) * rate) + 64]
        match = np.correlate(near, template, "valid")
        errors.append((first + 64 + int(np.argmax(match))) / rate - click)
    return np.array(errors)


@dataclass(frozen=True)
class Films:
    """What tests need to make films and to read them back."""

    folder: Path
    shown_indices: Callable[[NDArray[np.uint8]], NDArray[np.int64]] = shown_indices
    picture_error_seconds: Callable[..., NDArray[np.float64]] = picture_error_seconds
    click_errors_seconds: Callable[..., NDArray[np.float64]] = click_errors_seconds

    def film(self, **arguments: Any) -> CountingFilm:
        return CountingFilm(**arguments)

    def write(self, name: str, **arguments: Any) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return CountingFilm(**arguments).write(path)


@pytest.fixture
def films(tmp_path: Path) -> Films:
    """Makes films whose frames count and whose sound clicks, in a temporary folder of the test."""
    return Films(tmp_path / "films")


@pytest.fixture(scope="session")
def real_clips() -> Path:
    """The folder of real clips; the test is skipped where it is absent."""
    folder = Path(os.environ.get("AVTS_CLIPS", Path(__file__).parents[2] / "shared" / "data" / "clips"))
    if not folder.is_dir():
        pytest.skip(f"no real clips at {folder} (set AVTS_CLIPS)")
    return folder
