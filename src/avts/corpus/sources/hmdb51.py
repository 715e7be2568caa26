"""HMDB51: CLASS_test_split1.txt to 3 with `FILE.avi MARK`, 1 train, 2 test, 0 not used; files in class folders.

Most files have no sound; they are kept for action recognition.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from avts.corpus.item import Item
from avts.corpus.sources.tree import Tree, bad_row, none_found, text_lines
from avts.corpus.sources.ucf101 import NUM_SPLITS, Listed, official_items

LIST_NAME = re.compile(r"(.+)_test_split([1-3])\.txt")
MARKS = {"0": "", "1": "train", "2": "test"}


class Hmdb51:
    """Clips of the lists that some split uses; the first split decides between train and test."""

    def __init__(self, folder: Path, lists: Sequence[Path] = ()) -> None:
        self._tree = Tree(folder, lists)
        self._lists = [path for path in self._tree.lists if LIST_NAME.fullmatch(path.name)]
        if not self._lists:
            raise none_found(folder, "HMDB51", "CLASS_test_split1.txt")

    def items(self) -> Iterator[Item]:
        """One clip per file, by name."""
        return official_items(self._tree, self._listed())

    def _listed(self) -> dict[str, Listed]:
        listed: dict[str, Listed] = {}
        for path in self._lists:
            named = LIST_NAME.fullmatch(path.name)
            assert named is not None
            label, number = named[1], int(named[2])
            for line in text_lines(path):
                name, _, mark = line.rpartition(" ")
                if mark not in MARKS or not name.endswith(".avi"):
                    raise bad_row(path, [line], "FILE.avi and 0, 1 or 2")
                stem = name.strip().removesuffix(".avi")
                # FILM_CLASS_...: clips of one film have the same prefix
                clip = listed.setdefault(stem, Listed(label, f"{label}/{stem.split(f'_{label}_')[0]}"))
                clip.splits[number - 1] = MARKS[mark]
        assert all(len(clip.splits) == NUM_SPLITS for clip in listed.values())
        return listed
