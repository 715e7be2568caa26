"""ESC-10: folders `001 - Dog bark` with FOLD-ID-TAKE.ogg, or the marked part of ESC-50; sound only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from avts.corpus.item import Item
from avts.corpus.sources.esc50 import FOLD_SPLITS, Esc50
from avts.corpus.sources.tree import Tree
from avts.errors import UsageError

FILE_NAME = re.compile(r"([1-5])-(\d+)-[A-Z].*")


class Esc10:
    """Recordings with their folds. A tree with meta/esc50.csv gives the ten classes marked there."""

    def __init__(self, folder: Path, lists: Sequence[Path] = ()) -> None:
        self._tree = Tree(folder, lists)
        self._esc50 = Esc50(folder, lists, only_esc10=True) if self._tree.lists_named("esc50.csv") else None
        self._files = [path for path in self._tree.media if FILE_NAME.fullmatch(path.stem)]
        if self._esc50 is None and not self._files:
            raise UsageError(
                f"{folder}: contains neither CLASS/FOLD-ID-TAKE.ogg nor meta/esc50.csv. Give the ESC-10 folder."
            )

    def items(self) -> Iterator[Item]:
        """One clip per file."""
        if self._esc50 is not None:
            yield from self._esc50.items()
            return
        for path in self._files:
            named = FILE_NAME.fullmatch(path.stem)
            assert named is not None
            fold = int(named[1])
            label = re.sub(r"^\d+ - ", "", path.parent.name)
            source = self._tree.name_of(path)
            yield Item(source, path, (label,), split=FOLD_SPLITS[fold], fold=fold, group=named[2], wants="sound")
