"""The journal of an ingest: one line per file, written when the file's bytes are in the shard.

Only what the journal names has happened. After a kill the next run truncates the last shard to the journal's end and
continues. After a power failure the disk may hold lines without their bytes: lines after the last mark, which is
written when everything before it is safe, count only if their clip's checksum is right.
"""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Any

from avts.corpus.clip import Clip
from avts.corpus.manifest import JOURNAL_NAME, READABLE_VERSIONS, clip_of
from avts.corpus.shards import checksum_of, shard_name, write_all
from avts.errors import UsageError
from avts.jobs.refusal import Refusal

MARK = b'{"safe": true}\n'


@dataclass(frozen=True)
class Record:
    """The result for one file: a clip with its shard, bytes and checksum, or a refusal."""

    source: str
    size: int
    mtime_ns: int
    content_hash: str | None
    clip: Clip | None = None
    shard_index: int = 0
    end: int = 0
    refusal: Refusal | None = None
    start: int = 0
    checksum: int | None = None

    @property
    def stamp(self) -> tuple[int, int]:
        """Size and modification time of the file at that time."""
        return self.size, self.mtime_ns


class Journal:
    """An append-only file of records, whose first line holds the settings."""

    def __init__(self, folder: Path, settings: dict[str, Any], stored: Mapping[str, int] | None = None) -> None:
        """Open or create a folder's journal.

        Args:
            folder: folder of the journal and the shards.
            settings: settings of this ingest.
            stored: names and sizes of shards that are complete in another place.

        Raises:
            UsageError: the journal belongs to an ingest with other settings, or another process writes it.
        """
        self.records: dict[str, Record] = {}
        self.shard_index, self.end = 0, 0
        self._folder = folder
        self._stored = dict(stored or {})
        self._shard_sizes: dict[str, int] = dict(self._stored)
        self._file = FileIO(folder / JOURNAL_NAME, "a+")
        try:
            _lock(self._file, folder)
            kept = self._read(settings)
        except UsageError:
            self._file.close()
            raise
        self._file.truncate(kept)
        if not kept:
            self._write(_line({"settings": settings}))

    @property
    def clips(self) -> Iterator[Clip]:
        """Clips in the order they were taken."""
        return (record.clip for record in self.records.values() if record.clip is not None)

    def add(self, record: Record) -> None:
        """Write a record; its bytes must already be in the shard.

        Raises:
            OSError: it cannot be written; a partial line is removed again.
        """
        self._write(_line(dataclasses.asdict(record)))
        self._take(record)

    def mark(self) -> None:
        """Mark the clips of all records as safe on the disk, and flush the records."""
        self._write(MARK)
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _take(self, record: Record) -> None:
        self.records[record.source] = record
        if record.clip is not None:
            self.shard_index, self.end = record.shard_index, record.end

    def _write(self, line: bytes) -> None:
        size = os.fstat(self._file.fileno()).st_size
        try:
            write_all(self._file, line)
        except OSError:
            self._file.truncate(size)
            raise

    def _read(self, settings: dict[str, Any]) -> int:
        """Read the records up to the first incomplete line or missing clip; returns the number of bytes kept."""
        lines = (self._folder / JOURNAL_NAME).read_bytes().splitlines(keepends=True)
        num_safe = max((index for index, line in enumerate(lines) if line == MARK), default=0)
        kept = 0
        for index, line in enumerate(lines):
            content = _parsed(line)
            if content is None:
                break
            if index == 0:
                _check(content.get("settings"), settings, self._folder)
            elif line != MARK:
                record = _record(content)
                if record.clip is not None and not self._is_there(record, is_safe=index < num_safe):
                    break
                self._take(record)
            kept += len(line)
        return kept

    def _is_there(self, record: Record, *, is_safe: bool) -> bool:
        name = shard_name(record.shard_index)
        path = self._folder / name
        if name not in self._shard_sizes:
            self._shard_sizes[name] = path.stat().st_size if path.exists() else 0
        if record.end > self._shard_sizes[name]:
            return False
        if is_safe or record.checksum is None or name in self._stored:
            return True
        return checksum_of(path, record.start, record.end) == record.checksum


def _line(content: dict[str, Any]) -> bytes:
    return json.dumps(content).encode() + b"\n"


def _lock(file: FileIO, folder: Path) -> None:
    """Lock the corpus against other processes; the system releases the lock when this process ends."""
    if sys.platform == "win32":
        return
    import fcntl

    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise UsageError(f"{folder}: another ingest is writing to it. Wait for it to end.") from error


def _parsed(line: bytes) -> dict[str, Any] | None:
    try:
        content = json.loads(line) if line.endswith(b"\n") else None
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _record(content: dict[str, Any]) -> Record:
    clip, refusal = content.pop("clip"), content.pop("refusal")
    return Record(
        **content,
        clip=clip_of(clip) if clip else None,
        refusal=Refusal(**refusal) if refusal else None,
    )


def _check(got: dict[str, Any] | None, asked: dict[str, Any], folder: Path) -> None:
    got = dict(got or {})
    if got.get("format_version") in READABLE_VERSIONS:
        got["format_version"] = asked["format_version"]
    other = [f"{name} {got.get(name)} instead of {value}" for name, value in asked.items() if got.get(name) != value]
    if other:
        raise UsageError(
            f"{folder}: was made with other settings ({', '.join(other)}). Use the same settings, or a new folder."
        )
