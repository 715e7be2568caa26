"""Heads: from a tower's sequence of features to one embedding, of unit length unless it is to keep its own.

The temporal head keeps when things happen (it learns sync); the global head averages time away (the paper's, as far as
known; it learns what, hardly when).
"""

from __future__ import annotations

from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn


class GlobalHead(nn.Module):
    """Mean over time, then one linear layer.

    Args:
        in_channels: channels of a feature step.
        embedding: size of the embedding.
        unit: scale it to unit length.
    """

    def __init__(self, in_channels: int, *, embedding: int, unit: bool = True) -> None:
        super().__init__()
        self.unit = unit
        self.project = nn.Linear(in_channels, embedding)

    def forward(self, sequence: Tensor) -> Tensor:
        """Shape: [B, L, C] to [B, D]."""
        found = cast(Tensor, self.project(sequence.mean(dim=1)))
        return F.normalize(found, dim=-1) if self.unit else found


class TemporalHead(nn.Module):
    """Pool a window to a few time steps, flatten them and mix them with two linear layers.

    Args:
        in_channels: channels of a feature step.
        steps: time steps kept of a window.
        hidden: size of the hidden layer.
        embedding: size of the embedding.
        unit: scale it to unit length.
    """

    def __init__(self, in_channels: int, *, steps: int, hidden: int, embedding: int, unit: bool = True) -> None:
        super().__init__()
        self.unit = unit
        self.pool = nn.AdaptiveAvgPool1d(steps)
        self.mix = nn.Sequential(
            nn.Linear(steps * in_channels, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, embedding)
        )

    def forward(self, sequence: Tensor) -> Tensor:
        """Shape: [B, L, C] to [B, D]."""
        steps = self.pool(sequence.transpose(1, 2))  # [B, C, steps]
        found = cast(Tensor, self.mix(steps.flatten(1)))
        return F.normalize(found, dim=-1) if self.unit else found


def make_head(name: str, in_channels: int, *, steps: int, hidden: int, embedding: int, unit: bool = True) -> nn.Module:
    """A head by its name, 'temporal' or 'global'."""
    if name == "global":
        return GlobalHead(in_channels, embedding=embedding, unit=unit)
    return TemporalHead(in_channels, steps=steps, hidden=hidden, embedding=embedding, unit=unit)
