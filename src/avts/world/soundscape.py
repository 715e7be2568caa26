"""Sounds that do not belong to the picture, and what rooms, microphones and recorders make of a sound."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import fft

from avts.timebase import SAMPLE_RATE, Span
from avts.world import sounds, speech
from avts.world.clock import Floats, drift, irregular_times, log_uniform, swell
from avts.world.stage import Samples

_QUIETEST_DB, _LOUDEST_DB = -30.0, -6.0
"""How loud a sound that does not belong is against the action."""

_FLOOR_DB = (-60.0, -14.0)
"""Range of the level of noise against the action; there is always some."""

_BLOCK = SAMPLE_RATE // 50


def music(rng: np.random.Generator, times: Floats) -> Samples:
    """Chords and a beat at a steady pace [N]."""
    beat = rng.uniform(0.3, 0.9)
    start = times[0] - rng.uniform(0, beat)
    age = (times - start) % beat
    number = ((times - start) / beat).astype(int)
    bars = number // int(rng.integers(2, 5))
    root = log_uniform(rng, 110, 260) * 2 ** (rng.choice([0, 3, 5, 7, 8, 10], bars[-1] + 1)[bars] / 12)
    wave = sounds.harmonics(rng, int(rng.integers(3, 12)), rng.uniform(0.8, 1.8))
    phase = np.cumsum(root) / SAMPLE_RATE
    out = sum(sounds.hum(phase * 2 ** (step / 12), wave) for step in (0, int(rng.choice([3, 4, 5])), 7))
    out = out * np.exp(-age / rng.uniform(0.1, 2.0)).astype(np.float32)
    if rng.random() < 0.6:
        played = rng.random(number[-1] + 1) < rng.uniform(0.4, 1.0)
        strokes = start + beat * np.flatnonzero(played)
        drum = sounds.struck(rng, sounds.MATERIALS["skin" if rng.random() < 0.6 else "stone"], takes=2)
        strokes = strokes[strokes >= times[0]]
        out = out + np.float32(rng.uniform(0.5, 3.0)) * sounds.place(times, strokes, drum, np.ones(len(strokes)))
    return np.asarray(out, np.float32)


def babble(rng: np.random.Generator, times: Floats) -> Samples:
    """One to three people talking somewhere else [N]."""
    span = _span(times)
    out = np.zeros(len(times), np.float32)
    for _ in range(int(rng.integers(1, 4))):
        level = swell(rng, span, 0.1, 0.35)(times) * (drift(rng, span, 1.0)(times) > -0.5)
        source = speech.buzz(rng, log_uniform(rng, 85, 260) * 2 ** (0.3 * drift(rng, span, 0.4)(times)))
        vowel = 0.5 + 0.5 * drift(rng, span, 0.2)(times)
        names = rng.permutation(["a", "ae", "o", "e", "i", "u"])[:2].tolist()
        out += speech.vowels(rng, source, [0 * level, level * vowel, level * (1 - vowel)], names, rng.uniform(0.9, 1.2))
    return out


def mains(rng: np.random.Generator, times: Floats) -> Samples:
    """Hum of the mains or of a machine [N]."""
    phase = times * rng.choice([50.0, 60.0, log_uniform(rng, 60, 400)])
    return sounds.hum(phase - phase[0], sounds.harmonics(rng, int(rng.integers(2, 20)), rng.uniform(0.3, 1.5)))


def wind(rng: np.random.Generator, times: Floats) -> Samples:
    """Wind, traffic or a crowd: noise that comes and goes slowly [N]."""
    gusts = 0.55 + 0.45 * drift(rng, _span(times), rng.uniform(0.4, 2.0))(times)
    return sounds.coloured(rng, len(times), rng.uniform(0.5, 2.2)) * gusts.astype(np.float32)


def knocks(rng: np.random.Generator, times: Floats) -> Samples:
    """Things that strike each other off screen [N]."""
    name = list(sounds.MATERIALS)[int(rng.integers(len(sounds.MATERIALS)))]
    events = irregular_times(rng, _span(times), 0.2, rng.uniform(0.8, 3.0))
    return sounds.place(times, events, sounds.struck(rng, sounds.MATERIALS[name]), rng.uniform(0.3, 1, len(events)))


STRANGERS: tuple[Callable[[np.random.Generator, Floats], Samples], ...] = (music, babble, mains, wind, knocks)
"""Sounds that do not belong."""


def mixed(rng: np.random.Generator, sound: Samples, times: Floats, *, clean: bool = False) -> Samples:
    """The action's sound [N] as a recorder would have it: in a room, among other sounds, through a microphone.

    Args:
        rng: Source of all choices.
        sound: The action.
        times: World times of the samples.
        clean: Leave out all other sounds and noise.
    """
    wet = sounds.in_room(rng, sound) if rng.random() < 0.65 else sound
    level = foreground(wet)
    count = 0 if rng.random() < 0.35 else int(rng.choice([1, 1, 2]))
    out = wet + np.float32(1e-7) * sounds.noise(rng, len(wet))
    if not clean:
        for which in rng.permutation(len(STRANGERS))[:count].tolist():
            stranger = STRANGERS[which](rng, times)
            decibels = rng.uniform(_QUIETEST_DB, _LOUDEST_DB)
            out = out + np.float32(level * 10 ** (decibels / 20) / (foreground(stranger) + 1e-9)) * stranger
        floor = np.float32(level * 10 ** (rng.uniform(*_FLOOR_DB) / 20))
        out = out + floor * sounds.coloured(rng, len(out), rng.uniform(0, 2))
    out = recorded(rng, out)
    return np.asarray(out * np.float32(log_uniform(rng, 0.08, 0.95) / (np.abs(out).max() + 1e-9)), np.float32)


def recorded(rng: np.random.Generator, sound: Samples) -> Samples:
    """A sound [N] through a microphone's response, its limiter and its band; delays stay under 1 ms."""
    if rng.random() < 0.5:
        sound = _equalised(rng, sound)
    if rng.random() < 0.3:
        sound = _levelled(rng, sound)
    if rng.random() < 0.3:
        sound = np.tanh(sound * np.float32(log_uniform(rng, 1.0, 6.0) / np.abs(sound).max()))
    if rng.random() < 0.4:
        sound = sounds.band(sound, log_uniform(rng, 26, 350), log_uniform(rng, 3000, 7700))
    return np.asarray(sound, np.float32)


