"""Measure contestants in turn, so that whatever else the machine does falls on all of them alike.

Times are of the processor, not of the clock: a machine that has other work makes the clock lie.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Timing:
    """What one window (or one file) cost: seconds of one core, and seconds of the clock."""

    cpu_seconds: float
    wall_seconds: float


Contestant = Callable[[int], Timing]
"""Does the work of a round, by its number, and tells what a window of it cost."""


def timed(work: Callable[[], None], count: int) -> Timing:
    """Do work that makes `count` windows in this process, and tell what one of them cost."""
    cpu, wall = time.process_time(), time.perf_counter()
    work()
    return Timing((time.process_time() - cpu) / count, (time.perf_counter() - wall) / count)


def interleaved(contestants: Mapping[str, Contestant], rounds: int) -> dict[str, list[Timing]]:
    """Run every contestant once a round; the order turns from round to round."""
    names = list(contestants)
    found: dict[str, list[Timing]] = {name: [] for name in names}
    for number in range(rounds):
        turn = number % max(len(names), 1)
        for name in names[turn:] + names[:turn]:
            found[name].append(contestants[name](number))
    return found


def median_cpu_seconds(timings: Sequence[Timing]) -> float:
    """Median of the rounds."""
    return statistics.median(timing.cpu_seconds for timing in timings)


def median_wall_seconds(timings: Sequence[Timing]) -> float:
    """Median of the rounds."""
    return statistics.median(timing.wall_seconds for timing in timings)


def median_ratio(dearer: Sequence[Timing], cheaper: Sequence[Timing]) -> float:
    """How many times more of a core `dearer` took than `cheaper`: median of the rounds' own ratios."""
    return statistics.median(
        first.cpu_seconds / second.cpu_seconds for first, second in zip(dearer, cheaper, strict=True)
    )
