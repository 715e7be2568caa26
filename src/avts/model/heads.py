"""Heads: from a tower's sequence of features to one embedding, of unit length unless it is to keep its own.

The temporal head keeps when things happen (it learns sync); the global head averages time away (the paper's, as far as
known; it learns what, hardly when).

With fresh weights the embeddings of a tower all point nearly the same way. A centred head takes that common part away
before it scales to unit length: the mean and the spread of each dimension over the windows of a step in training, and
their running averages in use.

The fused classifier says of both embeddings at once whether picture and sound belong together.
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
        centre: subtract the mean over the windows and divide by the spread, dimension by dimension, before that.
    """

    def __init__(self, in_channels: int, *, embedding: int, unit: bool = True, centre: bool = False) -> None:
        super().__init__()
        self.unit = unit
        self.project = nn.Linear(in_channels, embedding)
        self.centre = _centre(embedding) if centre else None

    def forward(self, sequence: Tensor) -> Tensor:
        """Shape: [B, L, C] to [B, D]."""
        return _finished(self.project(sequence.mean(dim=1)), self.centre, unit=self.unit)


class TemporalHead(nn.Module):
    """Pool a window to a few time steps, flatten them and mix them with two linear layers.

    Args:
        in_channels: channels of a feature step.
        steps: time steps kept of a window.
        hidden: size of the hidden layer.
        embedding: size of the embedding.
        unit: scale it to unit length.
        centre: subtract the mean over the windows and divide by the spread, dimension by dimension, before that.
    """

    def __init__(
        self, in_channels: int, *, steps: int, hidden: int, embedding: int, unit: bool = True, centre: bool = False
    ) -> None:
        super().__init__()
        self.unit = unit
        self.pool = nn.AdaptiveAvgPool1d(steps)
        self.mix = nn.Sequential(
            nn.Linear(steps * in_channels, hidden), nn.ReLU(inplace=True), nn.Linear(hidden, embedding)
        )
        self.centre = _centre(embedding) if centre else None

    def forward(self, sequence: Tensor) -> Tensor:
        """Shape: [B, L, C] to [B, D]."""
        steps = self.pool(sequence.transpose(1, 2))  # [B, C, steps]
        return _finished(self.mix(steps.flatten(1)), self.centre, unit=self.unit)


def make_head(
    name: str, in_channels: int, *, steps: int, hidden: int, embedding: int, unit: bool = True, centre: bool = False
) -> nn.Module:
    """A head by its name, 'temporal' or 'global'."""
    if name == "global":
        return GlobalHead(in_channels, embedding=embedding, unit=unit, centre=centre)
    return TemporalHead(in_channels, steps=steps, hidden=hidden, embedding=embedding, unit=unit, centre=centre)


def _centre(embedding: int) -> nn.BatchNorm1d:
    """No scale and shift of its own: a learnt shift could put the common part back."""
    return nn.BatchNorm1d(embedding, affine=False)


def _finished(found: Tensor, centre: nn.Module | None, *, unit: bool) -> Tensor:
    if centre is not None:
        found = centre(found)
    return F.normalize(found, dim=-1) if unit else found


class FusedClassifier(nn.Module):
    """Two linear layers on both embeddings side by side.

    A linear layer on two vectors side by side is the sum of one on each. So each embedding is mapped once, and a pair
    of a grid costs only the sum, the ReLU and the last layer.

    Source: Korbar et al. 2018, section 3.1 (as recalled): concat, FC 512, FC.

    Args:
        embedding: size of each of the two embeddings.
        hidden: hidden units.
    """

    def __init__(self, embedding: int, *, hidden: int) -> None:
        super().__init__()
        self.mix = nn.Linear(2 * embedding, hidden)
        self.score = nn.Linear(hidden, 1)

    def forward(self, pictures: Tensor, sounds: Tensor) -> Tensor:
        """Logit of "in sync" of every picture with every sound.

        Shape: [P, D] and [Q, D] to [P, Q].
        """
        of_picture, of_sound = self.mix.weight.chunk(2, dim=1)
        shown, heard = F.linear(pictures, of_picture, self.mix.bias), F.linear(sounds, of_sound)  # [P, h], [Q, h]
        return cast(Tensor, self.score((shown[:, None] + heard[None]).relu()).squeeze(-1))
