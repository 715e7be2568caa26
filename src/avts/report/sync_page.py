"""The report on a batch of films as one HTML file. Input: records and figures. Output: HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from avts.offset.calibration import RIGHT_SECONDS
from avts.offset.estimate import TOLERANCE_SECONDS
from avts.offset.timeline import Segment, Timeline
from avts.report.page import card, html_page, table, tile
from avts.report.sync_text import MOST_SURE, clock
from avts.timebase import offset_in_words

HEADERS = ("film", "offset", "confidence (required)", "drift", "segments", "limits", "repaired")
EXPLANATION = (
    "An offset above 0 means that the sound comes early: it leads the picture, and the repair delays it by that much. "
    "The confidence is the probability that the offset is right within {within:g} s; in brackets "
    "is the least confidence that is required of an answer. In each map, dark means a good match; "
    "the dashed line is the offset over time. The thumbnails are frames of the film with their times."
)


def sync_page(records: Sequence[Mapping[str, Any]], figures: Sequence[str | None], strips: Sequence[str | None]) -> str:
    """The page of a batch.

    Args:
        records: the JSON object of each film, including failures.
        figures: an SVG for each film, or None.
        strips: the thumbnails of each film as HTML, or None.
    """
    within = TOLERANCE_SECONDS if any(record.get("model") == "motion" for record in records) else RIGHT_SECONDS
    failed = [record for record in records if "error" in record]
    certain = [record for record in records if record.get("offset_seconds") is not None]
    guesses = [record for record in records if _is_guess(record)]
    body = [
        "<h1>Audio/video offsets</h1>",
        f'<p class="lead">{escape(EXPLANATION.format(within=within))}</p>',
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
            _film_card(record, figure, strip)
            for record, figure, strip in zip(records, figures, strips, strict=True)
            if figure or strip
        ),
    ]
    return html_page("Audio/video offsets", body)


def _film_card(record: Mapping[str, Any], figure: str | None, strip: str | None) -> str:
    """What is known of one film: its thumbnails, the result in words, and its figure."""
    words = f'<p class="quiet">{escape(_words(record))}</p>'
    shown = f'<div class="scroll wide">{figure}</div>' if figure else ""
    return card(strip or "", words, shown, title=str(record["file"]))


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
        f"{record['in_words']}{_where(record)}{' (uncertain)' if guess else ''}",
        f"{_least_confidence(record):.2f} ({record['least_confidence']:.2f})" if named else "",
        "" if drift is None else f"{drift:+.1f} ms per minute",
        str(len(record["segments"])) if named else "",
        _limits(record),
        _repaired(record),
    )


def _where(record: Mapping[str, Any]) -> str:
    """Which part of the film the one offset of the table belongs to; '' if the offset is constant."""
    if len(record["segments"]) > 1:
        return " in the longest segment"
    return "" if record.get("drift_ms_per_minute") is None else " in the middle"


def _offset_over_time(record: Mapping[str, Any]) -> str:
    """The offset in words; of a film that drifts at its start and end, of one that jumps in each segment."""
    segments = [Segment(**each) for each in record["segments"]]
    drift, about = record.get("drift_ms_per_minute"), _is_guess(record)
    if len(segments) > 1:
        return "; ".join(
            f"{clock(each.start_seconds)} to {clock(each.stop_seconds)}: "
            f"{offset_in_words(each.offset_seconds, about=about)}"
            for each in segments
        )
    if drift is None or not segments:
        return str(record["in_words"])
    over_time = Timeline(tuple(segments), drift)
    start, end = (offset_in_words(over_time.offset_at(at), about=about) for at in (0.0, segments[-1].stop_seconds))
    return f"{start} at the start, {end} at the end"


def _least_confidence(record: Mapping[str, Any]) -> float:
    """The confidence that decides whether the offset is used: that of the least certain segment, as it is printed."""
    return min(MOST_SURE, float(record["confidence"]), *(float(each["confidence"]) for each in record["segments"]))


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
        return f"Cannot be used: {_reason(record)}"
    words = _offset_over_time(record)
    if _is_guess(record) or record.get("offset_seconds") is not None:
        words += f", confidence {_least_confidence(record):.2f} (at least {record['least_confidence']:.2f} is required)"
    if record.get("drift_ms_per_minute") is not None:
        words += f", drifts by {record['drift_ms_per_minute']:+.1f} ms per minute"
    if record.get("reason"):
        words += f" ({record['reason']})" if _is_guess(record) else f": {record['reason']}"
    if repaired := record.get("repaired"):
        words += f". Repaired as {repaired['file']}; measured again with the same method: {repaired['in_words']}"
        words += " (a consistency check, not proof)"
    if record.get("repair_error"):
        words += f". {record['repair_error']}"
    return words
