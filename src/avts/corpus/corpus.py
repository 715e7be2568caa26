"""Open a corpus, on disk or in a remote store, and read windows of picture and sound out of it.

A corpus object is cheap to send to another process: it holds its location, and opens shards when they are first read.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from avts.corpus.clip import Clip
from avts.corpus.manifest import CORPUS_NAME, MANIFEST_NAME, read_manifest, read_settings
from avts.corpus.place import place_of
from avts.corpus.quality import is_usable
from avts.corpus.shards import WAV_HEADER_BYTES
from avts.corpus.store import LocalStore, RemoteStore, Store, Wanted
from avts.errors import CorpusError, MediaError
from avts.media.planes import Planes
from avts.media.reader import Target, read_windows, read_windows_into
from avts.timebase import FRAME_RATE, Span, frame_at, sample_at


class Corpus:
    """Clips in the standard form.

    Attributes:
        path: its folder; for a remote corpus only used as its name.
        url: of a remote corpus, None for one on disk.
    """

    def __init__(self, path: Path, url: str | None = None) -> None:
        self.path, self.url = path, url

    @staticmethod
    def open(place: Path | str) -> Corpus:
        """Open a corpus: a folder, or a URL that fsspec reads (s3://, gs://, https://, ...).

        Raises:
            UsageError: the place is neither a folder nor a URL, or no file system for such URLs.
            CorpusError: it is missing, not a corpus, unfinished, damaged, or of another format version.
        """
        found = place_of(place)
        corpus = Corpus(Path(Path(found).name), found) if isinstance(found, str) else Corpus(found.absolute())
        _ = corpus.settings, corpus.clips
        return corpus

    def __getstate__(self) -> dict[str, Any]:
        return {"path": self.path, "url": self.url}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.path, self.url = state["path"], state["url"]

    def __repr__(self) -> str:
        return f"Corpus({self.url or str(self.path)!r})"

    @property
    def place(self) -> Path | str:
        """Where it is, as it was opened: its folder or its URL."""
        return self.url or self.path

    @cached_property
    def settings(self) -> dict[str, Any]:
        """Format version, short side in pixels, rates."""
        return self._described[0]

    @cached_property
    def clips(self) -> tuple[Clip, ...]:
        """All clips in the order they were taken."""
        return self._described[1]

    @cached_property
    def _described(self) -> tuple[dict[str, Any], tuple[Clip, ...]]:
        """Settings and clips; those of a remote corpus are fetched into a folder first."""
        if not isinstance(self._store, RemoteStore):
            return read_settings(self.path), read_manifest(self.path)
        with tempfile.TemporaryDirectory() as folder:
            for name in (CORPUS_NAME, MANIFEST_NAME):
                content = self._store.file(name)
                if content is None:
                    raise CorpusError(f"{self.url}: not a corpus (no {name}). Check the address.")
                (Path(folder) / name).write_bytes(content)
            try:
                return read_settings(Path(folder)), read_manifest(Path(folder))
            except CorpusError as error:
                raise CorpusError(str(error).replace(folder, str(self.url))) from error

    @cached_property
    def _store(self) -> Store:
        return LocalStore(self.path) if self.url is None else RemoteStore(self.url)

    def fetch_ahead(self, clip: Clip, *, pictures: Sequence[Span], sounds: Sequence[Span]) -> None:
        """Start to fetch the parts of a clip that will be read soon, if the corpus is remote."""
        if self.url is not None:
            places = tuple(self._sound_place(clip, span) for span in sounds)
            self._store.fetch_ahead(Wanted(clip, tuple(pictures), places))

    def select(self, split: str | None = None, *, usable: bool = True) -> tuple[Clip, ...]:
        """Clips of a split (of all, if None), without those flagged no_audio, silent or still if usable is True.

        Raises:
            CorpusError: no such split.
        """
        if split not in (None, "train", "validation", "test"):
            raise CorpusError(f"{self.path.name}: no split {split!r}. The splits are train, validation and test.")
        clips = self.clips if split is None else tuple(clip for clip in self.clips if clip.split == split)
        return tuple(clip for clip in clips if is_usable(clip.flags)) if usable else clips

    def frames(self, clip: Clip, span: Span) -> Planes:
        """The pictures of a span: Planes of frame_at(duration) frames from frame_at(start) on.

        Raises:
            CorpusError: the span is not inside the clip, or the shard is missing or damaged.
        """
        return self.frames_many(clip, [span])[0]

    def frames_many(self, clip: Clip, spans: Sequence[Span]) -> list[Planes]:
        """The pictures of several spans of one clip; the clip is opened once for all spans of one length.

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
                read[length] = read_windows(self._store.video(clip, spans), starts, length / FRAME_RATE)[::-1]
            except MediaError as error:
                raise self._damaged(clip, error) from error
        return [read[frame_at(span.duration_seconds)].pop() for span in spans]

    def frames_into(self, clip: Clip, starts_seconds: Sequence[float], targets: Sequence[Target]) -> None:
        """The pictures from several start times of one clip, written into existing memory; see read_windows_into.

        Raises:
            CorpusError: as frames.
        """
        spans = [
            Span(start, start + target.planes.num_frames / FRAME_RATE)
            for start, target in zip(starts_seconds, targets, strict=True)
        ]
        for span in spans:
            self._check(clip, span)
        try:
            read_windows_into(self._store.video(clip, spans), starts_seconds, targets)
        except MediaError as error:
            raise self._damaged(clip, error) from error

    def sound(self, clip: Clip, span: Span) -> NDArray[np.float32]:
        """The sound of a span: float32 [N], full scale 1, N = sample_at(duration).

        Raises:
            CorpusError: the clip has no sound, the span is not inside it, or the shard is missing or damaged.
        """
        self._check(clip, span, "sound")
        samples = np.frombuffer(self._store.sound(clip, *self._sound_place(clip, span)), "<i2")
        return samples.astype(np.float32) / np.float32(32768.0)

    def _sound_place(self, clip: Clip, span: Span) -> tuple[int, int]:
        """First byte and number of bytes of a span in a clip's WAV."""
        count = sample_at(span.duration_seconds)
        # rounding both edges of a span may exceed the length by one sample
        first = min(sample_at(span.start_seconds), max(0, (clip.sound_size - WAV_HEADER_BYTES) // 2 - count))
        return WAV_HEADER_BYTES + 2 * first, 2 * count

    def _damaged(self, clip: Clip, error: MediaError) -> CorpusError:
        return CorpusError(f"{self.path.name}: clip {clip.key} in {clip.shard}: {error}")

    def _check(self, clip: Clip, span: Span, what: Literal["picture", "sound"] = "picture") -> None:
        if not (clip.video_size if what == "picture" else clip.sound_size):
            raise CorpusError(
                f"{self.path.name}: clip {clip.key}: {what} was requested, but it has none (flags: "
                f"{', '.join(clip.flags)}). Exclude such clips with select()."
            )
        first, count = frame_at(span.start_seconds), frame_at(span.duration_seconds)
        num_frames = clip.num_frames or frame_at(
            clip.duration_seconds
        )  # a clip with only sound has no frames, but a length
        if first < 0 or count < 1 or first + count > num_frames:
            raise CorpusError(
                f"{self.path.name}: clip {clip.key}: {span.start_seconds:.3f} to {span.stop_seconds:.3f} s was "
                f"requested, but the clip has 0 to {clip.duration_seconds:.3f} s. Request a span inside it."
            )
