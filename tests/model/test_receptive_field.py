"""What a feature sees, against a hand count and against what changes when one input is changed."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from avts.model.audio import AudioTower
from avts.model.receptive_field import Field, fields_of
from avts.model.video import make_video_tower


def test_conv5_of_the_audio_tower_sees_19_steps_and_13_bands() -> None:
    # conv1, conv2: 5 steps; pool2: 7, from here on every 2; conv3 to conv5: 6 * 2 more
    bands, steps = fields_of(AudioTower(width=8), "conv5")
    assert steps == Field(2, -8, 10)
    assert (steps.size, steps.middle) == (19, 1)
    assert bands == Field(1, -5, 7)
    assert (bands.size, bands.middle) == (13, 1)


def test_pool5_of_the_audio_tower_is_centred_on_step_4_i_plus_3_as_it_says() -> None:
    _, steps = fields_of(AudioTower(width=8), "pool5")
    assert steps.stride == 4
    assert steps.centres(3).tolist() == [3, 7, 11]


@pytest.mark.parametrize(("name", "reach"), [("mc2", 1), ("mc3", 5), ("mc5", 13)])
def test_mcx_sees_as_many_frames_to_either_side(name: str, reach: int) -> None:
    # one for conv1, four for each stage in 3D
    time, height, width = fields_of(make_video_tower(name, width=4), "conv5")
    assert time == Field(1, -reach, reach)
    assert height == width
    assert height.stride == 16
    assert height.middle == 0


def test_a_tower_that_strides_time_is_centred_on_every_eighth_frame() -> None:
    time, _, _ = fields_of(make_video_tower("r3d18", width=4), "conv5")
    assert time.centres(3).tolist() == [0, 8, 16]


def test_an_earlier_stage_sees_less() -> None:
    bands, steps = fields_of(AudioTower(width=8), "conv1")
    assert bands == steps == Field(1, -1, 1)


def changed(tower: nn.Module, shape: tuple[int, ...], axis: int, index: int, stage: str) -> set[int]:
    """The inputs along an axis that change the features at an index along the same axis."""
    torch.manual_seed(0)
    tower = tower.double().eval()
    found = set()
    with torch.inference_mode():
        base = torch.randn(1, *shape, dtype=torch.float64)
        before = tower.maps(base, (stage,))[stage].select(axis + 2, index)  # type: ignore[operator]
        for place in range(shape[axis + 1]):
            other = base.clone()
            other.select(axis + 2, place).add_(torch.randn_like(other.select(axis + 2, place)))
            after = tower.maps(other, (stage,))[stage].select(axis + 2, index)  # type: ignore[operator]
            if not torch.equal(before, after):
                found.add(place)
    return found


@pytest.mark.parametrize(
    ("tower", "shape", "axis", "index", "stage"),
    [
        ("audio", (1, 16, 44), 1, 8, "conv5"),
        ("audio", (1, 24, 16), 0, 9, "conv5"),
        ("audio", (1, 16, 44), 1, 4, "pool5"),
        ("mc3", (3, 16, 16, 16), 0, 7, "conv5"),
        ("mc3", (3, 2, 64, 16), 1, 2, "conv3"),
        ("r2plus1d18", (3, 40, 8, 8), 0, 5, "conv3"),
        ("i3d", (3, 24, 8, 8), 0, 5, "conv3"),
    ],
)
def test_only_what_a_feature_sees_changes_it(
    tower: str, shape: tuple[int, ...], axis: int, index: int, stage: str
) -> None:
    torch.manual_seed(1)
    made = AudioTower(width=8) if tower == "audio" else make_video_tower(tower, width=4)
    field = fields_of(made, stage)[axis]
    first, last = index * field.stride + field.first, index * field.stride + field.last
    assert changed(made, shape, axis, index, stage) == set(range(max(first, 0), min(last + 1, shape[axis + 1])))
