"""How many pairs there are, against counting them one by one and against what the plan draws."""

from itertools import product

import numpy as np
import pytest

from avts.pairs.capacity import capacities
from avts.pairs.negatives import HARD, KIND_NAMES, SUPER_HARD, window_pair

GIVEN = {"clip_seconds": 0.5, "gap_seconds": 0.25}


def counted(durations: list[float]) -> dict[str, int]:
    """By enumeration: windows of 12 frames; hard from 18 frames on, super-hard from 0.2 * 12, up, to 11 frames."""
    starts = [range(max(0, round(seconds * 24) - 12 + 1)) for seconds in durations]
    counts = dict.fromkeys(KIND_NAMES, 0)
    for one, other in product(range(len(durations)), repeat=2):
        for picture, sound in product(starts[one], starts[other]):
            shift = abs(picture - sound)
            counts["easy"] += one != other
            counts["positive"] += one == other and shift == 0
            counts["hard"] += one == other and shift >= 18
            counts["super_hard"] += one == other and 3 <= shift <= 11
    return counts


@pytest.mark.parametrize("durations", [[2.0, 1.0, 3.5], [0.5, 0.4, 1.25], [1.0], []])
def test_pairs_are_as_many_as_when_they_are_counted_one_by_one(durations: list[float]) -> None:
    found = {each.kind: each.num_pairs for each in capacities(durations, **GIVEN)}
    assert found == counted(durations)


def test_clips_too_short_for_a_kind_do_not_count_for_it() -> None:
    # a hard pair needs 12 + 6 + 12 = 30 frames, 1.25 s; a super-hard one 12 + 3 = 15
    found = {each.kind: each.num_clips for each in capacities([0.4, 0.5, 0.625, 1.2, 1.25], **GIVEN)}
    assert found == {"positive": 4, "easy": 4, "hard": 1, "super_hard": 3}


def test_a_single_clip_gives_no_easy_pair() -> None:
    easy = capacities([5.0], **GIVEN)[1]
    assert (easy.kind, easy.num_clips, easy.num_pairs) == ("easy", 0, 0)


@pytest.mark.parametrize("kind", [HARD, SUPER_HARD])
def test_the_plan_draws_every_one_of_them_and_no_other(kind: int) -> None:
    rng = np.random.default_rng(0)
    drawn = {window_pair(34 / 24, kind, rng=rng, **GIVEN) for _ in range(6000)}
    found = {each.kind: each.num_pairs for each in capacities([34 / 24], **GIVEN)}
    assert len(drawn) == found[KIND_NAMES[kind]]
