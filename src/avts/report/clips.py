"""What `avts eval clips` found, as a record and as a table. Input: ClipOffsets. Output: plain values, text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from avts.offset.clips import (
    CHANCE,
    CLOSE_SECONDS,
    LEAST_SECONDS,
    METHODS,
    SEARCH_SECONDS,
    SHIFT_SECONDS,
    SHIFTS_PER_CLIP,
    ClipOffset,
    share_close,
)
from avts.report.tables import percent, text_table

ALL = "all"
Offsets = Sequence[ClipOffset]


def clips_record(offsets: Offsets, *, model: str | None, num_failed: int, num_short: int) -> dict[str, Any]:
    """The JSON object of a folder: shares of each method, overall and by kind, and every single offset.

    Args:
        offsets: of all clips.
        model: where the model came from; None if there was none.
        num_failed: clips that could not be read.
        num_short: clips left out for their length.
    """
    kinds = sorted({offset.kind for offset in offsets if offset.kind})
    return {
        "model": model,
        "num_clips": sum(offset.shift_seconds == 0 for offset in offsets),
        "num_failed": num_failed,
        "num_short": num_short,
        "search_seconds": SEARCH_SECONDS,
        "close_seconds": CLOSE_SECONDS,
        "chance": round(CHANCE, 4),
        ALL: _shares(offsets),
        "kinds": {kind: _shares([offset for offset in offsets if offset.kind == kind]) for kind in kinds},
        "offsets": [
            {
                "file": str(offset.path),
                "kind": offset.kind or None,
                "shift_seconds": round(offset.shift_seconds, 4),
                **{method: _rounded(offset.found_seconds[method]) for method in _methods(offsets)},
            }
            for offset in offsets
        ],
    }


def clips_table(offsets: Offsets) -> str:
    """The table that `avts eval clips` prints: a row for each kind, model and baseline side by side."""
    methods = _methods(offsets)
    headers = ["kind", "clips", *methods, *(f"{method}, shifted" for method in methods)]
    kinds = sorted({offset.kind for offset in offsets if offset.kind})
    groups = [(ALL, list(offsets))]
    groups += [(kind, [offset for offset in offsets if offset.kind == kind]) for kind in kinds]
    rows = []
    for name, chosen in groups:
        shares = [
            percent(share_close(chosen, method, shifted=shifted)) for shifted in (False, True) for method in methods
        ]
        rows.append([name, str(sum(offset.shift_seconds == 0 for offset in chosen)), *shares])
    return (
        f"{text_table(headers, rows)}\n"
        f"share of clips of {LEAST_SECONDS:g} s or more whose offset, searched over +-{SEARCH_SECONDS:g} s, is within "
        f"{CLOSE_SECONDS:g} s of the truth;\n"
        f"shifted: {SHIFTS_PER_CLIP} known shifts of each clip, up to {SHIFT_SECONDS:g} s either way; "
        f"chance: {percent(CHANCE)}"
    )


def _methods(offsets: Offsets) -> list[str]:
    """The methods that were tried."""
    return [method for method in METHODS if any(method in offset.found_seconds for offset in offsets)]


def _shares(offsets: Offsets) -> dict[str, Any]:
    return {
        "num_clips": sum(offset.shift_seconds == 0 for offset in offsets),
        "as_they_are": {method: share_close(offsets, method, shifted=False) for method in _methods(offsets)},
        "shifted": {method: share_close(offsets, method, shifted=True) for method in _methods(offsets)},
    }


def _rounded(seconds: float) -> float | None:
    return None if seconds != seconds else round(seconds, 4)
