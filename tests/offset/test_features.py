"""Films through small towers with fresh weights: counts, what is still or silent, and models from folders."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import avts.offset.model as model_module
from avts.errors import CheckpointError, UsageError
from avts.model.checkpoint import save_model
from avts.offset.features import film_features
from avts.offset.film import ArrayFilm
from avts.offset.measure import measure
from avts.offset.model import SyncModel, load_sync_model
from avts.settings import Recipe, StageSettings, VideoName
from fixtures_features import SMALL, small_network

Make = Callable[..., tuple]


@pytest.fixture(scope="module")
def model() -> SyncModel:
    torch.manual_seed(0)
    return SyncModel(small_network(), 1.0, "fresh")


@pytest.mark.parametrize("video", ["r3d18", "i3d"])
def test_a_tower_that_strides_time_gives_a_window_for_each_frame_too(beating: Make, video: VideoName) -> None:
    network = small_network(SMALL.model_copy(update={"video": video, "head_steps": 3}))
    features = film_features(ArrayFilm(*beating(seconds=2)), network, window_seconds=1.0)
    assert len(features) == 2 * 24 - 23
    assert features.pictures.shape == features.sounds.shape == (25, 16)


def test_there_is_a_window_for_each_frame_that_a_whole_one_starts_at(beating: Make, model: SyncModel) -> None:
    features = film_features(ArrayFilm(*beating(seconds=3)), model.network, window_seconds=1.0)
    assert len(features) == 3 * 24 - 23
    assert features.pictures.shape == features.sounds.shape == (49, 16)
    norms = [np.linalg.norm(part.astype(np.float32), axis=1) for part in (features.pictures, features.sounds)]
    assert norms[0] == pytest.approx(1, abs=2e-3)
    assert norms[1] == pytest.approx(1, abs=2e-3)
    assert features.moving.all()
    assert features.heard.all()


def other_model(**settings: Any) -> SyncModel:
    torch.manual_seed(0)
    return SyncModel(small_network(SMALL.model_copy(update=settings)), 1.0, "fresh")


def test_a_fused_model_maps_how_likely_each_pair_is_not_in_sync(beating: Make) -> None:
    fused = other_model(comparison="fused", fused_hidden=8)
    features = film_features(ArrayFilm(*beating(seconds=3)), fused.network, window_seconds=1.0)
    assert features.pictures.dtype == np.float32
    assert features.compare is not None
    with torch.no_grad():
        logits = fused.network.pair_logits(*(torch.from_numpy(p) for p in (features.pictures, features.sounds)))
    found = features.compare(features.pictures, features.sounds)
    np.testing.assert_allclose(found, 1 / (1 + np.exp(logits.numpy())), atol=1e-6)
    assert measure(ArrayFilm(*beating(seconds=3)), fused, range_seconds=0.5).scan.distances.shape == (49, 25)


def test_distances_of_any_length_are_held_against_what_is_usual_in_the_film(beating: Make) -> None:
    free = other_model(unit_vectors=False)
    with torch.no_grad():  # as trained vectors may be: long
        for head in (free.network.video_head, free.network.audio_head):
            head.mix[2].weight *= 50
    features = film_features(ArrayFilm(*beating(seconds=3)), free.network, window_seconds=1.0)
    assert features.compare is not None
    found = features.compare(features.pictures, features.sounds)
    plain = np.linalg.norm(features.pictures[:, None].astype(float) - features.sounds[None], axis=2)
    usual = np.quantile(plain, 0.95)  # 49 windows: all of them are looked at
    np.testing.assert_allclose(found, np.minimum(plain / usual, 1), atol=1e-3)
    assert plain.max() > 1
    assert 0.9 < found.max() <= 1


def test_a_model_that_sees_one_frame_is_not_run_over_a_film(beating: Make) -> None:
    still = other_model(picture_input="still", head="global")
    with pytest.raises(UsageError, match=r"uses only one frame of a window \(picture_input 'still'\), .* no timing"):
        film_features(ArrayFilm(*beating(seconds=2)), still.network, window_seconds=1.0)


def test_silence_and_stills_are_marked_where_they_are(beating: Make, model: SyncModel) -> None:
    frames, fps, samples, rate = beating(seconds=5)
    frames[48:] = frames[48]
    samples[: 2 * rate] = 0
    features = film_features(ArrayFilm(frames, fps, samples, rate), model.network, window_seconds=1.0)
    # the change into frame 48 happens while frame 47 is shown
    assert np.flatnonzero(features.moving)[-1] == 47
    assert np.flatnonzero(features.heard)[0] == pytest.approx(25, abs=1)
    assert not features.heard[:24].any()


def test_a_film_shorter_than_a_window_cannot_be_told(beating: Make, model: SyncModel) -> None:
    result = measure(ArrayFilm(*beating(seconds=0.7)), model)
    assert result.offset_seconds is None
    assert result.reason == "too short: shorter than one window"
    assert result.segments == ()


def test_a_film_whose_sound_is_shorter_than_its_picture_is_measured(beating: Make, model: SyncModel) -> None:
    frames, fps, samples, rate = beating(seconds=4)
    result = measure(ArrayFilm(frames, fps, samples[: 2 * rate], rate), model)
    assert result.scan.num_heard is not None
    assert 24 < result.scan.num_heard < 49
    assert len(result.scan.times_seconds) == 73


def test_a_model_comes_with_the_length_of_its_windows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: SyncModel
) -> None:
    recipe = Recipe(model=SMALL, curriculum=(StageSettings(name="only", epochs=1),))
    recipe = recipe.model_copy(update={"pairs": recipe.pairs.model_copy(update={"clip_seconds": 1.5})})
    save_model(tmp_path, model.network, recipe, {})
    found = load_sync_model(tmp_path)
    assert (found.window_seconds, found.name) == (1.5, str(tmp_path))
    assert not found.network.training
    monkeypatch.setattr(model_module, "SHIPPED", tmp_path)
    assert load_sync_model().name == "the model in the box"
    monkeypatch.setattr(model_module, "SHIPPED", tmp_path / "gone")
    with pytest.raises(CheckpointError, match=r"gone has no model\.json"):
        load_sync_model()
