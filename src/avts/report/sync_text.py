"""The result of one film in words and as a record. Input: a SyncResult. Output: lines, a JSON object, a CSV row."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from avts.offset.distance_map import OffsetScan
from avts.offset.estimate import OffsetEstimate
from avts.offset.fix import LEAST_CONFIDENCE, confidence_of, is_certain
from avts.offset.measure import SyncResult, told
from avts.report.outside import one_line, safe_row
from avts.timebase import offset_in_words

MOST_SURE = 0.99
"""No estimate is said to be certain."""

CSV_COLUMNS = (
    "file",
    "offset_seconds",
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


def verdict(result: SyncResult | OffsetEstimate, *, least_confidence: float = LEAST_CONFIDENCE) -> str:
    """The result in words, no surer than it is.

    'sound 120 ms early, confidence 0.87'; below the least confidence 'sound about 120 ms early (uncertain), confidence
    0.31'; or 'cannot tell: ' and why.
    """
    if result.reason is not None:
        return f"cannot tell: {result.reason}"
    if isinstance(result, OffsetEstimate):
        return _with_confidence(offset_words(result, least_confidence), result.confidence, least_confidence)
    confidence = confidence_of(result)
    if result.is_constant:
        return _with_confidence(offset_words(result, least_confidence), confidence, least_confidence)
    words = offset_words(result, least_confidence)
    if result.drift_ms_per_minute is not None and result.segments:
        about = confidence < least_confidence
        start, stop = (
            offset_in_words(result.offset_at(at), about=about) for at in (0.0, result.segments[-1].stop_seconds)
        )
        words = f"{start} at the start, {stop} at the end"
    words = _with_confidence(words, confidence, least_confidence)
    if result.drift_ms_per_minute is not None:
        words += f", drifts by {result.drift_ms_per_minute:+.1f} ms a minute"
    if len(result.segments) > 1:
        words += f", jumps {len(result.segments) - 1} time{'s' if len(result.segments) > 2 else ''}"
    return words


def offset_words(result: SyncResult | OffsetEstimate, least_confidence: float = LEAST_CONFIDENCE) -> str:
    """The offset alone: 'sound 120 ms early', 'sound about 120 ms early' if uncertain, or 'cannot tell'."""
    if result.reason is not None or result.offset_seconds is None:
        return "cannot tell"
    confidence = result.confidence if isinstance(result, OffsetEstimate) else confidence_of(result)
    return offset_in_words(result.offset_seconds, about=confidence < least_confidence)


def _with_confidence(words: str, confidence: float, least_confidence: float) -> str:
    doubt = " (uncertain)" if confidence < least_confidence else ""
    return f"{words}{doubt}, confidence {min(confidence, MOST_SURE):.2f}"


def sync_line(path: Path, result: SyncResult, *, least_confidence: float = LEAST_CONFIDENCE) -> str:
    """One line for one film, 'talk.mp4: sound 120 ms early, confidence 0.87'; a table below it if the offset jumps."""
    lines = [f"{one_line(str(path))}: {verdict(result, least_confidence=least_confidence)}"]
    if len(result.segments) > 1:
        lines += [
            f"  {clock(each.start_seconds)} to {clock(each.stop_seconds)}  "
            + _with_confidence(
                offset_in_words(each.offset_seconds, about=each.confidence < least_confidence),
                each.confidence,
                least_confidence,
            )
            for each in result.segments
        ]
    return "\n".join(lines)


def clock(seconds: float) -> str:
    """A time in a film: '0:07', '12:31', '1:02:05'."""
    whole = int(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def result_record(path: Path, result: SyncResult, *, least_confidence: float = LEAST_CONFIDENCE) -> dict[str, Any]:
    """The JSON object of one film's result.

    offset_seconds is null when there is a reason not to act on it, certain is false below the least confidence, and a
    distance is null where too few windows exist.
    """
    scan = result.scan
    return {
        "file": str(path),
        **_short(result, least_confidence),
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


def sync_record(path: Path, scan: OffsetScan, estimate: OffsetEstimate) -> dict[str, Any]:
    """The same from a map and its one best offset; drift and jumps are looked for."""
    return result_record(path, told(str(path), scan, estimate))


def reading_record(path: Path, result: SyncResult, *, least_confidence: float = LEAST_CONFIDENCE) -> dict[str, Any]:
    """The JSON object of a measurement in short, without its curve and segments."""
    return {"file": str(path), **_short(result, least_confidence)}


def _short(result: SyncResult, least_confidence: float) -> dict[str, Any]:
    """The result without its curve."""
    offset, drift = result.offset_seconds, result.drift_ms_per_minute
    return {
        "offset_seconds": None if offset is None else round(offset, 4),
        "in_words": offset_words(result, least_confidence),
        "confidence": round(result.confidence, 4),
        "certain": is_certain(result, least_confidence),
        "reason": result.reason,
        "drift_ms_per_minute": None if drift is None else round(drift, 2),
    }


def failure_record(path: Path, error: Exception) -> dict[str, Any]:
    """The JSON object of a file that could not be used."""
    return {"file": str(path), "error": str(error)}


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
