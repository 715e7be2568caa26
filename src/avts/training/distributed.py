"""Distributed training: start of the processes, sums over them, their shares of a step, batch norm.

Accelerate joins the processes that `accelerate launch` or `torchrun` started; without a launcher there is one process.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from accelerate import Accelerator
from accelerate.utils import GradientAccumulationPlugin
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from avts.errors import UsageError
from avts.pairs.loader import Batch
from avts.pairs.ranks import Rows


class _Sum(torch.autograd.Function):
    """Sum over processes, in the forward and in the backward pass."""

    @staticmethod
    def forward(ctx: Any, own: Tensor) -> Tensor:  # noqa: ARG004
        total = own.detach().clone(memory_format=torch.contiguous_format)
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:  # noqa: ARG004
        return sum_over_processes(gradients[0])


def sum_over_processes(own: Tensor) -> Tensor:
    """Sum of a tensor over all processes, with a gradient. Shapes must be the same in all of them."""
    summed: Tensor = _Sum.apply(own)  # type: ignore[no-untyped-call]
    return summed


@dataclass(frozen=True)
class Share:
    """The rows of a step's pictures or sounds that this process holds, with access to those of the others.

    Attributes:
        rows: the rows of this process.
    """

    rows: Rows

    @staticmethod
    def all_of(total: int) -> Share:
        """The share of a single process."""
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
        """A slice of one row of any process. All processes must call this."""
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
        """The share of the step that a batch holds."""
        if batch.part is None:
            return StepShare(Share.all_of(len(batch.y)), Share.all_of(len(batch.sounds)))
        return StepShare(Share(batch.part.pictures), Share(batch.part.sounds))


def true_everywhere(flags: Tensor) -> Tensor:
    """Logical AND of flags over all processes. Shape: bool [n] to bool [n]."""
    return sum_over_processes((~flags).to(torch.int32)) == 0


def start_processes(device: torch.device, run: Path, trackers: Sequence[str]) -> Accelerator:
    """Join the processes of this run; a single process if no launcher started this one.

    Args:
        device: device of the networks; each of several CUDA processes uses its own GPU.
        run: folder of the run, for trackers that write files.
        trackers: names that Accelerate knows, see `training.log`.

    Raises:
        UsageError: several processes were given the same GPU.
    """
    launched, processes = "LOCAL_RANK" in os.environ, os.environ.get("WORLD_SIZE", "1")
    if launched and device.index is not None and processes != "1":
        raise UsageError(
            f"device '{device}' for {processes} processes: each process uses its own GPU. Give auto or cpu"
        )
    return Accelerator(
        cpu=device.type == "cpu" or not launched,  # a single process keeps the requested device
        device_placement=False,
        mixed_precision="no",  # the model decides which of its parts run in bf16
        # the loop accumulates batches itself, so Accelerate, whose setting is global, must not do it again
        gradient_accumulation_plugin=GradientAccumulationPlugin(num_steps=1),
        log_with=list(trackers) or None,
        project_dir=run / "trackers",
    )


WORLD_SIZES = ("WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "MV2_COMM_WORLD_SIZE")
"""Environment variables that torchrun and the MPI launchers set in each process."""

ALONE = (
    "processes: 1, although several seem to have been requested: on CPUs `accelerate launch` starts only one without "
    "MPI. For several: torchrun --standalone --nproc_per_node 2 -m avts train ... --device cpu"
)


def was_left_alone(environment: Mapping[str, str]) -> bool:
    """Whether `accelerate launch` should have started several processes but started one: it then sets a port."""
    asked = "ACCELERATE_MIXED_PRECISION" in environment and "MASTER_PORT" in environment
    return asked and not any(name in environment for name in ("LOCAL_RANK", *WORLD_SIZES))


def device_of(accelerator: Accelerator, chosen: torch.device) -> torch.device:
    """Device of this process: as chosen for a single process or the CPU, else its own GPU."""
    alone = accelerator.num_processes == 1
    return chosen if alone or chosen.type == "cpu" else torch.device(accelerator.device)


def leave_processes(accelerator: Accelerator) -> None:
    """Leave the process group; no distributed training is possible after this."""
    accelerator.state.destroy_process_group()


def synchronise_batch_norm(model: nn.Module, device: torch.device) -> None:
    """Make every batch norm of a model compute its statistics over all processes; weights keep their names.

    Args:
        model: the networks; modified in place.
        device: device of the networks.
    """
    if device.type == "cuda":
        nn.SyncBatchNorm.convert_sync_batchnorm(model)  # type: ignore[no-untyped-call]
        return
    for name, child in model.named_children():
        if isinstance(child, _BatchNorm):
            setattr(model, name, _SharedBatchNorm.of(child))
        else:
            synchronise_batch_norm(child, device)


class _SharedBatchNorm(_BatchNorm):
    """Batch norm for any number of dimensions, with training statistics over all processes."""

    @staticmethod
    def of(norm: _BatchNorm) -> _SharedBatchNorm:
        """A shared batch norm with the weights and statistics of another."""
        shared = _SharedBatchNorm(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
        shared.weight, shared.bias = norm.weight, norm.bias
        for name, buffer in norm.named_buffers():
            setattr(shared, name, buffer)
        return shared.train(norm.training)

    def _check_input_dim(self, input: Tensor) -> None:
        """Accept any number of dimensions."""

    def forward(self, input: Tensor) -> Tensor:
        """Shape: [B, C, ...] to [B, C, ...]."""
        if not self.training:
            return super().forward(input)
        dimensions = [0, *range(2, input.ndim)]
        shape = (1, -1, *[1] * (input.ndim - 2))
        x = input.float()
        count = sum_over_processes(x.new_tensor(float(x.numel() // x.shape[1])))
        mean = sum_over_processes(x.sum(dimensions)) / count
        # two-pass: the difference of the sums of squares would cancel
        variance = sum_over_processes((x - mean.view(shape)).square().sum(dimensions)) / count
        self._take_note(mean.detach(), variance.detach() * (count / (count - 1)))
        found = (x - mean.view(shape)) * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            found = found * self.weight.view(shape) + self.bias.view(shape)
        return found.to(input.dtype)

    @torch.no_grad()
    def _take_note(self, mean: Tensor, variance: Tensor) -> None:
        """Update the running statistics for evaluation."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)
