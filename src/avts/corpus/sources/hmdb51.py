"""HMDB51: CLASS_test_split1.txt to 3 with `FILE.avi MARK`, 1 train, 2 test, 0 not used; files in class folders.

Most files have no sound; they are kept for action recognition.
"""

from __future__ import annotations

import re

from avts.corpus.sources.tree import bad_row, text_lines
from avts.corpus.sources.ucf101 import NUM_SPLITS, Listed, ThreeSplits

LIST_NAME = re.compile(r"(.+)_test_split([1-3])\.txt")
MARKS = {"0": "", "1": "train", "2": "test"}


class Hmdb51(ThreeSplits):
    """Clips by the lists, those that some split uses; the first says train or test."""

    title, list_name, example = "HMDB51", LIST_NAME, "CLASS_test_split1.txt"

    def listed(self) -> dict[str, Listed]:
        """By file: FILM_CLASS_..., clips of one film begin alike."""
        found: dict[str, Listed] = {}
        for path, named in self.lists:
            label, number = named[1], int(named[2])
            for line in text_lines(path):
                name, _, mark = line.rpartition(" ")
                if mark not in MARKS or not name.endswith(".avi"):
                    raise bad_row(path, [line], "FILE.avi and 0, 1 or 2")
                stem = name.strip().removesuffix(".avi")
                clip = found.setdefault(stem, Listed(label, f"{label}/{stem.split(f'_{label}_')[0]}"))
                clip.splits[number - 1] = MARKS[mark]
        assert all(len(clip.splits) == NUM_SPLITS for clip in found.values())
        return found
