"""Open a corpus and read windows of picture and sound out of it.

A corpus object is cheap to send to another process: it carries its path, and maps shards when they are first read.
"""

from __future__ import annotations

import mmap
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avts.corpus.clip import Clip
from avts.corpus.manifest import read_manifest, read_settings
from avts.corpus.quality import is_usable
from avts.corpus.shards import WAV_HEADER_BYTES
from avts.errors import CorpusError, MediaError
from avts.media.planes import Planes
from avts.media.reader import read_windows, read_windows_into
from avts.timebase import FRAME_RATE, Span, frame_at, sample_at

MAPPED_SHARDS = 256
"""Shards mapped at a time in a process, at most; a mapping costs address space and a file handle, not memory."""


class Corpus:
    """Clips in the standard form, on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._shards: OrderedDict[str, mmap.mmap] = OrderedDict()

    @staticmethod
    def open(path: Path | str) -> Corpus:
        """Open a corpus.

        Raises:
            CorpusError: it is missing, not a corpus, unfinished, damaged, or of another format version.
        """
        corpus = Corpus(Path(path).absolute())
        _ = corpus.settings, corpus.clips
        return corpus

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.path = state["path"]
        self._shards = OrderedDict()

    def __repr__(self) -> str:
        return f"Corpus({str(self.path)!r})"

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Format version, short side in pixels, rates."""
        return read_settings(self.path)

    @cached_property
    def clips(self) -> tuple[Clip, ...]:
        """All clips in the order they were taken."""
        return read_manifest(self.path)

    def select(self, split: str | None = None, *, usable: bool = True) -> tuple[Clip, ...]:
        """Clips of a split (of all, if None), without those flagged no_audio, silent or still if usable is asked for.

        Raises:
            CorpusError: no such split.
        """
        if split not in (None, "train", "validation", "test"):
            raise CorpusError(f"{self.path.name}: no split {split!r}. There are train, validation and test.")
        clips = self.clips if split is None else tuple(clip for clip in self.clips if clip.split == split)
        return tuple(clip for clip in clips if is_usable(clip.flags)) if usable else clips

    def frames(self, clip: Clip, span: Span) -> Planes:
        """The pictures of a span: Planes of frame_at(duration) frames from frame_at(start) on.

        Raises:
            CorpusError: the span is not inside the clip, or the shard is missing or damaged.
        """
        return self.frames_many(clip, [span])[0]

    def frames_many(self, clip: Clip, spans: Sequence[Span]) -> list[Planes]:
        """The pictures of several spans of one clip; those of one length are read with the clip opened once.

        Raises:
            CorpusError: as frames.
        """
        for span in spans:
            self._check(clip, span)
        lengths = {frame_at(span.duration_seconds) for span in spans}
        read: dict[int, list[Planes]] = {}
        for length in lengths:
            starts = [span.start_seconds for span in spans if frame_at(span.duration_seconds) == length]
            try:
                read[length] = read_windows(self.video_bytes(clip), starts, length / FRAME_RATE)[::-1]
            except MediaError as error:
                raise self._damaged(clip, error) from error
        return [read[frame_at(span.duration_seconds)].pop() for span in spans]

    def frames_into(
        self, clip: Clip, starts_seconds: Sequence[float], targets: Sequence[Planes], *, top: int = 0, left: int = 0
    ) -> None:
        """The pictures from several times of one clip on, into memory that is there already; see read_windows_into.

        Raises:
            CorpusError: as frames.
        """
        for start, target in zip(starts_seconds, targets, strict=True):
            self._check(clip, Span(start, start + target.num_frames / FRAME_RATE))
        try:
            read_windows_into(self.video_bytes(clip), starts_seconds, targets, top=top, left=left)
        except MediaError as error:
            raise self._damaged(clip, error) from error

    def sound(self, clip: Clip, span: Span) -> NDArray[np.float32]:
        """The sound of a span: float32 [N], full scale 1, N = sample_at(duration).

        Raises:
            CorpusError: the span is not inside the clip, or the shard is missing or damaged.
        """
        self._check(clip, span)
        count = sample_at(span.duration_seconds)
        # the two roundings of a span's edges may add up to one sample more than there is
        first = min(sample_at(span.start_seconds), max(0, (clip.sound_size - WAV_HEADER_BYTES) // 2 - count))
        start = clip.sound_offset + WAV_HEADER_BYTES + 2 * first
        samples = np.frombuffer(self._bytes(clip, start, 2 * count), "<i2")
        return samples.astype(np.float32) / np.float32(32768.0)

    def video_bytes(self, clip: Clip) -> memoryview:
        """The bytes of a clip's MP4 file, not copied.

        Raises:
            CorpusError: the shard is missing or damaged.
        """
        return self._bytes(clip, clip.video_offset, clip.video_size)

    def _damaged(self, clip: Clip, error: MediaError) -> CorpusError:
        return CorpusError(f"{self.path.name}: clip {clip.key} in {clip.shard}: {error}")

    def _check(self, clip: Clip, span: Span) -> None:
        first, count = frame_at(span.start_seconds), frame_at(span.duration_seconds)
        if first < 0 or count < 1 or first + count > clip.num_frames:
            raise CorpusError(
                f"{self.path.name}: clip {clip.key}: asked for {span.start_seconds:.3f} to {span.stop_seconds:.3f} s, "
                f"but it lasts from 0 to {clip.duration_seconds:.3f} s. Ask for a span inside it."
            )

    def _bytes(self, clip: Clip, start: int, size: int) -> memoryview:
        shard = self._shard(clip.shard)
        if start + size > len(shard):
            raise CorpusError(
                f"{self.path.name}: clip {clip.key}: {clip.shard} is cut off: it has {len(shard)} bytes, "
                f"the clip needs {start + size}. Copy the corpus again, or ingest it again into a new folder."
            )
        return memoryview(shard)[start : start + size]

    def _shard(self, name: str) -> mmap.mmap:
        if name not in self._shards:
            try:
                with (self.path / name).open("rb") as file:
                    self._shards[name] = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except (OSError, ValueError) as error:
                raise CorpusError(
                    f"{self.path.name}: its shard {name} cannot be read ({error}). Copy the corpus again, all of it."
                ) from error
            if len(self._shards) > MAPPED_SHARDS:
                self._shards.popitem(last=False)
        self._shards.move_to_end(name)
        return self._shards[name]
