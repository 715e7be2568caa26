"""The report of a batch of films as one HTML file. Input: records, CSV rows and figures. Output: HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from avts.report.page import card, html_page, table, tile
from avts.report.sync_text import MOST_SURE

HEADERS = ("film", "offset", "confidence", "drift", "segments", "limits", "repaired")
EXPLANATION = (
    "An offset above 0 means that the sound comes early: it leads the picture, and the repair delays it by that much. "
    "The confidence is the probability that the error is under 0.1 s. In each map, dark is where both fit; "
    "the dashed line is the offset over time."
)


def sync_page(records: Sequence[Mapping[str, Any]], figures: Sequence[str | None]) -> str:
    """The page of a batch.

    Args:
        records: the JSON object of each film, failures among them.
        figures: an SVG for each film, or None.
    """
    failed = [record for record in records if "error" in record]
    told = [record for record in records if record.get("offset_seconds") is not None]
    certain = [record for record in told if _is_certain(record)]
    body = [
        "<h1>How far the sound is off</h1>",
        f'<p class="lead">{escape(EXPLANATION)}</p>',
        '<div class="tiles">',
        tile(str(len(records)), "films"),
        tile(str(len(certain)), "offsets known"),
        tile(str(len(told) - len(certain)), "uncertain"),
        tile(str(len(records) - len(told) - len(failed)), "cannot be told"),
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
    return html_page("How far the sound is off", body)


def _is_certain(record: Mapping[str, Any]) -> bool:
    """Whether an offset is known; one without a word on its certainty counts as known."""
    return record.get("offset_seconds") is not None and bool(record.get("certain", True))


def _cells(record: Mapping[str, Any]) -> tuple[str, ...]:
    if "error" in record:
        return str(record["file"]), "cannot be used", "", "", "", "", ""
    drift = record.get("drift_ms_per_minute")
    told = record.get("offset_seconds") is not None
    doubt = "" if _is_certain(record) or not told else " (uncertain)"
    return (
        str(record["file"]),
        f"{record['in_words']}{doubt}",
        f"{min(record['confidence'], MOST_SURE):.2f}" if told else "",
        "" if drift is None else f"{drift:+.1f} ms a minute",
        str(len(record["segments"])) if told else "",
        _limits(record),
        _repaired(record),
    )


def _limits(record: Mapping[str, Any]) -> str:
    """'pass', 'miss' or 'unknown'; nothing if no limit was set."""
    if "limits" not in record:
        return ""
    return {True: "pass", False: "miss", None: "unknown"}[record["within_limits"]]


def _repaired(record: Mapping[str, Any]) -> str:
    """The repaired file, or that there is none; nothing if no repair was asked for."""
    if record.get("repaired"):
        return str(record["repaired"]["file"])
    return "no" if record.get("repair_error") else ""


def _words(record: Mapping[str, Any]) -> str:
    """What is said over a film's figure."""
    words = str(record["in_words"])
    if not _is_certain(record):
        words += f": {record['reason']}" if record.get("reason") else " (uncertain)"
    if repaired := record.get("repaired"):
        words += f". Repaired as {repaired['file']}; measured again in the same way, it reads: {repaired['in_words']}"
        words += " (a consistency check, not proof)"
    if record.get("repair_error"):
        words += f". {record['repair_error']}"
    return words
