"""Hold out part of a training list for validation, by whole groups, so that no source video is in both splits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from avts.corpus.clip import hash_of

SHARE = 0.1
"""Share of the groups of each label for validation; at least one if there are two or more."""


def held_out(labels_and_groups: Iterable[tuple[str, str]]) -> set[str]:
    """Groups for validation: those with the lowest hashes for each label, the same on every machine."""
    groups: dict[str, set[str]] = defaultdict(set)
    for label, group in labels_and_groups:
        groups[label].add(group)
    chosen: set[str] = set()
    for members in groups.values():
        count = max(1, round(SHARE * len(members))) if len(members) > 1 else 0
        chosen.update(sorted(members, key=hash_of)[:count])
    return chosen
