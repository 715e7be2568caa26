"""Generated videos whose motion makes their sound, on one clock, with the truth about each.

Importing this package is cheap: drawing and sound code is loaded when a video is made.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from avts.world.take import FAMILIES, KINDS, RICH_FAMILIES, RICH_KINDS, Take, Truth, WorldSummary

if TYPE_CHECKING:
    from avts.world.composition import compose
    from avts.world.writer import write_world

__all__ = [
    "FAMILIES",
    "KINDS",
    "RICH_FAMILIES",
    "RICH_KINDS",
    "Take",
    "Truth",
    "WorldSummary",
    "compose",
    "write_world",
]


def __getattr__(name: str) -> object:
    if name == "compose":
        from avts.world.composition import compose

        return compose
    if name == "write_world":
        from avts.world.writer import write_world

        return write_world
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
