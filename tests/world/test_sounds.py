"""Sounds of things: where they start, at what pitch, how they end."""

import numpy as np
import pytest

from avts.timebase import SAMPLE_RATE
from avts.world import sounds, speech


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def strongest_hertz(sound: np.ndarray) -> float:
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), 4 * len(sound)))
    return float(np.argmax(spectrum)) * SAMPLE_RATE / (4 * len(sound))


@pytest.mark.parametrize("name", sounds.MATERIALS)
def test_struck_body_starts_at_once_and_dies_away(name: str) -> None:
    for sound in sounds.struck(rng(), sounds.MATERIALS[name]):
        assert sound.dtype == np.float32
        assert np.abs(sound).max() == pytest.approx(1)
        assert np.abs(sound[: SAMPLE_RATE // 100]).max() > 0.3
        assert np.abs(sound[-20:]).max() < 0.02


def test_placed_sound_starts_at_its_own_sample() -> None:
    times = np.arange(SAMPLE_RATE) / SAMPLE_RATE - 0.25
    click = np.array([1.0, 0.5], np.float32)
    out = sounds.place(times, np.array([0.0, 0.12345]), [click], np.array([1.0, 0.5]))
    at = round((0.25 + 0.12345) * SAMPLE_RATE)
    assert np.flatnonzero(out).tolist() == [4000, 4001, at, at + 1]
    assert out[at] == 0.5


def test_placed_sound_is_cut_at_the_end_of_the_timeline() -> None:
    times = np.arange(100) / SAMPLE_RATE
    out = sounds.place(times, times[98:99], [np.ones(10, np.float32)], np.ones(1))
    assert out.sum() == 2


def test_hum_sounds_at_the_pitch_of_its_phase() -> None:
    phase = np.cumsum(np.full(SAMPLE_RATE, 220.0)) / SAMPLE_RATE
    assert strongest_hertz(sounds.hum(phase, sounds.harmonics(rng(), 1, 1.0))) == pytest.approx(220, abs=0.5)


def test_buzz_has_one_pulse_a_period() -> None:
    sound = speech.buzz(rng(), np.full(SAMPLE_RATE, 125.0))
    spectrum = np.abs(np.fft.rfft(sound))
    assert spectrum[125:2001:125].min() > 20 * np.median(spectrum[130:240])


def test_formants_raise_their_own_band() -> None:
    spectrum = np.abs(np.fft.rfft(speech.formants(sounds.noise(rng(), 4 * SAMPLE_RATE), (700.0, 2400.0))))[::1]
    level = {hertz: spectrum[4 * hertz - 100 : 4 * hertz + 100].mean() for hertz in (700, 1500, 2400)}
    assert level[700] > 4 * level[1500]
    assert level[2400] > level[1500]


def test_coloured_noise_falls_with_frequency() -> None:
    power = np.abs(np.fft.rfft(sounds.coloured(rng(), 4 * SAMPLE_RATE, 2.0))) ** 2
    fall = power[4 * 250 : 4 * 500].mean() / power[4 * 1000 : 4 * 2000].mean()
    assert fall == pytest.approx(16, rel=0.2)  # two octaves at power ~ 1 / frequency ** 2


def test_room_keeps_the_direct_sound_first() -> None:
    click = np.zeros(SAMPLE_RATE, np.float32)
    click[1000] = 1
    wet = sounds.in_room(rng(), click)
    assert np.abs(wet[:1000]).max() < 1e-5
    assert np.argmax(np.abs(wet)) == 1000
    assert np.abs(wet[1100:]).max() > 0.001


def test_microphone_moves_no_onset() -> None:
    click = np.zeros(SAMPLE_RATE, np.float32)
    click[1000:1400] = np.sin(2 * np.pi * 900 * np.arange(400) / SAMPLE_RATE)
    changed = 0
    for seed in range(20):
        heard = sounds.through_microphone(rng(seed), click)
        changed += not np.array_equal(heard, click)
        lag = int(np.argmax(np.correlate(heard[:3000], click[:3000], "full"))) - 2999
        assert abs(lag) / SAMPLE_RATE < 0.001
        assert np.abs(heard[:1000]).max() < 1e-6
    assert 5 <= changed <= 18


def test_loudness_of_a_tone_that_sounds_half_the_time_is_that_of_the_tone() -> None:
    tone = np.sin(2 * np.pi * 200 * np.arange(SAMPLE_RATE) / SAMPLE_RATE).astype(np.float32)
    tone[: SAMPLE_RATE // 2] = 0
    assert sounds.loudness(tone) == pytest.approx(np.sqrt(0.5), rel=0.01)
