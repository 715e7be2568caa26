"""Tar shards that `webdataset` reads as they are, and that a window is read out of without scanning.

A clip is three members that follow each other: KEY.mp4 (picture only), KEY.wav (16-bit PCM mono), KEY.json. PCM,
because a window of it is a slice of bytes.
"""

from __future__ import annotations

import io
import os
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

SHARD_BYTES = 256 * 2**20
"""A shard that has reached this size is closed and the next one begun."""

WAV_HEADER_BYTES = 44
"""Bytes before the samples in the WAV files that the writer makes."""

TAR_BLOCK = tarfile.BLOCKSIZE

TAR_END = bytes(2 * TAR_BLOCK)
"""Two empty blocks end a tar file."""


def shard_name(index: int) -> str:
    """File name of a shard."""
    return f"shard-{index:06d}.tar"


@dataclass(frozen=True)
class Place:
    """Where a clip was written: the shard, its files' bytes in it, and where the clip's last member ends."""

    shard_index: int
    video_offset: int
    video_size: int
    sound_offset: int
    sound_size: int
    end: int


class ShardWriter:
    """Appends clips to the shards of a folder, from a known end on; whatever lay behind it is cut off."""

    def __init__(self, folder: Path, *, shard_index: int, end: int, shard_bytes: int) -> None:
        self._folder = folder
        self._index = shard_index
        self._shard_bytes = shard_bytes
        self._file = self._open(end)

    def add(self, key: str, video: Path, sound: Path, description: bytes) -> Place:
        """Append a clip's three members and hand them to the operating system."""
        if self._file.tell() >= self._shard_bytes:
            self._end_shard()
            self._index += 1
            self._file = self._open(0)
        video_offset, video_size = self._add_file(f"{key}.mp4", video)
        sound_offset, sound_size = self._add_file(f"{key}.wav", sound)
        self._add(f"{key}.json", io.BytesIO(description), len(description))
        self._file.flush()
        return Place(self._index, video_offset, video_size, sound_offset, sound_size, self._file.tell())

    def close(self) -> None:
        """End the last shard; it can be opened again and appended to."""
        self._end_shard()

    def _open(self, end: int) -> BinaryIO:
        path = self._folder / shard_name(self._index)
        file = path.open("r+b" if path.exists() else "w+b")
        file.truncate(end)
        file.seek(end)
        return file

    def _end_shard(self) -> None:
        if not self._file.closed:
            self._file.write(TAR_END)
            self._file.flush()
            os.fsync(self._file.fileno())
            self._file.close()

    def _add_file(self, name: str, path: Path) -> tuple[int, int]:
        with path.open("rb") as content:
            return self._add(name, content, path.stat().st_size)

    def _add(self, name: str, content: BinaryIO, size: int) -> tuple[int, int]:
        member = tarfile.TarInfo(name)
        member.size, member.mode = size, 0o644  # no time stamp: the same files make the same bytes
        self._file.write(member.tobuf(tarfile.PAX_FORMAT))
        offset = self._file.tell()
        shutil.copyfileobj(content, self._file, 2**20)
        self._file.write(bytes(-size % TAR_BLOCK))
        return offset, size
