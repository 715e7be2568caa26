"""Text that comes from outside (names of files, tags, reasons with names in them) made harmless where it is shown.

Input: any text. Output: text for one line of a terminal, or a cell of a spreadsheet. HTML is escaped by `page`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What spreadsheets take for the beginning of a formula.

Source: OWASP, CSV Injection (https://owasp.org/www-community/attacks/CSV_Injection).
"""

PATH_COLUMNS = frozenset({"file", "repaired"})
"""Columns whose cells are paths: './' before one keeps it the same path."""


def one_line(text: str) -> str:
    """A text as it can be printed: line breaks, terminal codes and bytes that are not UTF-8 are escaped."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)


def safe_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row whose text no spreadsheet runs as a formula, and that can be written as UTF-8."""
    return {column: _safe_cell(column, value) for column, value in row.items()}


def _safe_cell(column: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = value.encode("utf-8", "backslashreplace").decode()
    if text.startswith(FORMULA_SIGNS):
        return f"./{text}" if column in PATH_COLUMNS else f"'{text}"
    return text
