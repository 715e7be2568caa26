"""How networks are laid out and compiled for a device; what they compute stays the same, up to rounding."""

from __future__ import annotations

import torch

from avts.model.two_stream import TwoStream

LAYOUTS = {4: torch.channels_last, 5: torch.channels_last_3d}
"""Layout of the weights of a convolution with channels last, by their number of dimensions."""


def tune(model: TwoStream, device: torch.device, *, channels_last: bool, compile: bool) -> list[str]:
    """Lay out and compile networks for training, in place; names of weights stay the same.

    On CUDA, cuDNN also measures its algorithms for each size of input that it meets, which pays for itself as the
    windows of a training are all of one size.

    Args:
        model: the networks, on their device.
        device: that they are on.
        channels_last: lay out the weights of the convolutions with channels last, as their inputs are.
        compile: compile the towers with torch.compile when they first run.

    Returns:
        What was done, in words.
    """
    done = []
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True
        done.append("cudnn: measures its algorithms (all windows are of one size)")
    if channels_last:
        for weight in model.parameters():
            if weight.ndim in LAYOUTS:
                weight.data = weight.data.contiguous(memory_format=LAYOUTS[weight.ndim])
        done.append("layout: channels last (as asked)")
    if compile:
        for tower in (model.video, model.audio):
            tower.compile()
        done.append("compile: the towers, with the first step (as asked)")
    return done
