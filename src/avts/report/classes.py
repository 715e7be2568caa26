"""Results of video classifiers as text tables. Input: results of avts.finetune.study. Output: text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from avts.report.tables import percent, text_table

SENSES = {"both": "picture and sound", "picture": "picture only", "sound": "sound only"}
MOST_CLASSES = 60
"""Maximum number of classes in a table on a terminal; result.json has them all."""


def study_table(result: Mapping[str, Any]) -> str:
    """The table that `avts finetune actions` prints."""
    headers = ("labels per class", "top-1", "95 %", "top-5", "videos tested", "partitions")
    rows = [(str(one["labels_per_class"] or "all"), *_figures(one)) for one in result["results"]]
    last = result["results"][-1]
    lines = [text_table(headers, rows), _conditions(result, last)]
    if len(last["classes"]) <= MOST_CLASSES:
        lines += ["", text_table(("class", "accuracy"), [(name, percent(v)) for name, v in last["per_class"].items()])]
    return "\n".join(lines)


def comparison_table(results: Mapping[str, Mapping[str, Any]]) -> str:
    """The table that `avts finetune multimodal` prints."""
    headers = ("input", "labels per class", "top-1", "95 %", "top-5", "videos tested", "partitions")
    rows = [
        (SENSES[senses], str(one["labels_per_class"] or "all"), *_figures(one))
        for senses, result in results.items()
        for one in result["results"]
    ]
    both = results["both"]
    return f"{text_table(headers, rows)}\n{_conditions(both, both['results'][-1])}"


def _figures(one: Mapping[str, Any]) -> tuple[str, str, str, str, str]:
    top1, top5 = one["top1"], one["top5"]
    return (
        percent(top1["value"]),
        f"{percent(top1['low'])} to {percent(top1['high'])}",
        percent(top5["value"] if top5 else None),
        str(one["num_videos"]),
        ", ".join(part["partition"] for part in one["parts"]),
    )


def _conditions(result: Mapping[str, Any], one: Mapping[str, Any]) -> str:
    """The conditions of the experiment, and the accuracy of always predicting the most frequent class."""
    steps = ", ".join(str(part["steps"]) for part in one["parts"])
    return (
        f"start: {result['start']}; {result['clips_per_video']} clips of {result['clip_seconds']:.2f} s per video, "
        f"scores averaged; {steps} steps; {len(one['classes'])} classes, most frequent class: {percent(one['chance'])}"
    )
