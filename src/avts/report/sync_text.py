"""The result of one film in words and as a record. Input: a SyncResult. Output: lines, a JSON object, a CSV row."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from avts.offset.distance_map import OffsetScan
from avts.offset.estimate import OffsetEstimate
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
    "reason",
    "drift_ms_per_minute",
    "num_segments",
    "min_offset_seconds",
    "max_offset_seconds",
    "error",
)


def verdict(result: SyncResult | OffsetEstimate) -> str:
    """The result in words: 'sound 120 ms early, confidence 0.87', or 'cannot tell' and why."""
    if result.reason is not None:
        return f"{result.in_words} ({result.reason})"
    sure = f"confidence {min(result.confidence, MOST_SURE):.2f}"
    if isinstance(result, OffsetEstimate) or result.is_constant:
        return f"{result.in_words}, {sure}"
    words = f"{result.in_words}, {sure}"
    if result.drift_ms_per_minute is not None and result.segments:
        start, stop = (offset_in_words(result.offset_at(at)) for at in (0.0, result.segments[-1].stop_seconds))
        words = (
            f"{start} at the start, {stop} at the end, {sure}, drifts by {result.drift_ms_per_minute:+.1f} ms a minute"
        )
    if len(result.segments) > 1:
        words += f", jumps {len(result.segments) - 1} time{'s' if len(result.segments) > 2 else ''}"
    return words


def sync_line(path: Path, result: SyncResult) -> str:
    """One line for one film, 'talk.mp4: sound 120 ms early, confidence 0.87'; a table below it if the offset jumps."""
    lines = [f"{one_line(str(path))}: {verdict(result)}"]
    if len(result.segments) > 1:
        lines += [
            f"  {clock(each.start_seconds)} to {clock(each.stop_seconds)}  {offset_in_words(each.offset_seconds)}, "
            f"confidence {min(each.confidence, MOST_SURE):.2f}"
            for each in result.segments
        ]
    return "\n".join(lines)


def clock(seconds: float) -> str:
    """A time in a film: '0:07', '12:31', '1:02:05'."""
    whole = int(seconds)
    hours, minutes = divmod(whole // 60, 60)
    return f"{hours}:{minutes:02d}:{whole % 60:02d}" if hours else f"{minutes}:{whole % 60:02d}"


def result_record(path: Path, result: SyncResult) -> dict[str, Any]:
    """The JSON object of one film's result.

    offset_seconds is null when there is a reason not to act on it, a distance is null where too few windows exist.
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


def sync_record(path: Path, scan: OffsetScan, estimate: OffsetEstimate) -> dict[str, Any]:
    """The same from a map and its one best offset; drift and jumps are looked for."""
    return result_record(path, told(str(path), scan, estimate))


def repaired_record(path: Path, result: SyncResult) -> dict[str, Any]:
    """What measuring a repaired file again gave."""
    return {"file": str(path), **_short(result)}


def _short(result: SyncResult) -> dict[str, Any]:
    """The result without its curve."""
    offset, drift = result.offset_seconds, result.drift_ms_per_minute
    return {
        "offset_seconds": None if offset is None else round(offset, 4),
        "in_words": result.in_words,
        "confidence": round(result.confidence, 4),
        "reason": result.reason,
        "drift_ms_per_minute": None if drift is None else round(drift, 2),
    }


def failure_record(path: Path, error: Exception) -> dict[str, Any]:
    """The JSON object of a file that could not be used."""
    return {"file": str(path), "error": str(error)}


def csv_row(record: dict[str, Any], result: SyncResult | None) -> dict[str, Any]:
    """The row of a film in a CSV file, by CSV_COLUMNS; None becomes an empty cell, and no cell is a formula."""
    row = {column: record.get(column) for column in CSV_COLUMNS}
    if result is not None and result.segments:
        low, high = result.extremes_seconds
        row.update(
            num_segments=len(result.segments), min_offset_seconds=round(low, 4), max_offset_seconds=round(high, 4)
        )
    return safe_row(row)
