"""Batch norm over the windows of all processes, so that a step is the same however many share it.

torch has one for CUDA only; the one here runs on the CPU.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from avts.training.distributed import sum_over_processes


def synchronise_batch_norm(model: nn.Module, device: torch.device) -> None:
    """Let every batch norm of a model take its statistics over all processes; names of its weights stay the same.

    Args:
        model: the networks; changed in place.
        device: where they run.
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
    """Batch norm for any number of dimensions whose statistics in training are those of all processes together."""

    @staticmethod
    def of(norm: _BatchNorm) -> _SharedBatchNorm:
        """A shared batch norm with the weights and statistics of another."""
        shared = _SharedBatchNorm(norm.num_features, norm.eps, norm.momentum, norm.affine, norm.track_running_stats)
        shared.weight, shared.bias = norm.weight, norm.bias
        for name, buffer in norm.named_buffers():
            setattr(shared, name, buffer)
        return shared.train(norm.training)

    def _check_input_dim(self, input: Tensor) -> None:
        """Any number of dimensions will do."""

    def forward(self, input: Tensor) -> Tensor:
        """Shape: [B, C, ...] to [B, C, ...]."""
        if not self.training:
            return super().forward(input)
        dimensions = [0, *range(2, input.ndim)]
        shape = (1, -1, *[1] * (input.ndim - 2))
        x = input.float()
        count = sum_over_processes(x.new_tensor(float(x.numel() // x.shape[1])))
        mean = sum_over_processes(x.sum(dimensions)) / count
        # from the mean, not from the sum of squares: two large sums would cancel
        variance = sum_over_processes((x - mean.view(shape)).square().sum(dimensions)) / count
        self._take_note(mean.detach(), variance.detach() * (count / (count - 1)))
        found = (x - mean.view(shape)) * (variance + self.eps).rsqrt().view(shape)
        if self.affine:
            found = found * self.weight.view(shape) + self.bias.view(shape)
        return found.to(input.dtype)

    @torch.no_grad()
    def _take_note(self, mean: Tensor, variance: Tensor) -> None:
        """Move the running statistics that evaluation uses."""
        if self.running_mean is None or self.running_var is None or self.num_batches_tracked is None:
            return
        self.num_batches_tracked += 1
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)
