"""80/10/10 of the clips of each label, so that a small class is in the test too. Pure.

A clip's split follows from what the corpus has of its label and what is still to come, in the order of a hash of the
names: an ingest that was killed and goes on makes the same splits, and clips that are there keep theirs.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Iterable

from avts.corpus.clip import TEST_SHARE, VALIDATION_SHARE, Clip, Split, hash_of
from avts.corpus.item import Item

LEAST_CLIPS = 5
"""Of a label with fewer clips the test would take more than a fifth: they are split by their content, as all others."""


class LabelSplits:
    """The splits of the clips to come whose list, folder or group does not say any.

    Args:
        clips: those of the corpus.
        items: what is to be taken.
    """

    def __init__(self, clips: Iterable[Clip], items: Iterable[Item]) -> None:
        self._there: dict[str, Counter[Split]] = defaultdict(Counter)
        self._to_come: dict[str, list[str]] = defaultdict(list)
        self.labels: set[str] = set()
        for clip in clips:
            if clip.label is not None:
                self._there[clip.label][clip.split] += 1
        for item in items:
            if not item.labels:
                continue
            if _is_free(item):
                insort(self._to_come[item.labels[0]], hash_of(item.source))
            elif item.split is not None:
                self._there[item.labels[0]][item.split] += 1

    def of(self, item: Item) -> Split | None:
        """The split of an item to come; None if its label does not decide it. The label is then among `labels`."""
        if not item.labels or not _is_free(item):
            return None
        there, to_come = self._there[item.labels[0]], self._to_come[item.labels[0]]
        total = there.total() + len(to_come)
        if total < LEAST_CLIPS:
            return None
        self.labels.add(item.labels[0])
        place = bisect_left(to_come, hash_of(item.source))
        shares: tuple[tuple[Split, float], ...] = (("test", TEST_SHARE), ("validation", VALIDATION_SHARE))
        for split, share in shares:
            missing = max(max(round(share * total), 1) - there[split], 0)
            if place < missing:
                return split
            place -= missing
        return "train"

    def settle(self, item: Item, split: Split | None) -> None:
        """Take note of the split that an item went into; None if it was refused."""
        if not item.labels:
            return
        there, to_come = self._there[item.labels[0]], self._to_come[item.labels[0]]
        if _is_free(item):
            to_come.pop(bisect_left(to_come, hash_of(item.source)))
        elif item.split is not None:
            there[item.split] -= 1  # counted as to come
        if split is not None:
            there[split] += 1


def _is_free(item: Item) -> bool:
    return item.split is None and item.group is None
