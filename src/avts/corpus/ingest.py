"""Any folder of video files into a corpus, once: resumable, safe to kill at any moment.

Worker processes bring files into the standard form; this process alone appends them to shards, notes each in the
journal, and writes the manifest at the end. One bad file costs one line, not the run.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avts.corpus.clip import Clip, key_of, split_of
from avts.corpus.folder import VIDEO_ENDINGS, VideoFile, video_files
from avts.corpus.journal import Journal, Record
from avts.corpus.manifest import CORPUS_NAME, JOURNAL_NAME, MANIFEST_NAME, settings_of, write_manifest
from avts.corpus.pool import Crashed, OrderedPool
from avts.corpus.shards import SHARD_BYTES, ShardWriter, shard_name
from avts.corpus.transcode import Refusal, Standardised, Task, content_hash_of, transcode
from avts.errors import CorpusError, MediaError, UsageError
from avts.media.standard import SHORT_SIDE
from avts.timebase import FRAME_RATE

REFUSED_NAME = "refused.csv"
STAGING_NAME = ".staging"

REASONS_SHOWN = 20
"""Refusals listed in the message when every file was refused."""

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class IngestSummary:
    """What an ingest did: clips taken now, clips there before, files refused, clips flagged by flag, the corpus."""

    taken: int
    reused: int
    refused: tuple[Refusal, ...]
    flagged: dict[str, int]
    corpus: Path


def ingest(
    folder: Path,
    out: Path,
    *,
    short_side: int = SHORT_SIDE,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> IngestSummary:
    """Take all video files of a folder into a corpus; run again, it takes only what is new.

    Starts processes: in a script, call it under `if __name__ == "__main__":`.

    Args:
        folder: searched with its sub-folders.
        out: the corpus, made if need be.
        short_side: of the pictures, pixels, even.
        workers: processes; None for one a core.
        on_progress: called with (files done, files in all).

    Raises:
        UsageError: no such folder, out is something else, its settings differ, or another ingest writes to it.
        CorpusError: no video file in the folder, every file refused, or out cannot be written.
    """
    folder, out = Path(folder), Path(out)
    _check_arguments(folder, out, short_side, workers)
    files = video_files(folder)
    if not files:
        raise CorpusError(f"{folder}: no video file in it (looked for {VIDEO_ENDINGS}). Nothing to take in.")
    try:
        out.mkdir(parents=True, exist_ok=True)
        journal = Journal(out, settings_of(short_side))
        try:
            return _Ingest(out, short_side, journal).run(files, workers or num_cores(), on_progress)
        finally:
            journal.close()
            _tidy(out, has_clips=any(True for _ in journal.clips))
    except OSError as error:
        raise CorpusError(f"{out}: cannot be written ({error.strerror}). Make room and run the same again.") from error


def num_cores() -> int:
    """Cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _check_arguments(folder: Path, out: Path, short_side: int, workers: int | None) -> None:
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder. Give the folder that holds the videos.")
    if short_side < 16 or short_side % 2:
        raise UsageError(f"short side of {short_side} pixels: must be an even number of 16 or more.")
    if workers is not None and workers < 1:
        raise UsageError(f"{workers} workers: must be 1 or more.")
    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is a file. Give a folder for the corpus.")
    ours = {JOURNAL_NAME, CORPUS_NAME, MANIFEST_NAME, STAGING_NAME}
    if out.is_dir() and any(out.iterdir()) and not (out / JOURNAL_NAME).exists():
        if not ours.isdisjoint(path.name for path in out.iterdir()):
            raise UsageError(f"{out}: a corpus without its {JOURNAL_NAME}; nothing can be added. Give another folder.")
        raise UsageError(f"{out}: not empty and not a corpus. Give a new or empty folder for the corpus.")


