"""How many different windows and pairs clips can give, by the rules of pairs.negatives. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from avts.pairs.negatives import EASY, HARD, KIND_NAMES, POSITIVE, SUPER_HARD, SUPER_HARD_LEAST_SHIFT
from avts.timebase import frame_at, frames_lasting


@dataclass(frozen=True)
class Capacity:
    """Of one kind of pair: how many clips can give one, and how many different pairs there are in all."""

    kind: str
    num_clips: int
    num_pairs: int


def capacities(durations_seconds: Sequence[float], *, clip_seconds: float, gap_seconds: float) -> list[Capacity]:
    """For each kind of pair, what clips of these durations can give.

    Two pairs are different if a window starts on another frame, or picture and sound change places.
    """
    lengths = [frame_at(seconds) for seconds in durations_seconds]
    windows = [max(0, length - frame_at(clip_seconds) + 1) for length in lengths]
    least = {
        HARD: frames_lasting(clip_seconds + gap_seconds),
        SUPER_HARD: frames_lasting(SUPER_HARD_LEAST_SHIFT * clip_seconds),
    }
    most = {HARD: max(lengths, default=0), SUPER_HARD: frames_lasting(clip_seconds) - 1}
    counts = {POSITIVE: windows}
    for kind, fewest in least.items():
        counts[kind] = [_shifted(count, fewest, most[kind]) for count in windows]
    found = {kind: Capacity(KIND_NAMES[kind], sum(n > 0 for n in each), sum(each)) for kind, each in counts.items()}
    others = sum(windows) ** 2 - sum(count**2 for count in windows)
    num_clips = sum(count > 0 for count in windows)
    found[EASY] = Capacity(KIND_NAMES[EASY], num_clips if num_clips > 1 else 0, others)
    return [found[kind] for kind in (POSITIVE, EASY, HARD, SUPER_HARD)]


def _shifted(windows: int, least: int, most: int) -> int:
    """Ordered pairs of windows of one clip that are shifted by least to most frames."""
    most = min(most, windows - 1)
    if most < least:
        return 0
    return 2 * sum(windows - shift for shift in range(least, most + 1))
