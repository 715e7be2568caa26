"""Files that are not in the corpus, and why: one line each, never the end of the run."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

REFUSED_NAME = "refused.csv"
MISSING_NAME = "missing.csv"

TRIED_AGAIN = frozenset({"crashed", "timed_out", "limit", "missing", "fetch"})
"""Reasons that may be gone at the next run; files refused for others are not looked at again until they change."""

FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n")
"""What spreadsheets take for the beginning of a formula.

Source: OWASP, CSV Injection (https://owasp.org/www-community/attacks/CSV_Injection).
"""

PATH_COLUMNS = frozenset({"file", "repaired", "source"})
"""Columns whose cells are paths: './' before one keeps it the same path."""


@dataclass(frozen=True)
class Refusal:
    """A file that was not taken in: its relative path, a word for the reason, and the sentence for the user.

    reason: unreadable, no_video, no_audio, undecodable, too_short, limit, duplicate, straddles, changed, crashed,
    timed_out, fetch, missing or failed.
    """

    source: str
    reason: str
    message: str


def plain(text: str) -> str:
    """A name as it can be shown and written on one line: what does not print becomes an escape."""
    signs = writable(text)
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in signs)


def writable(text: str) -> str:
    r"""A text as it can be encoded: bytes of a name that are not UTF-8 become escapes, such as \xff."""
    if text.isascii():
        return text
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # halves of pairs, which stand for no byte
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


def safe_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row whose text no spreadsheet runs as a formula, and that can be written as UTF-8."""
    return {column: _safe_cell(column, value) for column, value in row.items()}


def _safe_cell(column: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    text = writable(value)
    if text.startswith(FORMULA_SIGNS):
        return f"./{text}" if column in PATH_COLUMNS else f"'{text}"
    return text


def write_refusals(path: Path, refusals: Iterable[Refusal]) -> None:
    """Write a table of refusals; atomic, and no cell is a formula."""
    waiting = path.with_name(f".{path.name}.part")
    with waiting.open("w", encoding="utf-8", newline="") as file:
        rows = csv.DictWriter(file, ["source", "reason", "message"])
        rows.writeheader()
        rows.writerows(safe_row(asdict(refusal)) for refusal in refusals)
    os.replace(waiting, path)
