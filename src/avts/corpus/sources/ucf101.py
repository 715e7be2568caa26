"""UCF101: trainlist01.txt to 03 (with a class index), testlist01.txt to 03; v_CLASS_gGROUP_cCLIP.avi in class folders.

Half of the files have no sound; they are kept for action recognition. Clips of one group come from one video.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from avts.corpus.clip import Split
from avts.corpus.item import Item
from avts.corpus.sources.held_out import held_out
from avts.corpus.sources.tree import Tree, bad_row, none_found, text_lines

LIST_NAME = re.compile(r"(train|test)list0?([1-3])\.txt")
NUM_SPLITS = 3


@dataclass
class Listed:
    """List entry of one clip: class, group, and 'train', 'test' or '' in each official split."""

    label: str
    group: str
    splits: list[str] = field(default_factory=lambda: [""] * NUM_SPLITS)


class ThreeSplits:
    """Clips by the lists of a data set with three official splits.

    Attributes:
        title: the data set's name.
        list_name: pattern of the names of its lists.
        example: such names, for an error.
    """

    title: str
    list_name: re.Pattern[str]
    example: str

    def __init__(self, folder: Path, lists: Sequence[Path] = ()) -> None:
        self._tree = Tree(folder, lists)
        self.lists = [(path, named) for path in self._tree.lists if (named := self.list_name.fullmatch(path.name))]
        if not self.lists:
            raise none_found(folder, self.title, self.example)

    def items(self) -> Iterator[Item]:
        """A clip a file, by name."""
        return official_items(self._tree, self.listed())

    def listed(self) -> dict[str, Listed]:
        """What the lists say of each clip, by its file's name without ending."""
        raise NotImplementedError


class Ucf101(ThreeSplits):
    """Clips by the lists. The first official split says train or test; some train groups of each class validate."""

    title, list_name, example = "UCF101", LIST_NAME, "trainlist01.txt, testlist01.txt"

    def listed(self) -> dict[str, Listed]:
        """By class and file: v_Name_g08_c01 is of a group, all but the clip."""
        found: dict[str, Listed] = {}
        for path, named in self.lists:
            for line in text_lines(path):
                place = re.fullmatch(r"(.+)/([^/ ]+)\.avi(?: \d+)?", line)
                if place is None:
                    raise bad_row(path, [line], "CLASS/FILE.avi, with an index or without")
                label, stem = place[1], place[2]
                clip = found.setdefault(stem, Listed(label, stem.rpartition("_c")[0] or stem))
                clip.splits[int(named[2]) - 1] = named[1]
        return found


def official_items(tree: Tree, listed: dict[str, Listed]) -> Iterator[Item]:
    """Clips of a data set with three official splits; the first existing one decides the split of a group.

    A group that it does not use is for training; `splits` has the exact splits of each clip.
    """
    first = next(index for index in range(NUM_SPLITS) if any(clip.splits[index] for clip in listed.values()))
    train = ((clip.label, clip.group) for clip in listed.values() if clip.splits[first] == "train")
    validation = held_out(train)
    tested = {clip.group for clip in listed.values() if clip.splits[first] == "test"}
    for stem, clip in sorted(listed.items()):
        if not any(clip.splits):
            continue
        split: Split = "test" if clip.group in tested else "validation" if clip.group in validation else "train"
        found = tree.find([stem])
        yield Item(
            tree.name_of(found) if found else f"{clip.label}/{stem}.avi",
            found,
            (clip.label,),
            split=split,
            splits=tuple(clip.splits),
            group=clip.group,
            wants="picture",
        )
