"""Windows cut from dense features against windows encoded one by one, and streams against whole films."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch

from avts.media.planes import Planes
from avts.model.audio import AudioTower
from avts.model.checkpoint import build_model
from avts.model.dense import REACH_STEPS, picture_windows, reach_frames, sound_windows, start_step
from avts.model.receptive_field import fields_of
from avts.model.two_stream import TwoStream
from avts.model.video import make_video_tower
from avts.settings import ModelSettings

FRAME_RATE, SAMPLE_RATE = 24, 16_000


def small_model(**settings: Any) -> TwoStream:
    torch.manual_seed(3)
    nets = {"video_width": 4, "audio_width": 8, "frame_size": 32, "hidden": 64, "embedding": 64, "filter_bands": 16}
    built = build_model(ModelSettings(**{**nets, "head": "temporal", "picture_input": "change", **settings})).eval()
    built.low_precision = False
    return built


@pytest.fixture(scope="module")
def model() -> TwoStream:
    return small_model()


def film(frames: int) -> Planes:
    """A bright disc that wanders, now fast, now slowly."""
    at = np.arange(frames) / FRAME_RATE
    x, y = 24 + 16 * np.sin(5 * at + np.sin(3.1 * at)), 24 + 16 * np.cos(3.7 * at * (1 + 0.1 * at))
    rows, columns = np.mgrid[:48, :48]
    reach = (columns - x[:, None, None]) ** 2 + (rows - y[:, None, None]) ** 2
    luma = 60 + 150 * np.exp(-reach / 60)
    grey = np.full((frames, 24, 24), 128, np.uint8)
    return Planes(luma.astype(np.uint8), grey, grey)


def pieces(whole: Planes, size: int) -> Iterator[Planes]:
    for first in range(0, whole.num_frames, size):
        yield Planes(*(plane[first : first + size] for plane in (whole.y, whole.u, whole.v)))


def sound(seconds: float) -> np.ndarray:
    """Chirps of changing pace in faint noise."""
    at = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    noise = np.random.default_rng(0).normal(0, 0.01, len(at))
    loudness = np.maximum(0, np.sin(2 * np.pi * (1.3 * at + 0.12 * at**2))) ** 4
    return (noise + 0.3 * loudness * np.sin(2 * np.pi * (400 + 250 * np.sin(4 * at)) * at)).astype(np.float32)


def one_by_one(model: TwoStream, whole: Planes, samples: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    """Embeddings of the windows at each frame as training makes them."""
    starts = range(whole.num_frames - FRAME_RATE + 1)
    windows = np.stack([whole.y[start : start + FRAME_RATE] for start in starts])
    firsts = [round(start * SAMPLE_RATE / FRAME_RATE) for start in starts]
    heard = np.stack([samples[first : first + SAMPLE_RATE] for first in firsts])
    with torch.no_grad():
        planes = [torch.from_numpy(windows)]
        if model.needs_colour:
            planes += [torch.full((len(windows), FRAME_RATE, 24, 24), 128, dtype=torch.uint8)] * 2
        return model.embed_pictures(*planes), model.embed_sounds(torch.from_numpy(heard))


@pytest.mark.parametrize("side", ["picture", "sound"])
def test_windows_cut_from_a_film_are_those_encoded_one_by_one(model: TwoStream, side: str) -> None:
    whole, samples = film(144), sound(6.0)
    alone = one_by_one(model, whole, samples)[side == "sound"]
    if side == "picture":
        cut = picture_windows(model, [whole], window_seconds=1.0)
    else:
        cut = sound_windows(model, samples, window_seconds=1.0)
    assert cut.shape == alone.shape == (121, 64)
    assert torch.allclose(cut.norm(dim=1), torch.ones(121), atol=1e-4)
    closeness = (cut * alone).sum(1)
    assert closeness[12:-12].min() > 0.9
    # a random net's embeddings share most of their direction: compare what is beyond it
    apart = torch.cdist(cut - cut.mean(0), alone - alone.mean(0))
    assert (apart.argmin(1) - torch.arange(121)).abs().max() <= 1, "the nearest is the own one, give or take a frame"
    assert apart.diagonal().mean() < 0.35 * apart.median()


@pytest.mark.parametrize("video", ["r3d18", "r2plus1d18", "i3d"])
def test_windows_of_a_tower_that_strides_time_are_encoded_by_themselves(
    video: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # colours are not normalised by what stands around a window, so nothing at all may differ
    strided, whole = small_model(video=video, head_steps=3, picture_input="rgb"), film(60)
    found = picture_windows(strided, pieces(whole, 17), window_seconds=1.0)
    alone = one_by_one(strided, whole, sound(2.5))[0]
    assert found.shape == alone.shape == (37, 64)
    assert torch.allclose(found, alone, atol=1e-5)
    assert (found[1:] - found[:-1]).abs().amax(1).min() > 1e-3
    monkeypatch.setattr("avts.model.dense.CHUNK_FRAMES", 25)
    monkeypatch.setattr("avts.model.dense.ENCODED_AT_ONCE", 5)
    seamed = picture_windows(strided, [whole], window_seconds=1.0)
    assert torch.allclose(seamed, found, atol=1e-5)


@pytest.mark.parametrize(("name", "frames"), [("mc2", 1), ("mc3", 5), ("mc5", 13), ("r3d18", 0), ("i3d", 0)])
def test_a_tower_is_shown_as_many_frames_beyond_a_chunk_as_it_sees(name: str, frames: int) -> None:
    assert reach_frames(make_video_tower(name, width=4)) == frames


def test_a_tower_that_sees_farther_is_shown_more_so_chunks_leave_no_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    far, whole = small_model(), film(200)
    conv1 = far.video.stem[0]
    far.video.stem[0] = torch.nn.Conv3d(3, conv1.out_channels, (61, 7, 7), (1, 2, 2), (30, 3, 3), bias=False)
    assert reach_frames(far.video) == 34
    monkeypatch.setattr("avts.model.dense.CHUNK_FRAMES", 10_000)
    at_once = picture_windows(far, [whole], window_seconds=1.0)
    monkeypatch.setattr("avts.model.dense.CHUNK_FRAMES", 32)
    assert torch.allclose(picture_windows(far, [whole], window_seconds=1.0), at_once, atol=1e-4)
    monkeypatch.setattr("avts.model.dense.reach_frames", lambda _tower: 17)
    assert not torch.allclose(picture_windows(far, [whole], window_seconds=1.0), at_once, atol=1e-3)


def test_the_audio_tower_is_shown_more_steps_beyond_a_chunk_than_it_sees() -> None:
    steps = fields_of(AudioTower(width=8), "pool5")[1]
    assert max(-steps.first, steps.last) == 14 <= REACH_STEPS
    assert REACH_STEPS % AudioTower.time_stride == 0


@pytest.mark.parametrize("size", [1, 7, 24, 95, 96, 97, 250])
def test_a_film_in_pieces_of_any_size_gives_the_same_windows(model: TwoStream, size: int) -> None:
    whole = film(250)
    expected = picture_windows(model, [whole], window_seconds=1.0)
    found = picture_windows(model, pieces(whole, size), window_seconds=1.0)
    assert found.shape == (227, 64)
    assert torch.allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("seconds", [0.5, 1.0, 3.0])
def test_chunks_leave_no_seam_whatever_the_windows_length(
    model: TwoStream, seconds: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, samples = film(200), sound(9.0)
    found = [
        picture_windows(model, [whole], window_seconds=seconds),
        sound_windows(model, samples, window_seconds=seconds),
    ]
    monkeypatch.setattr("avts.model.dense.CHUNK_FRAMES", 32)
    monkeypatch.setattr("avts.model.dense.CHUNK_STEPS", 200)
    seamed = [
        picture_windows(model, [whole], window_seconds=seconds),
        sound_windows(model, samples, window_seconds=seconds),
    ]
    monkeypatch.setattr("avts.model.dense.CHUNK_FRAMES", 10_000)
    monkeypatch.setattr("avts.model.dense.CHUNK_STEPS", 100_000)
    at_once = [
        picture_windows(model, [whole], window_seconds=seconds),
        sound_windows(model, samples, window_seconds=seconds),
    ]
    for one, two, three in zip(found, seamed, at_once, strict=True):
        assert torch.allclose(one, three, atol=1e-4)
        assert torch.allclose(two, three, atol=1e-4)


@pytest.mark.parametrize(("frames", "windows"), [(23, 0), (24, 1), (25, 2), (97, 74), (241, 218)])
def test_there_is_a_window_for_each_frame_it_can_start_at(model: TwoStream, frames: int, windows: int) -> None:
    assert len(picture_windows(model, [film(frames)], window_seconds=1.0)) == windows
    assert len(sound_windows(model, sound(frames / FRAME_RATE), window_seconds=1.0)) == windows


def test_a_film_of_no_frames_gives_no_window(model: TwoStream) -> None:
    assert len(picture_windows(model, [], window_seconds=1.0)) == 0
    assert len(sound_windows(model, np.empty(0, np.float32), window_seconds=1.0)) == 0


def test_sound_windows_start_with_their_frames_to_the_nearest_hundredth() -> None:
    starts = np.array([start_step(window) for window in range(121)])
    assert np.abs(starts / 100 - np.arange(121) / FRAME_RATE).max() <= 0.005 + 1e-9


def test_a_click_enters_and_leaves_the_windows_that_hold_it(model: TwoStream) -> None:
    samples = sound(6.0) * 0 + np.random.default_rng(1).normal(0, 0.01, 96_000).astype(np.float32)
    clicked = samples.copy()
    clicked[48_000:48_080] += 0.5  # at 3 s: in the windows that start at frames 48 to 71
    changed = sound_windows(model, clicked, window_seconds=1.0) - sound_windows(model, samples, window_seconds=1.0)
    strong = changed.norm(dim=1)
    assert strong[52:68].min() > 3 * torch.cat([strong[:40], strong[80:]]).max()
    middle = (strong * torch.arange(121)).sum() / strong.sum()
    assert abs(float(middle) - 60) < 2, "the windows that hold it are centred on frame 60"
