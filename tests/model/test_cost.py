"""What networks cost: counted by hand on networks small enough for it."""

import pytest
import torch
from torch import nn

from avts.model.audio import AudioTower
from avts.model.checkpoint import build_model
from avts.model.cost import Layer, Network, model_networks, tower_network
from avts.model.tower import Tower
from avts.model.video import VIDEO_TOWERS, make_video_tower
from avts.settings import ModelSettings, VideoName


class Small(Tower):
    """A convolution with batch norm, and a pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Sequential(nn.Conv3d(3, 5, (1, 3, 3), (1, 2, 2), (0, 1, 1), bias=False), nn.BatchNorm3d(5))
        self.pool = nn.MaxPool3d(2, 2)

    def named_stages(self) -> dict[str, nn.Module]:
        return {"conv1": self.conv1, "pool1": self.pool}


def test_rows_are_the_hand_count() -> None:
    network = tower_network("small", Small(), (3, 4, 8, 12))
    assert network == Network(
        "small",
        (3, 4, 8, 12),
        (5, 2, 2, 3),
        (
            Layer("conv1.0", "convolution", (1, 3, 3), (1, 2, 2), (5, 4, 4, 6), 27 * 5 + 10, 27 * 5 * 4 * 4 * 6),
            Layer("pool1", "max pooling", (2, 2, 2), (2, 2, 2), (5, 2, 2, 3), 0, 0),
        ),
    )
    assert (network.parameters, network.multiply_adds) == (145, 12_960)


@pytest.mark.parametrize("name", VIDEO_TOWERS)
def test_no_parameter_is_left_out(name: str) -> None:
    with torch.device("meta"):
        tower = make_video_tower(name, width=16)
    assert tower_network(name, tower, (3, 8, 32, 32)).parameters == sum(p.numel() for p in tower.parameters())


@pytest.mark.parametrize(("video", "channels"), [("r3d18", 32), ("i3d", 64)])
def test_rows_of_both_towers_and_heads_are_the_whole_model(video: VideoName, channels: int) -> None:
    settings = ModelSettings(
        video=video, video_width=4, audio_width=8, frame_size=64, head="temporal", head_steps=6, hidden=16, embedding=10
    )
    with torch.device("meta"):
        model = build_model(settings)
    networks = {network.name: network for network in model_networks(model, window_seconds=2.0)}
    assert sum(network.parameters for network in networks.values()) == sum(p.numel() for p in model.parameters())
    assert networks["video tower"].input == (3, 48, 64, 64)
    assert networks["audio tower"].input == (1, 40, 200)
    assert networks["video head"].input == (6, channels)  # a feature every 8 frames, 8 or 16 * width channels
    assert networks["video head"].multiply_adds == 6 * channels * 16 + 16 * 10
    steps = AudioTower.out_steps(200)
    assert networks["fc6"].multiply_adds == steps * (18 * 32) * 64
    assert networks["audio head"].input == (steps, 64)


def test_counting_leaves_the_network_as_it_was() -> None:
    tower = Small().train()
    tower.conv1.eval()
    before = {name: value.clone() for name, value in tower.state_dict().items()}
    tower_network("small", tower, (3, 2, 3, 3))
    assert (tower.training, tower.conv1.training, tower.pool.training) == (True, False, True)
    assert all(torch.equal(value, before[name]) for name, value in tower.state_dict().items())
    assert not any(module._forward_hooks for module in tower.modules())


def test_one_value_a_channel_is_enough() -> None:
    tower = make_video_tower("i3d", width=4)  # of which batch norm has no statistics, as it wants in training
    assert tower_network("i3d", tower, (3, 1, 8, 8)).output == (64, 1, 1, 1)
