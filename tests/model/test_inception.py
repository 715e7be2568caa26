"""I3D against the published network: sizes, parameters, multiply-adds, and where in time a feature is."""

import pytest
import torch

from avts.model.cost import tower_network
from avts.model.inception import Inception, InceptionTower


def on_paper(width: int = 64) -> InceptionTower:
    """A tower without memory for its weights."""
    with torch.device("meta"):
        return InceptionTower(width=width)


def counted_by_hand() -> tuple[int, int]:
    """Parameters, and multiply-adds for 64 x 224 x 224."""
    layers = [(64, 3 * 7**3, 32 * 112**2), (64, 64, 32 * 56**2), (192, 27 * 64, 32 * 56**2)]
    for inputs, places, plain, before, first, other, second, pooled in (
        (192, 32 * 28**2, 64, 96, 128, 16, 32, 32),
        (256, 32 * 28**2, 128, 128, 192, 32, 96, 64),
        (480, 16 * 14**2, 192, 96, 208, 16, 48, 64),
        (512, 16 * 14**2, 160, 112, 224, 24, 64, 64),
        (512, 16 * 14**2, 128, 128, 256, 24, 64, 64),
        (512, 16 * 14**2, 112, 144, 288, 32, 64, 64),
        (528, 16 * 14**2, 256, 160, 320, 32, 128, 128),
        (832, 8 * 7**2, 256, 160, 320, 32, 128, 128),
        (832, 8 * 7**2, 384, 192, 384, 48, 128, 128),
    ):
        layers += [(outputs, inputs, places) for outputs in (plain, before, other, pooled)]
        layers += [(first, 27 * before, places), (second, 27 * other, places)]
    parameters = sum(outputs * (inputs + 2) for outputs, inputs, _ in layers)  # 2 of batch norm
    return parameters, sum(outputs * inputs * places for outputs, inputs, places in layers)


def test_parameters_and_multiply_adds_are_the_hand_count() -> None:
    network = tower_network("i3d", on_paper(), (3, 64, 224, 224))
    assert (network.parameters, network.multiply_adds) == counted_by_hand()


def test_both_streams_have_the_published_number_of_parameters() -> None:
    # Carreira & Zisserman 2017, table 1: 25 M, classifiers of 400 classes included
    classifier = 1024 * 400 + 400
    with torch.device("meta"):
        streams = [InceptionTower(in_channels=channels) for channels in (3, 2)]
    parameters = sum(p.numel() for tower in streams for p in tower.parameters()) + 2 * classifier
    assert parameters / 1e6 == pytest.approx(25, abs=0.5)


def test_multiply_adds_are_the_published_ones() -> None:
    # Xie et al. 2018 (S3D), table 1: 107.89 G for 64 x 224 x 224; counted layer by layer it is 3 % more
    counted = tower_network("i3d", on_paper(), (3, 64, 224, 224)).multiply_adds
    assert counted == pytest.approx(107.89e9, rel=0.035)


def test_stages_have_the_published_sizes() -> None:
    found = on_paper().maps(
        torch.empty(1, 3, 64, 224, 224, device="meta"), ["conv1", "conv2", "conv3", "conv4", "conv5"]
    )
    assert {name: tuple(maps.shape[1:]) for name, maps in found.items()} == {
        "conv1": (64, 32, 112, 112),
        "conv2": (192, 32, 56, 56),
        "conv3": (480, 32, 28, 28),
        "conv4": (832, 16, 14, 14),
        "conv5": (1024, 8, 7, 7),
    }


@pytest.mark.parametrize(("frames", "features"), [(1, 1), (8, 1), (9, 2), (24, 3), (25, 4)])
def test_there_is_a_feature_for_each_eight_frames_begun(frames: int, features: int) -> None:
    tower = InceptionTower(width=4).eval()
    with torch.no_grad():
        assert tower(torch.rand(1, 3, frames, 33, 64)).shape == (1, 64, features, 2, 2)


def test_a_module_puts_its_four_branches_side_by_side() -> None:
    torch.manual_seed(0)
    module = Inception(4, (1, 2, 3, 4, 5, 6)).eval()
    x = torch.rand(1, 4, 3, 5, 5)
    with torch.no_grad():
        whole = module(x)
        assert whole.shape[1] == module.out_channels == 1 + 3 + 5 + 6
        assert torch.equal(whole[:, 1:4], module.first(x))
        pooled = torch.nn.functional.max_pool3d(x, 3, 1, 1)
        assert torch.equal(whole[:, 9:], module.pooled[1](pooled))
