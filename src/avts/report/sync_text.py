"""The result for one film as text and as a record. Input: a SyncResult. Output: lines, a JSON object, a CSV row."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from avts.offset.estimate import UNCERTAIN, OffsetEstimate
from avts.offset.fix import confidence_of
from avts.offset.measure import SyncResult
from avts.offset.timeline import Segment
from avts.report.outside import one_line, safe_row
from avts.timebase import offset_in_words

MOST_SURE = 0.99
"""Maximum confidence that is printed: no estimate is reported as certain."""

CLOCK_SECONDS = 120.0
"""Times in a film that is longer than this are given as on a clock, otherwise in seconds."""

CSV_COLUMNS = (
    "file",
    "offset_seconds",
    "guess_seconds",
    "in_words",
    "confidence",
    "certain",
    "reason",
    "drift_ms_per_minute",
    "num_segments",
    "min_offset_seconds",
    "max_offset_seconds",
    "within_limits",
    "repaired",
    "moved_seconds",
    "repair_error",
    "model",
    "error",
)


UNKNOWN: dict[str, Any] = {
    "offset_seconds": None,
    "guess_seconds": None,
    "in_words": None,
    "confidence": None,
    "least_confidence": None,
    "certain": False,
    "reason": None,
    "drift_ms_per_minute": None,
}
"""What a file has that could not be used, so that a program finds the same keys in each object."""


def verdict(result: SyncResult) -> str:
    """The result in words, with its uncertainty.

    'sound 120 ms early, confidence 0.87'; for a guess that must not be used 'sound about 120 ms early (uncertain),
    confidence 0.45: ' and the reason; or 'cannot tell: ' and the reason.
    """
    words, more = result.in_words, ""
    if result.drift_ms_per_minute is not None and result.segments:
        start, stop = (
            offset_in_words(result.offset_at(at), about=result.reason is not None)
            for at in (0.0, result.segments[-1].stop_seconds)
        )
        words = f"{start} at the start, {stop} at the end"
        more = f", drifts by {result.drift_ms_per_minute:+.1f} ms per minute"
    if len(result.segments) > 1:
        more += f", jumps {len(result.segments) - 1} time{'s' if len(result.segments) > 2 else ''}"
    return estimate_verdict(result.estimate, words, f"{min(confidence_of(result), MOST_SURE):.2f}{more}")


def estimate_verdict(answer: OffsetEstimate, words: str | None = None, confidence: str | None = None) -> str:
    """The verdict on a best offset.

    Args:
        answer: the best offset, its confidence and the reason not to use it.
        words: the offset in words, if it is more than one number.
        confidence: the confidence in words, if it is more than one number.
    """
    if answer.reason is not None and not answer.is_guess:
        return f"cannot tell: {answer.reason.removeprefix(UNCERTAIN)}"
    doubt = " (uncertain)" if answer.is_guess else ""
    said = f"{words or answer.in_words}{doubt}, confidence {confidence or f'{min(answer.confidence, MOST_SURE):.2f}'}"
    return said if answer.reason is None else f"{said}: {answer.reason.removeprefix(UNCERTAIN)}"


def sync_line(path: Path, result: SyncResult) -> str:
    """One line for one film, 'talk.mp4: sound 120 ms early, confidence 0.87'; then a table if the offset jumps."""
    lines = [f"{one_line(str(path))}: {verdict(result)}"]
    if len(result.segments) > 1:
        lines += [
            f"  {clock(each.start_seconds)} to {clock(each.stop_seconds)}  {segment_words(each, result)}, "
            f"confidence {min(each.confidence, MOST_SURE):.2f}"
            for each in result.segments
        ]
    return "\n".join(lines)


def segment_words(segment: Segment, result: SyncResult) -> str:
    """The offset of one segment, with 'about' if it makes the result uncertain."""
    doubtful = result.reason is not None and segment.confidence < result.least_confidence
    return offset_in_words(segment.offset_seconds, about=doubtful)


def clock(seconds: float) -> str:
    """A time in a film: '0:07', '12:31', '1:02:05'."""
    whole = int(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def film_time(seconds: float, duration_seconds: float) -> str:
    """A time in a film of a given length: '7.3 s', or '12:31' in a film longer than CLOCK_SECONDS."""
    return clock(seconds) if duration_seconds > CLOCK_SECONDS else f"{seconds:.1f} s"


def result_record(path: Path, result: SyncResult) -> dict[str, Any]:
    """The JSON object of one film's result.

    offset_seconds is null and certain false if there is a reason not to use the offset; guess_seconds is the best guess
    even then. A distance is null where there are too few windows.
    """
    scan = result.scan
    return {
        "file": str(path),
        **_short(result),
        "num_windows": result.estimate.num_windows,
        "range_seconds": [round(float(edge), 4) for edge in (scan.offsets_seconds[0], scan.offsets_seconds[-1])],
        "segments": [
            {
                "start_seconds": round(each.start_seconds, 2),
                "stop_seconds": round(each.stop_seconds, 2),
                "offset_seconds": round(each.offset_seconds, 4),
                "confidence": round(each.confidence, 4),
            }
            for each in result.segments
        ],
        "curve": {
            "offsets_seconds": [round(float(offset), 4) for offset in scan.offsets_seconds],
            "distances": [None if math.isnan(value) else round(float(value), 4) for value in result.estimate.curve],
        },
    }


def reading_record(path: Path, result: SyncResult) -> dict[str, Any]:
    """The JSON object of a measurement without its curve and segments."""
    return {"file": str(path), **_short(result)}


def _short(result: SyncResult) -> dict[str, Any]:
    """The record without curve and segments."""
    offset, guess, drift = result.offset_seconds, result.guess_seconds, result.drift_ms_per_minute
    return {
        "offset_seconds": None if offset is None else round(offset, 4),
        "guess_seconds": None if guess is None else round(guess, 4),
        "in_words": result.in_words,
        "confidence": round(result.confidence, 4),
        "least_confidence": round(result.least_confidence, 4),
        "certain": offset is not None,
        "reason": result.reason,
        "drift_ms_per_minute": None if drift is None else round(drift, 2),
    }


def failure_record(path: Path, error: Exception, *, measured: bool = True) -> dict[str, Any]:
    """The JSON object of a file that could not be used: its error; and the keys of a measurement, if asked for."""
    return {"file": str(path), **(UNKNOWN if measured else {}), "error": str(error)}


def csv_row(record: dict[str, Any], result: SyncResult | None) -> dict[str, Any]:
    """The row of a film in a CSV file, by CSV_COLUMNS; None becomes an empty cell, and no cell is a formula."""
    row = {column: record.get(column) for column in CSV_COLUMNS}
    if repaired := record.get("repaired"):
        row.update(repaired=repaired["file"], moved_seconds=repaired["moved_seconds"])
    if result is not None and result.segments:
        low, high = result.extremes_seconds
        row.update(
            num_segments=len(result.segments), min_offset_seconds=round(low, 4), max_offset_seconds=round(high, 4)
        )
    return safe_row(row)
