"""DCASE2014 (scenes of 2013): scenes_stereo/bus01.wav and scenes_stereo_testset/bus01.wav; sound only.

Folds are read from the lists of the usual toolbox, fold1_test.txt with `scenes_stereo/bus01.wav<TAB>bus`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from avts.corpus.item import Item
from avts.corpus.sources.tree import Tree, text_lines
from avts.errors import UsageError

FILE_NAME = re.compile(r"([a-z]+?)_?\d+")
FOLD_LIST = re.compile(r"fold(\d+)_(?:test|evaluate)\.txt")


class Dcase2014:
    """Recordings of ten scenes. The folder with 'test' in its name is the test split, the other is for training."""

    def __init__(self, folder: Path, lists: Sequence[Path] = ()) -> None:
        self._tree = Tree(folder, lists)
        self._files = [path for path in self._tree.media if FILE_NAME.fullmatch(path.stem)]
        if not self._files:
            raise UsageError(
                f"{folder}: contains no scene like bus01.wav. Give the folder that contains scenes_stereo."
            )

    def items(self) -> Iterator[Item]:
        """One clip per file, and one for each missing file that a fold's list names."""
        folds = self._folds()
        for path in self._files:
            named = FILE_NAME.fullmatch(path.stem)
            assert named is not None
            source = self._tree.name_of(path)
            is_test = any("test" in part for part in Path(source).parts[:-1])
            fold = folds.pop(f"{path.parent.name}/{path.name}", None)
            yield Item(source, path, (named[1],), split="test" if is_test else "train", fold=fold, wants="sound")
        for source in sorted(folds):
            yield Item(source, None)

    def _folds(self) -> dict[str, int]:
        """Fold in which a file, by folder and name, is tested."""
        folds: dict[str, int] = {}
        for path in self._tree.lists:
            if named := FOLD_LIST.fullmatch(path.name):
                for line in text_lines(path):
                    folds["/".join(line.split()[0].split("/")[-2:])] = int(named[1])
        return folds
