"""A data set's folder, walked once: its media files by name, and its lists."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from avts.corpus.folder import is_sound_name, is_video_name
from avts.errors import CorpusError, UsageError

LIST_ENDINGS = frozenset({".csv", ".txt", ".tsv"})


class Tree:
    """Files of a folder. Where several have one name, the first by path counts."""

    def __init__(self, folder: Path, lists: Sequence[Path] = ()) -> None:
        """Walk the folder.

        Raises:
            UsageError: a list that was given is not there.
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
                raise UsageError(f"{path}: no such list. Give the file that the data set comes with.")
        self.lists = list(lists) or sorted(self._found_lists)
        self._by_stem = {path.stem: path for path in reversed(self.media)}

    def find(self, stems: Iterable[str]) -> Path | None:
        """The first file there is with one of these names, whatever its ending. Case counts: ids of videos have it."""
        return next((self._by_stem[stem] for stem in stems if stem in self._by_stem), None)

    def name_of(self, path: Path) -> str:
        """A file's path within the folder, as text that can be written into a table."""
        return os.fsencode(path.relative_to(self.folder).as_posix()).decode("utf-8", "backslashreplace")

    def lists_named(self, *words: str) -> list[Path]:
        """Lists whose name holds one of these words, in lower case."""
        return [path for path in self.lists if any(word in path.name.lower() for word in words)]


def none_found(folder: Path, what: str, like: str) -> UsageError:
    """The error for a data set whose lists are not there."""
    return UsageError(f"{folder}: no list of {what} in it (looked for {like}). Give it with --list.")


def csv_rows(path: Path) -> Iterator[list[str]]:
    """Rows of a CSV, without empty ones and those that begin with '#'; blanks after commas do not count.

    Raises:
        CorpusError: it is not text.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = (line for line in file if line.strip() and not line.startswith("#"))
            yield from csv.reader(lines, skipinitialspace=True)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise CorpusError(f"{path}: cannot be read as a list ({error}). Repair it, or get it again.") from error


def text_lines(path: Path) -> Iterator[str]:
    """Lines of a text, without empty ones and blanks at their ends.

    Raises:
        CorpusError: it is not text.
    """
    try:
        yield from (line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines() if line.strip())
    except (OSError, UnicodeDecodeError) as error:
        raise CorpusError(f"{path}: cannot be read as a list ({error}). Repair it, or get it again.") from error


def bad_row(path: Path, row: Sequence[str], columns: str) -> CorpusError:
    """The error for a row that is not of the list's form."""
    return CorpusError(f"{path}: row {','.join(row)!r} is not {columns}. Get the list again.")
