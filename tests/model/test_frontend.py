"""Inputs of the towers, against hand counts and SciPy."""

import numpy as np
import pytest
import torch
from scipy import signal

from avts.model.frontend import (
    Filterbank,
    change_channels,
    mel_filters,
    normalise_filterbank,
    rgb_channels,
)

RATE = 16_000


def mel_edges(bands: int) -> np.ndarray:
    """Edges of the triangles in Hz, from 60 Hz to 8 kHz."""
    low, high = (2595 * np.log10(1 + f / 700) for f in (60, 8000))
    return 700 * (10 ** (np.linspace(low, high, bands + 2) / 2595) - 1)


def tone(hertz: float, seconds: float = 0.5) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * np.arange(round(seconds * RATE)) / RATE).astype(np.float32)


def energies(samples: np.ndarray, bands: int = 40) -> np.ndarray:
    """[M, S]."""
    return Filterbank(bands)(torch.from_numpy(np.float32(samples))[None])[0].numpy()


def test_filterbank_is_scipys_spectrogram_through_triangles() -> None:
    samples = np.random.default_rng(0).normal(0, 0.1, RATE)
    _, _, spectrum = signal.stft(
        np.pad(samples, 80), RATE, "hann", 320, 160, 1024, boundary=None, padded=False, scaling="spectrum"
    )
    power = np.abs(spectrum * 160) ** 2 / 320  # a Hann window of 320 sums to 160
    edges = mel_edges(40)
    frequencies = np.arange(513) * RATE / 1024
    triangles = [np.interp(frequencies, edges[band : band + 3], [0, 1, 0]) for band in range(40)]
    expected = np.log(np.array(triangles) @ power + 1e-7)
    found = energies(samples)
    assert found.shape == expected.shape == (40, 100)
    assert np.abs(found - expected).max() < 1e-3


@pytest.mark.parametrize("hertz", [150, 440, 1000, 3000, 7000])
def test_a_tone_lands_in_its_band(hertz: float) -> None:
    loudest = energies(tone(hertz)).mean(axis=1).argmax()
    edges = mel_edges(40)
    assert edges[loudest] < hertz < edges[loudest + 2]


@pytest.mark.parametrize("bands", [16, 40, 128])
def test_every_filter_hears_something(bands: int) -> None:
    assert mel_filters(bands).max(axis=0).min() > 0


@pytest.mark.parametrize("seconds", [0.005, 0.305, 0.505, 0.995])
def test_a_click_is_loudest_in_the_step_that_holds_its_time(seconds: float) -> None:
    samples = np.zeros(RATE, np.float32)
    samples[round(seconds * RATE)] = 1
    assert energies(samples).mean(axis=0).argmax() == int(seconds * 100)


@pytest.mark.parametrize(("samples", "steps"), [(16_000, 100), (15_999, 99), (16_159, 100), (160, 1)])
def test_there_is_a_step_for_each_whole_hundredth_of_a_second(samples: int, steps: int) -> None:
    assert energies(np.zeros(samples)).shape == (40, steps)


def test_loudness_does_not_matter() -> None:
    samples = torch.from_numpy(np.random.default_rng(0).normal(0, 0.1, (1, RATE)).astype(np.float32))
    loud, quiet = (normalise_filterbank(Filterbank()(samples * gain)) for gain in (1.0, 0.1))
    assert (loud - quiet).abs().max() < 0.02


def test_filterbank_is_normalised_over_the_clip_not_over_the_batch() -> None:
    clips = torch.randn(2, 40, 100) * torch.tensor([1.0, 5.0])[:, None, None] + torch.tensor([-3.0, 4.0])[:, None, None]
    found = normalise_filterbank(clips)
    assert found.mean((1, 2)).abs().max() < 1e-4
    assert torch.allclose(found.std((1, 2)), torch.ones(2), atol=1e-2)


def test_digital_silence_is_not_blown_up() -> None:
    assert normalise_filterbank(Filterbank()(torch.zeros(1, RATE))).abs().max() < 1e-3


def test_change_channels_by_hand() -> None:
    luma = torch.tensor([[[[0.2, 0.4]], [[0.4, 0.4]]]])  # [1, 2, 1, 2]
    light, change, size = change_channels(luma)[0]
    deviation = ((0.04 + 3 * 0.16) / 4 - 0.35**2) ** 0.5
    assert torch.allclose(light, (luma[0] - 0.35) / deviation, atol=1e-5)
    pace = (0.2**2 / 4) ** 0.5 + 1 / 255
    assert torch.allclose(change, torch.tensor([[[0.0, 0.0]], [[0.2 / pace, 0.0]]]), atol=1e-5)
    assert torch.equal(size, change.abs())
    darker = change_channels(luma.flip(1))[0, 1]
    assert darker[1, 0, 0] == pytest.approx(-0.2 / pace, rel=1e-5)


def film(frames: int = 60, seed: int = 0) -> torch.Tensor:
    return torch.rand(1, frames, 8, 8, generator=torch.Generator().manual_seed(seed)) * 0.5


def test_brightness_and_contrast_do_not_matter() -> None:
    bright, contrasty = change_channels(film() + 0.3), change_channels(film() * 1.9)
    assert torch.allclose(bright, change_channels(film()), atol=1e-3)
    assert (contrasty - change_channels(film())).abs().max() < 0.15, "the floor of the pace weighs 2 %"
    assert torch.allclose(contrasty[:, 0], change_channels(film())[:, 0], atol=1e-3)


def test_a_still_picture_keeps_still() -> None:
    noise = film(24) * 0.004 + 0.3  # less than one grey level of 255
    assert change_channels(noise)[:, 1].abs().max() < 0.6


@pytest.mark.parametrize(("frame", "first"), [(0, 0), (5, 0), (12, 0), (30, 18), (48, 36), (59, 36)])
def test_moving_statistics_are_those_of_the_window_around_a_frame(frame: int, first: int) -> None:
    whole = film()
    window = whole[0, first : first + 24]
    light = (whole[0, frame] - window.mean()) / window.std(correction=0)
    assert torch.allclose(change_channels(whole, 24)[0, 0, frame], light, atol=1e-4)


def test_moving_statistics_of_a_film_as_long_as_the_window_are_the_clips() -> None:
    assert torch.allclose(change_channels(film(24), 24), change_channels(film(24)), atol=1e-5)
    sound = torch.randn(1, 40, 100)
    assert torch.allclose(normalise_filterbank(sound, 100), normalise_filterbank(sound), atol=1e-5)


@pytest.mark.parametrize(
    ("yuv", "rgb"),
    [
        ((16, 128, 128), (0, 0, 0)),
        ((235, 128, 128), (1, 1, 1)),
        ((81, 90, 240), (1, 0, 0)),  # the BT.601 codes of the primaries
        ((145, 54, 34), (0, 1, 0)),
        ((41, 240, 110), (0, 0, 1)),
    ],
)
def test_colours_are_those_of_bt_601(yuv: tuple[int, ...], rgb: tuple[int, ...]) -> None:
    planes = [torch.full((1, 1, 2, 2), value / 255) for value in yuv]
    found = rgb_channels(*planes)[0, :, 0, 0, 0] * 0.225 + 0.45
    assert torch.allclose(found, torch.tensor(rgb, dtype=torch.float32), atol=0.01)
