"""Which rows of a step each process of a distributed run takes. Pure.

A step is planned whole. The pictures are dealt out in runs of neighbours, and a sound goes where the picture is that it
was cut for: then every clip is opened by one process only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from avts.errors import UsageError
from avts.pairs.negatives import EASY, StepPlan


@dataclass(frozen=True)
class Rows:
    """Neighbouring rows of a step's pictures or sounds.

    Attributes:
        first: first row.
        stop: row after the last one.
        total: rows of the whole step.
    """

    first: int
    stop: int
    total: int

    def __len__(self) -> int:
        return self.stop - self.first

    def __contains__(self, row: int) -> bool:
        return self.first <= row < self.stop

    def of(self, values: Any) -> Any:
        """These rows of something that has a row for all of the step: a tuple, an array or a tensor."""
        return values[self.first : self.stop]


@dataclass(frozen=True)
class Part:
    """What one process takes of a step: some of its pictures and the sounds that go with them."""

    pictures: Rows
    sounds: Rows


def part_of(plan: StepPlan, *, rank: int, num_ranks: int) -> Part:
    """What one process takes of a step.

    Args:
        plan: the whole step; its sounds are in the order of the pictures that they were cut for.
        rank: number of the process, from 0 on.
        num_ranks: how many processes there are.

    Raises:
        UsageError: no such process, or fewer pictures than processes.
    """
    if not 0 <= rank < num_ranks:
        raise UsageError(f"process {rank} of {num_ranks}: must be 0 to {num_ranks - 1}.")
    num_pictures, num_sounds = len(plan.pictures), len(plan.sounds)
    if num_pictures < num_ranks:
        raise UsageError(
            f"{num_pictures} picture(s) of a step for {num_ranks} processes: each process needs one. Start fewer"
        )
    if num_ranks == 1:
        return Part(Rows(0, num_pictures, num_pictures), Rows(0, num_sounds, num_sounds))
    bounds = [num_pictures * k // num_ranks for k in (rank, rank + 1)]
    first, stop = (int(row) for row in np.searchsorted(_owners(plan), bounds))
    return Part(Rows(bounds[0], bounds[1], num_pictures), Rows(first, stop, num_sounds))


def _owners(plan: StepPlan) -> np.ndarray[Any, np.dtype[np.int64]]:
    """The picture that each sound was cut for: of its own clip if it has one, else the first that it is paired with."""
    owners = np.full(len(plan.sounds), len(plan.pictures))
    for own_clip in (False, True):
        for picture, sound, kind in reversed(plan.pairs):
            if own_clip == (kind != EASY):
                owners[sound] = picture
    assert (np.diff(owners) >= 0).all(), "sounds are not in the order of their pictures"
    return owners
