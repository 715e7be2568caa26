"""Results of video classifiers as figures: the confusion matrix, and accuracy against the number of labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from avts.report.palette import ACCENT, drawing, light_grid, new_figure, write_png

MOST_NUMBERED = 20
"""With more classes the cells of a confusion matrix are too small for numbers."""

DARK_SHARE = 0.5  # cells with a larger share are dark, so their number is white


def write_figures(result: Mapping[str, Any], folder: Path) -> list[Path]:
    """Draw the confusion matrix for each number of labels, and the curve over them if there are several.

    Args:
        result: what `avts.finetune.study.run_study` returns.
        folder: where to write; must exist.

    Returns:
        The PNG files.
    """
    written = []
    for one in result["results"]:
        labels = one["labels_per_class"]
        name = "confusion.png" if len(result["results"]) == 1 else f"confusion-{labels or 'all'}.png"
        with drawing("confusion"):
            write_png(confusion_figure(one["confusion"], one["classes"]), folder / name)
        written.append(folder / name)
    if len(result["results"]) > 1:
        with drawing("labels"):
            write_png(labels_figure(result["results"]), folder / "labels.png")
        written.append(folder / "labels.png")
    return written


def confusion_figure(confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> Figure:
    """Rows: true class; columns: predicted class; colour: share of the row."""
    counts = np.asarray(confusion, dtype=np.float64)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    side = max(3.4, min(0.42 * len(classes), 12.0)) + 1.4
    figure = new_figure(side + 0.6, side)
    axes = figure.subplots()
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    size = 8 if len(classes) <= MOST_NUMBERED else 8 * MOST_NUMBERED / len(classes)
    axes.set_xticks(range(len(classes)), list(classes), rotation=90, fontsize=size)
    axes.set_yticks(range(len(classes)), list(classes), fontsize=size)
    if len(classes) <= MOST_NUMBERED:
        for row, column in np.argwhere(counts > 0):
            colour = "white" if shares[row, column] > DARK_SHARE else "black"
            axes.text(column, row, f"{counts[row, column]:.0f}", ha="center", va="center", color=colour, fontsize=size)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    axes.tick_params(length=0)
    figure.colorbar(image, ax=axes, label="share of the videos of a class", shrink=0.7)
    return figure


def labels_figure(results: Sequence[Mapping[str, Any]]) -> Figure:
    """Top-1 accuracy with its 95 % interval against the number of labels per class."""
    figure = new_figure(4.8, 3.2)
    axes = figure.subplots()
    names = [str(one["labels_per_class"] or "all") for one in results]
    values, low, high = (np.array([one["top1"][key] for one in results]) for key in ("value", "low", "high"))
    places = np.arange(len(names))
    axes.errorbar(places, values, yerr=[values - low, high - values], color=ACCENT, marker="o", capsize=3)
    axes.axhline(results[-1]["chance"], color=ACCENT, linewidth=0.9, linestyle=":")
    axes.text(0, results[-1]["chance"], " most frequent class", va="bottom", size=8)
    axes.set_xticks(places, names)
    axes.set_xlabel("labelled videos per class")
    axes.set_ylabel("top-1")
    axes.set_ylim(0, 1.02)
    light_grid(axes, "y")
    return figure
