"""A convolution of each frame by itself, trained in two dimensions: the frames become a part of the batch.

On CPUs the gradient of a 3D convolution whose kernel spans one frame costs two to three times that of the same
convolution in 2D (oneDNN, fp32, channels last). Both are the same sum.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class FlatConvolution(nn.Conv3d):
    """A convolution over height and width, 3 x 3.

    Its weight is that of the 3D convolution with kernel (1, 3, 3), so checkpoints do not change. Embedding and export
    run it as one.

    Shape: [B, C, T, H, W] to [B, C', T, H / stride, W / stride], each rounded up.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        stride: of height and width.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        # not for 1 x 1: of 4 channels with a stride, oneDNN writes past the end of its memory (torch 2.13, AVX2)
        super().__init__(in_channels, out_channels, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """In 2D while training, where that needs no copy; else in 3D."""
        if not self.training or not x.is_contiguous(memory_format=torch.channels_last_3d):
            return super().forward(x)
        frames = x.transpose(1, 2).flatten(0, 1)  # [B * T, C, H, W]
        y = F.conv2d(frames, self.weight.squeeze(2), None, self.stride[1:], self.padding[1:])
        return y.view(len(x), -1, *y.shape[1:]).transpose(1, 2)  # [B, C', T, H', W']
