"""Sounds that do not belong, and recorders."""

import numpy as np
import pytest

from avts.timebase import SAMPLE_RATE
from avts.world.soundscape import STRANGERS, foreground, mixed, recorded
from avts.world.stage import timeline

TIMES = timeline(2.0)[2]


@pytest.mark.parametrize("number", range(len(STRANGERS)))
def test_every_strange_sound_is_heard_and_finite(number: int) -> None:
    sound = STRANGERS[number](np.random.default_rng(1), TIMES)
    assert sound.shape == TIMES.shape
    assert np.isfinite(sound).all()
    assert sound.std() > 1e-4


def test_foreground_is_the_level_of_the_loudest_fifth() -> None:
    sound = np.zeros(SAMPLE_RATE, np.float32)
    sound[: SAMPLE_RATE // 5] = 0.5
    assert foreground(sound) == pytest.approx(0.5)


def test_a_recorder_delays_by_less_than_two_milliseconds() -> None:
    rng = np.random.default_rng(0)
    click = np.zeros(SAMPLE_RATE, np.float32)
    click[8000:8040] = rng.standard_normal(40).astype(np.float32)
    for seed in range(12):
        heard = recorded(np.random.default_rng(seed), click)
        assert abs(int(np.argmax(np.abs(heard))) - 8000) < 40 + 32


def test_the_action_stands_out_of_the_mixture_and_stands_alone_when_clean() -> None:
    tone = np.sin(2 * np.pi * 440 * TIMES).astype(np.float32)
    tone[len(tone) // 2 :] = 0
    louder = []
    for seed in range(8):
        both = [mixed(np.random.default_rng(seed), tone, TIMES, clean=clean) for clean in (False, True)]
        first, last = (np.std(both[0][half]) for half in (slice(0, 40_000), slice(60_000, 90_000)))
        louder.append(first / last)
        assert np.std(both[1][:40_000]) > 100 * np.std(both[1][60_000:])
        assert 0.05 < np.abs(both[0]).max() <= 0.951
    assert np.median(louder) > 3
    assert min(louder) > 1
