"""Numbers and tables as text for terminals. Input: plain values. Output: text."""

from __future__ import annotations

import math
from collections.abc import Sequence

UNKNOWN = "–"


def text_table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Align columns with spaces: text left, numbers right."""
    columns = [[header, *(row[index] for row in rows)] for index, header in enumerate(headers)]
    widths = [max(map(len, column)) for column in columns]
    right = [all(cell[:1].isdigit() or cell[:1] in {"+", "-", UNKNOWN} for cell in column[1:]) for column in columns]
    lines = [list(headers), ["-" * width for width in widths], *map(list, rows)]
    return "\n".join(
        "  ".join(
            cell.rjust(width) if to_right else cell.ljust(width)
            for cell, width, to_right in zip(line, widths, right, strict=True)
        ).rstrip()
        for line in lines
    )


def percent(share: float | None) -> str:
    """A share of 0 to 1 as '78.4 %'."""
    return UNKNOWN if share is None or math.isnan(share) else f"{100 * share:.1f} %"


def fraction(value: float | None) -> str:
    """A number of 0 to 1, such as an AUC, with three decimals."""
    return UNKNOWN if value is None or math.isnan(value) else f"{value:.3f}"


def interval(value: float | None, low: float | None, high: float | None) -> str:
    """A number of 0 to 1 with its confidence interval: '0.954 (0.941 to 0.966)'."""
    if low is None or high is None:
        return fraction(value)
    return f"{fraction(value)} ({fraction(low)} to {fraction(high)})"


def duration(seconds: float | None) -> str:
    """A time span in common units: '41 s', '8 min 20 s', '2 h 5 min'."""
    if seconds is None:
        return UNKNOWN
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s" if whole >= 10 else f"{seconds:.1f} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"