class _Ingest:
    """One run over a corpus whose journal is open."""

    def __init__(self, out: Path, short_side: int, journal: Journal) -> None:
        self._out = out
        self._short_side = short_side
        self._journal = journal
        self._staging = out / STAGING_NAME
        self._keys = {clip.content_hash: clip.key for clip in journal.clips}
        self._reused = 0
        self._taken = 0
        self._refused: list[Refusal] = []

    def run(self, files: list[VideoFile], workers: int, on_progress: OnProgress | None) -> IngestSummary:
        """Take what is new, then put the manifest in place."""
        shutil.rmtree(self._staging, ignore_errors=True)
        self._staging.mkdir()
        new = [file for file in files if not self._is_done(file)]
        self._take_all(new, len(files), workers, on_progress or _no_progress)
        self._refused.sort(key=lambda refusal: refusal.source)
        if not any(True for _ in self._journal.clips):
            raise CorpusError(self._nothing_taken())
        self._finish()
        flags = Counter(flag for clip in self._journal.clips for flag in clip.flags)
        return IngestSummary(self._taken, self._reused, tuple(self._refused), dict(flags), self._out)

    def _is_done(self, file: VideoFile) -> bool:
        """True if an earlier run took or refused this very file; counts it."""
        record = self._journal.records.get(file.source)
        if record is None:
            return False
        if record.clip is not None:
            if record.is_of(file) or self._has_same_bytes(file, record):
                self._reused += 1
            else:
                self._refused.append(_changed(file))
            return True
        if record.refusal is not None and record.refusal.reason != "crashed" and record.is_of(file):
            self._refused.append(record.refusal)
            return True
        return False

    def _has_same_bytes(self, file: VideoFile, record: Record) -> bool:
        try:
            return record.size == file.size and content_hash_of(file.path) == record.content_hash
        except MediaError:
            return False

    def _take_all(self, new: list[VideoFile], total: int, workers: int, on_progress: OnProgress) -> None:
        done = total - len(new)
        on_progress(done, total)
        if not new:
            return
        journal = self._journal
        shards = ShardWriter(self._out, shard_index=journal.shard_index, end=journal.end, shard_bytes=SHARD_BYTES)
        pool = OrderedPool(transcode, min(workers, len(new)))
        results = pool.run(self._task(index, file) for index, file in enumerate(new))
        try:
            for file, (task, result) in zip(new, results, strict=True):
                self._take(file, task, result, shards)
                done += 1
                on_progress(done, total)
        finally:
            results.close()
            shards.close()

    def _task(self, index: int, file: VideoFile) -> Task:
        return Task(file.path, file.source, self._staging / str(index), self._short_side)

    def _take(self, file: VideoFile, task: Task, result: Standardised | Refusal | Crashed, shards: ShardWriter) -> None:
        """Append one result to the shard and the journal, in this order."""
        if isinstance(result, Standardised) and result.content_hash in self._keys:
            key = self._keys[result.content_hash]
            result = Refusal(file.source, "duplicate", f"{file.path.name}: the same bytes as clip {key}. Taken once.")
        elif isinstance(result, Crashed):
            message = f"{file.path.name}: crashed its decoder. Re-encode it."
            result = Refusal(file.source, "crashed", message)
        if isinstance(result, Refusal):
            self._refused.append(result)
            self._journal.add(Record(file.source, file.size, file.mtime_ns, None, refusal=result))
        else:
            self._append(file, task, result, shards)
            self._taken += 1
        for ending in (".mp4", ".wav"):
            task.staged.with_suffix(ending).unlink(missing_ok=True)

    def _append(self, file: VideoFile, task: Task, result: Standardised, shards: ShardWriter) -> None:
        key = key_of(file.source)
        about: dict[str, Any] = {
            "key": key,
            "source": file.source,
            "split": split_of(file.source, result.content_hash),
            "label": file.label,
            "duration_seconds": result.num_frames / FRAME_RATE,
            **dataclasses.asdict(result),
        }
        video, sound = task.staged.with_suffix(".mp4"), task.staged.with_suffix(".wav")
        place = shards.add(key, video, sound, json.dumps(about).encode())
        clip = Clip(
            **about,
            shard=shard_name(place.shard_index),
            video_offset=place.video_offset,
            video_size=place.video_size,
            sound_offset=place.sound_offset,
            sound_size=place.sound_size,
        )
        self._journal.add(
            Record(file.source, file.size, file.mtime_ns, result.content_hash, clip, place.shard_index, place.end)
        )
        self._keys[result.content_hash] = key

    def _finish(self) -> None:
        """Write refused.csv and, if the clips changed, the manifest; drop shards that no record names."""
        for path in _shards_after(self._out, self._journal.shard_index):
            path.unlink()
        _write_refused(self._out / REFUSED_NAME, self._refused)
        if self._taken or not (self._out / CORPUS_NAME).exists():
            write_manifest(self._out, self._journal.clips, settings_of(self._short_side))

    def _nothing_taken(self) -> str:
        lines = [f"  {refusal.message}" for refusal in self._refused[:REASONS_SHOWN]]
        if len(self._refused) > REASONS_SHOWN:
            lines.append(f"  and {len(self._refused) - REASONS_SHOWN} more")
        return "\n".join([f"none of {len(self._refused)} files could be taken in, so there is no corpus:", *lines])


def _changed(file: VideoFile) -> Refusal:
    message = f"{file.path.name}: changed since it was taken in; the corpus keeps the old. Use a new corpus."
    return Refusal(file.source, "changed", message)


def _shards_after(out: Path, index: int) -> Iterator[Path]:
    return (path for path in sorted(out.glob("shard-*.tar")) if path.name > shard_name(index))


def _write_refused(path: Path, refused: list[Refusal]) -> None:
    waiting = path.with_name(f".{path.name}.part")
    with waiting.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["source", "reason", "message"])
        rows.writerows((refusal.source, refusal.reason, refusal.message) for refusal in refused)
    os.replace(waiting, path)


def _tidy(out: Path, *, has_clips: bool) -> None:
    """Remove the staging folder; where no clip was ever taken in, everything that was begun."""
    shutil.rmtree(out / STAGING_NAME, ignore_errors=True)
    if has_clips:
        return
    for path in [out / JOURNAL_NAME, out / REFUSED_NAME, *out.glob("shard-*.tar")]:
        path.unlink(missing_ok=True)
    if not any(out.iterdir()):
        out.rmdir()


def _no_progress(done: int, total: int) -> None:
    pass
