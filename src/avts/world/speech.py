"""Voices: a buzzing source through moving formants, and calls whose pitch sweeps."""

from __future__ import annotations

import numpy as np
from scipy import signal

from avts.timebase import SAMPLE_RATE
from avts.world.clock import Floats
from avts.world.stage import Samples

VOWELS: dict[str, tuple[float, float, float, float]] = {
    "a": (760, 1250, 2600, 3500),
    "e": (480, 1950, 2650, 3600),
    "i": (290, 2250, 3000, 3700),
    "o": (450, 850, 2500, 3400),
    "u": (310, 750, 2300, 3300),
    "ae": (680, 1700, 2500, 3500),
}
"""Formant frequencies in hertz of a middling vocal tract."""

CLOSED = (260.0, 1000.0, 2200.0, 3200.0)
"""Formants of a nearly closed mouth."""


def buzz(rng: np.random.Generator, hertz: Floats) -> Samples:
    """A train of glottal pulses [N] at a moving pitch [N] in hertz, each at its own place between the samples."""
    phase = np.cumsum(hertz / SAMPLE_RATE) + rng.random()
    starts = np.flatnonzero(np.diff(np.floor(phase), prepend=0.0) >= 1)
    part = (phase[starts] % 1) / (hertz[starts] / SAMPLE_RATE)
    strength = 1 + 0.06 * rng.standard_normal(len(starts))
    pulses = np.zeros(len(hertz) + 1, np.float32)
    pulses[starts] += (strength * np.clip(part, 0, 1)).astype(np.float32)
    pulses[starts + 1] += (strength * (1 - np.clip(part, 0, 1))).astype(np.float32)
    pulses = pulses[:-1]
    return np.asarray(signal.lfilter([1.0, -0.97], [1.0, -1.86, 0.8649], pulses), np.float32)


def formants(sound: Samples, hertz: tuple[float, ...], *, sharpness: float = 1.0) -> Samples:
    """Pass a sound [N] through a chain of resonances, each with unit gain at 0 Hz."""
    sections = []
    for number, centre in enumerate(hertz):
        if centre > 7400:
            continue
        radius = np.exp(-np.pi * (70 + 45 * number) / sharpness / SAMPLE_RATE)
        cosine = -2 * radius * np.cos(2 * np.pi * centre / SAMPLE_RATE)
        sections.append((1 + cosine + radius**2, 0, 0, 1, cosine, radius**2))
    return np.asarray(signal.sosfilt(np.array(sections, np.float32), sound), np.float32)


def vowels(rng: np.random.Generator, source: Samples, weights: list[Floats], names: list[str], tract: float) -> Samples:
    """Mix a source [N] shaped as a closed mouth (weights[0]) and as vowels (the other weights, each [N]).

    Args:
        rng: Varies each formant a little.
        source: Glottal pulses.
        weights: Share of each mouth shape over time, first the closed one.
        names: Names of the vowels.
        tract: Formant factor; above 1 is a shorter tract, a smaller speaker.
    """
    out = np.zeros_like(source)
    for weight, shape in zip(weights, [CLOSED, *(VOWELS[name] for name in names)], strict=True):
        places = tuple(hertz * tract * (1 + 0.05 * float(rng.standard_normal())) for hertz in shape)
        voiced = formants(source, places)
        out += voiced * (weight / (np.sqrt(np.mean(voiced**2)) + 1e-9)).astype(np.float32)
    return out
