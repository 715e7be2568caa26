"""I3D for pictures: Inception-v1 with every filter inflated over time.

Source: Carreira & Zisserman, "Quo Vadis, Action Recognition?" (CVPR 2017), the RGB stream, without its average pooling
and classifier. Padding is the same on both sides; in the authors' TensorFlow an odd one has more at the end.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from typing import cast

import torch
from torch import Tensor, nn

from avts.model.tower import Tower

MIXED = {
    "3b": (64, 96, 128, 16, 32, 32),
    "3c": (128, 128, 192, 32, 96, 64),
    "4b": (192, 96, 208, 16, 48, 64),
    "4c": (160, 112, 224, 24, 64, 64),
    "4d": (128, 128, 256, 24, 64, 64),
    "4e": (112, 144, 288, 32, 64, 64),
    "4f": (256, 160, 320, 32, 128, 128),
    "5b": (256, 160, 320, 32, 128, 128),
    "5c": (384, 192, 384, 48, 128, 128),
}
"""Channels of each Inception module at width 64: 1x1; before and of the first 3x3; of the second; after pooling."""

BATCH_NORM_EPS = 1e-3


def _convolution(in_channels: int, out_channels: int, size: int, stride: int = 1) -> nn.Sequential:
    """A cubic convolution with batch norm and ReLU."""
    convolution = nn.Conv3d(in_channels, out_channels, size, stride, size // 2, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return nn.Sequential(convolution, nn.BatchNorm3d(out_channels, eps=BATCH_NORM_EPS), nn.ReLU(inplace=True))


class Inception(nn.Module):
    """Four branches side by side: 1x1x1; two with a 3x3x3 behind a 1x1x1; 3x3x3 max pooling and 1x1x1.

    Args:
        in_channels: channels of the input.
        channels: six numbers in the order of MIXED.
    """

    def __init__(self, in_channels: int, channels: tuple[int, ...]) -> None:
        super().__init__()
        plain, before_first, first, before_second, second, pooled = channels
        self.out_channels = plain + first + second + pooled
        self.plain = _convolution(in_channels, plain, 1)
        self.first = nn.Sequential(_convolution(in_channels, before_first, 1), _convolution(before_first, first, 3))
        self.second = nn.Sequential(_convolution(in_channels, before_second, 1), _convolution(before_second, second, 3))
        self.pooled = nn.Sequential(nn.MaxPool3d(3, 1, 1), _convolution(in_channels, pooled, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Shape: [B, C, T, H, W] to [B, C', T, H, W]."""
        return torch.cat([self.plain(x), self.first(x), self.second(x), self.pooled(x)], dim=1)


class InceptionTower(Tower):
    """I3D up to its last Inception module. A stage begins with the pooling that stands before it.

    Shape: [B, C, T, H, W] to [B, 16 * width, T / 8, H / 32, W / 32], each rounded up; time is halved in conv1, conv4
    and conv5.

    Args:
        width: channels of conv1; 64 is the published network.
        in_channels: channels of a frame.
    """

    time_stride = 8

    def __init__(self, *, width: int = 64, in_channels: int = 3) -> None:
        super().__init__()
        self.conv1 = _convolution(in_channels, width, 7, 2)
        self.conv2 = nn.Sequential(
            nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            _convolution(width, width, 1),
            _convolution(width, 3 * width, 3),
        )
        channels = 3 * width
        poolings = {
            "3": nn.MaxPool3d((1, 3, 3), (1, 2, 2), (0, 1, 1)),
            "4": nn.MaxPool3d(3, 2, 1),
            "5": nn.MaxPool3d(2, 2, ceil_mode=True),
        }
        for number, pooling in poolings.items():
            stage = nn.Sequential(OrderedDict[str, nn.Module](pool=pooling))
            for name, published in MIXED.items():
                if name.startswith(number):
                    module = Inception(channels, tuple(count * width // 64 for count in published))
                    stage.add_module(name, module)
                    channels = module.out_channels
            setattr(self, f"conv{number}", stage)
        self.out_channels = channels

    def parts(self) -> Iterator[nn.Module]:
        """conv1, then the poolings, convolutions and Inception modules of the other stages."""
        yield self.conv1
        for stage in (self.conv2, self.conv3, self.conv4, self.conv5):
            yield from cast(nn.Sequential, stage)

    def named_stages(self) -> dict[str, nn.Module]:
        """conv1 to conv5."""
        return {name: getattr(self, name) for name in ("conv1", "conv2", "conv3", "conv4", "conv5")}
