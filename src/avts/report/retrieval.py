"""Results of retrieval as text. Input: results. Output: text tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from avts.report.tables import percent, text_table

if TYPE_CHECKING:
    from avts.features.retrieval import Recall


def recall_text(found: Sequence[Recall]) -> str:
    """Recall by rank, with the chance level."""
    ways = {"picture": "sound by picture", "sound": "picture by sound"}
    rows = [
        [ways[one.asked], str(k), percent(share), percent(one.chance[k]), str(one.num_windows)]
        for one in found
        for k, share in one.at.items()
    ]
    return text_table(["search", "at", "recall", "chance level", "windows"], rows)


def nearest_text(hits: Sequence[Mapping[str, Any]], searched: str) -> str:
    """Files, best match first, each with its best matching window."""
    rows = [
        [
            f"{hit['distance']:.3f}",
            f"{hit['start_seconds']:.2f} to {hit['stop_seconds']:.2f} s",
            hit["file"],
            hit["label"] or "",
        ]
        for hit in hits
    ]
    return text_table(["distance", f"{searched} at", "file", "label"], rows)
