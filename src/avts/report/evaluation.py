"""An evaluation as text. Input: the result of `avts.evaluation.evaluate`. Output: rows, and a text table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from avts.report.tables import UNKNOWN, interval, text_table

KIND_WORDS = {
    "positive": "in sync",
    "easy": "easy: another video's sound",
    "mixed": "75 % easy, 25 % hard",
    "hard": "hard: same video, other time",
    "super_hard": "super-hard: same video, overlapping",
}

HEADERS = ("negatives", "AUC", "accuracy", "negative pairs")


def evaluation_rows(evaluation: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """For each kind of negative: its name, AUC and accuracy with 95 % intervals, and the number of negative pairs."""
    counts = evaluation.get("num_pairs") or {}
    rows = []
    for kind, numbers in evaluation["kinds"].items():
        count = numbers.get("num_pairs", counts.get(kind))
        words = UNKNOWN if count is None else f"{count:,}"
        rows.append((KIND_WORDS.get(kind, kind), _measured(numbers["auc"]), _measured(numbers["accuracy"]), words))
    return rows


def evaluation_table(evaluation: Mapping[str, Any]) -> str:
    """The table that `avts eval` prints."""
    table = text_table(HEADERS, evaluation_rows(evaluation))
    lines = [table, f"threshold on the distance: {evaluation['threshold']:.3f} (fitted on validation videos)"]
    share = evaluation.get("sound_within_share")
    if share is not None:
        lines.append(
            f"variance of the sound embeddings within videos: {share:.1%} (near 0 they tell what is heard, not when)"
        )
    return "\n".join(lines)


def kind_name(kind: str) -> str:
    """The short name of a kind of pair."""
    return KIND_WORDS.get(kind, kind).split(":")[0]


def _measured(numbers: Mapping[str, Any]) -> str:
    """A number with its interval."""
    return interval(numbers.get("value"), numbers.get("low"), numbers.get("high"))
