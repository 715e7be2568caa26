"""Index of a data set's folder: its media files by name, and its lists."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from avts.corpus.folder import is_sound_name, is_video_name
from avts.errors import CorpusError, UsageError

LIST_ENDINGS = frozenset({".csv", ".txt", ".tsv"})


class Tree:
    """Files of a folder. Of several files with one name the first by path is used."""

    def __init__(self, folder: Path, lists: Sequence[Path] = ()) -> None:
        """Walk the folder.

        Raises:
            UsageError: a given list does not exist.
        """
        self.folder = folder
        self.media: list[Path] = []
        self._found_lists: list[Path] = []
        for root, folders, names in os.walk(folder):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(names):
                path = Path(root) / name
                if is_video_name(name) or is_sound_name(name):
                    self.media.append(path)
                elif path.suffix.lower() in LIST_ENDINGS:
                    self._found_lists.append(path)
        self.media.sort(key=self.name_of)
        for path in lists:
            if not path.is_file():
                raise UsageError(f"{path}: no such list. Give the list of the data set.")
        self.lists = list(lists) or sorted(self._found_lists)
        self._by_stem = {path.stem: path for path in reversed(self.media)}

    def find(self, stems: Iterable[str]) -> Path | None:
        """The first existing file with one of these names and any suffix. Case-sensitive, as video ids are."""
        return next((self._by_stem[stem] for stem in stems if stem in self._by_stem), None)

    def name_of(self, path: Path) -> str:
        """A file's path within the folder, as text that can be written into a table."""
        return os.fsencode(path.relative_to(self.folder).as_posix()).decode("utf-8", "backslashreplace")

    def lists_named(self, *words: str) -> list[Path]:
        """Lists whose lower-case name contains one of these words."""
        return [path for path in self.lists if any(word in path.name.lower() for word in words)]


def none_found(folder: Path, what: str, like: str) -> UsageError:
    """The error for a data set without its lists."""
    return UsageError(f"{folder}: contains no list of {what} ({like}). Give it with --list.")


def csv_rows(path: Path) -> Iterator[list[str]]:
    """Rows of a CSV, without empty ones and those that begin with '#'; spaces after commas are ignored.

    Raises:
        CorpusError: it is not text.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = (line for line in file if line.strip() and not line.startswith("#"))
            yield from csv.reader(lines, skipinitialspace=True)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"{path}: cannot be read as a list ({error}). Repair it, or download it again.") from error


def text_lines(path: Path) -> Iterator[str]:
    """Lines of a text file, stripped, without empty ones.

    Raises:
        CorpusError: it is not text.
    """
    try:
        yield from (line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path}: cannot be read as a list ({error}). Repair it, or download it again.") from error


def bad_row(path: Path, row: Sequence[str], columns: str) -> CorpusError:
    """The error for a row with a wrong format."""
    return CorpusError(f"{path}: row {','.join(row)!r} is not {columns}. Download the list again.")
