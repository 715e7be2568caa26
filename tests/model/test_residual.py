"""The residual video towers against the published networks: sizes, kernels, parameters, multiply-adds."""

import pytest
import torch
from torch import nn

from avts.model.cost import Network, tower_network
from avts.model.residual import FORMS, ResidualTower, middle_channels

CLASSIFIER = 512 * 400 + 400
"""The published figures are of networks for the 400 classes of Kinetics."""


def on_paper(name: str = "mc3", width: int = 64) -> ResidualTower:
    """A tower without memory for its weights."""
    with torch.device("meta"):
        return ResidualTower(name, width=width)


def counted(name: str, frames: int, size: int) -> Network:
    return tower_network(name, on_paper(name), (3, frames, size, size))


def num_parameters(tower: nn.Module) -> int:
    return sum(p.numel() for p in tower.parameters())


def test_mc3_has_the_published_number_of_parameters() -> None:
    conv1 = 3 * 64 * 3 * 7 * 7 + 2 * 64
    conv2 = 4 * (64 * 64 * 3 * 3 * 3 + 2 * 64)
    rest = 0
    for inputs, outputs in ((64, 128), (128, 256), (256, 512)):
        rest += 9 * inputs * outputs + 3 * 9 * outputs * outputs + inputs * outputs + 5 * 2 * outputs
    assert conv1 + conv2 + rest == 11_490_240
    assert num_parameters(on_paper()) == 11_490_240


@pytest.mark.parametrize(
    ("name", "millions"),  # Tran et al. 2018, table 2
    [("mc2", 11.4), ("mc3", 11.7), ("mc4", 12.7), ("mc5", 16.9), ("r3d18", 33.4), ("r2plus1d18", 33.3)],
)
def test_parameters_are_the_papers(name: str, millions: float) -> None:
    assert (num_parameters(on_paper(name)) + CLASSIFIER) / 1e6 == pytest.approx(millions, abs=0.1)


@pytest.mark.parametrize(("name", "parameters"), [("mc3", 11_695_440), ("r3d18", 33_371_472)])
def test_parameters_are_those_of_torchvision_to_the_last(name: str, parameters: int) -> None:
    assert num_parameters(on_paper(name)) + CLASSIFIER == parameters


@pytest.mark.parametrize(
    ("name", "frames", "size", "published"),
    [
        ("mc3", 8, 112, 21.7e9),  # Tran et al.
        ("mc3", 8, 224, 87e9),
        ("mc3", 25, 224, 271e9),
        ("mc3", 16, 112, 43.343e9),  # torchvision's tables, which call a multiply-add a FLOP
        ("r3d18", 16, 112, 40.697e9),
    ],
)
def test_multiply_adds_are_the_published_ones(name: str, frames: int, size: int, published: float) -> None:
    assert counted(name, frames, size).multiply_adds == pytest.approx(published, rel=0.002 if size == 112 else 0.01)


def test_halves_of_a_factored_convolution_weigh_as_much_as_the_whole() -> None:
    assert middle_channels(64, 64) == 144  # both in the authors' released definition
    assert middle_channels(64, 128) == 230
    for inputs, outputs in ((64, 64), (64, 128), (256, 512), (512, 512)):
        middle = middle_channels(inputs, outputs)
        halves = 9 * inputs * middle + 3 * middle * outputs
        assert 0 <= 27 * inputs * outputs - halves < 9 * inputs + 3 * outputs  # one channel more would be too many
    r2plus1d, r3d = num_parameters(on_paper("r2plus1d18")), num_parameters(on_paper("r3d18"))
    assert r2plus1d == pytest.approx(r3d, rel=1e-3)


