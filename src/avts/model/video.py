"""The video towers by name. Input of each: [B, C, T, H, W]; output: feature maps of conv5, or of any stage."""

from __future__ import annotations

from avts.model.inception import InceptionTower
from avts.model.residual import FORMS, ResidualTower
from avts.model.tower import Tower

VIDEO_TOWERS = (*FORMS, "i3d")
"""Names of the video towers, as in a recipe."""


def make_video_tower(name: str, *, width: int = 64, in_channels: int = 3) -> Tower:
    """A video tower with fresh weights.

    Args:
        name: one of VIDEO_TOWERS.
        width: channels of conv1; 64 is the published network.
        in_channels: channels of a frame.
    """
    if name in FORMS:
        return ResidualTower(name, width=width, in_channels=in_channels)
    return InceptionTower(width=width, in_channels=in_channels)
