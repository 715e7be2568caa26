"""The video tower: the MCx family of residual networks, 3D convolutions first and 2D ones after.

Source: Tran et al., "A Closer Look at Spatiotemporal Convolutions for Action Recognition" (CVPR 2018), used by
Korbar et al. 2018, section 4. No layer strides time, so the tower runs densely over a film of any length.
"""

from __future__ import annotations

from typing import cast

from torch import Tensor, nn

NUM_3D_STAGES = {"mc2": 1, "mc3": 2, "mc4": 3, "mc5": 4}
"""How many of the five stages conv1, conv2_x ... conv5_x convolve over time."""

BLOCKS_PER_STAGE = 2  # the 18-layer form: conv1 + 4 stages x 2 blocks x 2 convolutions + classifier


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with batch norm around a shortcut.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        over_time: convolve 3 frames (3D) or each frame by itself (2D).
        stride: spatial stride of the first convolution.
    """

    def __init__(self, in_channels: int, out_channels: int, *, over_time: bool, stride: int) -> None:
        super().__init__()
        kernel, padding = ((3, 3, 3), (1, 1, 1)) if over_time else ((1, 3, 3), (0, 1, 1))
        strides = (1, stride, stride)
        self.conv1 = nn.Conv3d(in_channels, out_channels, kernel, strides, padding, bias=False)
        self.bn1 = nn.BatchNorm3d(out_channels)
        self.conv2 = nn.Conv3d(out_channels, out_channels, kernel, 1, padding, bias=False)
        self.bn2 = nn.BatchNorm3d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_channels != out_channels:
            self.shortcut.append(nn.Conv3d(in_channels, out_channels, 1, strides, bias=False))
            self.shortcut.append(nn.BatchNorm3d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """Shape: [B, C, T, H, W] to [B, C', T, H / stride, W / stride]."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return cast(Tensor, self.relu(y.add_(self.shortcut(x))))


class VideoTower(nn.Module):
    """MCx-18 up to its last convolution stage.

    Args:
        name: 'mc2', 'mc3', 'mc4' or 'mc5'.
        width: channels of conv1; 64 is the published network.
        in_channels: channels of a frame.
    """

    def __init__(self, name: str = "mc3", *, width: int = 64, in_channels: int = 3) -> None:
        super().__init__()
        num_3d = NUM_3D_STAGES[name]
        self.out_channels = 8 * width
        self.stem = nn.Sequential(
            nn.Conv3d(in_channels, width, (3, 7, 7), (1, 2, 2), (1, 3, 3), bias=False),
            nn.BatchNorm3d(width),
            nn.ReLU(inplace=True),
        )
        self.stages = nn.ModuleList()
        channels = width
        for index, factor in enumerate((1, 2, 4, 8)):
            blocks = nn.Sequential()
            for block in range(BLOCKS_PER_STAGE):
                stride = 2 if index > 0 and block == 0 else 1
                blocks.append(BasicBlock(channels, factor * width, over_time=index + 2 <= num_3d, stride=stride))
                channels = factor * width
            self.stages.append(blocks)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    def forward(self, frames: Tensor) -> Tensor:
        """Feature maps of conv5.

        Shape: [B, C, T, H, W] to [B, 8 * width, T, H / 16, W / 16], halves rounded up.
        """
        x: Tensor = self.stem(frames)
        for stage in self.stages:
            x = stage(x)
        return x
