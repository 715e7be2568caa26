"""The worlds behind published figures begin as they always have, whatever kinds of action are added.

The kinds of their first videos, the parameters of the first takes, and which other action moves silently in them. The
parameters are compared to six digits: the last ones depend on a CPU's vector instructions.
"""

import hashlib
import json
import re
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import box_offsets
from avts.demo import DemoSize
from avts.world import compose
from avts.world.kinds import BUILDERS
from avts.world.plan import kind_of
from avts.world.take import DRAWN_OF, FAMILY_OF, KINDS_OF
from benchmarks import films, material, time_to_accuracy
from worlds import INDIVIDUAL_SEED, SEED, SEEN, UNSEEN

ROOT = Path(__file__).parents[2]
VOICES = ("talker", "lips", "mouth")
DEMO = 100 * DemoSize().seed

WORLDS: dict[tuple[int, str, tuple[str, ...]], str] = {
    (8001, "rich", ()): "aa7d07e5fcdaae05",
    (8002, "rich", VOICES): "8225e0f07a9ceffb",
    (8003, "plain", ()): "9b9076ef41e75c41",
    (8101, "rich", ()): "73adb6be0389e81e",
    (8102, "rich", VOICES): "e900f757de1ef239",
    (8103, "plain", ()): "72b06817c677bd76",
    (DEMO, "plain", ()): "49396fb36e4ab586",
    (DEMO + 1, "plain", ()): "17314297c8e824bf",
    (DEMO + 2, "plain", ()): "8df0144ec56559f9",
    (DEMO + 3, "plain", ()): "7bbf3620ee0c4280",
    (SEED, "plain", SEEN): "c3871181c77e6c93",
    (SEED + 1, "plain", SEEN): "35757b838d001f04",
    (SEED + 2, "plain", SEEN): "3af2f04415579ee6",
    (SEED + 3, "plain", UNSEEN): "71304777a80894ed",
    (SEED + 4, "plain", UNSEEN): "7060770d3fc32461",
    (SEED + 5, "rich", UNSEEN): "ad37505862486d20",
    (SEED + 6, "rich", UNSEEN): "54d3ca4480ff9be6",
    (SEED + 7, "resting", SEEN): "6715fc3330a496ab",
    (SEED + 8, "resting", SEEN): "c9ea5dba1930754a",
    (SEED + 9, "resting", SEEN): "1097dbc6b037bd71",
    (INDIVIDUAL_SEED, "individual", ()): "a9af00e228b5e8e4",
    (INDIVIDUAL_SEED + 1, "individual", ()): "08476c6c54d722a5",
    (INDIVIDUAL_SEED + 2, "individual", ()): "260ebceaa683fe19",
    (box_offsets.SEED, "plain", ()): "b6965b3da1beafdf",
    (box_offsets.SEED, "rich", ()): "5aa8cae5c9d97604",
    (time_to_accuracy.WORLD_SEED, "plain", ()): "1efb141a9b4e5704",
    (time_to_accuracy.WORLD_SEED + 1, "plain", ()): "e19e2f5cffe337eb",
    (films.SEED, "plain", ()): "2944707b092f421d",
    (material.SEED, "plain", ()): "747c6b6b2dde186a",
}
"""A digest of the beginning of each world: seed, scenes, kinds; none stands for those of DRAWN_OF."""

FIRST_KINDS, FIRST_TAKES = 80, 2


def beginning(monkeypatch: pytest.MonkeyPatch, seed: int, scenes: str, kinds: tuple[str, ...]) -> dict[str, list[Any]]:
    """The kinds of the first videos; of the first takes the parameters and every kind that was built for them."""
    built: list[str] = []

    def recorded(name: str, builder: Any, stage: Any) -> Any:
        built.append(name)
        return builder(stage)

    for name, builder in BUILDERS.items():
        monkeypatch.setitem(BUILDERS, name, partial(recorded, name, builder))
    takes = []
    for index in range(FIRST_TAKES):
        kind = kind_of(seed, index, kinds) if kinds else None
        truth = compose(seed, index, size=32, seconds=0.75, kind=kind, max_shift_seconds=1.0, scenes=scenes).truth
        numbers = {"offset": truth.offset_seconds, **truth.choices}
        figures = {key: value if isinstance(value, str) else f"{value:.6g}" for key, value in sorted(numbers.items())}
        takes.append([truth.kind, truth.family, figures, built.copy()])
        built.clear()
    return {"kinds": [kind_of(seed, i, kinds or DRAWN_OF[scenes]) for i in range(FIRST_KINDS)], "takes": takes}


def digest(found: dict[str, list[Any]]) -> str:
    return hashlib.sha256(json.dumps(found).encode()).hexdigest()[:16]


@pytest.mark.parametrize("world", WORLDS, ids=lambda world: f"{world[0]}-{world[1]}-{len(world[2]) or 'all'}")
def test_a_published_world_begins_as_ever(monkeypatch: pytest.MonkeyPatch, world: tuple[int, str, Any]) -> None:
    assert digest(beginning(monkeypatch, *world)) == WORLDS[world]


def test_every_world_of_the_makefile_is_held() -> None:
    lines = re.findall(r"avts synth .* --seed (\d+)(.*)", (ROOT / "Makefile").read_text(encoding="utf-8"))
    assert len(lines) == 6
    for seed, rest in lines:
        kinds = re.search(r"--kinds (\S+)", rest)
        scenes = "rich" if "--scenes rich" in rest else "plain"
        assert (int(seed), scenes, tuple(kinds[1].split(",")) if kinds else ()) in WORLDS


@pytest.mark.parametrize("scenes", KINDS_OF)
def test_a_kind_that_is_added_is_asked_for_by_name_and_changes_no_world(
    monkeypatch: pytest.MonkeyPatch, scenes: str
) -> None:
    before = [compose(8001, index, size=32, seconds=0.75, scenes=scenes) for index in range(4)]
    monkeypatch.setitem(KINDS_OF, scenes, ("newcomer", *KINDS_OF[scenes]))
    monkeypatch.setitem(FAMILY_OF, "newcomer", "impacts")
    monkeypatch.setitem(BUILDERS, "newcomer", BUILDERS["hammer"])
    for index, take in enumerate(before):
        again = compose(8001, index, size=32, seconds=0.75, scenes=scenes)
        assert again.truth == take.truth
        np.testing.assert_array_equal(again.frames, take.frames)
    assert compose(8001, 0, size=32, seconds=0.75, scenes=scenes, kind="newcomer").truth.kind == "newcomer"


def test_a_world_draws_from_known_kinds_and_from_no_more_than_it_always_did() -> None:
    assert all(set(DRAWN_OF[scenes]) <= set(KINDS_OF[scenes]) for scenes in KINDS_OF)
    assert {scenes: len(drawn) for scenes, drawn in DRAWN_OF.items()} == {
        "plain": 20,
        "resting": 20,
        "rich": 32,
        "individual": 3,
    }
