"""Encode pictures and sound: the standard form's two files, and ordinary videos for others to play.

The standard picture is H.264 in MP4: a key frame every 12 frames and nothing that looks ahead, so that a window costs
at most 11 frames more than it shows.
"""

from __future__ import annotations

import wave
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from numpy.typing import NDArray

from avts.errors import MediaError
from avts.media.planes import Planes
from avts.timebase import FRAME_RATE, SAMPLE_RATE

GOP_FRAMES = 12
"""Frames from one key frame to the next."""

STANDARD_OPTIONS = {
    "preset": "superfast",  # two thirds of the size of ultrafast at the same decode time; slower presets gain little
    "tune": "fastdecode",  # no deblocking and no CABAC: half the decode time of the same preset without it
    "crf": "23",
    "bf": "0",
    "sc_threshold": "0",
    "forced-idr": "1",
}
"""libx264 options of the standard picture, chosen by measuring decode time and size."""

ENCODER_BLOCK_SAMPLES = 1024
"""Samples handed to a sound encoder at a time; those with fixed frames cut it themselves."""


def write_standard_video(path: Path, chunks: Iterable[Planes], *, gop_frames: int = GOP_FRAMES) -> int:
    """Write the standard form's picture file at 24 frames a second.

    Args:
        path: the MP4 file to write.
        chunks: frames in order, all of one height and width.
        gop_frames: frames from one key frame to the next; at least 2, else the file has no table of key frames.

    Returns:
        Number of frames written.
    """
    count = 0
    with av.open(str(path), "w", format="mp4") as container:
        stream: VideoStream | None = None
        for chunk in chunks:
            if stream is None:
                stream = container.add_stream("libx264", rate=FRAME_RATE, options=STANDARD_OPTIONS)
                set_picture(stream, chunk.width, chunk.height)
                stream.codec_context.gop_size = gop_frames
                stream.codec_context.time_base = Fraction(1, FRAME_RATE)
            for frame in video_frames(chunk):
                frame.pts, frame.time_base = count, Fraction(1, FRAME_RATE)
                count += 1
                container.mux(stream.encode(frame))
        if stream is not None:
            container.mux(stream.encode(None))
    return count


def write_standard_sound(path: Path, chunks: Iterable[NDArray[np.float32]]) -> int:
    """Write the standard form's sound file: WAV, 16-bit PCM, mono, 16 kHz; values beyond full scale are clipped.

    Returns:
        Number of samples written.
    """
    count = 0
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(SAMPLE_RATE)
        for chunk in chunks:
            sound.writeframes(pcm_of(chunk).tobytes())
            count += len(chunk)
    return count


def pcm_of(samples: NDArray[np.float32]) -> NDArray[np.int16]:
    """Float samples [N] of full scale 1 as little-endian 16-bit integers [N], rounded and clipped."""
    pcm: NDArray[np.int16] = np.clip(np.rint(samples * 32768.0), -32768, 32767).astype("<i2")
    return pcm


def write_video(
    path: Path,
    frames: Planes | NDArray[np.uint8],
    samples: NDArray[np.float32] | None,
    *,
    frames_per_second: float | Fraction = FRAME_RATE,
    sample_rate: int = SAMPLE_RATE,
    video_codec: str = "libx264",
    audio_codec: str = "aac",
    options: dict[str, str] | None = None,
) -> None:
    """Write an ordinary video file; the container follows from the name's ending.

    Args:
        path: the file to write.
        frames: Planes, or RGB [T, H, W, 3]; H and W even.
        samples: mono sound [N], full scale 1, first sample at the first frame; None for a silent film.
        frames_per_second: rate of the frames.
        sample_rate: rate of the samples.
        video_codec: FFmpeg's name of the encoder.
        audio_codec: FFmpeg's name of the encoder.
        options: options of the video encoder.

    Raises:
        MediaError: the container or an encoder is unknown, or they do not go together.
    """
    planes = frames if isinstance(frames, Planes) else None
    rate = Fraction(frames_per_second).limit_denominator(100_000)
    try:
        with av.open(str(path), "w") as container:
            video = cast(VideoStream, container.add_stream(video_codec, rate=rate, options=options or {}))
            height, width = (planes.height, planes.width) if planes else np.asarray(frames).shape[1:3]
            set_picture(video, width, height)
            audio: AudioStream | None = None
            if samples is not None:
                audio = cast(AudioStream, container.add_stream(audio_codec, rate=sample_rate, layout="mono"))
            pictures = video_frames(frames) if isinstance(frames, Planes) else rgb_frames(frames)
            for index, frame in enumerate(pictures):
                frame.pts, frame.time_base = index, 1 / rate
                container.mux(video.encode(frame))
            container.mux(video.encode(None))
            if audio is not None and samples is not None:
                for block in sound_frames(samples, sample_rate):
                    container.mux(audio.encode(block))
                container.mux(audio.encode(None))
    except (av.error.FFmpegError, ValueError) as error:
        raise MediaError(f"{path.name}: cannot write {video_codec} and {audio_codec} ({error}).") from error


def set_picture(stream: VideoStream, width: int, height: int) -> None:
    """Size, 4:2:0 and one thread: callers run one process a core."""
    stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
    stream.codec_context.thread_count = 1


def video_frames(planes: Planes) -> Iterable[VideoFrame]:
    """Planes as encoder frames."""
    shape = (planes.height * 3 // 2, planes.width)
    for y, u, v in zip(planes.y, planes.u, planes.v, strict=True):
        flat = np.concatenate([y.ravel(), u.ravel(), v.ravel()])
        yield VideoFrame.from_ndarray(flat.reshape(shape), format="yuv420p")


def rgb_frames(pictures: NDArray[np.uint8]) -> Iterable[VideoFrame]:
    """RGB pictures [T, H, W, 3] as encoder frames."""
    for picture in pictures:
        yield VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24").reformat(format="yuv420p")


def sound_frames(samples: NDArray[np.float32], sample_rate: int) -> Iterable[AudioFrame]:
    """Mono samples [N] as encoder frames with times."""
    for first in range(0, len(samples), ENCODER_BLOCK_SAMPLES):
        block = np.ascontiguousarray(samples[first : first + ENCODER_BLOCK_SAMPLES], dtype=np.float32)
        frame = AudioFrame.from_ndarray(block[None], format="flt", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = sample_rate, first, Fraction(1, sample_rate)
        yield frame
