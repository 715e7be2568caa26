"""The video towers by name, as a recipe has them."""

from typing import get_args

import pytest
import torch

from avts.model.video import VIDEO_TOWERS, make_video_tower
from avts.settings import TIME_STRIDES, VideoName


def test_a_recipe_can_name_every_tower_and_no_other() -> None:
    assert get_args(VideoName) == VIDEO_TOWERS


@pytest.mark.parametrize("name", VIDEO_TOWERS)
def test_strides_that_recipes_are_checked_by_are_the_towers_own(name: VideoName) -> None:
    with torch.device("meta"):
        tower = make_video_tower(name, width=4)
        assert tower(torch.empty(2, 3, 24, 32, 32)).shape[2] == 24 // TIME_STRIDES.get(name, 1)
    assert tower.time_stride == TIME_STRIDES.get(name, 1)


@pytest.mark.parametrize("name", VIDEO_TOWERS)
def test_every_tower_has_five_conv_stages_of_which_the_last_is_its_output(name: str) -> None:
    tower = make_video_tower(name, width=8).eval()
    frames = torch.rand(1, 3, 9, 40, 32)
    with torch.no_grad():
        found = tower.maps(frames, [f"conv{number}" for number in range(1, 6)])
        assert torch.equal(found["conv5"], tower(frames))
    assert list(found) == list(tower.named_stages())
    assert found["conv5"].shape[1] == tower.out_channels
    assert found["conv1"].shape[1] == 8
