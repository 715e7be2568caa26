"""AudioSet: segment lists with three lines of '#', `YTID, start, end, "labels"`; files named as by usual downloaders.

Files contain only the segment. Labels are display names if class_labels_indices.csv exists, else machine ids.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from avts.corpus.clip import Split
from avts.corpus.folder import is_sound_name
from avts.corpus.item import Item
from avts.corpus.sources.tree import Tree, bad_row, csv_rows, none_found

NAMES_LIST = "class_labels_indices.csv"


class AudioSet:
    """Segments by their lists; 'eval' lists are the test split. Audio files become clips without picture."""

    def __init__(self, folder: Path, lists: Sequence[Path] = ()) -> None:
        self._tree = Tree(folder, lists)
        self._lists = [path for path in self._tree.lists if "segments" in path.name and path.suffix == ".csv"]
        self._lists = self._lists or [path for path in lists if path.name != NAMES_LIST]
        if not self._lists:
            raise none_found(folder, "AudioSet", "*segments.csv")

    def items(self) -> Iterator[Item]:
        """One clip per row."""
        names = self._display_names()
        for path in self._lists:
            split: Split | None = "test" if "eval" in path.name else "train" if "train" in path.name else None
            for row in csv_rows(path):
                yield self._item(path, row, split, names)

    def _item(self, path: Path, row: list[str], split: Split | None, names: dict[str, str]) -> Item:
        try:
            video, start, end = row[0], float(row[1]), float(row[2])
            labels = tuple(names.get(label, label) for label in map(str.strip, row[3].split(",")) if label)
        except (IndexError, ValueError) as error:
            raise bad_row(path, row, 'YTID, start, end, "labels"') from error
        found = self._tree.find(stems_of(video, start, end))
        return Item(
            self._tree.name_of(found) if found else f"{video}_{start:.3f}_{end:.3f}",
            found,
            labels,
            split=split,
            group=video,
            wants="sound" if found is not None and is_sound_name(found.name) else "both",
        )

    def _display_names(self) -> dict[str, str]:
        """Names of labels by machine id."""
        paths = sorted(self._tree.folder.rglob(NAMES_LIST)) + [p for p in self._tree.lists if p.name == NAMES_LIST]
        return {row[1]: row[2] for path in paths[:1] for row in list(csv_rows(path))[1:] if len(row) > 2}


def stems_of(video: str, start: float, end: float) -> list[str]:
    """Names, without suffix, that downloaders give a segment; most specific first."""
    spans = (
        f"{round(start * 1000)}_{round(end * 1000)}",
        f"{start:.3f}_{end:.3f}",
        f"{start:.1f}_{end:.1f}",
        f"{round(start)}_{round(end)}",
        f"{round(start):06d}_{round(end):06d}",
        f"{round(start)}-{round(end)}",
        f"{start:.1f}-{end:.1f}",
        f"{round(start):06d}",
        f"{round(start)}",
    )
    return [f"{video}_{span}" for span in spans] + [video, f"Y{video}"]
