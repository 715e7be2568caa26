"""Which part of an epoch's order each process of a distributed run takes. Pure."""

from __future__ import annotations

from typing import TypeVar

import numpy as np

from avts.errors import UsageError

IndexT = TypeVar("IndexT", bound=np.generic)


def rank_slice(
    order: np.ndarray[tuple[int], np.dtype[IndexT]], *, rank: int, world_size: int
) -> np.ndarray[tuple[int], np.dtype[IndexT]]:
    """One rank's clips of an epoch: every world_size-th, from its own place on.

    All ranks get equally many and none shares a clip with another; up to world_size - 1 clips at the order's end are
    left out of this epoch.

    Raises:
        UsageError: no such rank, or no rank at all.
    """
    if world_size < 1 or not 0 <= rank < world_size:
        raise UsageError(f"rank {rank} of {world_size} processes: must be 0 to {world_size - 1}.")
    whole = len(order) // world_size * world_size
    return order[rank:whole:world_size]
