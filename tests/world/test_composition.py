"""Whole takes: the same twice, audible, moving, true to their events, shifted as promised."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from avts.errors import UsageError
from avts.timebase import FRAME_RATE, SAMPLE_RATE
from avts.world import FAMILIES, KINDS, RICH_KINDS, Take, compose
from avts.world.kinds import BUILDERS
from avts.world.rests import awake
from avts.world.rich import rests_of
from avts.world.take import DRAWN_OF

CONTACTS = (*FAMILIES["impacts"], "bell", "string", "pendulum")
"""Kinds whose sound starts at one instant."""

SIZE = 48
SECONDS = 4.0


@cache
def take(kind: str, index: int = 0) -> Take:
    return compose(11, index, kind=kind, size=SIZE, seconds=SECONDS)


def motion(of: Take) -> np.ndarray:
    """Mean luminance change from each frame to the next."""
    grey = of.frames.astype(np.float32).mean(axis=3)
    return np.abs(np.diff(grey, axis=0)).mean(axis=(1, 2))


def power(of: Take) -> np.ndarray:
    """Mean square of the sound between each frame and the next."""
    edges = np.rint(np.arange(len(of.frames)) * SAMPLE_RATE / FRAME_RATE).astype(int)
    return np.array([np.mean(of.samples[a:b] ** 2) for a, b in pairwise(edges)])


def locally(values: np.ndarray) -> np.ndarray:
    """Logarithm, less its mean over a second around, in standard deviations."""
    logarithm = np.log(values + 0.01 * values.max())
    logarithm -= logarithm.mean()
    flat = logarithm - np.convolve(logarithm, np.ones(25) / 25, "same")
    return np.asarray((flat - flat.mean()) / flat.std())


@pytest.mark.parametrize("kind", ["ball", "hammer", "bell", "rotor", "mouth", "rain"])
def test_a_resting_action_is_still_and_silent_in_its_rests(kind: str) -> None:
    still, quiet = [], []
    for index in range(8):
        one = compose(11, index, kind=kind, size=SIZE, seconds=SECONDS, scenes="resting")
        rests = rests_of(11, index, SECONDS)
        on = awake(np.arange(len(one.frames) - 1) / FRAME_RATE, rests)
        assert one.truth.choices["rest_seconds"] == pytest.approx(np.mean(on < 0.5) * SECONDS, abs=0.1)
        assert all(not rest.start_seconds < at < rest.stop_seconds for rest in rests for at in one.truth.event_seconds)
        if not rests:
            assert np.array_equal(one.samples, take(kind, index).samples), "what never rests is a plain video"
            assert np.array_equal(one.frames, take(kind, index).frames)
        elif (on == 0).sum() >= 12 <= (on == 1).sum():
            still.append(motion(one)[on == 0].mean() / motion(one)[on == 1].mean())
            quiet.append(power(one)[on == 0].mean() / power(one)[on == 1].mean())
    assert len(still) >= 3
    assert np.median(still) < 0.7
    assert np.median(quiet) < 0.3


def test_the_table_of_builders_is_the_list_of_kinds() -> None:
    assert set(BUILDERS) == {*RICH_KINDS, *DRAWN_OF["individual"]}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_audible_moves_and_does_not_clip(kind: str) -> None:
    one = take(kind)
    assert one.frames.dtype == np.uint8
    assert one.frames.shape[0] == SECONDS * FRAME_RATE
    assert min(one.frames.shape[1:3]) == SIZE
    assert one.samples.dtype == np.float32
    assert one.samples.shape == (SECONDS * SAMPLE_RATE,)
    assert np.isfinite(one.samples).all()
    assert 0.02 < np.abs(one.samples).max() <= 0.951
    assert motion(one).max() > 1.0
    assert one.truth.kind == kind in FAMILIES[one.truth.family]
    assert len(one.truth.event_seconds) >= 2
    assert all(0 <= at < SECONDS for at in one.truth.event_seconds)


def test_same_seed_and_index_give_the_same_bytes_and_others_do_not() -> None:
    first, again = compose(5, 3, size=SIZE, seconds=1.0), compose(5, 3, size=SIZE, seconds=1.0)
    assert np.array_equal(first.frames, again.frames)
    assert np.array_equal(first.samples, again.samples)
    assert first.truth == again.truth
    for seed, index in ((5, 4), (6, 3), (3, 5)):
        other = compose(seed, index, kind=first.truth.kind, size=SIZE, seconds=1.0)
        assert not np.array_equal(first.samples, other.samples)
        assert first.frames.shape != other.frames.shape or not np.array_equal(first.frames, other.frames)


def test_global_random_state_plays_no_part() -> None:
    np.random.seed(1)
    before = np.random.get_state()[1].copy()  # type: ignore[index,union-attr]
    compose(5, 3, size=SIZE, seconds=1.0)
    assert np.array_equal(before, np.random.get_state()[1])  # type: ignore[index,arg-type]


@pytest.mark.parametrize("kind", CONTACTS)
def test_sound_energy_rises_within_ten_milliseconds_of_each_contact(kind: str) -> None:
    rises = []
    for index in range(2):
        one = take(kind, index)
        for at in one.truth.event_seconds:
            start = round(at * SAMPLE_RATE)
            if 160 <= start < len(one.samples) - 160:
                before, after = one.samples[start - 160 : start], one.samples[start : start + 160]
                rises.append(np.sum(after**2) / np.sum(before**2))
    assert np.median(rises) > 3
    assert np.mean(np.array(rises) > 1.3) > 0.85


@pytest.mark.parametrize("kind", CONTACTS)
def test_picture_moves_at_each_contact(kind: str) -> None:
    at_contact, elsewhere = [], []
    for index in range(2):
        one = take(kind, index)
        moved = motion(one)
        near = np.zeros(len(moved), bool)
        for at in one.truth.event_seconds:
            # The frame interval that holds the contact, one before (arrival) and one after (recoil).
            frame = int(at * FRAME_RATE)
            near[max(frame - 1, 0) : frame + 2] = True
        at_contact.append(moved[near].mean() / moved.mean())
        elsewhere.append(moved[~near].mean() / moved.mean())
    assert np.mean(at_contact) > 1.1 * np.mean(elsewhere)


@pytest.mark.parametrize("kind", KINDS)
def test_loudness_and_motion_rise_together_at_no_lag(kind: str) -> None:
    lags = range(-12, 13)
    curves = []
    for index in range(4):
        seen, heard = locally(motion(take(kind, index))), locally(power(take(kind, index)))
        count = len(seen)
        curves.append(
            [
                np.mean(seen[max(0, -lag) : count - max(0, lag)] * heard[max(0, lag) : count - max(0, -lag)])
                for lag in lags
            ]
        )
    mean = np.mean(curves, axis=0)
    # A struck thing rings on: its energy lies up to three frames after the motion.
    assert -1 <= lags[int(np.argmax(mean))] <= 3
    assert mean.max() > 0.2
    assert mean.max() > 1.5 * max(mean[:5].max(), mean[20:].max())  # a third of a second away


@pytest.mark.parametrize("kind", FAMILIES["textures"])
def test_texture_is_loud_when_much_is_seen(kind: str) -> None:
    correlations = []
    for index in range(3):
        one = take(kind, index)
        scene = scene_of(kind, index)
        heard = np.log(power(one))
        correlations.append(np.corrcoef(scene[1:], heard)[0, 1])
    assert np.mean(correlations) > 0.7


def scene_of(kind: str, index: int) -> np.ndarray:
    """Visible density of each frame: the first number of a texture's pose."""
    from avts.world.stage import Stage, timeline

    rng = np.random.default_rng(np.random.SeedSequence([11, index]))
    return BUILDERS[kind](Stage(rng, *timeline(SECONDS), background_luminance=100.0)).poses[:, 0]


