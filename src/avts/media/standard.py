"""Any media file in the standard form: 24 frames and 16,000 samples a second on one clock, whole or as a stream.

t = 0 is the presentation time of the source's first video frame. The picture sets the length; the sound is cut
or padded with silence to it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avts.media.frames import StandardFrames
from avts.media.limits import Guard
from avts.media.planes import Planes
from avts.media.sound import StandardSound
from avts.media.source import opened, sound_stream
from avts.timebase import FRAME_RATE, SAMPLE_RATE, Span

SHORT_SIDE = 128
"""Short side of the standard form in pixels."""


@dataclass(frozen=True)
class StandardClip:
    """A whole file in the standard form.

    planes: [T, H, W]; samples: float32 [N], full scale 1, empty if the file has no sound and that was allowed;
    duration_seconds: T frames' worth; truncated: something was missing or did not decode.
    """

    planes: Planes
    samples: NDArray[np.float32]
    duration_seconds: float
    truncated: bool = False

    @property
    def has_sound(self) -> bool:
        """False if the file has no sound stream."""
        return len(self.samples) > 0


def standard_frames(
    path: Path,
    *,
    short_side: int = SHORT_SIDE,
    frames_per_second: float = FRAME_RATE,
    part: Span | None = None,
    guard: Guard | None = None,
) -> StandardFrames:
    """Stream a file's picture: an iterable of Planes of up to 48 frames.

    Args:
        path: any media file.
        short_side: in pixels, even.
        frames_per_second: of what is given.
        part: what to take of the file, in seconds as a player counts them; None for all of it.
        guard: holds the file to limits.

    Raises:
        MediaError: while iterating: not a media file, no video stream, nothing decodes, a broken clock, no such part.
        LimitError: while iterating: the guard's limits.
    """
    return StandardFrames(
        Path(path), short_side=short_side, frames_per_second=frames_per_second, part=part, guard=guard
    )


def standard_sound(
    path: Path,
    *,
    start_seconds: float = 0.0,
    duration_seconds: float | None = None,
    sample_rate: int = SAMPLE_RATE,
    guard: Guard | None = None,
) -> StandardSound:
    """Stream a file's sound: an iterable of float32 [N], mono, full scale 1.

    Args:
        path: any media file.
        start_seconds: time on the file's own clock that becomes sample 0; StandardFrames.start_seconds to match
            the picture.
        duration_seconds: length to cut or pad to; None ends where the file's sound ends.
        sample_rate: samples a second.
        guard: holds the file to limits.

    Raises:
        MediaError: while iterating: not a media file, no audio stream, nothing decodes.
        LimitError: while iterating: the guard's limits.
    """
    return StandardSound(
        Path(path),
        start_seconds=start_seconds,
        duration_seconds=duration_seconds,
        sample_rate=sample_rate,
        guard=guard,
    )


def read_standard(path: Path, *, short_side: int = SHORT_SIDE, need_sound: bool = True) -> StandardClip:
    """Read a whole file, picture and sound, into memory: for files of minutes, not hours.

    Raises:
        MediaError: not a media file, no video stream, no audio stream while sound is needed, nothing decodes.
    """
    frames = standard_frames(path, short_side=short_side)
    planes = Planes.join(list(frames))
    duration = frames.num_frames / FRAME_RATE
    if not need_sound and not has_sound(path):
        return StandardClip(planes, np.empty(0, np.float32), duration, frames.truncated)
    sound = standard_sound(path, start_seconds=frames.start_seconds, duration_seconds=duration)
    samples = np.concatenate(list(sound))
    return StandardClip(planes, samples, duration, frames.truncated or sound.num_errors > 0)


def has_sound(path: Path) -> bool:
    """True if a file has a sound stream with a known codec."""
    with opened(Path(path)) as container:
        return sound_stream(container) is not None
