"""The fused classifier: whether picture and sound belong together, from both embeddings at once.

Input: embeddings of pictures and of sounds. Output: the logit of "in sync" of every pair.
"""

from __future__ import annotations

from typing import cast

import torch.nn.functional as F
from torch import Tensor, nn


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
