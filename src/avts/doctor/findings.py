"""Findings of the doctor, for a folder or a corpus: counts and lists, without text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeVar

ItemT = TypeVar("ItemT")

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class TrainingPlan:
    """How a recipe would train on a corpus.

    Attributes:
        recipe: its name.
        num_clips: training clips that are long enough for it.
        lines: its steps, and a warning if there are few; empty if it is refused.
        refusal: why it cannot be trained, or ''.
    """

    recipe: str
    num_clips: int
    lines: Sequence[str]
    refusal: str = ""


@dataclass
class Findings:
    """The findings.

    num_items: files of a folder, or clips of a corpus; num_bytes: total size of the files; flags, splits: number of
    items with each; faults: (name, sentence) of items that are not usable; notes: (name, sentence) of other remarks,
    such as breaks in the time stamps; durations_seconds, frames_per_second, sample_rates: of the originals;
    durations_usable: seconds of each item that training would use; duplicates: groups of names with the same bytes;
    num_decoded, decoded_seconds, decoding_seconds: number of completely decoded items, their total duration, and the
    CPU time spent.
    """

    kind: Literal["folder", "corpus"]
    path: Path | str
    num_items: int
    num_bytes: int = 0
    flags: Counter[str] = field(default_factory=Counter)
    splits: Counter[str] = field(default_factory=Counter)
    faults: list[tuple[str, str]] = field(default_factory=list)
    notes: list[tuple[str, str]] = field(default_factory=list)
    durations_seconds: list[float] = field(default_factory=list)
    durations_usable: list[float] = field(default_factory=list)
    frames_per_second: list[float] = field(default_factory=list)
    sample_rates: list[int] = field(default_factory=list)
    duplicates: list[list[str]] = field(default_factory=list)
    num_decoded: int = 0
    decoded_seconds: float = 0.0
    decoding_seconds: float = 0.0

    @property
    def is_usable(self) -> bool:
        """True if no examined item is unusable, and there are the two videos that pairs need."""
        return not self.faults and len(self.durations_usable) >= 2


def spread(items: Sequence[ItemT], count: int) -> list[ItemT]:
    """`count` evenly spaced items."""
    count = min(count, len(items))
    return [items[index * len(items) // count] for index in range(count)]


def no_progress(done: int, total: int) -> None:
    """Ignore the progress."""
