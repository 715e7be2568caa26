"""Sounds of things, made to the sample: struck bodies, plucked strings, turning machines, noise and rooms.

Everything is float32 mono at SAMPLE_RATE. Voices are in speech.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import fft, signal

from avts.timebase import SAMPLE_RATE
from avts.world.clock import Floats, log_uniform
from avts.world.stage import Samples

_TOP_HERTZ = 7600.0
"""Partials above this are left out: they would fold at 8 kHz."""

BAR = (1.0, 2.756, 5.404, 8.933, 13.34, 18.64)
MEMBRANE = (1.0, 1.594, 2.136, 2.296, 2.653, 2.918, 3.156, 3.501, 3.6, 4.06)
BELL = (0.5, 1.0, 1.183, 1.506, 2.0, 2.514, 2.662, 3.011, 4.166, 5.433, 6.796)
PLATE = (1.0, 1.42, 1.73, 2.31, 2.78, 3.4, 4.11, 4.9, 5.6, 6.9, 8.3, 10.1)


@dataclass(frozen=True)
class Material:
    """How a struck body rings: partial ratios, ranges of pitch and decay, damping of high partials, share of click."""

    ratios: tuple[float, ...]
    hertz: tuple[float, float]
    decay_seconds: tuple[float, float]
    damping: tuple[float, float]
    click: tuple[float, float]


MATERIALS = {
    "wood": Material(BAR, (180, 900), (0.02, 0.07), (0.3, 1.2), (0.3, 1.0)),
    "metal": Material(PLATE, (300, 1800), (0.15, 0.7), (0.02, 0.3), (0.1, 0.5)),
    "glass": Material(PLATE, (900, 2600), (0.06, 0.3), (0.02, 0.3), (0.2, 0.6)),
    "skin": Material(MEMBRANE, (60, 260), (0.06, 0.3), (0.3, 1.5), (0.2, 0.8)),
    "stone": Material(PLATE, (350, 1400), (0.01, 0.04), (0.1, 0.5), (0.5, 1.2)),
    "rubber": Material(MEMBRANE, (80, 320), (0.03, 0.09), (0.8, 3.0), (0.1, 0.5)),
    "plastic": Material(PLATE, (250, 1100), (0.02, 0.08), (0.3, 1.0), (0.3, 0.9)),
    "bell": Material(BELL, (250, 1400), (0.2, 0.7), (0.1, 0.5), (0.05, 0.3)),
    "bar": Material(BAR, (300, 1500), (0.08, 0.35), (0.5, 2.0), (0.1, 0.4)),
}


def noise(rng: np.random.Generator, count: int) -> Samples:
    """White noise [count] with standard deviation 1."""
    return rng.standard_normal(count, dtype=np.float32)


def struck(
    rng: np.random.Generator, material: Material, *, pitch: float | None = None, takes: int = 3
) -> list[Samples]:
    """The sounds of one body struck at a few places: same partials, other mixtures.

    Args:
        rng: Source of all choices.
        material: What the body is made of.
        pitch: Lowest partial in hertz; drawn from the material if None.
        takes: How many different strikes.
    """
    lowest = log_uniform(rng, *material.hertz) if pitch is None else pitch
    ratios = np.array(material.ratios) * (1 + 0.04 * rng.standard_normal(len(material.ratios)))
    hertz = lowest * ratios
    keep = (hertz < _TOP_HERTZ) & (hertz > 30)
    hertz, ratios = hertz[keep], ratios[keep]
    decay = log_uniform(rng, *material.decay_seconds)
    decays = decay / (1 + rng.uniform(*material.damping) * np.maximum(ratios - 1, 0))
    count = int(min(decay * 6 + 0.05, 1.8) * SAMPLE_RATE)
    time = np.arange(count, dtype=np.float32) / SAMPLE_RATE
    waves = np.sin((2 * np.pi * hertz).astype(np.float32)[:, None] * time)
    waves *= np.exp(time * (-1 / decays).astype(np.float32)[:, None])
    gains = rng.uniform(0.1, 1.0, (takes, len(hertz))) * ratios ** rng.uniform(-1.2, 0.1)
    bodies = gains.astype(np.float32) @ waves
    bodies /= np.abs(bodies).max(axis=1, keepdims=True)
    share = rng.uniform(*material.click)
    return [_with_click(rng, body, share) for body in bodies]


def _with_click(rng: np.random.Generator, body: Samples, share: float) -> Samples:
    """Add the short noise of the contact itself."""
    length = min(len(body), int(0.03 * SAMPLE_RATE))
    decay = rng.uniform(0.0015, 0.006) * SAMPLE_RATE
    click = noise(rng, length) * np.exp(-np.arange(length) / decay).astype(np.float32)
    body[:length] += np.float32(share * 0.6) * click
    fade = min(len(body), 400)
    body[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return np.asarray(body / np.abs(body).max(), np.float32)


def plucked(rng: np.random.Generator, pitch: float) -> Samples:
    """One pluck of a stiff string at a pitch in hertz, at a random place along it; high modes die first."""
    numbers = np.arange(1, 23)
    stiffness = log_uniform(rng, 1e-5, 1e-3)
    hertz = pitch * numbers * np.sqrt(1 + stiffness * numbers**2)
    place = rng.uniform(0.08, 0.45)
    gains = np.abs(np.sin(np.pi * numbers * place)) / numbers ** rng.uniform(0.6, 1.4)
    keep = hertz < _TOP_HERTZ
    decays = log_uniform(rng, 0.1, 0.4) / (1 + rng.uniform(0.05, 0.4) * (numbers[keep] - 1))
    time = np.arange(int(0.8 * SAMPLE_RATE), dtype=np.float32) / SAMPLE_RATE
    waves = np.sin((2 * np.pi * hertz[keep]).astype(np.float32)[:, None] * time)
    waves *= np.exp(time * (-1 / decays).astype(np.float32)[:, None])
    body = gains[keep].astype(np.float32) @ waves
    return _with_click(rng, body / np.abs(body).max(), rng.uniform(0.05, 0.4))


def place(
    sample_seconds: Floats, times: Floats, sounds: Sequence[Samples], gains: Floats, picks: Floats | None = None
) -> Samples:
    """Lay sounds [*] on a timeline [N], one at each time with its gain; picks [K] says which (in turn if None)."""
    out = np.zeros(len(sample_seconds), np.float32)
    starts = np.rint((times - sample_seconds[0]) * SAMPLE_RATE).astype(int)
    for number, (start, gain) in enumerate(zip(starts.tolist(), gains.tolist(), strict=True)):
        which = number if picks is None else int(picks[number])
        sound = sounds[which % len(sounds)][: len(out) - start]
        out[start : start + len(sound)] += np.float32(gain) * sound
    return out


def hum(phase: Floats, wave: Samples) -> Samples:
    """Play one period of a wave, a table of 2^n samples, along a phase [N] in turns."""
    position = (phase * len(wave)).astype(np.int64) & (len(wave) - 1)
    return np.asarray(wave[position], np.float32)


def harmonics(rng: np.random.Generator, count: int, slope: float) -> Samples:
    """One period (2,048 samples) of a tone of `count` partials that fall as number ** -slope, randomly mixed."""
    spectrum = np.zeros(1025, np.complex64)
    numbers = np.arange(1, count + 1)
    gains = numbers**-slope * rng.uniform(0.15, 1.0, count)
    spectrum[1 : count + 1] = gains * np.exp(2j * np.pi * rng.random(count))
    wave = fft.irfft(spectrum)
    return np.asarray(wave / np.abs(wave).max(), np.float32)


def band(sound: Samples, low_hertz: float, high_hertz: float) -> Samples:
    """A sound's part between two frequencies, without delay to speak of (second-order slopes)."""
    if low_hertz <= 25:
        sections = signal.butter(2, min(high_hertz, 7900.0), "lowpass", fs=SAMPLE_RATE, output="sos")
    elif high_hertz >= 7800:
        sections = signal.butter(2, low_hertz, "highpass", fs=SAMPLE_RATE, output="sos")
    else:
        sections = signal.butter(1, (low_hertz, high_hertz), "bandpass", fs=SAMPLE_RATE, output="sos")
    return np.asarray(signal.sosfilt(sections.astype(np.float32), sound), np.float32)


