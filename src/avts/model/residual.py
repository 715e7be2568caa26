"""Residual networks of 18 layers for pictures: MC2 to MC5, R3D-18 and R(2+1)D-18.

Source: Tran et al., "A Closer Look at Spatiotemporal Convolutions for Action Recognition" (CVPR 2018), used by
Korbar et al. 2018, section 4. No layer of MCx strides time, so these run densely over a film of any length; the two
others halve the number of time steps in conv3_x, conv4_x and conv5_x.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from torch import Tensor, nn

from avts.model.flat import FlatConvolution
from avts.model.tower import Tower

BLOCKS_PER_STAGE = 2  # the 18-layer form: conv1 + 4 stages x 2 blocks x 2 convolutions + classifier

STEM_MIDDLE = 45
"""Channels between the two halves of R(2+1)D's conv1 at width 64, in the authors' released definition."""


@dataclass(frozen=True)
class Form:
    """What tells the members of the family apart.

    Attributes:
        num_3d: how many of the five stages conv1, conv2_x ... conv5_x convolve over time.
        strides_time: halve the number of time steps wherever height and width are halved, but for conv1.
        factored: convolve over space first, then over time.
    """

    num_3d: int
    strides_time: bool = False
    factored: bool = False


FORMS = {
    "mc2": Form(1),
    "mc3": Form(2),
    "mc4": Form(3),
    "mc5": Form(4),
    "r3d18": Form(5, strides_time=True),
    "r2plus1d18": Form(5, strides_time=True, factored=True),
}


def middle_channels(in_channels: int, out_channels: int) -> int:
    """Channels between the halves of a factored 3x3x3 convolution, such that both weigh as much as the whole would.

    Source: Tran et al. 2018, section 3.5.
    """
    return 27 * in_channels * out_channels // (9 * in_channels + 3 * out_channels)


def _factored(in_channels: int, middle: int, out_channels: int, *, size: int, strides: tuple[int, int]) -> nn.Module:
    """A convolution over space, then one over time; strides of time and of space."""
    over_time, over_space = strides
    return nn.Sequential(
        nn.Conv3d(
            in_channels, middle, (1, size, size), (1, over_space, over_space), (0, size // 2, size // 2), bias=False
        ),
        nn.BatchNorm3d(middle),
        nn.ReLU(inplace=True),
        nn.Conv3d(middle, out_channels, (3, 1, 1), (over_time, 1, 1), (1, 0, 0), bias=False),
    )


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with batch norm around a shortcut.

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        over_time: convolve 3 frames (3D) or each frame by itself (2D).
        factored: with `over_time`, convolve over space first, then over time.
        strides: of time and of space, of the first convolution.
    """

    def __init__(
        self, in_channels: int, out_channels: int, *, over_time: bool, factored: bool, strides: tuple[int, int]
    ) -> None:
        super().__init__()
        self.over_time, self.factored = over_time, factored
        self.conv1 = self._convolution(in_channels, out_channels, strides)
        self.bn1 = nn.BatchNorm3d(out_channels)
        self.conv2 = self._convolution(out_channels, out_channels, (1, 1))
        self.bn2 = nn.BatchNorm3d(out_channels)
        self.relu = nn.ReLU(inplace=True)
        self.shortcut = nn.Sequential()
        if strides != (1, 1) or in_channels != out_channels:
            every = (strides[0], strides[1], strides[1])
            self.shortcut.append(nn.Conv3d(in_channels, out_channels, 1, every, bias=False))
            self.shortcut.append(nn.BatchNorm3d(out_channels))

    def _convolution(self, in_channels: int, out_channels: int, strides: tuple[int, int]) -> nn.Module:
        if self.factored:
            middle = middle_channels(in_channels, out_channels)
            return _factored(in_channels, middle, out_channels, size=3, strides=strides)
        if not self.over_time:
            return FlatConvolution(in_channels, out_channels, strides[1])
        every = (strides[0], strides[1], strides[1])
        return nn.Conv3d(in_channels, out_channels, 3, every, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Shape: [B, C, T, H, W] to [B, C', T / stride, H / stride, W / stride], each rounded up."""
        y = self.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return cast(Tensor, self.relu(y.add_(self.shortcut(x))))


class ResidualTower(Tower):
    """A network of the family up to its last convolution stage.

    Shape: [B, C, T, H, W] to [B, 8 * width, T / time_stride, H / 16, W / 16], each rounded up; feature i is centred on
    frame i * time_stride.

    Args:
        name: one of FORMS.
        width: channels of conv1; 64 is the published network.
        in_channels: channels of a frame.
    """

    def __init__(self, name: str = "mc3", *, width: int = 64, in_channels: int = 3) -> None:
        super().__init__()
        form = FORMS[name]
        self.out_channels = 8 * width
        self.time_stride = 8 if form.strides_time else 1
        self.stem = self._stem(in_channels, width, factored=form.factored)
        self.stages = nn.ModuleList()
        channels = width
        for index, factor in enumerate((1, 2, 4, 8)):
            blocks = nn.Sequential()
            for block in range(BLOCKS_PER_STAGE):
                stride = 2 if index > 0 and block == 0 else 1
                blocks.append(
                    BasicBlock(
                        channels,
                        factor * width,
                        over_time=index + 2 <= form.num_3d,
                        factored=form.factored,
                        strides=(stride if form.strides_time else 1, stride),
                    )
                )
                channels = factor * width
            self.stages.append(blocks)
        for module in self.modules():
            if isinstance(module, nn.Conv3d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    @staticmethod
    def _stem(in_channels: int, width: int, *, factored: bool) -> nn.Sequential:
        if factored:
            halves = _factored(in_channels, STEM_MIDDLE * width // 64, width, size=7, strides=(1, 2))
            return nn.Sequential(halves, nn.BatchNorm3d(width), nn.ReLU(inplace=True))
        whole = nn.Conv3d(in_channels, width, (3, 7, 7), (1, 2, 2), (1, 3, 3), bias=False)
        return nn.Sequential(whole, nn.BatchNorm3d(width), nn.ReLU(inplace=True))

    def parts(self) -> Iterator[nn.Module]:
        """conv1, then the blocks."""
        yield self.stem
        for stage in self.stages:
            yield from cast(nn.Sequential, stage)

    def named_stages(self) -> dict[str, nn.Module]:
        """conv1 to conv5."""
        return {"conv1": self.stem, **{f"conv{index}": stage for index, stage in enumerate(self.stages, 2)}}