def r2plus1d_by_hand(frames: int, size: int, *, shared: bool) -> tuple[int, int]:
    """Parameters and multiply-adds, classifier included.

    shared: the second convolution of a block has the first one's middle channels, as in torchvision.
    """
    steps, pixels = frames, (size // 2) ** 2
    weights = [3 * 45 * 49 + 45 * 64 * 3]
    norms, sums, inputs = 45 + 64, weights[0] * steps * pixels, 64
    for outputs in (64, 128, 256, 512):
        for block in (1, 2):
            stride = 2 if outputs > 64 and block == 1 else 1
            pixels //= stride**2
            for source, width in ((inputs, inputs), (outputs, inputs if shared else outputs)):
                middle = middle_channels(width, outputs)
                over_space, over_time = 9 * source * middle, 3 * middle * outputs
                later = steps // stride
                sums += (over_space * steps + over_time * later) * pixels
                steps, stride = later, 1
                weights += [over_space, over_time]
                norms += middle + outputs
            if inputs != outputs:
                weights.append(inputs * outputs)
                sums += inputs * outputs * steps * pixels
                norms += outputs
            inputs = outputs
    return sum(weights) + 2 * norms + CLASSIFIER, sums + 512 * 400


def test_r2plus1d_is_the_hand_count_which_gives_torchvisions_figures_for_torchvisions_rule() -> None:
    parameters, sums = r2plus1d_by_hand(16, 112, shared=True)
    assert parameters == 31_505_325
    assert sums / 1e9 == pytest.approx(40.519, abs=0.001)
    network = counted("r2plus1d18", 16, 112)
    assert (network.parameters + CLASSIFIER, network.multiply_adds + 512 * 400) == r2plus1d_by_hand(
        16, 112, shared=False
    )


def test_stages_have_the_sizes_of_the_table() -> None:
    names = tuple(on_paper().named_stages())
    found = on_paper().maps(torch.empty(1, 3, 25, 224, 224, device="meta"), names)
    shapes = [tuple(maps.shape[1:]) for maps in found.values()]
    assert names == ("conv1", "conv2", "conv3", "conv4", "conv5")
    assert shapes == [(64, 25, 112, 112), (64, 25, 112, 112), (128, 25, 56, 56), (256, 25, 28, 28), (512, 25, 14, 14)]


@pytest.mark.parametrize("name", ["r3d18", "r2plus1d18"])
def test_r3d_and_r2plus1d_halve_time_in_their_last_three_stages(name: str) -> None:
    tower = on_paper(name)
    found = tower.maps(torch.empty(1, 3, 8, 112, 112, device="meta"), tuple(tower.named_stages()))
    shapes = [tuple(maps.shape[1:]) for maps in found.values()]  # Tran et al. 2018, table 1, for L = 8
    assert shapes == [(64, 8, 56, 56), (64, 8, 56, 56), (128, 4, 28, 28), (256, 2, 14, 14), (512, 1, 7, 7)]
    assert tower.time_stride == 8


@pytest.mark.parametrize(("name", "over_time"), [("mc2", 0), ("mc3", 1), ("mc4", 2), ("mc5", 3), ("r3d18", 4)])
def test_members_convolve_time_in_their_first_stages_only(name: str, over_time: int) -> None:
    layers = {layer.name: layer.kernel for layer in counted(name, 8, 112).layers}
    assert layers["conv1.0"] == (3, 7, 7)
    for stage in range(2, 6):
        kernel = (3, 3, 3) if stage - 2 < over_time else (1, 3, 3)
        assert {layers[f"conv{stage}.{block}.conv{one}"] for block in (0, 1) for one in (1, 2)} == {kernel}


@pytest.mark.parametrize(("name", "sees"), [("mc2", 1), ("mc3", 5), ("mc4", 9), ("mc5", 13)])
def test_a_feature_sees_as_many_frames_either_way_as_there_are_3d_convolutions(name: str, sees: int) -> None:
    torch.manual_seed(0)
    tower = ResidualTower(name, width=4).eval()
    film = torch.rand(1, 3, 41, 16, 16)
    other = film.clone()
    other[:, :, 20] += 1
    with torch.no_grad():
        changed = (tower(film) - tower(other)).abs().amax((0, 1, 3, 4)) > 0
    assert changed.nonzero().flatten().tolist() == list(range(20 - sees, 20 + sees + 1))


@pytest.mark.parametrize("name", ["r3d18", "r2plus1d18"])
def test_feature_i_of_a_tower_that_strides_time_is_centred_on_frame_8_i(name: str) -> None:
    torch.manual_seed(0)
    tower = ResidualTower(name, width=4).eval().double()
    film = torch.rand(1, 3, 137, 16, 16, dtype=torch.float64)
    reached = []
    with torch.no_grad():
        before = tower(film)[:, :, 8]
        for frame in range(137):
            other = film.clone()
            other[:, :, frame] += 1
            if (tower(other)[:, :, 8] != before).any():
                reached.append(frame)
    # conv1 1, conv2 4; conv3 1 + 3 * 2, conv4 2 + 3 * 4, conv5 4 + 3 * 8
    assert reached == list(range(64 - 54, 64 + 54 + 1))


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("frames", [1, 7, 8, 9])
def test_a_tower_of_any_width_gives_a_feature_for_each_stride_begun(name: str, frames: int) -> None:
    tower = ResidualTower(name, width=4).eval()
    with torch.no_grad():
        maps = tower(torch.rand(1, 3, frames, 24, 40))
    assert maps.shape == (1, tower.out_channels, -(-frames // tower.time_stride), 2, 3)


def test_a_block_adds_its_shortcut() -> None:
    block = ResidualTower("mc3", width=4).eval().stages[0][0]
    nn.init.zeros_(block.bn2.weight)
    x = torch.rand(1, 4, 2, 4, 4)
    with torch.no_grad():
        assert torch.equal(block(x.clone()), x)
