"""What the towers refuse, in words: each would give numbers, but wrong ones."""

from typing import Any

import pytest
import torch
from torch import Tensor

from avts.errors import UsageError
from avts.model.checkpoint import build_model
from avts.model.inputs import check_planes, check_samples
from avts.model.two_stream import TwoStream
from fixtures_training import tiny_recipe

BYTES = torch.zeros(2, 24, 48, 64, dtype=torch.uint8)
HALF = torch.zeros(2, 24, 24, 32, dtype=torch.uint8)


def refused(y: Tensor, u: Tensor | None = None, v: Tensor | None = None, **settings: Any) -> str:
    with pytest.raises(UsageError) as error:
        check_planes(y, u, v, **{"needs_colour": False, "size": 32, **settings})
    return str(error.value)


def test_planes_of_any_size_and_floats_that_are_scaled_are_taken() -> None:
    check_planes(BYTES, None, None, needs_colour=False, size=32)
    check_planes(BYTES, HALF, HALF, needs_colour=True, size=32)
    check_planes(torch.rand(2, 24, 32, 32), None, None, needs_colour=False, size=32)


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ((2, 3, 24, 32, 32), "planes are [B, T, H, W]. RGB frames are not planes"),
        ((2, 24, 3, 32, 32), "planes are [B, T, H, W]. RGB frames are not planes"),
        ((2, 24, 32, 32, 3), "y has the shape [2, 24, 32, 32, 3]; planes are [B, T, H, W]. RGB frames are not planes"),
        ((24, 32, 32), "y has the shape [24, 32, 32]; planes are [B, T, H, W]. Give plane[None] for one window"),
        ((32, 32), "Give one window of frames for each of the batch"),
    ],
)
def test_other_shapes_are_named_with_what_to_do(shape: tuple[int, ...], said: str) -> None:
    assert said in refused(torch.zeros(shape, dtype=torch.uint8))


def test_other_values_types_and_missing_planes_are_named() -> None:
    assert "this model looks at colours: y alone was given" in refused(BYTES, needs_colour=True)
    assert "u has the shape [1, 24, 24, 32], y [2, 24, 48, 64]" in refused(BYTES, HALF[:1], HALF)
    bright = torch.zeros(1, 2, 32, 32)
    bright[0, 1, 3, 4] = 255.0
    assert refused(bright) == "y holds floats from 0 to 255; floats are in 0 to 1. Give bytes / 255, or uint8"
    assert "from -0.5 to 0" in refused(bright * 0 - torch.eye(32) / 2)
    assert "nan" in refused(bright * float("nan"))
    assert "y holds floats of 48 x 64; floats are taken as already scaled to 32 x 32" in refused(BYTES / 255)
    assert "y is of type torch.int64; give uint8" in refused(BYTES.long())
    check_planes(bright, None, None, needs_colour=False, size=32, values=False)


def test_sounds_of_another_form_are_named() -> None:
    check_samples(torch.zeros(2, 16_000))
    for samples, said in (
        (torch.zeros(16_000), r"shape \[16000\]; sounds are \[B, N\], .* Give samples\[None\]"),
        (torch.zeros(1, 2, 16_000), r"shape \[1, 2, 16000\]; .* Mix the channels down to one"),
        (torch.zeros(1, 16_000, dtype=torch.int16), r"torch\.int16; give floats of full scale 1"),
    ):
        with pytest.raises(UsageError, match=said):
            check_samples(samples)


@pytest.mark.parametrize("call", ["embed_pictures", "picture_maps"])
def test_a_model_checks_pictures(call: str) -> None:
    model: TwoStream = build_model(tiny_recipe().model).eval()
    with pytest.raises(UsageError, match="RGB frames are not planes"):
        getattr(model, call)(torch.zeros(1, 24, 32, 32, 3, dtype=torch.uint8))
    with pytest.raises(UsageError, match="floats are in 0 to 1"):
        getattr(model, call)(torch.full((1, 24, 32, 32), 2.0))


@pytest.mark.parametrize("call", ["embed_sounds", "sound_maps"])
def test_a_model_checks_sounds(call: str) -> None:
    model: TwoStream = build_model(tiny_recipe().model).eval()
    with pytest.raises(UsageError, match=r"Give samples\[None\] for one window"):
        getattr(model, call)(torch.zeros(16_000))
