"""The flat convolution against the 3D convolution that it stands for."""

import pytest
import torch
from torch import Tensor, nn

from avts.model.flat import FlatConvolution
from avts.model.residual import ResidualTower
from avts.model.video import make_video_tower


def values_and_gradients(convolution: nn.Conv3d, x: Tensor) -> list[Tensor]:
    x = x.detach().clone(memory_format=torch.preserve_format).requires_grad_()
    y = nn.Conv3d.forward(convolution, x) if type(convolution) is nn.Conv3d else convolution(x)
    found = torch.autograd.grad(y.square().sum(), [x, convolution.weight])
    return [y, *found]


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("layout", [torch.channels_last_3d, torch.contiguous_format])
def test_values_and_gradients_are_those_of_the_3d_convolution(stride: int, layout: torch.memory_format) -> None:
    generator = torch.Generator().manual_seed(3)
    flat = FlatConvolution(5, 6, stride).double().train()
    whole = nn.Conv3d(5, 6, (1, 3, 3), (1, stride, stride), (0, 1, 1), bias=False).double()
    whole.load_state_dict(flat.state_dict())
    x = torch.randn(2, 5, 3, 7, 9, dtype=torch.float64, generator=generator).contiguous(memory_format=layout)
    for ours, theirs in zip(values_and_gradients(flat, x), values_and_gradients(whole, x), strict=True):
        assert ours.shape == theirs.shape
        torch.testing.assert_close(ours, theirs, rtol=1e-10, atol=1e-10)


def test_it_runs_in_2d_while_training_and_in_3d_when_it_embeds(monkeypatch: pytest.MonkeyPatch) -> None:
    dimensions: list[int] = []
    for name in ("conv2d", "conv3d"):
        real = getattr(torch.nn.functional, name)

        def noted(x: Tensor, *rest: object, real: object = real) -> Tensor:
            dimensions.append(x.dim())
            return real(x, *rest)  # type: ignore[operator, no-any-return]

        monkeypatch.setattr(torch.nn.functional, name, noted)
    x = torch.randn(1, 4, 2, 6, 6).contiguous(memory_format=torch.channels_last_3d)
    flat = FlatConvolution(4, 4)
    flat.train()(x)
    flat.eval()(x)
    assert dimensions == [4, 5]


def test_no_copy_is_made_on_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Tensor] = []

    def noted(frames: Tensor, weight: Tensor, *_: object) -> Tensor:
        seen.append(frames)
        return frames

    monkeypatch.setattr(torch.nn.functional, "conv2d", noted)
    x = torch.randn(2, 4, 3, 6, 6).contiguous(memory_format=torch.channels_last_3d)
    y = FlatConvolution(4, 4).train()(x)
    assert seen[0].data_ptr() == x.data_ptr()
    assert y.is_contiguous(memory_format=torch.channels_last_3d)


def test_mc3_convolves_frames_by_themselves_from_conv3_on() -> None:
    tower = make_video_tower("mc3", width=4)
    assert isinstance(tower, ResidualTower)
    flat = [name for name, module in tower.named_modules() if isinstance(module, FlatConvolution)]
    assert flat == [
        f"stages.{stage}.{block}.conv{place}" for stage in (1, 2, 3) for block in (0, 1) for place in (1, 2)
    ]
