"""80/10/10 split of the clips of each label, so that a small class is in the test split too. Pure.

A clip's split depends on the existing and the pending clips of its label, in the order of a hash of the names: an
ingest that was killed and resumed makes the same splits, and existing clips keep theirs.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter, defaultdict
from collections.abc import Iterable

from avts.corpus.clip import TEST_SHARE, VALIDATION_SHARE, Clip, Split, hash_of
from avts.corpus.item import Item

LEAST_CLIPS = 5
"""With fewer clips of a label the test split would take more than a fifth: they are split by their content."""


class LabelSplits:
    """The splits of pending clips whose list, folder or group does not define one.

    Args:
        clips: clips of the corpus.
        items: pending items.
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
        """The split of a pending item, with its label added to `labels`; None if the label does not determine it."""
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
        """Record the split of an item; None if it was refused."""
        if not item.labels:
            return
        there, to_come = self._there[item.labels[0]], self._to_come[item.labels[0]]
        if _is_free(item):
            to_come.pop(bisect_left(to_come, hash_of(item.source)))
        elif item.split is not None:
            there[item.split] -= 1  # was counted as pending
        if split is not None:
            there[split] += 1


def _is_free(item: Item) -> bool:
    return item.split is None and item.group is None
