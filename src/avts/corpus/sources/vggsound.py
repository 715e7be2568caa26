"""VGGSound: vggsound.csv without header (id, start, label, split); files ID_START.mp4 with six digits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from avts.corpus.clip import SPLIT_FOLDERS
from avts.corpus.item import Item
from avts.corpus.sources.tree import Tree, bad_row, csv_rows, none_found


class VggSound:
    """Clips of the list, in any folders."""

    def __init__(self, folder: Path, lists: Sequence[Path] = ()) -> None:
        self._tree = Tree(folder, lists)
        self._lists = list(lists) or self._tree.lists_named("vggsound")
        if not self._lists:
            raise none_found(folder, "VGGSound", "vggsound.csv")

    def items(self) -> Iterator[Item]:
        """One clip per row."""
        for path in self._lists:
            for row in csv_rows(path):
                try:
                    video, start, label, split = row[0], round(float(row[1])), row[2], SPLIT_FOLDERS[row[3]]
                except (IndexError, KeyError, ValueError) as error:
                    raise bad_row(path, row, "id,start,label,train or test") from error
                stem = f"{video}_{start:06d}"
                found = self._tree.find([stem])
                name = self._tree.name_of(found) if found else f"{stem}.mp4"
                yield Item(name, found, (label,), split=split, group=video)
