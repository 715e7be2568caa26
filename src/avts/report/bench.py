"""A benchmark's rows in words. Input: rows. Output: a text table, or the same as Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from avts.report.row import Row
from avts.report.tables import UNKNOWN, text_table

HEADERS = ("", "measured", "target", "", "")


def bench_table(rows: Sequence[Row]) -> str:
    """The table that `avts bench` prints."""
    return text_table(HEADERS, [_cells(row) for row in rows])


def bench_markdown(rows: Sequence[Row]) -> str:
    """The same table for a document."""
    lines = ["| | measured | target | | |", "|---|---|---|---|---|"]
    return "\n".join([*lines, *("| " + " | ".join(_cells(row)) + " |" for row in rows)])


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
