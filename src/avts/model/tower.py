"""What the towers of picture and sound have in common: stages one after the other, each of which can be read out."""

from __future__ import annotations

from collections.abc import Collection

from torch import Tensor, nn

from avts.errors import UsageError


class Tower(nn.Module):
    """A network of named stages.

    Attributes:
        out_channels: channels of the last stage.
        time_stride: steps of the input (frames, or filterbank steps) from one feature of the last stage to the next.
    """

    out_channels: int
    time_stride: int

    def named_stages(self) -> dict[str, nn.Module]:
        """The stages in their order: 'conv1' to 'conv5', and poolings that stand by themselves."""
        raise NotImplementedError

    @property
    def last_stage(self) -> str:
        """The name of the last stage."""
        return next(reversed(self.named_stages()))

    def forward(self, x: Tensor) -> Tensor:
        """Feature maps of the last stage."""
        for stage in self.named_stages().values():
            x = stage(x)
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
