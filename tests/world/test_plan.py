"""Which kind a video has, and which arguments are refused."""

from collections import Counter
from typing import Any

import pytest

from avts.errors import UsageError
from avts.world.plan import check_kinds, check_video, kind_of
from avts.world.take import FAMILIES, KINDS, RICH_KINDS


def test_there_are_at_least_sixteen_kinds_in_five_families() -> None:
    assert len(FAMILIES) == 5
    assert len(KINDS) == len(set(KINDS)) >= 16


@pytest.mark.parametrize("count", [20, 33, 200])
def test_kinds_are_balanced_at_any_count(count: int) -> None:
    counts = Counter(kind_of(3, index, KINDS) for index in range(count))
    assert max(counts.values()) - min(counts.get(kind, 0) for kind in KINDS) <= 1


def test_order_of_kinds_depends_on_the_seed() -> None:
    orders = {tuple(kind_of(seed, index, KINDS) for index in range(20)) for seed in range(5)}
    assert len(orders) == 5


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("kind", "hamer", r"unknown kind 'hamer'; did you mean 'hammer'\?"),
        ("seed", -1, "seed -1 is out of range"),
        ("seed", 2**32, "seed 4294967296 is out of range"),
        ("index", -2, "index -2 is out of range"),
        ("size", 127, "size 127 cannot be encoded"),
        ("size", 30, "size 30 cannot be encoded"),
        ("seconds", 0.0, "a video of 0 seconds"),
        ("seconds", -3.0, "a video of -3 seconds"),
        ("seconds", 4000.0, "a video of 4000 seconds"),
        ("max_shift_seconds", 2.5, "a shift of up to 2.5 seconds"),
        ("max_shift_seconds", -0.5, "a shift of up to -0.5 seconds"),
    ],
)
def test_each_refused_argument_is_named_with_its_value(name: str, value: object, words: str) -> None:
    arguments: dict[str, Any] = {
        "seed": 0,
        "index": 0,
        "size": 128,
        "seconds": 6.0,
        "kind": None,
        "max_shift_seconds": 0.0,
    }
    check_video(**arguments)
    with pytest.raises(UsageError, match=words):
        check_video(**{**arguments, name: value})


def test_a_rich_kind_is_refused_in_a_plain_world_only() -> None:
    check_kinds(["talker", "ball"], "rich")
    with pytest.raises(UsageError, match="unknown kind 'talker'"):
        check_kinds(["talker"])


def test_unknown_scenes_are_named() -> None:
    with pytest.raises(UsageError, match=r"unknown scenes 'fancy'\. Take one of: plain, resting, rich"):
        check_kinds(["ball"], "fancy")


def test_rich_kinds_are_balanced_at_any_count() -> None:
    counts = Counter(kind_of(3, index, RICH_KINDS) for index in range(100))
    assert max(counts.values()) - min(counts.get(kind, 0) for kind in RICH_KINDS) <= 1


def test_a_world_of_no_kinds_is_refused() -> None:
    with pytest.raises(UsageError, match="a world of 0 kinds"):
        check_kinds([])
