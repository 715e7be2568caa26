"""The video tower against the published networks: sizes, kernels, parameters, multiply-adds."""

import math

import pytest
import torch
from torch import nn

from avts.model.video import VideoTower


def on_paper(name: str = "mc3", width: int = 64) -> VideoTower:
    """A tower without memory for its weights."""
    with torch.device("meta"):
        return VideoTower(name, width=width)


def multiply_adds(tower: VideoTower, frames: int, size: int) -> int:
    """Counted by hooks: outputs of each convolution times the inputs that each of them sums."""
    total = 0

    def count(layer: nn.Module, _: object, output: torch.Tensor) -> None:
        nonlocal total
        assert isinstance(layer, nn.Conv3d)
        total += output.numel() * layer.in_channels * math.prod(layer.kernel_size)

    for layer in tower.modules():
        if isinstance(layer, nn.Conv3d):
            layer.register_forward_hook(count)
    tower(torch.empty(1, 3, frames, size, size, device="meta"))
    return total


def test_mc3_has_the_published_number_of_parameters() -> None:
    conv1 = 3 * 64 * 3 * 7 * 7 + 2 * 64
    conv2 = 4 * (64 * 64 * 3 * 3 * 3 + 2 * 64)
    rest = 0
    for inputs, outputs in ((64, 128), (128, 256), (256, 512)):
        rest += 9 * inputs * outputs + 3 * 9 * outputs * outputs + inputs * outputs + 5 * 2 * outputs
    assert conv1 + conv2 + rest == 11_490_240
    assert sum(p.numel() for p in on_paper().parameters()) == 11_490_240
    classifier = 512 * 400 + 400
    assert round((11_490_240 + classifier) / 1e6, 1) == 11.7  # as published, with 400 classes


@pytest.mark.parametrize(("frames", "size", "published"), [(8, 112, 21.7e9), (8, 224, 87e9), (25, 224, 271e9)])
def test_mc3_does_the_published_multiply_adds(frames: int, size: int, published: float) -> None:
    assert multiply_adds(on_paper(), frames, size) == pytest.approx(published, rel=0.01)


def test_stages_have_the_sizes_of_the_table() -> None:
    tower = on_paper()
    x = tower.stem(torch.empty(1, 3, 25, 224, 224, device="meta"))
    shapes = [tuple(x.shape[1:])]
    for stage in tower.stages:
        x = stage(x)
        shapes.append(tuple(x.shape[1:]))
    assert shapes == [(64, 25, 112, 112), (64, 25, 112, 112), (128, 25, 56, 56), (256, 25, 28, 28), (512, 25, 14, 14)]


@pytest.mark.parametrize(("name", "over_time"), [("mc2", 0), ("mc3", 1), ("mc4", 2), ("mc5", 3)])
def test_mcx_convolves_time_in_its_first_stages_only(name: str, over_time: int) -> None:
    tower = on_paper(name)
    assert tower.stem[0].kernel_size == (3, 7, 7)
    assert tower.stem[0].stride == (1, 2, 2)
    for index, stage in enumerate(tower.stages):
        kernel = (3, 3, 3) if index < over_time else (1, 3, 3)
        for block in stage:
            assert block.conv1.kernel_size == block.conv2.kernel_size == kernel


@pytest.mark.parametrize(("name", "sees"), [("mc2", 1), ("mc3", 5), ("mc4", 9), ("mc5", 13)])
def test_a_feature_sees_as_many_frames_either_way_as_there_are_3d_convolutions(name: str, sees: int) -> None:
    torch.manual_seed(0)
    tower = VideoTower(name, width=4).eval()
    film = torch.rand(1, 3, 41, 16, 16)
    other = film.clone()
    other[:, :, 20] += 1
    with torch.no_grad():
        changed = (tower(film) - tower(other)).abs().amax((0, 1, 3, 4)) > 0
    assert changed.nonzero().flatten().tolist() == list(range(20 - sees, 20 + sees + 1))


def test_a_block_adds_its_shortcut() -> None:
    block = VideoTower("mc3", width=4).eval().stages[0][0]
    nn.init.zeros_(block.bn2.weight)
    x = torch.rand(1, 4, 2, 4, 4)
    with torch.no_grad():
        assert torch.equal(block(x.clone()), x)
