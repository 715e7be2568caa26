"""What a folder of videos holds, file by file: all are probed, some or all are decoded.

Input: a folder. Output: findings. Nothing is written.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from avts.corpus.folder import VideoFile, video_files
from avts.corpus.quality import MotionMeter, SoundMeter, is_too_short
from avts.corpus.transcode import content_hash_of
from avts.doctor.findings import Findings, OnProgress, no_progress, spread
from avts.errors import CorpusError, MediaError
from avts.media.probe import probe
from avts.media.standard import SHORT_SIDE, standard_frames, standard_sound
from avts.timebase import FRAME_RATE

SAMPLE_FILES = 12
"""Files decoded if not all are."""


def examine_folder(folder: Path, *, every_file: bool = False, on_progress: OnProgress = no_progress) -> Findings:
    """Probe all video files of a folder, and decode a sample of them, evenly spread, or all.

    Raises:
        CorpusError: no video file in it.
    """
    files = video_files(folder)
    if not files:
        raise CorpusError(f"{folder}: no video file in it. Nothing to examine.")
    found = Findings("folder", folder, len(files), sum(max(file.size, 0) for file in files))
    readable = []
    for number, file in enumerate(files):
        if _probe(file, found):
            readable.append(file)
        on_progress(number, len(files))
    sample = readable if every_file else spread(readable, SAMPLE_FILES)
    for file in sample:
        _decode(file, found)
    found.duplicates = _duplicates(files)
    on_progress(len(files), len(files))
    return found


def _probe(file: VideoFile, found: Findings) -> bool:
    """Note what a file holds; True if it can be used as far as that tells."""
    try:
        info = probe(file.path)
    except MediaError as error:
        return _note_fault(found, file, "unreadable", str(error))
    if info.duration_seconds:
        found.durations_seconds.append(info.duration_seconds)
    if info.video is not None:
        found.frames_per_second.append(info.video.frames_per_second)
    if info.audio is not None:
        found.sample_rates.append(info.audio.sample_rate)
    if info.video is None:
        return _note_fault(found, file, "no_video", "no video stream. Nothing to look at.")
    if info.audio is None:
        return _note_fault(found, file, "no_audio", "no audio stream. Nothing to synchronise.")
    if info.duration_seconds and is_too_short(info.duration_seconds):
        return _note_fault(found, file, "too_short", f"lasts {info.duration_seconds:.2f} s. Too short for a window.")
    found.durations_usable.append(info.duration_seconds)
    return True


def _note_fault(found: Findings, file: VideoFile, flag: str, message: str) -> bool:
    found.flags[flag] += 1
    found.faults.append((file.source, message.removeprefix(f"{file.path.name}: ")))
    return False


def _decode(file: VideoFile, found: Findings) -> None:
    """Decode a file from end to end, as ingest would, and note what it shows."""
    started = time.process_time()
    motion, loudness = MotionMeter(), SoundMeter()
    try:
        frames = standard_frames(file.path, short_side=SHORT_SIDE)
        for chunk in frames:
            motion.add(chunk.y)
        duration = frames.num_frames / FRAME_RATE
        sound = standard_sound(file.path, start_seconds=frames.start_seconds, duration_seconds=duration)
        for samples in sound:
            loudness.add(samples)
    except MediaError as error:
        _note_fault(found, file, "undecodable", str(error))
        return
    found.num_decoded += 1
    found.decoded_seconds += duration
    found.decoding_seconds += time.process_time() - started
    shown = {"silent": loudness.is_silent, "still": motion.is_still}
    shown["truncated"] = frames.truncated or sound.num_errors > 0
    found.flags.update(flag for flag, is_so in shown.items() if is_so)


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
            except MediaError:  # told of already
                continue
    return [sources for sources in by_content.values() if len(sources) > 1]
