"""Kitchen20 (Moreaux et al. 2019): folders of a class with FOLD-AUTHOR-N-AUTHOR-TAKE-CLASS.ogg or .wav; sound only."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from avts.corpus.clip import Split
from avts.corpus.item import Item
from avts.corpus.sources.tree import Tree
from avts.errors import UsageError

FILE_NAME = re.compile(r"([1-9])-(.+)-\d+-\2-[A-Z]-\d+")


class Kitchen20:
    """Recordings with their official folds; the group is the author, of whom several folds can have recordings."""

    def __init__(self, folder: Path, lists: Sequence[Path] = ()) -> None:
        self._tree = Tree(folder, lists)
        self._files = [path for path in self._tree.media if FILE_NAME.fullmatch(path.stem)]
        if not self._files:
            raise UsageError(
                f"{folder}: contains no CLASS/FOLD-AUTHOR-N-AUTHOR-TAKE-CLASS.ogg. Give the Kitchen20 folder."
            )

    def items(self) -> Iterator[Item]:
        """One clip per file; without cross-validation, folds 1 to 3 train, 4 validates, the others test."""
        for path in self._files:
            named = FILE_NAME.fullmatch(path.stem)
            assert named is not None
            fold, label = int(named[1]), path.parent.name
            split: Split = "train" if fold < 4 else "validation" if fold == 4 else "test"
            name = self._tree.name_of(path)
            yield Item(name, path, (label,), split=split, fold=fold, group=named[2], wants="sound")
