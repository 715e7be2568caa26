"""Access to the bytes of a corpus: on the local disk, or in any store that fsspec reads by byte ranges.

Every request to a remote store costs its latency, so there are few and they overlap: a short clip is fetched in one
request, picture and sound; of a long one only its tables and the ranges that windows need, from key frame to key frame.
Threads can fetch data ahead. Fetched data is cached up to a limit.
"""

from __future__ import annotations

import mmap
import struct
import threading
from collections import OrderedDict
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from avts.corpus.clip import Clip
from avts.corpus.remote import RemoteFiles
from avts.errors import CorpusError, MediaError
from avts.media.packets import PacketTable, packet_table
from avts.timebase import Span, frame_at

MAPPED_SHARDS = 256
"""Maximum number of mapped shards per process; a mapping costs address space and a file handle, not memory."""

WHOLE_CLIP_BYTES = 2 * 2**20
"""Up to this size a clip's picture and sound are fetched in one request: about 20 s of the standard form."""

KEPT_BYTES = 256 * 2**20
"""Cache size in bytes per process for a remote store, with least-recently-used eviction."""

REQUESTS_AT_ONCE = 32

HEAD_BYTES = 4096
"""First bytes of a long clip's MP4: enough to locate its tables."""

MEMBERS_APART = 4096
"""Maximum gap between a clip's picture and sound in the tar for one request."""


@dataclass(frozen=True)
class Wanted:
    """What will be read of one clip: spans of picture, and (start, size) of bytes of its WAV."""

    clip: Clip
    pictures: tuple[Span, ...] = ()
    sounds: tuple[tuple[int, int], ...] = ()


class Store(Protocol):
    """Access to bytes of shards."""

    def video(self, clip: Clip, spans: Sequence[Span]) -> memoryview:
        """A clip's MP4, which contains at least what the spans need."""
        ...

    def sound(self, clip: Clip, start: int, size: int) -> memoryview:
        """Bytes [start, start + size) of a clip's WAV."""
        ...

    def fetch_ahead(self, wanted: Wanted) -> None:
        """Start to fetch what will be read soon."""
        ...


class LocalStore:
    """Shards in a folder, memory-mapped when they are first read."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._shards: OrderedDict[str, mmap.mmap] = OrderedDict()

    def video(self, clip: Clip, spans: Sequence[Span]) -> memoryview:  # noqa: ARG002
        """A clip's MP4, not copied.

        Raises:
            CorpusError: the shard is missing or truncated.
        """
        return self._bytes(clip, clip.video_offset, clip.video_size)

    def sound(self, clip: Clip, start: int, size: int) -> memoryview:
        """Bytes of a clip's WAV, not copied.

        Raises:
            CorpusError: the shard is missing or truncated.
        """
        return self._bytes(clip, clip.sound_offset + start, size)

    def fetch_ahead(self, wanted: Wanted) -> None:
        """Do nothing: the operating system reads ahead."""

    def _bytes(self, clip: Clip, start: int, size: int) -> memoryview:
        shard = self._shard(clip.shard)
        if start + size > len(shard):
            raise CorpusError(
                f"{self._folder.name}: clip {clip.key}: {clip.shard} is truncated: it has {len(shard)} bytes, "
                f"the clip needs {start + size}. Copy the corpus again, or ingest it again into a new folder."
            )
        return memoryview(shard)[start : start + size]

    def _shard(self, name: str) -> mmap.mmap:
        if name not in self._shards:
            try:
                with (self._folder / name).open("rb") as file:
                    self._shards[name] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except (OSError, ValueError) as error:
                raise CorpusError(
                    f"{self._folder.name}: its shard {name} cannot be read ({error}). Copy the whole corpus again."
                ) from error
            if len(self._shards) > MAPPED_SHARDS:
                self._shards.popitem(last=False)
        self._shards.move_to_end(name)
        return self._shards[name]


class RemoteStore:
    """Shards in a store that fsspec reads."""

    def __init__(self, url: str) -> None:
        """Start nothing yet.

        Raises:
            UsageError: no file system for such URLs, or its package is not installed.
        """
        self._files = RemoteFiles(url)
        self._kept: OrderedDict[str, Future[_Fetched]] = OrderedDict()
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(REQUESTS_AT_ONCE, thread_name_prefix="avts-fetch")

    def file(self, name: str) -> bytes | None:
        """A whole file next to the shards; None if it does not exist.

        Raises:
            CorpusError: the store cannot be reached.
        """
        return self._files.whole(name)

    def video(self, clip: Clip, spans: Sequence[Span]) -> memoryview:
        """A clip's MP4 in memory; of a long clip, only what the spans need.

        Raises:
            CorpusError: it cannot be read from the store.
        """
        fetched = self._fetch(clip).result()
        fetched.fill(spans)
        return fetched.video

    def sound(self, clip: Clip, start: int, size: int) -> memoryview:
        """Bytes of a clip's WAV.

        Raises:
            CorpusError: they cannot be read from the store.
        """
        return self._fetch(clip).result().sound_part(start, size)

    def fetch_ahead(self, wanted: Wanted) -> None:
        """Start to fetch what will be read soon; errors are raised when it is read."""
        future = self._fetch(wanted.clip)
        if comes_whole(wanted.clip):
            return
        # these wait in a thread for the clip's tables, whose task was submitted before
        self._threads.submit(lambda later, spans: later.result().fill(spans), future, wanted.pictures)
        for start, size in wanted.sounds:
            self._threads.submit(lambda later, *part: later.result().sound_part(*part), future, start, size)

    def _fetch(self, clip: Clip) -> Future[_Fetched]:
        with self._lock:
            if clip.key in self._kept:
                self._kept.move_to_end(clip.key)
                return self._kept[clip.key]
            future = self._threads.submit(_Fetched, self._read, clip)
            self._kept[clip.key] = future
            self._forget()
        future.add_done_callback(lambda done: self._drop_failed(clip.key, done))
        return future

    def _forget(self) -> None:
        """Evict the least recently used entries; readers keep theirs alive."""
        done = {future for future in self._kept.values() if future.done() and future.exception() is None}
        held = sum(future.result().num_bytes for future in done)
        for key in list(self._kept):
            if held <= KEPT_BYTES:
                return
            if self._kept[key] in done:
                held -= self._kept.pop(key).result().num_bytes

    def _drop_failed(self, key: str, future: Future[_Fetched]) -> None:
        """Remove a failed request, so that it is repeated the next time."""
        if future.exception() is not None:
            with self._lock:
                self._kept.pop(key, None)

    def _read(self, clip: Clip, start: int, size: int) -> bytes:
        """Bytes of a shard, by one request."""
        found = self._files.part(clip.shard, start, size)
        if len(found) < size:
            raise CorpusError(
                f"{self._files.url}: clip {clip.key}: {clip.shard} is truncated: {len(found)} of {size} bytes were "
                "received. Copy the corpus again."
            )
        return found


def comes_whole(clip: Clip) -> bool:
    """True if a clip's picture and sound are fetched in one request."""
    apart = clip.sound_offset - clip.video_offset - clip.video_size
    return 0 <= apart <= MEMBERS_APART and clip.video_size + apart + clip.sound_size <= WHOLE_CLIP_BYTES