def foreground(sound: Samples) -> float:
    """Root mean square over the loudest fifth of all stretches of 20 ms."""
    power = np.mean(sound[: len(sound) // _BLOCK * _BLOCK].reshape(-1, _BLOCK) ** 2, axis=1)
    return float(np.sqrt(np.mean(np.sort(power)[-max(len(power) // 5, 1) :])))


def _equalised(rng: np.random.Generator, sound: Samples) -> Samples:
    """Random gains of up to 9 dB either way over octaves."""
    hertz = np.geomspace(60, 8000, 8)
    gains = 10 ** (rng.uniform(-9, 9, 8) / 20)
    fast = fft.next_fast_len(len(sound) + SAMPLE_RATE // 4, real=True)  # the end must not run into the start
    curve = np.interp(np.arange(fast // 2 + 1) * (SAMPLE_RATE / fast), hertz, gains)
    return np.asarray(fft.irfft(fft.rfft(sound, fast) * curve.astype(np.float32), fast)[: len(sound)], np.float32)


def _levelled(rng: np.random.Generator, sound: Samples) -> Samples:
    """An automatic gain: loud stretches are turned down, and it takes a while to turn up again."""
    blocks = np.sqrt(np.mean(sound[: len(sound) // _BLOCK * _BLOCK].reshape(-1, _BLOCK) ** 2, axis=1))
    keep = np.exp(-_BLOCK / SAMPLE_RATE / rng.uniform(0.05, 0.8))
    held = np.empty_like(blocks)
    level = 0.0
    for number, now in enumerate(blocks.tolist()):
        level = max(now, level * keep)
        held[number] = level
    gain = (held / held.max() + 0.02) ** -rng.uniform(0.2, 0.7)
    middles = (np.arange(len(blocks)) + 0.5) * _BLOCK
    return np.asarray(sound * np.interp(np.arange(len(sound)), middles, gain), np.float32)


def _span(times: Floats) -> Span:
    return Span(float(times[0]), float(times[-1]))
