"""What a source passes to ingest: items, each a future clip, with its description from the list.

A custom source is any object with `items()`; docs/data-sets.md has one of 20 lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal, Protocol, runtime_checkable

from avts.corpus.clip import Split
from avts.timebase import Span

Wants = Literal["both", "picture", "sound"]


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside an uncompressed tar, by its bytes: [offset, offset + size) of a local path or any fsspec URL."""

    tar: Path | str
    offset: int
    size: int
    name: str
    mtime_ns: int = -1


Media = Path | str | Member | Callable[[], BinaryIO]
"""Where a file is: a local path, a URL for fsspec, a member of a tar, or a picklable function that opens it."""


@dataclass(frozen=True, slots=True)
class Item:
    """A file, or a part of one, that is to become a clip.

    source: its name in the collection, unique; the key is made from it. media: its location; None for a
    listed file that does not exist. labels: the first is the clip's label. split: None leaves it to the group's hash,
    the label (see label_splits), or the content's hash.
    splits: for each official split, 'train', 'test' or '' (not in it). fold: of a cross-validation.
    part: seconds of the file, as a player counts them; None for all of it. group: clips of one group, such as one
    source video, are never in different splits. wants: 'both' refuses a file without sound or picture; 'picture' keeps
    it without sound, flagged no_audio; 'sound' takes only the sound, flagged no_video.
    """

    source: str
    media: Media | None
    labels: tuple[str, ...] = ()
    split: Split | None = None
    splits: tuple[str, ...] = ()
    fold: int | None = None
    part: Span | None = None
    group: str | None = None
    wants: Wants = "both"

    @property
    def stamp(self) -> tuple[int, int]:
        """Size in bytes and modification time, to detect changes of a file; -1 if unknown."""
        if isinstance(self.media, Member):
            return self.media.size, self.media.mtime_ns
        if not isinstance(self.media, Path):
            return -1, -1
        try:
            state = self.media.stat()
        except OSError:  # refused as unreadable when it is processed
            return -1, -1
        return state.st_size, state.st_mtime_ns


@runtime_checkable
class Source(Protocol):
    """A collection that ingest can read."""

    def items(self) -> Iterable[Item]:
        """All its items, always in the same order."""
        ...
