"""Kinetics-400, -600 and -700: CSVs (label, youtube_id, time_start, time_end, split), files ID_START_END.mp4."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from avts.corpus.clip import SPLIT_FOLDERS, Split
from avts.corpus.item import Item
from avts.corpus.sources.tree import Tree, bad_row, csv_rows, none_found

COLUMNS = ("youtube_id", "time_start", "time_end")
"""Columns of a Kinetics list; test lists may lack the label, single lists the split."""

SPLITS: dict[str, Split] = {**SPLIT_FOLDERS, "validate": "validation"}


class Kinetics:
    """Clips by their lists, in folders by split, label, both or neither."""

    def __init__(self, folder: Path, lists: Sequence[Path] = ()) -> None:
        self._tree = Tree(folder, lists)
        self._lists = [path for path in self._tree.lists if path.suffix == ".csv" and _header(path)]
        if not self._lists:
            raise none_found(folder, "Kinetics", f"a CSV with the columns {', '.join(COLUMNS)}")

    def items(self) -> Iterator[Item]:
        """One clip per row, without duplicates."""
        seen: set[str] = set()
        for path in self._lists:
            header = _header(path)
            for row in list(csv_rows(path))[1:]:
                item = self._item(path, dict(zip(header, row, strict=False)), row)
                if item.source not in seen:
                    seen.add(item.source)
                    yield item

    def _item(self, path: Path, named: dict[str, str], row: list[str]) -> Item:
        try:
            start, end = (round(float(named[column])) for column in COLUMNS[1:])
            stem = f"{named['youtube_id']}_{start:06d}_{end:06d}"
        except (KeyError, ValueError) as error:
            raise bad_row(path, row, ",".join(COLUMNS)) from error
        found = self._tree.find([stem])
        split = SPLITS.get(named.get("split") or path.stem.lower().split("_")[-1])
        label = named.get("label")
        return Item(
            self._tree.name_of(found) if found else f"{stem}.mp4",
            found,
            (label,) if label else (),
            split=split,
            group=named["youtube_id"],
        )


def _header(path: Path) -> list[str]:
    """Columns of a Kinetics list, empty for another table."""
    header = [name.strip().lower() for name in next(csv_rows(path), [])]
    return header if set(COLUMNS) <= set(header) else []
