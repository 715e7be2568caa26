"""Convert one file to the standard form, in a worker process: picture and sound as files in a staging folder.

Decodes each stream once. Never raises for a bad file but returns a Refusal, so that one bad file costs one line.
"""

from __future__ import annotations

import errno
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avts.corpus.fetch import FetchError, fetched, name_of
from avts.corpus.item import Media, Wants
from avts.corpus.quality import SHORTEST_SECONDS, MotionMeter, SoundMeter, is_too_short
from avts.errors import LimitError, MediaError
from avts.jobs.refusal import Refusal, plain
from avts.media.activity import QUIETEST_DBFS
from avts.media.frames import StandardFrames
from avts.media.limits import Guard, Limits
from avts.media.planes import Planes
from avts.media.played import in_words
from avts.media.probe import probe
from avts.media.sound import StandardSound
from avts.media.source import check_regular, opened, picture_stream, sound_stream
from avts.media.standard import standard_frames, standard_sound
from avts.media.writer import write_standard_sound, write_standard_video
from avts.timebase import FRAME_RATE, SAMPLE_RATE, Span

__all__ = ["Refusal", "Standardised", "Task", "content_hash_of", "transcode"]

READ_BYTES = 2**20

NO_MORE_THAN_USUAL = Limits()


@dataclass(frozen=True)
class Task:
    """A file to convert, and the output path of its standard form: staged + '.mp4' and '.wav'.

    part: seconds of it to take; wants: required streams; see Item for both.
    """

    media: Media
    source: str
    staged: Path
    short_side: int
    part: Span | None = None
    wants: Wants = "both"
    limits: Limits = NO_MORE_THAN_USUAL


