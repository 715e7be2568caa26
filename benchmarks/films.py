"""What the sync benchmark is run on: generated films of several containers and rates, and long ones from a short one.

Output: files. A long film is a short one's packets over and over, so making hours of it costs seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from avts.files import whole_file
from avts.media.writer import write_video
from avts.timebase import FRAME_RATE, SAMPLE_RATE
from avts.world.composition import compose

SEED = 99_001
SECONDS = 8.0
MAX_SHIFT_SECONDS = 2.0


@dataclass(frozen=True)
class Form:
    """A container with its codecs and rates; repaired: the ending that its repaired film takes."""

    ending: str
    frames_per_second: Fraction
    sample_rate: int
    video_codec: str = "libx264"
    audio_codec: str = "aac"
    repaired: str = ""


FORMS = (
    Form(".mp4", Fraction(25), 48_000),
    Form(".mov", Fraction(24), 44_100),
    Form(".mkv", Fraction(30_000, 1001), 48_000, audio_codec="libopus"),
    Form(".webm", Fraction(30), 48_000, "libvpx", "libopus"),
    Form(".avi", Fraction(15), 22_050, "mpeg4", "libmp3lame", ".mkv"),
    Form(".mpg", Fraction(25), 44_100, "mpeg2video", "mp2"),
    Form(".ts", Fraction(50), 48_000),
    Form(".m4v", Fraction(12), 16_000),
)
"""Eight ways to store a film; AVI cannot say when its sound starts, so its repaired film is a Matroska."""


def shifted_film(folder: Path, index: int) -> tuple[Path, float, Form]:
    """Write a generated film whose sound is off by a known offset; gives it, the offset in seconds, and its form."""
    form = FORMS[index % len(FORMS)]
    take = compose(SEED, index, size=128, seconds=SECONDS, max_shift_seconds=MAX_SHIFT_SECONDS)
    path = folder / f"{index:03d}{form.ending}"
    at = np.arange(round(SECONDS * form.frames_per_second)) / float(form.frames_per_second)
    chosen = np.minimum(np.round(at * FRAME_RATE).astype(int), len(take.frames) - 1)
    write_video(
        path,
        take.frames[chosen],
        _resampled(take.samples, form.sample_rate),
        frames_per_second=form.frames_per_second,
        sample_rate=form.sample_rate,
        video_codec=form.video_codec,
        audio_codec=form.audio_codec,
    )
    return path, take.truth.offset_seconds, form


def _resampled(samples: NDArray[np.float32], rate: int) -> NDArray[np.float32]:
    common = int(np.gcd(rate, SAMPLE_RATE))
    return np.asarray(resample_poly(samples, rate // common, SAMPLE_RATE // common), np.float32)


def large_film(path: Path, *, seconds: float = 10.0, height: int = 720) -> Path:
    """Write a generated film of 16 : 9 at a height, H.264 with AAC at 48 kHz, if it is not there."""
    if not path.exists():
        take = compose(SEED, 5, size=128, seconds=seconds)
        size = (height * 16 // 9, height)
        frames = np.stack([cv2.resize(frame, size, interpolation=cv2.INTER_LINEAR) for frame in take.frames])
        with whole_file(path) as waiting:
            write_video(waiting, np.asarray(frames, np.uint8), _resampled(take.samples, 48_000), sample_rate=48_000)
    return path


def repeated(source: Path, target: Path, *, seconds: float) -> Path:
    """Write a film's packets over and over until it is long enough, if it is not there."""
    if target.exists():
        return target
    with whole_file(target) as waiting, av.open(source) as container, av.open(waiting, "w") as output:
        copies = [output.add_stream_from_template(stream) for stream in container.streams]
        length = Fraction(container.duration or 1, av.time_base)
        shift = Fraction(0)
        last: dict[int, int] = {}
        while shift < seconds:
            container.seek(0)
            for packet in container.demux():
                if packet.dts is None or packet.pts is None:
                    continue
                ticks = round(shift / packet.time_base)
                packet.pts, packet.dts = packet.pts + ticks, packet.dts + ticks
                if packet.dts <= last.get(packet.stream.index, packet.dts - 1):
                    continue  # sound that overlaps at the seam
                last[packet.stream.index] = packet.dts
                packet.stream = copies[packet.stream.index]
                output.mux(packet)
            shift += length
    return target
