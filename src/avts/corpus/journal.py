"""The record of an ingest under way: one line a file, written when the file's bytes are in the shard.

What the journal does not name has not happened. After a kill the next run cuts the last shard to the journal's end
and goes on.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from avts.corpus.clip import Clip
from avts.corpus.folder import VideoFile
from avts.corpus.manifest import JOURNAL_NAME
from avts.corpus.shards import shard_name
from avts.corpus.transcode import Refusal
from avts.errors import UsageError


@dataclass(frozen=True)
class Record:
    """What became of one file: a clip, with the shard and the byte where it ends, or a refusal."""

    source: str
    size: int
    mtime_ns: int
    content_hash: str | None
    clip: Clip | None = None
    shard_index: int = 0
    end: int = 0
    refusal: Refusal | None = None

    def is_of(self, file: VideoFile) -> bool:
        """True if the file looks as it did then."""
        return (self.size, self.mtime_ns) == (file.size, file.mtime_ns)


class Journal:
    """An append-only file of records, whose first line holds the settings."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        """Open a folder's journal, or begin one.

        Raises:
            UsageError: the journal is of an ingest with other settings, or another process writes it.
        """
        self.records: dict[str, Record] = {}
        self.shard_index, self.end = 0, 0
        self._folder = folder
        self._shard_sizes: dict[int, int] = {}
        self._file: TextIO = (folder / JOURNAL_NAME).open("a", encoding="utf-8", newline="\n")
        try:
            _lock(self._file, folder)
            kept = self._read(settings)
        except UsageError:
            self._file.close()
            raise
        self._file.truncate(kept)
        if not kept:
            self._write({"settings": settings})

    @property
    def clips(self) -> Iterator[Clip]:
        """Clips in the order they were taken."""
        return (record.clip for record in self.records.values() if record.clip is not None)

    def add(self, record: Record) -> None:
        """Write a record; what it tells of must be in the shard by now."""
        self._take(record)
        self._write(dataclasses.asdict(record))

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _take(self, record: Record) -> None:
        self.records[record.source] = record
        if record.clip is not None:
            self.shard_index, self.end = record.shard_index, record.end

    def _write(self, line: dict[str, Any]) -> None:
        self._file.write(json.dumps(line) + "\n")
        self._file.flush()

    def _read(self, settings: dict[str, Any]) -> int:
        """Take the records up to the first line that is torn or whose clip is not in its shard; give the bytes kept."""
        kept = 0
        for line in (self._folder / JOURNAL_NAME).read_bytes().splitlines(keepends=True):
            content = _parsed(line)
            if content is None:
                break
            if kept == 0:
                _check(content.get("settings"), settings, self._folder)
            else:
                record = _record(content)
                if record.clip is not None and record.end > self._shard_size(record.shard_index):
                    break
                self._take(record)
            kept += len(line)
        return kept

    def _shard_size(self, index: int) -> int:
        if index not in self._shard_sizes:
            path = self._folder / shard_name(index)
            self._shard_sizes[index] = path.stat().st_size if path.exists() else 0
        return self._shard_sizes[index]


def _lock(file: TextIO, folder: Path) -> None:
    """Keep other processes off the corpus; the system lets go when this process ends, however it ends."""
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
        clip=Clip(**{**clip, "flags": tuple(clip["flags"])}) if clip else None,
        refusal=Refusal(**refusal) if refusal else None,
    )


def _check(got: dict[str, Any] | None, asked: dict[str, Any], folder: Path) -> None:
    got = got or {}
    other = [f"{name} {got.get(name)} instead of {value}" for name, value in asked.items() if got.get(name) != value]
    if other:
        raise UsageError(f"{folder}: was made with other settings ({', '.join(other)}). Use the same, or a new folder.")
