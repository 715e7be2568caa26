"""What features are made of: files, folders, lists, public data sets and corpora, as recordings with what is known.

Input: the places that the user named. Output: recordings in a stable order, and their streams in the standard form.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avts.corpus.clip import Clip
from avts.corpus.corpus import Corpus
from avts.corpus.fetch import fetched
from avts.corpus.folder import folder_label, is_sound_name, is_video_name
from avts.corpus.item import Item, Media
from avts.corpus.listing import LIST_ENDINGS
from avts.corpus.manifest import CORPUS_NAME
from avts.corpus.place import place_of
from avts.corpus.sources import is_collection, source_of
from avts.errors import CorpusError, MediaError, UsageError
from avts.jobs.refusal import writable
from avts.media.planes import Planes
from avts.media.probe import probe
from avts.media.standard import standard_frames, standard_sound
from avts.timebase import FRAME_RATE, Span

PIECE_SECONDS = 8.0
"""Length of the pieces in which a clip of a corpus is read."""


@dataclass(frozen=True)
class Recording:
    """One file, or one clip of a corpus.

    Attributes:
        source: its name, unique among the recordings of a call.
        place: where a file is, or the corpus that the clip is in.
        clip: of a corpus; None for a file.
        label: its class, None if nothing says it.
        split: 'train', 'validation' or 'test'; None if nothing says it.
        fold: of a cross-validation.
        group: recordings of one group never straddle folds.
        part: seconds of the file; None for all of it.
        stamp: tells whether it is another now.
    """

    source: str
    place: Media
    clip: Clip | None = None
    label: str | None = None
    split: str | None = None
    fold: int | None = None
    group: str | None = None
    part: Span | None = None
    stamp: str = ""


@dataclass(frozen=True)
class Streams:
    """Picture and sound of a recording in the standard form; None for what it has not. The picture is read first."""

    pictures: Callable[[], Iterator[Planes]] | None
    sounds: Callable[[], Iterator[NDArray[np.float32]]] | None


def recordings_of(places: Sequence[str], *, layout: str | None = None) -> list[Recording]:
    """The recordings at some places: files, folders, lists, tars, corpora, or a data set with a layout.

    Raises:
        UsageError: no such place, or two recordings of one name.
        CorpusError: nothing in them.
    """
    found = [recording for place in places for recording in _at(place, layout, alone=len(places) == 1)]
    if not found:
        raise CorpusError(f"{', '.join(places)}: contains neither video nor sound. Give files, a folder or a corpus.")
    names: set[str] = set()
    for recording in found:
        if recording.source in names:
            raise UsageError(f"{recording.source}: given twice. Give each file once.")
        names.add(recording.source)
    return found


def _at(place: str, layout: str | None, *, alone: bool) -> list[Recording]:
    found = place_of(place)
    if isinstance(found, str):
        if layout is None and not (is_collection(found) or is_video_name(found) or is_sound_name(found)):
            return corpus_recordings(Corpus.open(found))
    elif layout is None:
        if (found / CORPUS_NAME).is_file():
            return corpus_recordings(Corpus.open(found))
        if found.is_dir() and (files := list(_files(found, "" if alone else f"{place}/"))):
            return files
        if found.is_file() and found.suffix not in {*LIST_ENDINGS, ".tar"}:
            return [Recording(writable(place), found, stamp=_stamp(found))]
        if not found.exists():
            raise UsageError(f"{place}: no such file or folder. Check the path.")
    return [_of_item(item) for item in source_of(found, layout=layout).items() if item.media is not None]


def _files(folder: Path, prefix: str) -> Iterator[Recording]:
    """Videos and sounds under a folder by path; the label is the folder that a file lies in."""
    for root, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            if is_video_name(name) or (is_sound_name(name) and not name.startswith(".")):
                path = Path(root) / name
                relative = path.relative_to(folder)
                yield Recording(
                    writable(f"{prefix}{relative.as_posix()}"), path, label=folder_label(relative), stamp=_stamp(path)
                )


def _of_item(item: Item) -> Recording:
    assert item.media is not None
    size, changed = item.stamp
    return Recording(
        item.source,
        item.media,
        label=item.labels[0] if item.labels else None,
        split=item.split,
        fold=item.fold,
        group=item.group,
        part=item.part,
        stamp=f"{size} {changed}",
    )


def corpus_recordings(corpus: Corpus) -> list[Recording]:
    """The clips of a corpus."""
    place = corpus.place
    return [
        Recording(clip.source, place, clip, clip.label, clip.split, clip.fold, clip.group, stamp=clip.content_hash)
        for clip in corpus.clips
    ]


def _stamp(path: Path) -> str:
    try:
        state = path.stat()
    except OSError:  # a broken link: refused as unreadable when it is processed
        return ""
    return f"{state.st_size} {state.st_mtime_ns}"


@contextmanager
def streams_of(recording: Recording, scratch: Path, alive: Callable[[], None]) -> Iterator[Streams]:
    """Open a recording.

    Args:
        recording: what to open.
        scratch: where a file that is not on this machine is copied to for the time being.
        alive: called while something is read.

    Raises:
        InputError: it is not there, not a media file, or has neither picture nor sound.
    """
    if recording.clip is not None:
        place = recording.place
        assert isinstance(place, Path | str)
        yield _clip_streams(_remote_corpus(place) if isinstance(place, str) else Corpus.open(place), recording.clip)
        return
    with fetched(recording.place, scratch, alive) as path:
        yield _file_streams(path, recording.part)


@lru_cache(maxsize=1)
def _remote_corpus(url: str) -> Corpus:
    """The corpus at a URL; a process fetches its manifest once, not for each clip."""
    return Corpus.open(url)


def _clip_streams(corpus: Corpus, clip: Clip) -> Streams:
    def spans() -> Iterator[Span]:
        frames = round(clip.duration_seconds * FRAME_RATE)
        piece = round(PIECE_SECONDS * FRAME_RATE)
        for first in range(0, frames, piece):
            yield Span(first / FRAME_RATE, min(first + piece, frames) / FRAME_RATE)

    return Streams(
        (lambda: (corpus.frames(clip, span) for span in spans())) if clip.video_size else None,
        (lambda: (corpus.sound(clip, span) for span in spans())) if clip.sound_size else None,
    )


def _file_streams(path: Path, part: Span | None) -> Streams:
    info = probe(path)
    if info.video is None and info.audio is None:
        raise MediaError(f"{path.name}: has neither picture nor sound. Nothing to embed.")
    if info.video is None:
        assert info.audio is not None
        start = info.audio.start_seconds + (part.start_seconds if part else 0.0)
        duration = part.duration_seconds if part else None
        return Streams(None, lambda: iter(standard_sound(path, start_seconds=start, duration_seconds=duration)))
    frames = standard_frames(path, part=part)

    def sounds() -> Iterator[NDArray[np.float32]]:
        duration = frames.num_frames / FRAME_RATE  # known once the picture was read
        return iter(standard_sound(path, start_seconds=frames.start_seconds, duration_seconds=duration))

    return Streams(lambda: iter(frames), sounds if info.audio is not None else None)
