"""The results of `avts eval clips` as a record and as tables. Input: ClipOffsets. Output: plain values, text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from avts.offset.clip_scores import (
    TOLERANCES_SECONDS,
    confidence_auc,
    coverage,
    interval,
    share_answered,
    share_of_answers_right,
    share_within,
)
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
from avts.report.reliability import calibration_error
from avts.report.tables import fraction, percent, text_table

ALL = "all"
Offsets = Sequence[ClipOffset]


def clips_record(offsets: Offsets, *, model: str | None, num_failed: int, num_short: int) -> dict[str, Any]:
    """The JSON object of a folder: shares of each method, overall, by kind, source and cue, and every single offset.

    Args:
        offsets: of all clips.
        model: name of the model; None for the baseline alone.
        num_failed: clips that could not be read.
        num_short: clips skipped because they are too short.
    """
    methods = _methods(offsets)
    return {
        "model": model,
        "num_clips": _num_clips(offsets),
        "num_failed": num_failed,
        "num_short": num_short,
        "search_seconds": SEARCH_SECONDS,
        "close_seconds": CLOSE_SECONDS,
        "chance": round(CHANCE, 4),
        ALL: _shares(offsets),
        "kinds": {kind: _shares(chosen) for kind, chosen in _by("kind", offsets).items()},
        "sources": {source: _shares(chosen) for source, chosen in _by("source", offsets).items()},
        "cues": {cue: _shares(chosen) for cue, chosen in _by("cue", offsets).items()},
        "confidence": {method: _trust(offsets, method) for method in methods},
        "offsets": [_offset(each, methods) for each in offsets],
    }


def _offset(each: ClipOffset, methods: Sequence[str]) -> dict[str, Any]:
    """One search; confidence and reason are those of the model, or of the baseline if there is no model."""
    first = methods[0]
    return {
        "file": str(each.path),
        "kind": each.kind or None,
        "source": each.source or None,
        "cue": each.cue or None,
        "shift_seconds": round(each.shift_seconds, 4),
        "true_seconds": round(each.shift_seconds + each.offset_seconds, 4),
        **{method: _rounded(each.found_seconds[method]) for method in methods},
        "confidence": round(each.confidence[first], 4),
        "reason": each.reason.get(first),
        "confidences": {method: round(each.confidence[method], 4) for method in methods},
        "reasons": {method: each.reason.get(method) for method in methods},
    }


def _trust(offsets: Offsets, method: str) -> dict[str, Any]:
    """Calibration of the confidence of a method."""
    return {
        "auc": confidence_auc(offsets, method),
        "calibration_error": _calibration_error(offsets, method),
        "coverage": [
            {"confidence": each.confidence, "answered": each.answered, "right": each.right}
            for each in coverage(offsets, method)
        ],
    }


def clips_table(offsets: Offsets) -> str:
    """The tables that `avts eval clips` prints: shares by kind, source and cue, then the calibration."""
    parts = [_shares_table(offsets, method) for method in _methods(offsets)]
    parts += [_trust_table(offsets, method) for method in _methods(offsets)]
    return "\n\n".join(parts) + (
        f"\n\nclips of {LEAST_SECONDS:g} s or more, searched over +-{SEARCH_SECONDS:g} s; shifted: {SHIFTS_PER_CLIP} "
        f"known shifts of each clip, up to {SHIFT_SECONDS:g} s in either direction;\n"
        f"right: within {CLOSE_SECONDS:g} s of the truth, chance level {percent(CHANCE)}; in brackets: 95 % interval, "
        "bootstrapped over sources"
    )


def _shares_table(offsets: Offsets, method: str) -> str:
    """A row for all clips, each kind, each source and each cue."""
    within = [f"{seconds:g} s" for seconds in TOLERANCES_SECONDS]
    headers = [method, "clips", *within, *(f"shifted, {each}" for each in within), "answered", "answers right"]
    rows = []
    for name, chosen in _groups(offsets).items():
        row = [name, str(_num_clips(chosen))]
        for shifted in (False, True):
            part = [each for each in chosen if (each.shift_seconds != 0) == shifted]
            row += [percent(share_within(part, method, seconds)) for seconds in TOLERANCES_SECONDS]
        row += [percent(share_answered(chosen, method)), percent(share_of_answers_right(chosen, method))]
        rows.append(row)
    table = text_table(headers, rows)
    found = interval(offsets, lambda some: share_within(some, method, CLOSE_SECONDS))
    right = interval(offsets, lambda some: share_of_answers_right(some, method))
    return (
        f"{table}\n{method}, all searches: "
        f"found {percent(share_within(offsets, method, CLOSE_SECONDS))}{_ends(found)}, "
        f"answers right {percent(share_of_answers_right(offsets, method))}{_ends(right)}"
    )


def _trust_table(offsets: Offsets, method: str) -> str:
    """Share answered, and share of the answers that are right, at each minimum confidence."""
    rows = [
        [f"{each.confidence:.2f}", percent(each.answered), percent(each.right)] for each in coverage(offsets, method)
    ]
    area = confidence_auc(offsets, method)
    return (
        text_table([f"{method}, minimum confidence", "answered", "answers right"], rows)
        + f"\nAUC of the confidence, right against wrong: {fraction(area)}; calibration error: "
        + fraction(_calibration_error(offsets, method))
    )


def _calibration_error(offsets: Offsets, method: str) -> float:
    return calibration_error([(each.confidence[method], each.close(method)) for each in offsets])


def _ends(found: tuple[float, float] | None) -> str:
    return "" if found is None else f" ({percent(found[0])} to {percent(found[1])})"


def _groups(offsets: Offsets) -> dict[str, list[ClipOffset]]:
    """All offsets, then those of each kind, source and cue by name."""
    groups = {ALL: list(offsets)} | _by("kind", offsets)
    groups |= {f"source {name}": chosen for name, chosen in _by("source", offsets).items()}
    return groups | {f"cue {name}": chosen for name, chosen in _by("cue", offsets).items()}


def _by(what: str, offsets: Offsets) -> dict[str, list[ClipOffset]]:
    """The offsets of each kind, source or cue; those without one are not included."""
    names = sorted({getattr(each, what) for each in offsets} - {""})
    return {name: [each for each in offsets if getattr(each, what) == name] for name in names}


def _num_clips(offsets: Offsets) -> int:
    return sum(each.shift_seconds == 0 for each in offsets)


def _methods(offsets: Offsets) -> list[str]:
    """The methods that were measured."""
    return [method for method in METHODS if any(method in offset.found_seconds for offset in offsets)]


def _shares(offsets: Offsets) -> dict[str, Any]:
    methods = _methods(offsets)
    return {
        "num_clips": _num_clips(offsets),
        "as_they_are": {method: share_close(offsets, method, shifted=False) for method in methods},
        "shifted": {method: share_close(offsets, method, shifted=True) for method in methods},
        "within": {
            f"{seconds:g}": {method: share_within(offsets, method, seconds) for method in methods}
            for seconds in TOLERANCES_SECONDS
        },
        "answered": {method: share_answered(offsets, method) for method in methods},
        "answers_right": {method: share_of_answers_right(offsets, method) for method in methods},
        "lean_seconds": {method: _lean(offsets, method) for method in methods},
    }


def _lean(offsets: Offsets, method: str) -> float | None:
    """Median error of the close offsets; None if there is none."""
    close = sorted(each.error_seconds(method) for each in offsets if each.close(method))
    return round(close[len(close) // 2], 4) if close else None


def _rounded(seconds: float) -> float | None:
    return None if seconds != seconds else round(seconds, 4)
