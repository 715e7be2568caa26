"""Splits by label: shares by a hand count, kills and additions."""

import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from avts.corpus.clip import Clip, Split
from avts.corpus.item import Item
from avts.corpus.label_splits import LabelSplits


def items_of(label: str, count: int, first: int = 0) -> list[Item]:
    return [Item(f"{label}/{n}.mp4", Path("x"), (label,)) for n in range(first, first + count)]


def clip_of(item: Item, split: Split) -> Clip:
    known: dict[str, Any] = dict.fromkeys(Clip.__dataclass_fields__)
    known |= {"source": item.source, "split": split, "label": item.labels[0] if item.labels else None}
    return Clip(**known)


def settled(splits: LabelSplits, items: list[Item]) -> dict[str, Split | None]:
    found: dict[str, Split | None] = {}
    for item in items:
        found[item.source] = splits.of(item)
        splits.settle(item, found[item.source] or "train")
    return found


@pytest.mark.parametrize(
    ("count", "validation", "test"), [(5, 1, 1), (8, 1, 1), (14, 1, 1), (16, 2, 2), (40, 4, 4), (1000, 100, 100)]
)
def test_each_label_is_split_by_itself(count: int, validation: int, test: int) -> None:
    both = items_of("dog", count) + items_of("cat", 10)
    random.Random(0).shuffle(both)
    found = settled(LabelSplits((), both), both)
    dogs = Counter(split for source, split in found.items() if source.startswith("dog"))
    assert dogs == {"train": count - validation - test, "validation": validation, "test": test}
    assert Counter(split for source, split in found.items() if source.startswith("cat"))["test"] == 1


def test_few_clips_groups_and_said_splits_are_left_alone() -> None:
    items = [
        *items_of("few", 4),
        Item("none.mp4", Path("x")),
        *(replace(item, group="g") for item in items_of("grouped", 9)),
        *(replace(item, split="train") for item in items_of("said", 9)),
    ]
    splits = LabelSplits((), items)
    assert {splits.of(item) for item in items} == {None}
    assert not splits.labels


def test_the_clips_in_the_test_are_not_the_first_by_name() -> None:
    items = items_of("dog", 1000)
    found = settled(LabelSplits((), items), items)
    places = [place for place, item in enumerate(items) if found[item.source] == "test"]
    assert 300 < sum(places) / len(places) < 700
    assert settled(LabelSplits((), items), items[::-1]) == found, "whatever the order"


@pytest.mark.parametrize("killed_after", [1, 17, 30, 59])
def test_an_ingest_that_goes_on_makes_the_same_splits_and_refused_files_are_replaced(killed_after: int) -> None:
    items = items_of("dog", 20) + [replace(item, split="test") for item in items_of("dog", 3, 20)] + items_of("cat", 37)
    random.Random(1).shuffle(items)
    refused = {item.source for item in random.Random(2).sample(items, 15)}

    def go_on(there: list[Clip], left: list[Item]) -> list[Clip]:
        splits = LabelSplits(there, left)
        for item in left:
            split = None if item.source in refused else item.split or splits.of(item)
            splits.settle(item, split)
            if split is not None:
                there = [*there, clip_of(item, split)]
        return there

    whole = go_on([], items)
    begun = LabelSplits((), items)
    there: list[Clip] = []
    for item in items[:killed_after]:
        split = None if item.source in refused else item.split or begun.of(item)
        begun.settle(item, split)
        there += [clip_of(item, split)] if split is not None else []
    assert go_on(there, items[killed_after:]) == whole
    cats = Counter(clip.split for clip in whole if clip.label == "cat")
    assert cats["test"] >= 2


def test_clips_that_are_there_keep_their_split_and_new_ones_fill_up_what_is_missing() -> None:
    old = [clip_of(item, "train") for item in items_of("dog", 18)]
    new = items_of("dog", 2, 18)
    assert set(settled(LabelSplits(old, new), new).values()) == {"test"}, "2 of 20"
    full = [*old, *(clip_of(item, "test") for item in new)]
    more = items_of("dog", 2, 20)
    assert set(settled(LabelSplits(full, more), more).values()) == {"validation"}
