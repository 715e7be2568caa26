"""Results of probes as text and as a confusion matrix. Input: results. Output: text, PNG."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from avts.report.class_figures import confusion_figure
from avts.report.palette import drawing, write_png
from avts.report.tables import percent, text_table

if TYPE_CHECKING:
    from avts.probe.cross_validation import ProbeResult


def probe_text(result: ProbeResult, about: Mapping[str, Any]) -> str:
    """Accuracy with its interval, the settings, and a table of the classes.

    Args:
        result: the result of a probe.
        about: model, features, windows, classifier, folds.
    """
    low, high = result.interval
    labels = "all labels" if result.labels_per_class is None else f"{result.labels_per_class} labels per class"
    lines = [
        f"accuracy {percent(result.accuracy)} (95 % interval {percent(low)} to {percent(high)}), {labels}, "
        f"{result.num_recordings} recordings",
        f"model: {about['model']}; features: {about['features']}",
        f"{about['windows']} windows of {about['window_seconds']:g} s per recording; {about['classifier']}",
        f"folds: {about['folds']}; seed {about['seed']}",
        "",
        text_table(
            ["fold", "accuracy", "chosen"],
            [
                [str(number + 1), percent(accuracy), chosen]
                for number, (accuracy, chosen) in enumerate(zip(result.accuracies, result.chosen, strict=True))
            ],
        ),
        "",
        text_table(["class", "recordings", "accuracy", "most often confused with"], _class_rows(result)),
        "",
    ]
    return "\n".join(lines)


def _class_rows(result: ProbeResult) -> list[list[str]]:
    rows = []
    for index, name in enumerate(result.classes):
        answers = result.confusion[index]
        others = np.where(np.arange(len(answers)) == index, 0, answers)
        taken = f"{result.classes[int(others.argmax())]} ({others.max()})" if others.any() else ""
        rows.append([name, str(answers.sum()), percent(answers[index] / max(answers.sum(), 1)), taken])
    return rows


def draw_confusion(result: ProbeResult, path: Path) -> None:
    """Plot the confusion matrix of a probe as a PNG."""
    with drawing("confusion"):
        write_png(confusion_figure(result.confusion.tolist(), result.classes), path)
