"""Memory for batches that is used again, shared between the workers that fill it and the process that reads it.

A batch is megabytes. Fresh memory for each costs as much as a third of decoding it: the system clears every page. A
worker therefore keeps a few shared blocks, which the reading process maps once. A block is used again as soon as
nothing in the reading process refers to it, views included; when none is free, a batch gets memory of its own.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import get_worker_info

ALIGNMENT = 64
"""Each tensor of a block starts at a multiple of this many bytes."""

Shape = tuple[tuple[int, ...], torch.dtype]

Slot = tuple[int, int]
"""Worker and number of a block."""


@dataclass(frozen=True)
class Parcel:
    """Filled tensors on their way: their shapes, and the block they lie in, which is sent only the first time."""

    shapes: tuple[Shape, ...]
    slot: Slot | None
    block: Tensor | None


class Slots:
    """The blocks of all workers; a copy of it is in each.

    Args:
        workers: how many processes fill blocks.
        per_worker: blocks of each.
    """

    def __init__(self, workers: int, per_worker: int) -> None:
        self._free = torch.ones(workers, per_worker, dtype=torch.bool)
        if workers:
            self._free.share_memory_()  # type: ignore[no-untyped-call]
        self._blocks: dict[int, Tensor] = {}
        self._sent: set[int] = set()
        self._next = 0
        self._mapped: dict[Slot, NDArray[Any]] = {}

    def tensors(
        self, shapes: Sequence[Shape], *, largest: Sequence[Shape] | None = None
    ) -> tuple[list[Tensor], Parcel]:
        """Tensors to be filled, one after the other in one block, and what sends them to the reading process.

        Their values are whatever was there before.

        Args:
            shapes: of the tensors.
            largest: how large they may be another time; a block for them is not made again then.
        """
        block, slot = self._block(_num_bytes(shapes if largest is None else largest))
        known = slot is not None and slot[1] in self._sent
        if slot is not None:
            self._sent.add(slot[1])
        return _cut(block, shapes), Parcel(tuple(shapes), slot, None if known else block)

    def unpack(self, parcel: Parcel) -> list[Tensor]:
        """The tensors of a parcel, in the reading process; their block is free when nothing refers to them any more."""
        if parcel.slot is None:
            if parcel.block is None:
                raise ValueError("a parcel without a slot and without a block")
            return _cut(parcel.block, parcel.shapes)
        if parcel.block is not None:
            self._mapped[parcel.slot] = parcel.block.numpy()
        # a new array object each time: the tensors keep it alive, and its end is theirs
        array = self._mapped[parcel.slot][:]
        weakref.finalize(array, self._set_free, parcel.slot)
        return _cut(torch.from_numpy(array), parcel.shapes)

    def _set_free(self, slot: Slot) -> None:
        self._free[slot] = True

    def _block(self, size: int) -> tuple[Tensor, Slot | None]:
        worker = get_worker_info()
        if worker is None:
            return torch.empty(size, dtype=torch.uint8), None
        # torch.nonzero would look twice, and write beyond its end when the reading process sets a flag in between
        free = [number for number, is_free in enumerate(self._free[worker.id].tolist()) if is_free]
        # they take turns: all are in use after a few batches, and memory grows no more
        number = min(free, key=lambda number: (number - self._next) % self._free.shape[1], default=None)
        if number is None:
            return _shared(size), None
        self._free[worker.id, number] = False
        self._next = number + 1
        if number not in self._blocks or len(self._blocks[number]) < size:
            self._blocks[number] = _shared(size)
            self._sent.discard(number)
        return self._blocks[number], (worker.id, number)


def _shared(size: int) -> Tensor:
    block = torch.empty(size, dtype=torch.uint8)
    block.share_memory_()  # type: ignore[no-untyped-call]
    return block


def _room(shape: Shape) -> int:
    """Bytes of a tensor, up to where the next may start."""
    return math.ceil(math.prod(shape[0]) * shape[1].itemsize / ALIGNMENT) * ALIGNMENT


def _num_bytes(shapes: Sequence[Shape]) -> int:
    return sum(map(_room, shapes))


def _cut(block: Tensor, shapes: Sequence[Shape]) -> list[Tensor]:
    found, start = [], 0
    for shape, dtype in shapes:
        found.append(block[start : start + math.prod(shape) * dtype.itemsize].view(dtype).view(shape))
        start += _room((shape, dtype))
    return found
