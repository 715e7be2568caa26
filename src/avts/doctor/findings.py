"""What the doctor found, of a folder and of a corpus alike: counts and lists, no words."""

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
    """What a recipe would do with a corpus.

    Attributes:
        recipe: what it was called.
        num_clips: training clips that are long enough for it.
        lines: its steps, and a warning if they are few; empty if it is refused.
        refusal: why it cannot be trained, or ''.
    """

    recipe: str
    num_clips: int
    lines: Sequence[str]
    refusal: str = ""


@dataclass
class Findings:
    """What was found.

    num_items: files of a folder, or clips of a corpus; num_bytes: of the files; flags, splits: how many items have
    each; faults: (name, sentence) of those that are not usable; notes:
    (name, sentence) of others, such as where a clock breaks; durations_seconds, frames_per_second, sample_rates:
    of the originals; durations_usable: seconds of each item that training would use; duplicates: groups of names with
    the same bytes; num_decoded, decoded_seconds, decoding_seconds: items decoded to the end, how long they last, and
    seconds of a core that it took.
    """

    kind: Literal["folder", "corpus"]
    path: Path
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
        """True if nothing that was looked at is unusable, and pairs have the two videos that they need."""
        return not self.faults and len(self.durations_usable) >= 2


def spread(items: Sequence[ItemT], count: int) -> list[ItemT]:
    """That many items, evenly from all of them."""
    count = min(count, len(items))
    return [items[index * len(items) // count] for index in range(count)]


def no_progress(done: int, total: int) -> None:
    """Tell nobody."""
