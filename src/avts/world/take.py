"""What the world hands over: one generated video in memory, and the truth about it.

Leaves out how it was made (composition.py) and how it is stored (writer.py).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt

MAX_SHIFT_SECONDS = 2.0
"""Largest shift between sound and picture; each timeline carries this much real sound before and after the picture."""

FAMILIES: dict[str, tuple[str, ...]] = {
    "impacts": ("ball", "hammer", "clap", "drumstick", "footsteps", "xylophone"),
    "swung": ("bell", "string", "pendulum"),
    "machines": ("rotor", "saw", "piston", "engine"),
    "voices": ("mouth", "dog", "bird"),
    "textures": ("rain", "fire", "waves", "pouring"),
}
"""The kinds of action of the plain world by family, written out so that listing them imports no drawing code."""

RICH_FAMILIES: dict[str, tuple[str, ...]] = {
    **FAMILIES,
    "shapes": ("swelling", "gliding", "jerking", "popping"),
    "faces": ("talker", "lips"),
    "puppets": ("striker", "scraper"),
    "players": ("bow", "strum", "drumkit", "hands"),
}
"""The kinds of action of the rich world by family."""

_INDIVIDUAL_FAMILIES: dict[str, tuple[str, ...]] = {"individuals": ("jumper", "grower", "flasher")}
"""The kinds of action of the world of individuals by family."""

_INDIVIDUAL_KINDS = _INDIVIDUAL_FAMILIES["individuals"]

KINDS: tuple[str, ...] = tuple(kind for kinds in FAMILIES.values() for kind in kinds)
"""Every kind of action of the plain world."""

RICH_KINDS: tuple[str, ...] = tuple(kind for kinds in RICH_FAMILIES.values() for kind in kinds)
"""Every kind of action of the rich world."""

KINDS_OF: dict[str, tuple[str, ...]] = {
    "plain": KINDS,
    "resting": KINDS,
    "rich": RICH_KINDS,
    "individual": _INDIVIDUAL_KINDS,
}
"""The kinds that each way to make scenes knows; any of them can be asked for by name."""

_PLAIN_DRAW = (
    *("ball", "hammer", "clap", "drumstick", "footsteps", "xylophone", "bell", "string", "pendulum", "rotor", "saw"),
    *("piston", "engine", "mouth", "dog", "bird", "rain", "fire", "waves", "pouring"),
)
_RICH_DRAW = (
    *_PLAIN_DRAW,
    *("swelling", "gliding", "jerking", "popping", "talker", "lips", "striker", "scraper"),
    *("bow", "strum", "drumkit", "hands"),
)
DRAWN_OF: dict[str, tuple[str, ...]] = {
    "plain": _PLAIN_DRAW,
    "resting": _PLAIN_DRAW,
    "rich": _RICH_DRAW,
    "individual": _INDIVIDUAL_KINDS,
}
"""The kinds that a world draws from where none are named, in the order of the draw.

Frozen: the draw depends on their number, so one kind more would give every seeded world other videos and the published
figures would be of other worlds (tests/world/test_published.py). A kind that FAMILIES gains later is asked for by name.
"""

FAMILY_OF: dict[str, str] = {
    kind: family for family, kinds in (RICH_FAMILIES | _INDIVIDUAL_FAMILIES).items() for kind in kinds
}
"""The family of each kind."""


@dataclass(frozen=True)
class Truth:
    """What is known about a generated video.

    `event_seconds` are times of the picture: the contacts, onsets or steepest rises that can be both seen and heard.
    `offset_seconds` > 0 means that the sound comes early: the sound at file time t is that of world time
    t + offset_seconds.
    """

    kind: str
    family: str
    seconds: float
    event_seconds: tuple[float, ...]
    offset_seconds: float
    seed: int
    index: int
    choices: dict[str, float | str] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Take:
    """One generated video: picture, sound and truth on one clock.

    Shapes:
        frames: uint8 [T, H, W, 3], RGB; frame i shows the world at i / FRAME_RATE seconds
        samples: float32 [N] in -1..1; sample n is heard at n / SAMPLE_RATE seconds
    """

    frames: npt.NDArray[np.uint8]
    samples: npt.NDArray[np.float32]
    truth: Truth


@dataclass(frozen=True)
class WorldSummary:
    """What write_world did: how many videos it made, how many were there already, and where they are."""

    made: int
    reused: int
    out: Path
