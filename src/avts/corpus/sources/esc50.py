"""ESC-50: meta/esc50.csv (filename, fold, target, category, esc10, src_file, take) and audio/*.wav; sound only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from avts.corpus.clip import Split
from avts.corpus.item import Item
from avts.corpus.sources.tree import Tree, bad_row, csv_rows, none_found

FOLD_SPLITS: dict[int, Split] = {1: "train", 2: "train", 3: "train", 4: "validation", 5: "test"}
"""The split of a fold without cross-validation; the official score is over all five folds."""


class Esc50:
    """Recordings with their folds; clips of one recording have one fold."""

    def __init__(self, folder: Path, lists: Sequence[Path] = (), *, only_esc10: bool = False) -> None:
        self._tree = Tree(folder, lists)
        self._lists = self._tree.lists_named("esc50.csv") or list(lists)
        self._only_esc10 = only_esc10
        if not self._lists:
            raise none_found(folder, "ESC-50", "meta/esc50.csv")

    def items(self) -> Iterator[Item]:
        """One clip per row."""
        for path in self._lists[:1]:
            rows = csv_rows(path)
            header = next(rows, [])
            for row in rows:
                named = dict(zip(header, row, strict=False))
                try:
                    name, fold, label = named["filename"], int(named["fold"]), named["category"]
                    split, recording = FOLD_SPLITS[fold], named.get("src_file") or name
                except (KeyError, ValueError) as error:
                    raise bad_row(path, row, "a row with filename, fold 1 to 5 and category") from error
                if self._only_esc10 and named.get("esc10") != "True":
                    continue
                found = self._tree.find([Path(name).stem])
                source = self._tree.name_of(found) if found else f"audio/{name}"
                yield Item(source, found, (label,), split=split, fold=fold, group=recording, wants="sound")
