"""What takes the place of a clip that cannot be read. Pure: the plan in, another plan out.

The rule: everything the plan wanted of the clip, pictures and sounds, is taken at the same times of the next clip of
the list (round its end) that the step does not hold already, that is as long as the windows need, and that can be
read. So a pair keeps its kind, and a step is the same whoever carries it out and whatever failed before. Of several
processes each takes another share of the list: no two choose the same clip without having to ask each other.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from avts.pairs.negatives import StepPlan, Window


def next_clip(
    plan: StepPlan,
    clip: int,
    durations_seconds: Sequence[float],
    *,
    clip_seconds: float,
    unreadable: Collection[int],
    rank: int = 0,
    num_ranks: int = 1,
) -> int | None:
    """The clip that takes another's place in a step; None if there is none left.

    Args:
        plan: the step.
        clip: index of the clip to replace.
        durations_seconds: duration of every clip of the list.
        clip_seconds: length of a window.
        unreadable: clips that were tried for this step and could not be read.
        rank: number of the process that asks; it is given every num_ranks-th clip of the list only.
        num_ranks: processes that carry out the step together.
    """
    windows = (*plan.pictures, *plan.sounds, *(window for _, window in plan.passed_over))
    taken = {window.clip for window in windows} | set(unreadable)
    needed = max(window.start_seconds for window in windows if window.clip == clip) + clip_seconds
    count = len(durations_seconds)
    around = ((clip + step) % count for step in range(1, count))
    allowed = (other for other in around if other % num_ranks == rank and other not in taken)
    return next((other for other in allowed if durations_seconds[other] >= needed - 1e-6), None)


def with_clip(plan: StepPlan, clip: int, other: int) -> StepPlan:
    """The same plan with every window of one clip taken from another."""

    def moved(window: Window) -> Window:
        return replace(window, clip=other) if window.clip == clip else window

    return replace(
        plan,
        pictures=tuple(map(moved, plan.pictures)),
        sounds=tuple(map(moved, plan.sounds)),
        passed_over=tuple((picture, moved(window)) for picture, window in plan.passed_over),
    )
