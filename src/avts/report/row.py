"""One line of a benchmark: what was measured, what it has to reach, and, if it could not run, why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """A figure beside its target.

    value: None if it could not be measured; target: None if nothing is asked of it, it is there to be read beside
    the others; at_least: the target is a floor, else a ceiling; note: how it was measured, or why it was not.
    """

    name: str
    value: float | None
    unit: str
    target: float | None = None
    at_least: bool = True
    note: str = ""

    @property
    def reached(self) -> bool | None:
        """True if the value is on the right side of the target; None without a value or a target."""
        if self.value is None or self.target is None:
            return None
        return self.value >= self.target if self.at_least else self.value <= self.target

    def as_json(self) -> dict[str, Any]:
        """What `--json` prints of it."""
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "target": self.target,
            "reached": self.reached,
            "note": self.note,
        }
