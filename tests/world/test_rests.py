"""Rests: when an action pauses, and that nothing of it happens meanwhile."""

from itertools import pairwise

import numpy as np
import pytest

from avts.timebase import SAMPLE_RATE, Span
from avts.world.clock import irregular_times
from avts.world.kinds import BUILDERS
from avts.world.rests import awake, random_rests, stirring
from avts.world.stage import Stage, timeline

RESTS = (Span(1.0, 2.0), Span(3.0, 3.5))


def test_action_is_off_in_rests_and_on_well_outside_of_them() -> None:
    times = np.array([0.5, 0.87, 1.0, 1.5, 1.999, 2.13, 2.5, 3.25, 4.0])
    assert awake(times, RESTS) == pytest.approx([1, 1, 0, 0, 0, 1, 1, 0, 1], abs=1e-4)
    assert awake(times, ()).tolist() == [1.0] * 9


def test_events_near_rests_go_and_a_stretch_between_two_rests_keeps_one() -> None:
    kept = stirring(np.array([0.2, 0.9, 1.5, 2.1, 2.9, 3.2, 3.6, 4.5]), RESTS)
    assert kept.tolist() == [0.2, 2.5, 4.5]


def test_rests_do_not_overlap_and_most_long_videos_have_some() -> None:
    span = timeline(6.0)[0]
    drawn = [random_rests(np.random.default_rng(seed), span, 6.0) for seed in range(200)]
    assert 0.6 < np.mean([len(rests) > 0 for rests in drawn]) < 0.8
    for rests in drawn:
        assert all(before.stop_seconds < after.start_seconds for before, after in pairwise(rests))
    resting = [np.mean(awake(np.arange(0, 6, 0.02), rests) < 0.5) for rests in drawn]
    assert 0.1 < np.mean(np.array(resting) > 0.6) < 0.3  # videos of one or two short actions
    assert random_rests(np.random.default_rng(1), timeline(1.0)[0], 1.0) == ()


def test_a_stage_without_rests_draws_what_the_clock_draws() -> None:
    stage = Stage(np.random.default_rng(5), *timeline(3.0), background_luminance=100.0)
    again = irregular_times(np.random.default_rng(5), timeline(3.0)[0], 0.2, 0.7)
    assert np.array_equal(stage.times(0.2, 0.7), again)
    assert stage.run(stage.frame_seconds) is stage.frame_seconds


def test_the_clock_of_an_action_stands_still_in_rests() -> None:
    stage = Stage(np.random.default_rng(5), *timeline(6.0), background_luminance=100.0, rests=RESTS)
    own = stage.run(np.array([0.2, 0.8, 1.05, 1.95, 4.0, 5.0]))
    assert own[1] - own[0] == pytest.approx(0.6, abs=0.02)
    assert own[3] - own[2] == pytest.approx(0.0, abs=0.02)
    assert own[5] - own[4] == pytest.approx(1.0, abs=0.02)


@pytest.mark.parametrize("kind", BUILDERS)
def test_no_kind_sounds_in_a_rest_or_is_silent_outside_of_all(kind: str) -> None:
    span, frames, samples = timeline(6.0)
    nearly_all = (Span(-2.0, 2.0), Span(3.0, 9.0))
    for rests in (nearly_all, (Span(1.0, 5.0),)):
        rng = np.random.default_rng(3)
        sound = BUILDERS[kind](Stage(rng, span, frames, samples, 100.0, rests)).sound
        power = np.square(sound[: len(sound) // 1600 * 1600]).reshape(-1, 1600).mean(axis=1)
        middles = (np.arange(len(power)) + 0.5) * 1600 / SAMPLE_RATE - 2.0
        quiet = (middles > 4.2) & (middles < 4.8)
        heard = (middles > 2.0) & (middles < 3.2) if rests is nearly_all else (middles < 1.0)
        assert power[heard].max() > 100 * power[quiet].mean()