def coloured(rng: np.random.Generator, count: int, tilt: float) -> Samples:
    """Noise [count] whose power falls as frequency ** -tilt above 60 Hz; 0 white, 1 pink, 2 brown."""
    spectrum = fft.rfft(noise(rng, count))
    hertz = np.maximum(np.arange(len(spectrum), dtype=np.float32) * (SAMPLE_RATE / count), 60)
    sound = fft.irfft(spectrum * (hertz / 60) ** np.float32(-tilt / 2), count)
    return np.asarray(sound / np.sqrt(np.mean(sound**2)), np.float32)


def in_room(rng: np.random.Generator, sound: Samples) -> Samples:
    """Add the echoes of a small or middling room; the direct sound stays the first and strongest."""
    decay = log_uniform(rng, 0.03, 0.18)
    length = int(min(decay * 4, 0.5) * SAMPLE_RATE)
    tail = noise(rng, length) * np.exp(-np.arange(length) / (decay * SAMPLE_RATE)).astype(np.float32)
    tail[: int(rng.uniform(0.002, 0.012) * SAMPLE_RATE)] = 0
    tail *= np.float32(10 ** rng.uniform(-1.2, -0.3)) / np.sqrt(np.sum(tail**2))
    for _ in range(int(rng.integers(1, 5))):
        tail[min(int(rng.uniform(0.003, 0.03) * SAMPLE_RATE), length - 1)] += rng.uniform(-0.4, 0.4)
    tail[0] = 1
    return np.asarray(signal.oaconvolve(sound, tail)[: len(sound)], np.float32)


def through_microphone(rng: np.random.Generator, sound: Samples) -> Samples:
    """What a microphone makes of a sound: a third are narrow-band, a quarter overdriven; delays under 1 ms."""
    if rng.random() < 0.35:
        sound = band(sound, log_uniform(rng, 60, 350), log_uniform(rng, 2500, 7500))
    if rng.random() < 0.25:
        drive = np.float32(log_uniform(rng, 1.0, 4.0) / np.abs(sound).max())
        sound = np.tanh(sound * drive)
    return sound


def loudness(sound: Samples) -> float:
    """Root mean square over the loud parts: of 50 ms stretches, the mean of the louder half."""
    step = SAMPLE_RATE // 20
    power = np.mean(sound[: len(sound) // step * step].reshape(-1, step) ** 2, axis=1)
    return float(np.sqrt(np.mean(np.sort(power)[len(power) // 2 :])))
