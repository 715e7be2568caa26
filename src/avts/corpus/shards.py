"""Tar shards that `webdataset` can read, and from which a window can be read without scanning.

A clip is up to three consecutive members: KEY.mp4 (picture only), KEY.wav (16-bit PCM mono), KEY.json. The sound is
PCM, because a window of it is a slice of bytes (docs/sound-form.md). There is no member for a missing stream.
"""

from __future__ import annotations

import os
import tarfile
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

SHARD_BYTES = 256 * 2**20
"""Size at which a shard is closed and the next one is started."""

WAV_HEADER_BYTES = 44
"""Bytes before the samples in the WAV files that the writer makes."""

BLOCK_BYTES = 2**20

TAR_BLOCK = tarfile.BLOCKSIZE

TAR_END = bytes(2 * TAR_BLOCK)
"""A tar file ends with two empty blocks."""


def shard_name(index: int) -> str:
    """File name of a shard."""
    return f"shard-{index:06d}.tar"


@dataclass(frozen=True)
class Place:
    """Location of a clip: the shard, the bytes of its files in it, and [start, end) and checksum of all its members."""

    shard_index: int
    video_offset: int
    video_size: int
    sound_offset: int
    sound_size: int
    start: int
    end: int
    checksum: int


class ShardWriter:
    """Appends clips to the shards of a folder, from a known end; everything after it is truncated.

    on_closed is called with each shard that is complete and safe on the disk.
    """

    def __init__(
        self,
        folder: Path,
        *,
        shard_index: int,
        end: int,
        shard_bytes: int,
        on_closed: Callable[[Path], None] | None = None,
    ) -> None:
        self._folder = folder
        self._index = shard_index
        self._shard_bytes = shard_bytes
        self._on_closed = on_closed
        self._checksum = 0
        self._end = end
        self._file = self._open()

    def add(self, key: str, video: Path | None, sound: Path | None, description: bytes) -> Place:
        """Append a clip's members and pass them to the operating system.

        Raises:
            OSError: they cannot be written; a partial write is truncated.
        """
        if self._end >= self._shard_bytes:
            self.close()
            self._index, self._end = self._index + 1, 0
            self._file = self._open()
        start, self._checksum = self._end, 0
        try:
            video_offset, video_size = self._add_file(f"{key}.mp4", video)
            sound_offset, sound_size = self._add_file(f"{key}.wav", sound)
            self._add(f"{key}.json", len(description), [description])
        except OSError:
            self._cut_to(start)
            raise
        return Place(self._index, video_offset, video_size, sound_offset, sound_size, start, self._end, self._checksum)

    def sync(self) -> None:
        """Wait until everything added is safe on the disk."""
        os.fsync(self._file.fileno())

    def close(self) -> None:
        """Close the last shard; it can be reopened for appending."""
        if self._file.closed:
            return
        try:
            write_all(self._file, TAR_END)
            self.sync()
        except OSError:
            self._cut_to(self._end)
            raise
        self._file.close()
        if self._on_closed is not None:
            self._on_closed(self._path)

    def abandon(self) -> None:
        """Leave the last shard without its end after an error; the next run resumes from here."""
        self._file.close()

    @property
    def _path(self) -> Path:
        return self._folder / shard_name(self._index)

    def _open(self) -> FileIO:
        # unbuffered: after an error, closing the file has nothing left to write that could fail
        file = FileIO(self._path, "r+" if self._path.exists() else "w+")
        file.truncate(self._end)
        file.seek(self._end)
        return file

    def _cut_to(self, end: int) -> None:
        self._file.truncate(end)
        self._file.seek(end)
        self._end = end

    def _add_file(self, name: str, path: Path | None) -> tuple[int, int]:
        if path is None:
            return 0, 0
        with path.open("rb") as file:
            return self._add(name, path.stat().st_size, iter(lambda: file.read(BLOCK_BYTES), b""))

    def _add(self, name: str, size: int, content: Iterable[bytes]) -> tuple[int, int]:
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o644  # no time stamp: the same files give the same bytes
        self._write(member.tobuf(tarfile.PAX_FORMAT))
        offset = self._end
        for block in content:
            self._write(block)
        self._write(bytes(-size % TAR_BLOCK))
        return offset, size

    def _write(self, block: bytes) -> None:
        write_all(self._file, block)
        self._checksum = zlib.crc32(block, self._checksum)
        self._end += len(block)


def write_all(file: FileIO, content: bytes) -> None:
    """Write everything: an unbuffered file may accept only a part at a time."""
    view = memoryview(content)
    while view:
        view = view[file.write(view) :]


def checksum_of(path: Path, start: int, end: int) -> int:
    """Checksum of the bytes [start, end) of a shard, as far as they exist."""
    checksum = 0
    with path.open("rb") as file:
        file.seek(start)
        while block := file.read(min(BLOCK_BYTES, end - file.tell())):
            checksum = zlib.crc32(block, checksum)
    return checksum