class _Fetched:
    """The fetched part of a clip: all of it, or an MP4 with holes, which cost no memory."""

    def __init__(self, read: Any, clip: Clip) -> None:
        self._read = read
        self._clip = clip
        self._table: PacketTable | None = None
        self.num_bytes = 0
        if comes_whole(clip):
            end = clip.sound_offset + clip.sound_size
            whole = memoryview(read(clip, clip.video_offset, end - clip.video_offset))
            self.video, self.num_bytes = whole[: clip.video_size], len(whole)
            self._whole_sound = whole[clip.sound_offset - clip.video_offset :]
            return
        self._whole_sound = memoryview(b"")
        self._sounds: dict[tuple[int, int], memoryview] = {}
        self._there: set[tuple[int, int]] = set()
        self._picture_lock, self._sound_lock = threading.Lock(), threading.Lock()
        self._holes = mmap.mmap(-1, max(clip.video_size, 1))
        self.video = memoryview(self._holes)[: clip.video_size]
        if clip.video_size:
            self._fetch_tables()

    def sound_part(self, start: int, size: int) -> memoryview:
        """Bytes [start, start + size) of the WAV."""
        if self._whole_sound:
            return self._whole_sound[start : start + size]
        with self._sound_lock:
            if (start, size) not in self._sounds:
                part = self._read(self._clip, self._clip.sound_offset + start, size)
                self._sounds[start, size] = memoryview(part)
                self.num_bytes += size
            return self._sounds[start, size]

    def fill(self, spans: Sequence[Span]) -> None:
        """Fetch the missing ranges of a long clip that windows need."""
        if self._table is None:
            return
        for span in spans:
            first, count = frame_at(span.start_seconds), frame_at(span.duration_seconds)
            last = min(first + count, self._table.num_frames) - 1
            start = self._table.offsets[self._table.key_frame_before(max(first, 0))]
            stretch = (start, self._table.offsets[last] + self._table.sizes[last])
            with self._picture_lock:
                if stretch not in self._there:
                    self._get(*stretch)
                    self._there.add(stretch)

    def _get(self, start: int, end: int) -> None:
        self._holes[start:end] = self._read(self._clip, self._clip.video_offset + start, end - start)
        self.num_bytes += end - start

    def _fetch_tables(self) -> None:
        """Fetch the first bytes, follow the boxes to the tables, and fetch them."""
        size = self._clip.video_size
        self._get(0, min(HEAD_BYTES, size))
        position = 0
        while position + 16 <= min(HEAD_BYTES, size):
            length, kind, long_length = struct.unpack_from(">I4sQ", self.video, position)
            length = long_length if length == 1 else length
            if kind == b"mdat":
                self._get(position + length, size)  # the tables follow the pictures
                break
            if kind == b"moov" or length < 8:
                self._get(position, min(position + max(length, 0), size))
                break
            position += length
        try:
            self._table = packet_table(self.video)
        except MediaError:  # the decoder will report it
            self._table = None
