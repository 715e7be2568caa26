"""A moving average of the weights: what a run ends with, steadier than the weights of its last step.

Source: the ramp of the decay is that of TensorFlow's ExponentialMovingAverage, so that the random weights of the start
are soon forgotten. Running statistics of batch norm are averaged like the weights that they belong to.
"""

from __future__ import annotations

import copy

import torch

from avts.model.two_stream import TwoStream


def decay_at(decay: float, step: int) -> float:
    """The decay after a step, counted from 0: short memory first, growing to the whole."""
    return min(decay, (1 + step) / (10 + step))


class MovingAverage:
    """The average of a model's weights over the steps of its training.

    Args:
        model: the networks, as they are at the start.
        decay: share that the average keeps in a step.

    Attributes:
        model: networks with the averaged weights, in evaluation mode.
    """

    def __init__(self, model: TwoStream, decay: float) -> None:
        self.decay = decay
        self.model = copy.deepcopy(model).eval().requires_grad_(False)

    @torch.no_grad()
    def update(self, model: TwoStream, step: int) -> None:
        """Take in the weights after a step."""
        share = 1 - decay_at(self.decay, step)
        for mine, new in zip(self.model.state_dict().values(), model.state_dict().values(), strict=True):
            if mine.is_floating_point():
                mine.lerp_(new, share)
            else:
                mine.copy_(new)  # a count
