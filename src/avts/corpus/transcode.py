"""One file into the standard form, in a worker process: the picture and the sound as files in a staging folder.

Decodes each stream once. Never raises for a bad file: it gives a Refusal, so that one file costs one line.
"""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avts.corpus.quality import SHORTEST_SECONDS, MotionMeter, SoundMeter, is_too_short
from avts.errors import MediaError
from avts.media.frames import StandardFrames
from avts.media.planes import Planes
from avts.media.source import opened, picture_stream, sound_stream
from avts.media.standard import standard_frames, standard_sound
from avts.media.writer import write_standard_sound, write_standard_video
from avts.timebase import FRAME_RATE

READ_BYTES = 2**20


@dataclass(frozen=True)
class Refusal:
    """A file that was not taken in: its relative path, a word for the reason, and the sentence for the user.

    reason: unreadable, no_video, no_audio, undecodable, too_short, duplicate, changed, crashed or failed.
    """

    source: str
    reason: str
    message: str


@dataclass(frozen=True)
class Task:
    """A file to take in, and where its standard form goes: staged + '.mp4' and '.wav'."""

    path: Path
    source: str
    staged: Path
    short_side: int


@dataclass(frozen=True)
class Standardised:
    """What was learnt of a file while it was brought into the standard form."""

    content_hash: str
    num_frames: int
    height: int
    width: int
    source_frames_per_second: float
    source_sample_rate: int
    loudness_db: float
    motion: float
    flags: tuple[str, ...]


def transcode(task: Task) -> Standardised | Refusal:
    """Bring one file into the standard form.

    Raises:
        OSError: the disk is full; nothing else.
    """
    try:
        return _transcode(task)
    except MediaError as error:
        return Refusal(task.source, reason_of_refusal(task.path), str(error))
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise OSError(errno.ENOSPC, "no space left on the disk") from error
        message = f"{task.path.name}: could not be taken in ({type(error).__name__}: {error}). Re-encode it."
        return Refusal(task.source, "failed", message)


def reason_of_refusal(path: Path) -> str:
    """The word for why a file that cannot be read cannot be."""
    try:
        with opened(path) as container:
            if picture_stream(container) is None:
                return "no_video"
            return "undecodable" if sound_stream(container) else "no_audio"
    except MediaError:
        return "unreadable"


def _transcode(task: Task) -> Standardised | Refusal:
    name = task.path.name
    content_hash = content_hash_of(task.path)
    frames = standard_frames(task.path, short_side=task.short_side)
    motion, loudness, shape = MotionMeter(), SoundMeter(), _Shape()
    write_standard_video(task.staged.with_suffix(".mp4"), _watched(frames, motion, shape, name))
    duration = frames.num_frames / FRAME_RATE
    if is_too_short(duration):
        message = f"{name}: lasts {duration:.2f} s, less than {SHORTEST_SECONDS:.0f} s. Too short for a window."
        return Refusal(task.source, "too_short", message)
    sound = standard_sound(task.path, start_seconds=frames.start_seconds, duration_seconds=duration)
    write_standard_sound(task.staged.with_suffix(".wav"), _metered(sound, loudness))
    found = {
        "silent": loudness.is_silent,
        "still": motion.is_still,
        "truncated": frames.truncated or sound.num_errors > 0,
    }
    return Standardised(
        content_hash=content_hash,
        num_frames=frames.num_frames,
        height=shape.height,
        width=shape.width,
        source_frames_per_second=frames.source_frames_per_second,
        source_sample_rate=sound.source_sample_rate,
        loudness_db=loudness.loudness_db,
        motion=motion.motion,
        flags=tuple(flag for flag, is_so in found.items() if is_so),
    )


class _Shape:
    """Size of the pictures that went by."""

    height = 0
    width = 0


def _watched(frames: StandardFrames, motion: MotionMeter, shape: _Shape, name: str) -> Iterator[Planes]:
    """Hand chunks through while measuring them; stop at once if there is no sound to go with them."""
    for chunk in frames:
        if not frames.has_sound:
            raise MediaError(f"{name}: no audio stream (it has: {frames.streams}). Nothing to synchronise.")
        shape.height, shape.width = chunk.height, chunk.width
        motion.add(chunk.y)
        yield chunk


def _metered(sound: Iterable[NDArray[np.float32]], loudness: SoundMeter) -> Iterator[NDArray[np.float32]]:
    for chunk in sound:
        loudness.add(chunk)
        yield chunk


def content_hash_of(path: Path) -> str:
    """Hash of a file's bytes, 32 hexadecimal digits.

    Raises:
        MediaError: the file cannot be read.
    """
    digest = hashlib.blake2b(digest_size=16)
    try:
        with path.open("rb") as file:
            while block := file.read(READ_BYTES):
                digest.update(block)
    except OSError as error:
        raise MediaError(
            f"{path.name}: cannot be read ({error.strerror}). Check that it is there and open to you."
        ) from error
    return digest.hexdigest()
