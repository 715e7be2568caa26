"""One figure of a benchmark with what it has to reach, and the table of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from avts.report.tables import UNKNOWN, text_table


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


HEADERS = ("", "measured", "target", "", "")


def bench_table(rows: Sequence[Row]) -> str:
    """The table that `python -m benchmarks` prints."""
    return text_table(HEADERS, [_cells(row) for row in rows])


def _cells(row: Row) -> tuple[str, str, str, str, str]:
    value = UNKNOWN if row.value is None else f"{figure(row.value)} {row.unit}".strip()
    bound = "" if row.target is None else f"{'at least' if row.at_least else 'at most'} {figure(row.target)}"
    verdict = {True: "pass", False: "miss", None: "not run" if row.value is None else ""}[row.reached]
    return row.name, value, bound, verdict, row.note


def figure(value: float) -> str:
    """A number with three digits that say something: '575', '30.4', '0.95', '1.00'."""
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}"
