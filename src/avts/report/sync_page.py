"""The report on a batch of films as one HTML file. Input: records and figures. Output: HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from avts.report.page import card, html_page, table, tile
from avts.report.sync_text import MOST_SURE

HEADERS = ("film", "offset", "confidence", "drift", "segments", "limits", "repaired")
EXPLANATION = (
    "An offset above 0 means that the sound comes early: it leads the picture, and the repair delays it by that much. "
    "The confidence is the probability that the offset is right within 0.2 s. In each map, dark means a good match; "
    "the dashed line is the offset over time."
)


def sync_page(records: Sequence[Mapping[str, Any]], figures: Sequence[str | None]) -> str:
    """The page of a batch.

    Args:
        records: the JSON object of each film, including failures.
        figures: an SVG for each film, or None.
    """
    failed = [record for record in records if "error" in record]
    certain = [record for record in records if record.get("offset_seconds") is not None]
    guesses = [record for record in records if _is_guess(record)]
    body = [
        "<h1>Audio/video offsets</h1>",
        f'<p class="lead">{escape(EXPLANATION)}</p>',
        '<div class="tiles">',
        tile(str(len(records)), "films"),
        tile(str(len(certain)), "offsets known"),
        tile(str(len(guesses)), "uncertain"),
        tile(str(len(records) - len(certain) - len(guesses) - len(failed)), "offsets unknown"),
        tile(str(len(failed)), "cannot be used"),
        "</div>",
        card(table(HEADERS, [_cells(record) for record in records])),
        "<h2>Film by film</h2>",
        *(
            card(f'<p class="quiet">{escape(_words(record))}</p>', figure, title=str(record["file"]), wide=True)
            for record, figure in zip(records, figures, strict=True)
            if figure is not None
        ),
    ]
    return html_page("Audio/video offsets", body)


def _is_guess(record: Mapping[str, Any]) -> bool:
    """Whether there is no answer, but a guess that is likely enough to be reported."""
    return record.get("offset_seconds") is None and record.get("in_words", "cannot tell") != "cannot tell"


def _cells(record: Mapping[str, Any]) -> tuple[str, ...]:
    if "error" in record:
        return str(record["file"]), f"cannot be used: {_reason(record)}", "", "", "", "", ""
    drift = record.get("drift_ms_per_minute")
    guess = _is_guess(record)
    named = guess or record.get("offset_seconds") is not None
    return (
        str(record["file"]),
        f"{record['in_words']}{' (uncertain)' if guess else ''}",
        f"{min(record['confidence'], MOST_SURE):.2f}" if named else "",
        "" if drift is None else f"{drift:+.1f} ms per minute",
        str(len(record["segments"])) if named else "",
        _limits(record),
        _repaired(record),
    )


def _reason(record: Mapping[str, Any]) -> str:
    """Why a file cannot be used, without its name, which stands beside it."""
    name = Path(record["file"]).name
    return str(record["error"]).removeprefix(f"{record['file']}: ").removeprefix(f"{name}: ")


def _limits(record: Mapping[str, Any]) -> str:
    """'pass', 'miss' or 'unknown'; '' if no limit was set."""
    if "limits" not in record:
        return ""
    return {True: "pass", False: "miss", None: "unknown"}[record["within_limits"]]


def _repaired(record: Mapping[str, Any]) -> str:
    """The repaired file, or 'no' if the repair failed; '' if no repair was requested."""
    if record.get("repaired"):
        return str(record["repaired"]["file"])
    return "no" if record.get("repair_error") else ""


def _words(record: Mapping[str, Any]) -> str:
    """The text above the figure of a film."""
    if "error" in record:
        return str(record["error"])
    words = str(record["in_words"])
    if record.get("reason"):
        words += f" ({record['reason']})" if _is_guess(record) else f": {record['reason']}"
    if repaired := record.get("repaired"):
        words += f". Repaired as {repaired['file']}; measured again with the same method: {repaired['in_words']}"
        words += " (a consistency check, not proof)"
    if record.get("repair_error"):
        words += f". {record['repair_error']}"
    return words
