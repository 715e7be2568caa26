"""What the towers of picture and sound have in common: stages one after the other, each of which can be read out."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

from avts.errors import UsageError


class Tower(nn.Module):
    """A network of named stages.

    Attributes:
        out_channels: channels of the last stage.
        time_stride: steps of the input (frames, or filterbank steps) from one feature of the last stage to the next.
        recomputes: in training, keep only what goes from one part to the next, and compute the rest of the activations
            again in the backward pass (Chen et al. 2016, arXiv 1604.06174): less memory, one more forward pass.
    """

    out_channels: int
    time_stride: int
    recomputes: bool = False

    def named_stages(self) -> dict[str, nn.Module]:
        """The stages in their order: 'conv1' to 'conv5', and poolings that stand by themselves."""
        raise NotImplementedError

    def parts(self) -> Iterable[nn.Module]:
        """What is run one after the other, and computed again one by one if `recomputes` is set."""
        return self.named_stages().values()

    @property
    def last_stage(self) -> str:
        """The name of the last stage."""
        return next(reversed(self.named_stages()))

    def forward(self, x: Tensor) -> Tensor:
        """Feature maps of the last stage."""
        again = self.recomputes and self.training and torch.is_grad_enabled()
        for part in self.parts():
            x = _recomputed(part, x) if again else part(x)
        return x

    def maps(self, x: Tensor, stages: Collection[str]) -> dict[str, Tensor]:
        """Feature maps of some stages, in one pass that ends with the last of them.

        Args:
            x: the tower's input.
            stages: names of stages.

        Raises:
            UsageError: the tower has no such stage.
        """
        known = self.named_stages()
        for name in stages:
            if name not in known:
                raise UsageError(f"stage '{name}' was asked for; this tower has {', '.join(known)}")
        found: dict[str, Tensor] = {}
        for name, stage in known.items():
            if len(found) == len(set(stages)):
                break
            x = stage(x)
            if name in stages:
                found[name] = x
        return found


def _recomputed(part: nn.Module, x: Tensor) -> Tensor:
    """The output of a part of which nothing but the input is kept for the backward pass."""

    def contexts() -> tuple[AbstractContextManager[None], AbstractContextManager[None]]:
        return nullcontext(), _without_statistics(part)

    # towers draw nothing, so there is no state of a generator to restore
    found = checkpoint(part, x, use_reentrant=False, preserve_rng_state=False, context_fn=contexts)
    return cast(Tensor, found)


@contextmanager
def _without_statistics(part: nn.Module) -> Iterator[None]:
    """In it batch norm computes as in training, but counts the batch in copies of its statistics."""
    norms = [each for each in part.modules() if isinstance(each, _BatchNorm)]
    kept = [(norm, name, buffer) for norm in norms for name, buffer in norm.named_buffers()]
    for norm, name, buffer in kept:
        setattr(norm, name, buffer.clone())
    try:
        yield
    finally:
        for norm, name, buffer in kept:
            setattr(norm, name, buffer)
