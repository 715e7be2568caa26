"""The report of a batch of films as one HTML file. Input: records, CSV rows and figures. Output: HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from avts.report.page import card, html_page, table, tile
from avts.report.sync_text import MOST_SURE

HEADERS = ("film", "offset", "confidence", "drift", "segments", "limits")
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
    told = [record for record in records if record.get("offset_seconds") is not None]
    failed = [record for record in records if "error" in record]
    body = [
        "<h1>How far the sound is off</h1>",
        f'<p class="lead">{escape(EXPLANATION)}</p>',
        '<div class="tiles">',
        tile(str(len(records)), "films"),
        tile(str(len(told)), "offsets told"),
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


def _cells(record: Mapping[str, Any]) -> tuple[str, ...]:
    if "error" in record:
        return str(record["file"]), "cannot be used", "", "", "", ""
    drift = record.get("drift_ms_per_minute")
    limits = {True: "pass", False: "miss", None: ""}[record.get("within_limits")]
    told = record.get("offset_seconds") is not None
    return (
        str(record["file"]),
        str(record["in_words"]),
        f"{min(record['confidence'], MOST_SURE):.2f}" if told else "",
        "" if drift is None else f"{drift:+.1f} ms a minute",
        str(len(record["segments"])) if told else "",
        limits,
    )


def _words(record: Mapping[str, Any]) -> str:
    """What is said over a film's figure."""
    words = str(record.get("error") or record["in_words"])
    if record.get("reason"):
        words += f": {record['reason']}"
    if repaired := record.get("repaired"):
        words += f". Repaired as {repaired['file']}, measured again: {repaired['in_words']}"
    return words
