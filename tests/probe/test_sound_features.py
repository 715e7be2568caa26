from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy.fft import idct

from avts.errors import CorpusError
from avts.features.pooling import Pooling
from avts.features.recordings import recordings_of
from avts.model.frontend import Filterbank
from avts.model.two_stream import TwoStream
from avts.probe.sound_features import (
    at_least,
    audible,
    cepstra,
    cepstral_features,
    cut,
    hear,
    tower_features,
    window_starts,
)


def test_windows_lie_evenly_from_the_first_sample_to_the_last() -> None:
    assert window_starts(80_000, 5, 1.0).tolist() == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert window_starts(16_000, 5, 1.0).tolist() == [0.0]
    ramp = np.arange(80_000, dtype=np.float32)
    assert [(row[0], row[-1]) for row in cut(ramp, np.array([0.0, 4.0]), 1.0)] == [(0, 15_999), (64_000, 79_999)]


def test_silent_windows_are_left_out_unless_all_are() -> None:
    samples = np.zeros(48_000, np.float32)
    samples[:16_000] = 0.1
    assert audible(samples, np.array([0.0, 0.5, 1.0, 2.0]), 1.0).tolist() == [0.0, 0.5]
    assert audible(samples * 0, np.array([0.0, 1.0]), 1.0).tolist() == [0.0, 1.0]


def test_a_short_sound_is_repeated() -> None:
    assert at_least(np.array([1, 2, 3], np.float32), 8 / 16_000).tolist() == [1, 2, 3, 1, 2, 3, 1, 2]


def test_a_window_as_long_as_its_recording_has_the_towers_own_features(tiny_model: TwoStream) -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
    found = tower_features(tiny_model, "conv5", [Pooling(2, 1), Pooling(1, None)])(samples, np.array([0.0]), 1.0)
    with torch.inference_mode():
        maps = tiny_model.sound_maps(torch.from_numpy(samples)[None])["conv5"]
    assert np.abs(found["2x1"] - torch.nn.functional.adaptive_avg_pool2d(maps, (2, 1)).flatten(1).numpy()).max() < 1e-4
    over_bands = maps.mean(2)
    both = torch.cat([over_bands.mean(2), over_bands.std(2, correction=0)], 1)
    assert np.abs(found["1xsd"] - both.numpy()).max() < 1e-4


def test_cepstra_turn_back_into_the_mean_filterbank() -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, (2, 16_000)).astype(np.float32)
    means = cepstra(samples)[:, :20]
    energies = Filterbank(40)(torch.from_numpy(samples)).mean(2).numpy()
    smooth = idct(np.pad(means, ((0, 0), (0, 20))), type=2, axis=1, norm="ortho")
    # 20 of 40 coefficients keep the broad shape, and the first alone the mean over bands
    assert np.abs(means[:, 0] / np.sqrt(40) - energies.mean(1)).max() < 1e-3
    assert np.corrcoef(smooth.ravel(), energies.ravel())[0, 1] > 0.9


def test_the_slope_of_a_rising_coefficient_is_its_rise() -> None:
    at = np.arange(16_000) / 16_000
    samples = (np.random.default_rng(0).normal(0, 0.1, 16_000) * np.exp(2 * at))[None].astype(np.float32)
    found = cepstra(samples)
    # amplitude rises by exp(2) in a second, log power by 4 in 100 steps in each of 40 bands; c0 is sqrt(40) times that
    assert found[0, 20] == pytest.approx(0.04 * np.sqrt(40), rel=0.1)


def test_a_recording_that_cannot_be_heard_costs_one_line(tmp_path: Path, write_sound: Any, write_film: Any) -> None:
    write_sound(tmp_path / "in" / "a" / "good.wav")
    write_film(tmp_path / "in" / "b" / "mute.mp4", has_sound=False)
    recordings = recordings_of([str(tmp_path / "in")])
    kept, windows, refused = hear(recordings, cepstral_features, num_windows=3, window_seconds=1.0)
    assert [each.source for each in kept] == ["a/good.wav"]
    assert windows.features["mean, sd"].shape == (3, 80)
    assert windows.owner.tolist() == [0, 0, 0]
    assert [each.message for each in refused] == ["b/mute.mp4: has no sound, which a probe of sounds needs."]
    with pytest.raises(CorpusError, match=r"all 1 recordings were refused, first: b/mute.mp4: has no sound"):
        hear(recordings[1:], cepstral_features, num_windows=3, window_seconds=1.0)
