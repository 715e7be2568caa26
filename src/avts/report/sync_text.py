"""The result of one file in words and as a record. Input: its scan and estimate. Output: a line, or a JSON object."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from avts.sync.estimate import OffsetEstimate
from avts.sync.scan import OffsetScan

MOST_SURE = 0.99
"""No estimate is said to be certain."""


def verdict(estimate: OffsetEstimate) -> str:
    """The result in words: 'sound 120 ms early, confidence 0.87', or 'cannot tell' and why."""
    if estimate.reason is not None:
        return f"{estimate.in_words} ({estimate.reason})"
    return f"{estimate.in_words}, confidence {min(estimate.confidence, MOST_SURE):.2f}"


def sync_line(path: Path, estimate: OffsetEstimate) -> str:
    """One line for one file: 'talk.mp4: sound 120 ms early, confidence 0.87'."""
    return f"{path}: {verdict(estimate)}"


def sync_record(path: Path, scan: OffsetScan, estimate: OffsetEstimate) -> dict[str, Any]:
    """The JSON object of one file's result.

    offset_seconds is null when there is a reason not to act on it, a distance is null where too few windows exist.
    """
    return {
        "file": str(path),
        "offset_seconds": round(estimate.offset_seconds, 4) if estimate.reason is None else None,
        "in_words": estimate.in_words,
        "confidence": round(estimate.confidence, 4),
        "reason": estimate.reason,
        "num_windows": estimate.num_windows,
        "range_seconds": [round(float(edge), 4) for edge in (scan.offsets_seconds[0], scan.offsets_seconds[-1])],
        "curve": {
            "offsets_seconds": [round(float(offset), 4) for offset in scan.offsets_seconds],
            "distances": [None if math.isnan(distance) else round(float(distance), 4) for distance in estimate.curve],
        },
    }


def failure_record(path: Path, error: Exception) -> dict[str, Any]:
    """The JSON object of a file that could not be used."""
    return {"file": str(path), "error": str(error)}
