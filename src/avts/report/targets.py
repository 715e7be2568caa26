"""Targets of the demo and its results. Input: the demo's result. Output: rows, and a text table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from avts.report.tables import UNKNOWN, duration, fraction, percent, text_table


class Target(NamedTuple):
    """One target: its name, its key in the result, the bound, its format, and whether higher is better."""

    name: str
    where: tuple[str, str | None]
    bound: float
    words: Callable[[float | None], str]
    at_least: bool = True


TARGETS = (
    Target("AUC, easy negatives", ("auc", "easy"), 0.95, fraction),
    Target("AUC, hard negatives", ("auc", "hard"), 0.88, fraction),
    Target("AVTS accuracy, 75 % easy and 25 % hard", ("accuracy", "mixed"), 0.86, percent),
    Target("Offsets within 0.1 s", ("offset_within_0.1s", None), 0.75, percent),
    Target("Whole demo", ("seconds", "total"), 600.0, duration, at_least=False),
)


def check_targets(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Compare a demo's result with its targets.

    Returns:
        For each target a row for result.json: name, target, reached (None if the result lacks it), at_least, passed.
    """
    return [
        {
            "name": target.name,
            "target": target.bound,
            "reached": reached,
            "at_least": target.at_least,
            "passed": _passes(target, reached),
        }
        for target in TARGETS
        for reached in [_reached(result, target)]
    ]


def target_words(result: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """The same in words: name, 'at least 0.950', the result, 'pass' or 'miss' or, if not measured, a dash."""
    rows = []
    for target in TARGETS:
        reached = _reached(result, target)
        bound = f"{'at least' if target.at_least else 'at most'} {target.words(target.bound)}"
        mark = UNKNOWN if reached is None else ("pass" if _passes(target, reached) else "miss")
        rows.append((target.name, bound, target.words(reached), mark))
    return rows


def targets_table(result: Mapping[str, Any]) -> str:
    """The table that the demo prints."""
    return text_table(("", "target", "reached", ""), target_words(result))


def _reached(result: Mapping[str, Any], target: Target) -> float | None:
    """The number of a result that a target refers to."""
    section, key = target.where
    found = result.get(section)
    if key is not None:
        found = (found or {}).get(key)
    return None if found is None else float(found)


def _passes(target: Target, reached: float | None) -> bool:
    """Whether a number is on the right side of its bound."""
    if reached is None:
        return False
    return reached >= target.bound if target.at_least else reached <= target.bound
