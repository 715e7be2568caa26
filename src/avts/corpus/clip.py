"""One clip of a corpus: its description, the location of its bytes, and its quality."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import PurePosixPath
from typing import Any, Literal

Split = Literal["train", "validation", "test"]

SPLIT_FOLDERS: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "validation": "validation",
    "valid": "validation",
    "val": "validation",
    "test": "test",
}
"""Names of top-level folders that define the split."""

TRAIN_SHARE, VALIDATION_SHARE, TEST_SHARE = 0.8, 0.1, 0.1
"""Shares of clips for files whose split no folder defines."""

_PART = "[A-Za-z0-9](?:[A-Za-z0-9_-]*[A-Za-z0-9])?"
PLAIN_NAME = re.compile(rf"{_PART}(?:/{_PART})*\.mp4")
"""Relative paths that are used as a key unchanged."""

LONGEST_KEY = 80
"""Maximum length of a key in characters: the plain tar header holds names of 100."""


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip in the standard form: 24 frames and 16,000 samples per second, both from 0 s.

    key: unique, safe as a file name; source: path of its file, relative to the folder that was ingested; label: None
    if unknown; duration_seconds: num_frames / 24; height, width: pixels; shard: file name in the corpus;
    video_offset, video_size, sound_offset, sound_size: bytes of the MP4 and of the WAV within the shard;
    source_frames_per_second, source_sample_rate: of the original file; loudness_db: RMS, dB of full scale;
    motion: mean absolute luminance difference from frame to frame, 0 to 255;
    flags: of 'no_audio', 'no_video', 'silent', 'still', 'short', 'truncated'; content_hash: of the original file's
    bytes and the part taken of it; labels: all, `label` being the first; splits: of each official split 'train',
    'test' or '' (not in it); fold: of a cross-validation; group: clips that must not straddle splits.
    Without picture num_frames, height, width and video_size are 0; without sound source_sample_rate and sound_size.
    """

    key: str
    source: str
    split: Split
    label: str | None
    duration_seconds: float
    num_frames: int
    height: int
    width: int
    shard: str
    video_offset: int
    video_size: int
    sound_offset: int
    sound_size: int
    source_frames_per_second: float
    source_sample_rate: int
    loudness_db: float
    motion: float
    flags: tuple[str, ...]
    content_hash: str
    labels: tuple[str, ...] = ()
    splits: tuple[str, ...] = ()
    fold: int | None = None
    group: str | None = None

    def __reduce__(self) -> tuple[type[Clip], tuple[Any, ...]]:
        return Clip, _values_of(self)  # half the time of what a dataclass with slots does by itself


_values_of = attrgetter(*(field.name for field in fields(Clip)))


def key_of(source: str, *, plain: bool = True) -> str:
    """A unique, safe key for a relative path: letters, digits, '_', '-'; folders joined by '__'.

    A path with other characters gets a hash of itself as a suffix, so that no two paths share a key; with plain=False
    every path gets it.
    """
    stem = re.sub(r"\.[^./]*$", "", source).replace("/", "__")
    if plain and PLAIN_NAME.fullmatch(source) and "__" not in source and len(stem) <= LONGEST_KEY:
        return stem
    ending = hashlib.blake2b(source.encode("utf-8", "surrogateescape"), digest_size=4).hexdigest()
    safe = re.sub(r"[^A-Za-z0-9_]+", "-", stem).strip("-_")
    return f"{safe[: LONGEST_KEY - len(ending) - 1]}-{ending}".lstrip("-")


def folder_split(source: str) -> Split | None:
    """The split that the name of the top-level folder defines; deeper folders are ignored."""
    folders = PurePosixPath(source).parts[:-1]
    return SPLIT_FOLDERS.get(folders[0].lower()) if folders else None


def hash_of(text: str) -> str:
    """Hash of a name, 32 hexadecimal digits."""
    return hashlib.blake2b(text.encode("utf-8", "surrogateescape"), digest_size=16).hexdigest()


def hash_split(content_hash: str) -> Split:
    """80/10/10 by a hash of the content, so that copies are never in different splits."""
    share = int(content_hash[:8], 16) / 16**8
    if share < TRAIN_SHARE:
        return "train"
    return "validation" if share < TRAIN_SHARE + VALIDATION_SHARE else "test"
