"""The video files of a folder in a stable order, with their labels."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from avts.corpus.clip import SPLIT_FOLDERS, folder_split
from avts.corpus.item import Item, Wants
from avts.errors import CorpusError, UsageError

VIDEO_ENDINGS = (
    ".3g2 .3gp .asf .avi .divx .dv .f4v .flv .gif .m1v .m2t .m2ts .m2v .m4v .mjpeg .mkv .mov .mp4 .mpe .mpeg .mpg "
    ".mts .mxf .nut .ogm .ogv .qt .rm .rmvb .ts .vob .webm .wmv .y4m"
)
"""Suffixes of video files."""

SOUND_ENDINGS = ".aac .aif .aiff .au .flac .m4a .mka .mp3 .oga .ogg .opus .wav .wma"
"""Suffixes of files with sound but no picture, which are taken if a list names them."""

LABELS_NAME = "labels.csv"
"""A table with the columns file and kind, in the folder of the files that it names."""


@dataclass(frozen=True)
class VideoFile:
    """A video file to ingest: its path, its path relative to the folder, its label, and a stamp to detect changes."""

    path: Path
    source: str
    label: str | None
    size: int
    mtime_ns: int


class FolderSource:
    """The videos of a folder and its sub-folders; label and split come from the names of folders."""

    def __init__(self, folder: Path, *, wants: Wants = "both") -> None:
        if not folder.is_dir():
            raise UsageError(f"{folder}: no such folder. Give the folder that holds the videos.")
        self._folder = folder
        self._wants = wants

    def items(self) -> Iterator[Item]:
        """Its videos by relative path.

        Raises:
            CorpusError: there are no videos, or a labels.csv cannot be read.
        """
        files = video_files(self._folder)
        if not files:
            raise CorpusError(f"{self._folder}: contains no video file ({VIDEO_ENDINGS}). Nothing to ingest.")
        for file in files:
            labels = () if file.label is None else (file.label,)
            yield Item(file.source, file.path, labels, split=folder_split(file.source), wants=self._wants)


def video_files(folder: Path) -> list[VideoFile]:
    """All video files under a folder, by relative path; hidden files and folders are skipped.

    Raises:
        CorpusError: a labels.csv cannot be read.
    """
    found: list[VideoFile] = []
    for root, folders, names in os.walk(folder, followlinks=False):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        videos = sorted(name for name in names if is_video_name(name))
        labels = read_labels(Path(root) / LABELS_NAME) if videos and LABELS_NAME in names else {}
        for name in videos:
            path = Path(root) / name
            found.append(_video_file(path, path.relative_to(folder), labels.get(name)))
    return sorted(found, key=lambda file: file.source)


def is_video_name(name: str) -> bool:
    """True if a file name is not hidden and has the suffix of a video."""
    return not name.startswith(".") and Path(name).suffix.lower() in VIDEO_ENDINGS.split()


def is_sound_name(name: str) -> bool:
    """True if a file name has the suffix of an audio file."""
    return Path(name).suffix.lower() in SOUND_ENDINGS.split()


def _video_file(path: Path, relative: Path, label: str | None) -> VideoFile:
    # names that are not valid text stay distinct and can be written into a table
    source = os.fsencode(relative.as_posix()).decode("utf-8", "backslashreplace")
    try:
        state = path.stat()
    except OSError:  # a broken link: refused as unreadable when it is processed
        return VideoFile(path, source, label, -1, -1)
    return VideoFile(path, source, label or folder_label(relative), state.st_size, state.st_mtime_ns)


def folder_label(relative: Path) -> str | None:
    """The name of the folder of a file, unless it only defines the split."""
    parent = relative.parent.name
    return parent if parent and parent.lower() not in SPLIT_FOLDERS else None


def read_labels(path: Path) -> dict[str, str]:
    """Labels by file name, from a table with the columns file and kind; empty if it has other columns.

    Raises:
        CorpusError: the table is not text.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if not {"file", "kind"} <= set(rows.fieldnames or ()):
                return {}
            return {Path(row["file"]).name: row["kind"].strip() for row in rows if row["file"] and row["kind"]}
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"{path}: cannot be read as a table of labels ({error}). Repair or remove it.") from error
