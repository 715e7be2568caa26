"""Which kind each video of a world has, and which arguments a world can be made with."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

import numpy as np

from avts.errors import UsageError
from avts.timebase import FRAME_RATE
from avts.world.take import DRAWN_OF, KINDS_OF, MAX_SHIFT_SECONDS

SMALLEST_SIZE = 32
"""Least short side in pixels; below it nothing can be made out."""

_SEEDS = 2**32
"""A seed fits one word of numpy's SeedSequence, so [seed, index] is a different entropy for each pair."""


def kind_of(seed: int, index: int, kinds: Sequence[str]) -> str:
    """The kind of a video: a cycle through the kinds, shuffled anew each time, so that any count is balanced.

    The shuffle depends on the number of kinds, so a world is named by its seed and its list of kinds.
    """
    cycle, place = divmod(index, len(kinds))
    order = np.random.default_rng(np.random.SeedSequence([seed, cycle], spawn_key=(101,))).permutation(len(kinds))
    return kinds[int(order[place])]


def check_kinds(kinds: Sequence[str], scenes: str = "plain") -> None:
    """Refuse kinds that scenes of that sort do not have, naming the nearest known one.

    Raises:
        UsageError: The sort of scenes or a kind is unknown, or there is no kind.
    """
    if scenes not in KINDS_OF:
        raise UsageError(f"unknown scenes {scenes!r}. Take one of: {', '.join(KINDS_OF)}.")
    known = KINDS_OF[scenes]
    for kind in kinds:
        if kind not in known:
            near = difflib.get_close_matches(kind, known, 1, cutoff=0.0)[0]
            raise UsageError(f"unknown kind {kind!r}; did you mean {near!r}? Kinds: {', '.join(known)}.")
    if not kinds:
        raise UsageError(f"a world of 0 kinds was asked for. Name at least one of: {', '.join(known)}.")


def check_video(
    *,
    seed: int,
    index: int,
    size: int,
    seconds: float,
    kind: str | None,
    max_shift_seconds: float,
    scenes: str = "plain",
) -> None:
    """Refuse arguments that no video can be made with.

    Raises:
        UsageError: An argument is out of range.
    """
    check_kinds(DRAWN_OF.get(scenes, ()) if kind is None else [kind], scenes)
    if not 0 <= seed < _SEEDS:
        raise UsageError(f"seed {seed} is out of range. Take one from 0 to {_SEEDS - 1}.")
    if not 0 <= index < _SEEDS:
        raise UsageError(f"index {index} is out of range. Videos are numbered from 0.")
    if size < SMALLEST_SIZE or size % 2:
        raise UsageError(f"size {size} cannot be encoded. Take an even number of pixels from {SMALLEST_SIZE} up.")
    if not 1 / FRAME_RATE <= seconds <= 600:
        raise UsageError(
            f"a video of {seconds:g} seconds was asked for. Take at least one frame (1/{FRAME_RATE}) and at most 600."
        )
    if not 0 <= max_shift_seconds <= MAX_SHIFT_SECONDS:
        raise UsageError(
            f"a shift of up to {max_shift_seconds:g} seconds was asked for. Take one from 0 to {MAX_SHIFT_SECONDS:g}."
        )