def test_shifted_sound_is_the_same_sound_moved_by_the_offset() -> None:
    plain = compose(8, 2, size=SIZE, seconds=3.0)
    shifted = compose(8, 2, size=SIZE, seconds=3.0, max_shift_seconds=1.0)
    assert np.array_equal(plain.frames, shifted.frames)
    assert plain.truth.event_seconds == shifted.truth.event_seconds
    offset = round(shifted.truth.offset_seconds * SAMPLE_RATE)
    assert 0 < abs(offset) <= SAMPLE_RATE
    # offset_seconds > 0: the sound comes early, so file time t holds the sound of world time t + offset.
    later, earlier = (plain, shifted) if offset > 0 else (shifted, plain)
    assert np.array_equal(earlier.samples[: -abs(offset)], later.samples[abs(offset) :])


def test_sound_shifted_to_come_early_starts_before_its_event() -> None:
    early = next(
        one
        for index in range(20)
        if (one := compose(8, index, size=32, seconds=2.0, kind="clap", max_shift_seconds=0.2)).truth.offset_seconds
        > 0.08
    )
    at = early.truth.event_seconds[1]
    start = round((at - early.truth.offset_seconds) * SAMPLE_RATE)
    assert np.sum(early.samples[start : start + 160] ** 2) > 3 * np.sum(early.samples[start - 160 : start] ** 2)


def test_offsets_fill_their_range() -> None:
    offsets = [
        compose(9, index, size=32, seconds=0.25, kind="clap", max_shift_seconds=0.5).truth.offset_seconds
        for index in range(24)
    ]
    assert max(map(abs, offsets)) <= 0.5
    assert min(offsets) < -0.2
    assert max(offsets) > 0.2


def test_compose_refuses_an_unknown_kind() -> None:
    with pytest.raises(UsageError, match="did you mean 'xylophone'"):
        compose(0, 0, kind="xylofone")


def test_nearly_every_second_of_an_event_kind_holds_an_event() -> None:
    from avts.world.stage import Stage, timeline

    empty = total = 0
    for kind in (*CONTACTS, "mouth", "dog", "bird"):
        stage = Stage(np.random.default_rng(4), *timeline(30.0), background_luminance=100.0)
        events = BUILDERS[kind](stage).event_seconds
        for start in np.arange(0, 29, 0.1):
            total += 1
            empty += not np.any((events >= start) & (events < start + 1))
    assert empty / total < 0.01
