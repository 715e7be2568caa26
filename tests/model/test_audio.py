"""The audio tower: the published sizes, and that its dense form is its strided form at every start."""

from itertools import pairwise

import pytest
import torch

from avts.model.audio import AudioTower
from avts.model.cost import tower_network


def test_one_second_of_40_filters_gives_18_by_24_at_pool5() -> None:
    with torch.device("meta"):
        tower = AudioTower(width=64)
        assert tower(torch.empty(2, 1, 40, 100)).shape == (2, 256, 18, 24)
    assert AudioTower.out_bands(40) == 18


@pytest.mark.parametrize(("bands", "steps"), [(16, 50), (40, 100), (64, 101), (17, 103)])
def test_out_bands_is_the_height_of_pool5(bands: int, steps: int) -> None:
    tower = AudioTower(width=8)
    assert tower(torch.zeros(1, 1, bands, steps)).shape[1:3] == (tower.out_channels, AudioTower.out_bands(bands))


def test_convolutions_have_the_published_channels() -> None:
    tower = AudioTower(width=64)
    channels = [64, 192, 384, 256, 256]
    found = [getattr(tower, f"conv{index}")[0].weight.shape for index in range(1, 6)]
    assert [tuple(shape) for shape in found] == [
        (outputs, inputs, 3, 3) for inputs, outputs in zip([1, *channels], channels, strict=False)
    ]


def test_parameters_and_multiply_adds_are_the_hand_count() -> None:
    channels = [1, 64, 192, 384, 256, 256]
    weights = [9 * inputs * outputs for inputs, outputs in pairwise(channels)]
    with torch.device("meta"):
        network = tower_network("audio", AudioTower(width=64), (1, 40, 100))
    assert network.parameters == sum(weights) + 2 * sum(channels[1:]) == 2_251_584
    # conv1 and conv2 on 40 x 100, the others on pool2's 38 x 49
    assert network.multiply_adds == sum(weights[:2]) * 40 * 100 + sum(weights[2:]) * 38 * 49


def test_stages_have_the_sizes_of_the_published_table() -> None:
    with torch.device("meta"):
        tower = AudioTower(width=64)
        found = tower.maps(torch.empty(1, 1, 40, 100), tuple(tower.named_stages()))
    assert {name: tuple(maps.shape[1:]) for name, maps in found.items()} == {
        "conv1": (64, 40, 100),
        "conv2": (192, 40, 100),
        "pool2": (192, 38, 49),
        "conv3": (384, 38, 49),
        "conv4": (256, 38, 49),
        "conv5": (256, 38, 49),
        "pool5": (256, 18, 24),
    }


@pytest.mark.parametrize("steps", [120, 121, 122, 123])
def test_dense_features_are_those_of_the_strided_form_at_every_start(steps: int) -> None:
    torch.manual_seed(0)
    tower = AudioTower(width=8).eval()
    filterbank = torch.randn(1, 1, 16, steps)
    with torch.no_grad():
        dense = tower.dense(filterbank)
        assert dense.shape[-1] == steps - 6
        assert torch.allclose(dense[..., ::4], tower(filterbank), atol=1e-5)
        for start in range(1, 9):
            strided = tower(filterbank[..., start:])
            first = 4  # features nearer to the start see padding where the film goes on: 15 steps either way
            there = dense[..., start::4][..., first : strided.shape[-1]]
            assert torch.allclose(there, strided[..., first:], atol=1e-5), start


def test_a_feature_is_centred_on_step_4_i_plus_3() -> None:
    torch.manual_seed(0)
    tower = AudioTower(width=8).eval()
    filterbank = torch.randn(1, 1, 16, 200)
    reached = []
    with torch.no_grad():
        before = tower(filterbank)
        for step in range(60, 140):
            other = filterbank.clone()
            other[..., step] += 10
            if ((tower(other) - before)[..., 25] != 0).any():
                reached.append(step)
    assert (reached[0] + reached[-1]) / 2 == 4 * 25 + 3
    assert (reached[-1] - reached[0]) / 2 <= 15
