"""Examine a folder of videos: all files are probed, some or all are decoded.

Input: a folder. Output: findings. Nothing is written.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from avts.corpus.folder import VideoFile, video_files
from avts.corpus.ingest import num_cores
from avts.corpus.quality import MotionMeter, SoundMeter, is_too_short
from avts.corpus.transcode import content_hash_of
from avts.doctor.findings import Findings, OnProgress, no_progress, spread
from avts.errors import CorpusError, MediaError
from avts.jobs.pool import Alive, Lost, OrderedPool, in_words
from avts.jobs.refusal import writable
from avts.media.limits import UNLIMITED, Guard
from avts.media.played import in_words as break_in_words
from avts.media.probe import MediaInfo, probe
from avts.media.standard import SHORT_SIDE, standard_frames, standard_sound
from avts.offset.editlist import num_edits
from avts.timebase import FRAME_RATE

SAMPLE_FILES = 12
"""Number of files decoded in a sample."""

EDIT_MS = 50
"""FFmpeg starts the second edit of a track at a frame or packet boundary, even if the edit starts within one."""


def examine_folder(folder: Path, *, every_file: bool = False, on_progress: OnProgress = no_progress) -> Findings:
    """Probe all video files of a folder, and decode an evenly spaced sample of them, or all.

    Starts worker processes, which a file may crash: in a script, call it under `if __name__ == "__main__":`.

    Raises:
        CorpusError: the folder has no video file.
    """
    files = video_files(folder)
    if not files:
        raise CorpusError(f"{folder}: no video file in it. Nothing to examine.")
    found = Findings("folder", folder, len(files), sum(max(file.size, 0) for file in files))
    pool: OrderedPool[Look, Seen] = OrderedPool(look_at, min(num_cores(), len(files)))
    readable = []
    try:
        probed = pool.run(Look(file.path) for file in files)
        for number, (file, (_, seen)) in enumerate(zip(files, probed, strict=True)):
            if _note(found, file, seen):
                readable.append(file)
            on_progress(number, len(files))
        sample = readable if every_file else spread(readable, SAMPLE_FILES)
        decoded = pool.run(Look(file.path, decode=True) for file in sample)
        for file, (_, seen) in zip(sample, decoded, strict=True):
            _note_decoded(found, file, seen)
    finally:
        pool.close()
    found.duplicates = _duplicates(files)
    on_progress(len(files), len(files))
    return found


@dataclass(frozen=True)
class Look:
    """A file to probe, or to decode completely."""

    path: Path
    decode: bool = False


@dataclass
class Seen:
    """The result for one file.

    fault: (flag, sentence) of a file that cannot be used; info: the result of the probe; flags, notes: of the decoded
    file; duration_seconds: of its picture; decoding_seconds: CPU time.
    """

    fault: tuple[str, str] | None = None
    info: MediaInfo | None = None
    flags: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    duration_seconds: float = 0.0
    decoding_seconds: float = 0.0


def look_at(look: Look, alive: Alive) -> Seen:
    """Probe or decode one file; runs in a worker process, and never raises for a bad file."""
    flag = "undecodable" if look.decode else "unreadable"
    try:
        return _decode(look.path, alive) if look.decode else Seen(info=probe(look.path), notes=_edits(look.path))
    except MediaError as error:
        return Seen((flag, str(error)))
    except Exception as error:
        return Seen((flag, f"cannot be read ({type(error).__name__}: {error}). Re-encode it."))


def _edits(path: Path) -> tuple[str, ...]:
    """A note for an MP4 or QuickTime file whose edit list has several edits."""
    count = num_edits(path)
    if count < 2:
        return ()
    return (f"has {count} edits; FFmpeg places everything after the first one with an error of up to {EDIT_MS} ms",)


def _note(found: Findings, file: VideoFile, seen: Seen | Lost) -> bool:
    """Record the result of a probe; True if the file is usable as far as the probe shows."""
    if isinstance(seen, Lost):
        return _note_fault(found, file, "crashed", in_words(seen))
    if seen.fault is not None or seen.info is None:
        return _note_fault(found, file, *(seen.fault or ("unreadable", "no information.")))
    info = seen.info
    if info.duration_seconds:
        found.durations_seconds.append(info.duration_seconds)
    if info.video is not None:
        found.frames_per_second.append(info.video.frames_per_second)
    if info.audio is not None:
        found.sample_rates.append(info.audio.sample_rate)
    if info.video is None:
        return _note_fault(found, file, "no_video", "no video stream. Nothing to analyse.")
    if info.audio is None:
        return _note_fault(found, file, "no_audio", "no audio stream. Nothing to synchronise.")
    if info.duration_seconds and is_too_short(info.duration_seconds):
        return _note_fault(found, file, "too_short", f"lasts {info.duration_seconds:.2f} s. Too short for a window.")
    found.durations_usable.append(info.duration_seconds)
    found.notes += [(file.source, note) for note in seen.notes]
    return True


def _note_decoded(found: Findings, file: VideoFile, seen: Seen | Lost) -> None:
    """Record the result of decoding a file."""
    if isinstance(seen, Lost):
        _note_fault(found, file, "crashed", in_words(seen))
    elif seen.fault is not None:
        _note_fault(found, file, *seen.fault)
    else:
        found.num_decoded += 1
        found.decoded_seconds += seen.duration_seconds
        found.decoding_seconds += seen.decoding_seconds
        found.flags.update(seen.flags)
        found.notes += [(file.source, note) for note in seen.notes]


def _note_fault(found: Findings, file: VideoFile, flag: str, message: str) -> bool:
    found.flags[flag] += 1
    found.faults.append((file.source, writable(message).removeprefix(f"{writable(file.path.name)}: ")))
    return False


def _decode(path: Path, alive: Alive) -> Seen:
    """Decode a file completely, as ingest would, and return the findings."""
    started = time.process_time()
    motion, loudness = MotionMeter(), SoundMeter()
    guard = Guard(path.name, UNLIMITED, alive)
    frames = standard_frames(path, short_side=SHORT_SIDE, guard=guard)
    for chunk in frames:
        motion.add(chunk.y)
    duration = frames.num_frames / FRAME_RATE
    sound = standard_sound(path, start_seconds=frames.start_seconds, duration_seconds=duration, guard=guard)
    for samples in sound:
        loudness.add(samples)
    shown = {
        "silent": loudness.is_silent,
        "still": motion.is_still,
        "truncated": frames.truncated or sound.num_errors > 0,
        "clock_breaks": bool(frames.clock_breaks),
    }
    return Seen(
        flags=tuple(flag for flag, is_so in shown.items() if is_so),
        notes=tuple(break_in_words(each) for each in frames.clock_breaks),
        duration_seconds=duration,
        decoding_seconds=time.process_time() - started,
    )


def _duplicates(files: Sequence[VideoFile]) -> list[list[str]]:
    """Groups of files with the same bytes; only files of one size are read."""
    by_size: dict[int, list[VideoFile]] = defaultdict(list)
    for file in files:
        by_size[file.size].append(file)
    by_content: dict[str, list[str]] = defaultdict(list)
    for same in by_size.values():
        for file in same if len(same) > 1 else []:
            try:
                by_content[content_hash_of(file.path)].append(file.source)
            except MediaError:  # already reported
                continue
    return [sources for sources in by_content.values() if len(sources) > 1]