@dataclass(frozen=True)
class Standardised:
    """Properties of a file measured during the conversion; notes: sentences for the user."""

    content_hash: str
    duration_seconds: float
    num_frames: int
    height: int
    width: int
    source_frames_per_second: float
    source_sample_rate: int
    loudness_db: float
    motion: float
    flags: tuple[str, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _File:
    """A local file: its path, its display name, its requirements, and the guard over its decoding."""

    path: Path
    name: str
    task: Task
    guard: Guard
    content_hash: str

    @property
    def refusable(self) -> bool:
        """True if a clip that is too short for a window is refused."""
        return self.task.wants == "both"


def transcode(task: Task, alive: Callable[[], None] = lambda: None) -> Standardised | Refusal:
    """Convert one file to the standard form.

    Args:
        task: the file.
        alive: called whenever a block was read, or a frame or block of sound decoded.

    Raises:
        OSError: only if the disk is full.
    """
    name = plain(name_of(task.media))
    try:
        with fetched(task.media, task.staged, alive) as path:
            made = _transcode(task, path, name, alive)
            return made if path == task.media else _with_name(made, path, name)
    except FetchError as error:
        reason = "missing" if isinstance(error.__cause__, FileNotFoundError) else "fetch"
        return Refusal(task.source, reason, plain(str(error)))
    except Exception as error:
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise OSError(errno.ENOSPC, "no space left on the disk") from error
        message = f"{name}: could not be ingested ({type(error).__name__}: {plain(str(error))}). Re-encode it."
        return Refusal(task.source, "failed", message)


def _transcode(task: Task, path: Path, name: str, alive: Callable[[], None]) -> Standardised | Refusal:
    try:
        content_hash = content_hash_of(path, task.part, alive)
        file = _File(path, name, task, Guard(path.name, task.limits, alive), content_hash)
        return _sound_alone(file) if task.wants == "sound" else _picture_and_sound(file)
    except LimitError as error:
        return Refusal(task.source, "limit", plain(str(error)))
    except MediaError as error:
        return Refusal(task.source, reason_of_refusal(path, task.wants), plain(str(error)))


def _with_name(made: Standardised | Refusal, path: Path, name: str) -> Standardised | Refusal:
    """Messages name the file as its owner does, not its copy."""
    return replace(made, message=made.message.replace(path.name, name)) if isinstance(made, Refusal) else made


def reason_of_refusal(path: Path, wants: Wants = "both") -> str:
    """The word for why a file that cannot be read cannot be."""
    try:
        with opened(path) as container:
            if picture_stream(container) is None and wants != "sound":
                return "no_video"
            return "undecodable" if sound_stream(container) else "no_audio"
    except MediaError:
        return "unreadable"


def _picture_and_sound(file: _File) -> Standardised | Refusal:
    task = file.task
    frames = standard_frames(file.path, short_side=task.short_side, part=task.part, guard=file.guard)
    motion, loudness, shape = MotionMeter(), SoundMeter(), _Shape()
    chunks = _watched(frames, motion, shape, file.path.name if task.wants == "both" else None)
    write_standard_video(task.staged.with_suffix(".mp4"), chunks)
    duration = frames.num_frames / FRAME_RATE
    if is_too_short(duration) and file.refusable:
        return _too_short(file, duration)
    sound: StandardSound | None = None
    if frames.has_sound:
        sound = standard_sound(
            file.path, start_seconds=frames.start_seconds, duration_seconds=duration, guard=file.guard
        )
        write_standard_sound(task.staged.with_suffix(".wav"), _metered(sound, loudness))
    found = {
        "no_audio": sound is None,
        "silent": sound is not None and loudness.is_silent,
        "still": motion.is_still,
        "short": is_too_short(duration),
        "truncated": frames.truncated or (sound is not None and sound.num_errors > 0),
        "clock_breaks": bool(frames.clock_breaks),
    }
    return Standardised(
        content_hash=file.content_hash,
        duration_seconds=duration,
        num_frames=frames.num_frames,
        height=shape.height,
        width=shape.width,
        source_frames_per_second=frames.source_frames_per_second,
        source_sample_rate=sound.source_sample_rate if sound else 0,
        loudness_db=loudness.loudness_db if sound else QUIETEST_DBFS,
        motion=motion.motion,
        flags=_flags(found),
        notes=tuple(in_words(each) for each in frames.clock_breaks),
    )


def _sound_alone(file: _File) -> Standardised | Refusal:
    """A clip without picture: sample 0 is the file's first, or the first of the part."""
    audio = probe(file.path).audio
    start = audio.start_seconds if audio else 0.0
    part = file.task.part
    sound = standard_sound(
        file.path,
        start_seconds=start + (part.start_seconds if part else 0.0),
        duration_seconds=part.duration_seconds if part else None,
        guard=file.guard,
    )
    loudness = SoundMeter()
    write_standard_sound(file.task.staged.with_suffix(".wav"), _metered(sound, loudness))
    duration = sound.num_samples / SAMPLE_RATE
    found = {
        "no_video": True,
        "silent": loudness.is_silent,
        "short": is_too_short(duration),
        "truncated": sound.num_errors > 0,
    }
    return Standardised(
        content_hash=file.content_hash,
        duration_seconds=duration,
        num_frames=0,
        height=0,
        width=0,
        source_frames_per_second=0.0,
        source_sample_rate=sound.source_sample_rate,
        loudness_db=loudness.loudness_db,
        motion=0.0,
        flags=_flags(found),
    )


def _flags(found: dict[str, bool]) -> tuple[str, ...]:
    return tuple(flag for flag, is_so in found.items() if is_so)


def _too_short(file: _File, duration: float) -> Refusal:
    message = f"{file.name}: lasts {duration:.2f} s, less than {SHORTEST_SECONDS:.0f} s. Too short for a window."
    return Refusal(file.task.source, "too_short", message)


class _Shape:
    """Size of the pictures that passed through."""

    height = 0
    width = 0


def _watched(frames: StandardFrames, motion: MotionMeter, shape: _Shape, needs_sound: str | None) -> Iterator[Planes]:
    """Pass chunks through while measuring them; raise at once if a required sound is missing."""
    for chunk in frames:
        if needs_sound is not None and not frames.has_sound:
            raise MediaError(f"{needs_sound}: no audio stream (it has: {frames.streams}). Nothing to synchronise.")
        shape.height, shape.width = chunk.height, chunk.width
        motion.add(chunk.y)
        yield chunk


def _metered(sound: Iterable[NDArray[np.float32]], loudness: SoundMeter) -> Iterator[NDArray[np.float32]]:
    for chunk in sound:
        loudness.add(chunk)
        yield chunk


def content_hash_of(path: Path, part: Span | None = None, alive: Callable[[], None] = lambda: None) -> str:
    """Hash of a file's bytes and of the selected part, 32 hexadecimal digits.

    Raises:
        MediaError: the file cannot be read, or is not a regular file.
    """
    check_regular(path)
    digest = hashlib.blake2b(digest_size=16)
    try:
        with path.open("rb") as file:
            while block := file.read(READ_BYTES):
                digest.update(block)
                alive()
    except OSError as error:
        raise MediaError(
            f"{path.name}: cannot be read ({error.strerror}). Check that it exists and that you may read it."
        ) from error
    if part is not None:
        digest.update(f"{part.start_seconds:.6f} {part.stop_seconds:.6f}".encode())
    return digest.hexdigest()
