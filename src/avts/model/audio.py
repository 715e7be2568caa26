"""The audio tower: a VGG-like network on filterbanks.

Source: Chung & Zisserman, "Out of time" (2016), layer for layer, as Korbar et al. 2018 use it. On 40 filters x 100
steps pool5 is 256 x 18 x 24: 24 steps of 40 ms.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avts.model.tower import Tower

STAGES = ("conv1", "conv2", "pool2", "conv3", "conv4", "conv5", "pool5")

CHANNELS = (64, 192, 384, 256, 256)
"""Output channels of conv1 to conv5 at width 64."""

LOST_STEPS = 6
"""Steps at the end of a filterbank that have no dense feature of their own: the two poolings need as many more."""


def _convolution(in_channels: int, out_channels: int) -> list[nn.Module]:
    convolution = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
    nn.init.kaiming_normal_(convolution.weight, mode="fan_out", nonlinearity="relu")
    return [convolution, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True)]


class AudioTower(Tower):
    """Five convolutions and two poolings; time shrinks by 4, half in each pooling.

    Shape: [B, 1, M, S] to [B, 4 * width, (M - 3) // 2, about S / 4]; step i is centred on input step 4 * i + 3.

    Args:
        width: channels of conv1; 64 is the published network.
    """

    time_stride = 4

    def __init__(self, *, width: int = 64) -> None:
        super().__init__()
        c1, c2, c3, c4, c5 = (channels * width // 64 for channels in CHANNELS)
        self.out_channels = c5
        self.conv1 = nn.Sequential(*_convolution(1, c1))
        self.conv2 = nn.Sequential(*_convolution(c1, c2))
        self.pool2 = nn.MaxPool2d(3, stride=(1, 2))
        self.conv3 = nn.Sequential(*_convolution(c2, c3))
        self.conv4 = nn.Sequential(*_convolution(c3, c4))
        self.conv5 = nn.Sequential(*_convolution(c4, c5))
        self.pool5 = nn.MaxPool2d(3, stride=2)

    @staticmethod
    def out_bands(num_bands: int) -> int:
        """Rows of pool5 for a number of filter bands."""
        return (num_bands - 2 - 3) // 2 + 1

    @staticmethod
    def out_steps(num_steps: int) -> int:
        """Columns of pool5 for a number of filterbank steps."""
        return ((num_steps - 3) // 2 + 1 - 3) // 2 + 1

    def named_stages(self) -> dict[str, nn.Module]:
        """conv1 to conv5, pool2 and pool5."""
        return {name: getattr(self, name) for name in STAGES}

    def dense(self, filterbank: Tensor) -> Tensor:
        """Feature maps of pool5 as if the input had started at each step in turn, without its poolings' stride in time.

        Convolutions are shared between the starts, so this costs about twice the strided form, not four times.

        Shape: [B, 1, M, S] to [B, 4 * width, (M - 3) // 2, S - 6].
        """
        steps = filterbank.shape[-1] - LOST_STEPS
        x = self.conv2(self.conv1(filterbank))
        maps: list[Tensor] = [x] * 4
        for first in range(2):
            y = self.conv5(self.conv4(self.conv3(self.pool2(x[..., first:]))))
            for second in range(2):
                maps[first + 2 * second] = self.pool5(y[..., second:])
        longest = maps[0].shape[-1]
        padded = [F.pad(phase, (0, longest - phase.shape[-1])) for phase in maps]
        return torch.stack(padded, dim=-1).flatten(-2)[..., :steps]
