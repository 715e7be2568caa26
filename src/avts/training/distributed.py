"""Several processes that make one step together: sums over them, and each one's share of a step.

Every process holds a part of a step's windows, runs the towers on it, and then sees the embeddings of all: it makes the
loss of the whole step, as one process alone would. Gradients go back through the sums to the windows' owners; the mean
over processes that DistributedDataParallel takes is then the gradient of that one loss.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor

from avts.pairs.loader import Batch
from avts.pairs.ranks import Rows


class _Sum(torch.autograd.Function):
    """Sum over processes; so is its gradient."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:  # noqa: ARG004
        total = own.detach().clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ARG004
        return sum_over_processes(gradients[0])


def sum_over_processes(own: Tensor) -> Tensor:
    """Sum of a tensor over all processes, with a gradient. Shapes must be the same everywhere."""
    summed: Tensor = _Sum.apply(own)  # type: ignore[no-untyped-call]
    return summed


@dataclass(frozen=True)
class Share:
    """The rows of a step's pictures or sounds that this process holds, and a way to those of the others.

    Attributes:
        rows: which they are.
    """

    rows: Rows

    @staticmethod
    def all_of(total: int) -> Share:
        """The share of a process that is alone."""
        return Share(Rows(0, total, total))

    def own(self, values: Any) -> Any:
        """This process's rows of values that were drawn for the whole step."""
        return self.rows.of(values)

    def whole(self, own: Tensor) -> Tensor:
        """The rows of all processes, with gradients back to their owners.

        Shape: [own rows * k, ...] to [all rows * k, ...], for any k.
        """
        if len(self.rows) == self.rows.total:
            return own
        if own.dtype == torch.bool:
            return self.whole(own.to(torch.uint8)).bool()
        times = len(own) // len(self.rows)
        before, after = self.rows.first * times, (self.rows.total - self.rows.stop) * times
        sides = [own.new_zeros(count, *own.shape[1:]) for count in (before, after)]
        return sum_over_processes(torch.cat([sides[0], own, sides[1]]))

    def part_of_row(self, own: Tensor, row: int, *where: slice) -> Tensor:
        """A cut of one row, whoever holds it. All processes must ask for it."""
        if len(self.rows) == self.rows.total:
            return own[row][where].clone()
        cut = own[row - self.rows.first][where] if row in self.rows else torch.zeros_like(own[0][where])
        return sum_over_processes(cut)


@dataclass(frozen=True)
class StepShare:
    """This process's share of a step's pictures and of its sounds."""

    pictures: Share
    sounds: Share

    @staticmethod
    def of(batch: Batch) -> StepShare:
        """The share that a batch is."""
        if batch.part is None:
            return StepShare(Share.all_of(len(batch.y)), Share.all_of(len(batch.sounds)))
        return StepShare(Share(batch.part.pictures), Share(batch.part.sounds))


def true_everywhere(flags: Tensor) -> Tensor:
    """Which of some flags no process has set to False. Shape: bool [n] to bool [n]."""
    return sum_over_processes((~flags).to(torch.int32)) == 0
