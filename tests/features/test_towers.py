"""Columns of whole films against windows encoded one by one."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch

from avts.errors import UsageError
from avts.features.pooling import Pooling
from avts.features.towers import Plan, check_stages, picture_columns, sound_columns
from avts.media.planes import Planes
from avts.model.checkpoint import build_model
from avts.model.dense import picture_windows, sound_windows
from avts.model.two_stream import TwoStream
from fixtures_training import tiny_recipe


def film(frames: int) -> Planes:
    luma = np.random.default_rng(2).integers(0, 255, (frames, 48, 48)).astype(np.uint8)
    grey = np.full((frames, 24, 24), 128, np.uint8)
    return Planes(luma, grey, grey)


def pieces(whole: Planes, size: int) -> Iterator[Planes]:
    for first in range(0, whole.num_frames, size):
        yield Planes(*(plane[first : first + size] for plane in (whole.y, whole.u, whole.v)))


def noise(seconds: float) -> np.ndarray:
    return np.random.default_rng(3).normal(0, 0.1, round(seconds * 16_000)).astype(np.float32)


@pytest.mark.parametrize("hop_frames", [1, 7, 30])
def test_embeddings_are_those_that_offsets_are_told_from(tiny_model: TwoStream, hop_frames: int) -> None:
    plan = Plan(1.0, hop_frames)
    shown = picture_columns(tiny_model, pieces(film(80), 48), plan)["picture"]
    heard = sound_columns(tiny_model, [noise(80 / 24)], plan)["sound"]
    dense = (
        picture_windows(tiny_model, pieces(film(80), 48), window_seconds=1.0),
        sound_windows(tiny_model, noise(80 / 24), window_seconds=1.0),
    )
    for found, every in zip((shown, heard), dense, strict=True):
        assert found.shape == (1 + 56 // hop_frames, 8)
        every_hop = every.numpy()[::hop_frames]  # the dense sound may lack the last window, by half a sample
        assert np.abs(found[: len(every_hop)] - every_hop).max() < 1e-5
        assert len(found) - len(every_hop) in (0, 1)


def test_stages_of_a_film_as_long_as_a_window_are_those_of_the_window(tiny_model: TwoStream) -> None:
    plan = Plan(1.0, 24, ("conv2", "conv5"), ("conv1", "conv5", "pool5"), Pooling(2, 3))
    samples, shown = noise(1.0), film(24)
    heard = sound_columns(tiny_model, [samples], plan)
    with torch.inference_mode():
        sounds = tiny_model.sound_maps(torch.from_numpy(samples)[None], stages=("conv1", "conv5", "pool5"))
        pictures = tiny_model.picture_maps(torch.from_numpy(shown.y)[None], stages=("conv2", "conv5"))
    for stage, maps in sounds.items():
        alone = torch.nn.functional.adaptive_avg_pool2d(maps, (2, 3)).flatten(1)
        assert np.abs(heard[f"sound_{stage}"] - alone.numpy()).max() < 1e-4
    seen = picture_columns(tiny_model, [shown], plan)
    for stage, maps in pictures.items():
        alone = torch.nn.functional.adaptive_avg_pool3d(maps, (3, 2, 2))  # [1, C, 3, 2, 2]
        assert np.abs(seen[f"picture_{stage}"] - alone.movedim(2, -1).flatten(1).numpy()).max() < 1e-4


def test_stages_of_a_long_sound_do_not_depend_on_the_chunks_it_is_encoded_in(
    tiny_model: TwoStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = Plan(1.0, 11, (), ("conv3", "pool5"), Pooling(2, 2))
    whole = sound_columns(tiny_model, [noise(9.0)], plan)
    monkeypatch.setattr("avts.model.dense.CHUNK_STEPS", 160)
    chunked = sound_columns(tiny_model, np.array_split(noise(9.0), 7), plan)
    assert len(whole["sound_conv3"]) == 1 + 8 * 24 // 11
    for name, column in whole.items():
        assert column.shape == chunked[name].shape
        assert np.abs(column - chunked[name]).max() < 1e-4


def test_a_tower_that_strides_time_gives_its_stages_too() -> None:
    torch.manual_seed(1)
    model = build_model(tiny_recipe(model={"video": "r3d18", "head": "global"}).model).eval()
    model.low_precision = False
    plan = Plan(1.0, 12, ("conv5",), (), Pooling(1, 1))
    found = picture_columns(model, pieces(film(50), 48), plan)
    assert found["picture"].shape == (3, 8)
    with torch.inference_mode():
        dense = picture_windows(model, pieces(film(50), 48), window_seconds=1.0).numpy()
    assert np.abs(found["picture"] - dense[::12]).max() < 1e-5
    assert found["picture_conv5"].shape == (3, model.video.out_channels)


def test_a_tower_that_sees_one_frame_is_shown_the_middle_of_each_window() -> None:
    torch.manual_seed(1)
    model = build_model(tiny_recipe(model={"picture_input": "still", "head": "global"}).model).eval()
    model.low_precision = False
    colours = [
        np.random.default_rng(seed).integers(0, 255, (230, 48 // (1 + bool(seed)), 48 // (1 + bool(seed))), np.uint8)
        for seed in range(3)
    ]
    whole = Planes(*colours)
    found = picture_columns(model, pieces(whole, 100), Plan(1.0, 5, ("conv5",)))
    starts = range(0, 230 - 24 + 1, 5)
    assert found["picture"].shape == (len(starts), 8)
    assert found["picture_conv5"].shape == (len(starts), model.video.out_channels)
    windows = (torch.from_numpy(np.stack([plane[first : first + 24] for first in starts])) for plane in colours)
    with torch.inference_mode():
        alone = model.embed_pictures(*windows).numpy()
    assert np.abs(found["picture"] - alone).max() < 1e-5
    assert np.abs(np.diff(alone, axis=0)).max() > 1e-3


def test_a_film_shorter_than_a_window_has_no_row(tiny_model: TwoStream) -> None:
    plan = Plan(1.0, 1, ("conv5",), ("conv5",))
    assert all(len(column) == 0 for column in picture_columns(tiny_model, [film(23)], plan).values())
    assert all(len(column) == 0 for column in sound_columns(tiny_model, [noise(0.9)], plan).values())


def test_a_stage_goes_to_the_towers_that_have_it(tiny_model: TwoStream) -> None:
    assert check_stages(tiny_model, ["conv5", "sound:conv3", "pool2", "conv5"]) == (
        ("conv5",),
        ("conv5", "conv3", "pool2"),
    )
    with pytest.raises(UsageError, match=r"unknown stage 'picture:pool2'; the stages are picture: conv1, .*; sound: "):
        check_stages(tiny_model, ["picture:pool2"])
