"""Rich takes: the same twice, resting, true to their events, with a cue, and with all that plain takes lack."""

from functools import cache
from itertools import pairwise

import numpy as np
import pytest

from avts.timebase import FRAME_RATE, SAMPLE_RATE
from avts.world import KINDS, RICH_FAMILIES, RICH_KINDS, Take, compose
from avts.world.rich import compose_rich, rests_of

NEW = tuple(kind for kind in RICH_KINDS if kind not in KINDS)
STRUCK = ("striker", "drumkit", "hands", "strum")
SECONDS = 6.0


@cache
def bare(kind: str, index: int) -> Take:
    """Nothing moves or sounds but the action."""
    return compose_rich(31, index, size=48, seconds=SECONDS, kind=kind, max_shift_seconds=0.0, clean=True)


def motion(of: Take) -> np.ndarray:
    """Mean change from each frame to the next."""
    return np.abs(np.diff(of.frames.astype(np.float32).mean(axis=3), axis=0)).mean(axis=(1, 2))


def power(of: Take) -> np.ndarray:
    """Mean square of the sound between each frame and the next."""
    edges = np.rint(np.arange(len(of.frames)) * SAMPLE_RATE / FRAME_RATE).astype(int)
    return np.array([np.mean(of.samples[a:b] ** 2) for a, b in pairwise(edges)])


def in_rest(index: int, count: int) -> np.ndarray:
    """Frame intervals that lie in the inside of a rest: the last swing has ended, no new one has begun."""
    times = (np.arange(count) + 1) / FRAME_RATE
    inside = np.zeros(count, bool)
    for rest in rests_of(31, index, SECONDS):
        inside |= (times > rest.start_seconds + 0.35) & (times < rest.stop_seconds - 0.1)
    return inside


RESTING = [index for index in range(12) if 20 < in_rest(index, 143).sum() < 110][:2]


def test_rich_worlds_have_all_plain_kinds_and_more() -> None:
    assert set(KINDS) < set(RICH_KINDS)
    assert len(RICH_FAMILIES) == 9
    assert len(NEW) >= 12


@pytest.mark.parametrize("kind", RICH_KINDS)
def test_nothing_of_an_action_sounds_or_moves_in_a_rest(kind: str) -> None:
    moved, heard = [], []
    for index in RESTING:
        take = bare(kind, index)
        resting = in_rest(index, len(take.frames) - 1)
        moved.append(np.median(motion(take)[resting]) / motion(take)[~resting].mean())
        heard.append(np.median(power(take)[resting]) / power(take)[~resting].mean())
    assert max(heard) < 0.02
    if RICH_FAMILIES["faces"].count(kind) == 0:  # faces nod and look about while they say nothing
        assert max(moved) < 0.02


@pytest.mark.parametrize("kind", NEW)
def test_loudness_and_motion_of_new_kinds_rise_together_at_no_lag(kind: str) -> None:
    curves = []
    for index in range(5):
        take = bare(kind, index)
        seen, heard = (np.log(values + 0.01 * values.max()) for values in (motion(take), power(take)))
        seen, heard = seen - seen.mean(), heard - heard.mean()
        count = len(seen)
        pairs = [(max(0, -lag), count - max(0, lag), max(0, lag), count - max(0, -lag)) for lag in range(-12, 13)]
        scale = count * seen.std() * heard.std()
        curves.append([float(seen[a:b] @ heard[c:d]) / scale for a, b, c, d in pairs])
    mean = np.mean(curves, axis=0)
    assert -2 <= int(np.argmax(mean)) - 12 <= 4  # struck things ring on
    assert mean.max() > 0.2


@pytest.mark.parametrize("kind", STRUCK)
def test_sound_of_new_impacts_rises_at_their_events(kind: str) -> None:
    rises = []
    for index in range(4):
        take = bare(kind, index)
        for at in take.truth.event_seconds:
            start = round(at * SAMPLE_RATE)
            if 320 <= start < len(take.samples) - 320:
                before, after = take.samples[start - 320 : start], take.samples[start : start + 320]
                rises.append(np.sum(after**2) / (np.sum(before**2) + 1e-12))
    assert len(rises) >= 8
    assert np.median(rises) > 1.5
    assert np.mean(np.array(rises) > 1.0) > 0.8


def test_same_rich_arguments_give_the_same_bytes_and_others_do_not() -> None:
    first, again, other = (compose(5, index, size=32, seconds=1.0, scenes="rich", kind="ball") for index in (3, 3, 4))
    assert np.array_equal(first.frames, again.frames)
    assert np.array_equal(first.samples, again.samples)
    assert first.truth == again.truth
    assert not np.array_equal(first.samples, other.samples)


def test_shifted_rich_sound_is_the_same_sound_moved_by_the_offset() -> None:
    plain = compose(8, 2, size=32, seconds=3.0, scenes="rich")
    shifted = compose(8, 2, size=32, seconds=3.0, scenes="rich", max_shift_seconds=1.0)
    assert np.array_equal(plain.frames, shifted.frames)
    offset = round(shifted.truth.offset_seconds * SAMPLE_RATE)
    assert 0 < abs(offset) <= SAMPLE_RATE
    later, earlier = (plain, shifted) if offset > 0 else (shifted, plain)
    assert np.array_equal(earlier.samples[: -abs(offset)], later.samples[abs(offset) :])


def test_rich_takes_vary_in_shape_scale_and_repeated_frames() -> None:
    takes = [compose(6, index, size=32, seconds=2.0, scenes="rich") for index in range(24)]
    shapes = {take.frames.shape[1:3] for take in takes}
    assert {min(shape) for shape in shapes} == {32}
    assert len(shapes) >= 4
    assert any(high > wide for high, wide in shapes)
    scales = [float(take.truth.choices["scale"]) for take in takes]
    assert min(scales) < 0.3
    assert max(scales) > 0.7
    repeats = [np.mean([np.array_equal(a, b) for a, b in pairwise(take.frames)]) for take in takes]
    assert 0.05 < np.mean(np.array(repeats) > 0.3) < 0.5  # filmed at 12.5 or 15 frames a second
    for take in takes:
        assert 0.01 < np.abs(take.samples).max() <= 0.951
        assert take.frames.shape[0] == 48
