"""Comparison of methods that were probed on the same folds. Input: their accuracies. Output: text, PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from avts.probe.compare import difference, shared_labels
from avts.report.palette import ACCENT, EASY, HARD, MUTED, SUPER_HARD, drawing, light_grid, new_figure, write_png
from avts.report.tables import percent, text_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from avts.probe.compare import Measured

COLOURS = (ACCENT, EASY, HARD, SUPER_HARD, MUTED)


def paired_table(methods: Sequence[Measured]) -> str:
    """Accuracy of each method by the number of labels, and the difference of the first from each other by fold."""
    rows = []
    for labels in shared_labels(methods):
        for each in methods:
            if labels not in each.accuracies:
                continue
            seeds = each.accuracies[labels]
            lowest, highest = each.range_of_seeds(labels)
            rows.append(
                [
                    labels,
                    each.name,
                    percent(float(seeds.mean())),
                    _span(each.interval(labels)),
                    f"{len(seeds)}: {_span((lowest, highest))}" if len(seeds) > 1 else "1",
                    *_against(methods[0], each, labels),
                ]
            )
    heads = [
        "labels per class",
        "method",
        "accuracy",
        "95 % interval",
        "seeds",
        f"{methods[0].name} better by",
        "by fold",
    ]
    return text_table(heads, rows)


def _against(first: Measured, other: Measured, labels: str) -> list[str]:
    if other is first or labels not in first.accuracies:
        return ["", ""]
    apart = difference(first, other, labels)
    folds = ", ".join(f"{100 * each:+.1f}" for each in apart.by_fold)
    return [f"{100 * apart.mean:+.1f} ({100 * apart.low:+.1f} to {100 * apart.high:+.1f}) points", folds]


def _span(ends: tuple[float, float]) -> str:
    return f"{100 * ends[0]:.1f} to {100 * ends[1]:.1f} %"


def draw_labels(methods: Sequence[Measured], path: Path) -> None:
    """Plot accuracy against the number of labels per class, one line per method, as a PNG."""
    with drawing("probe-labels"):
        write_png(labels_figure(methods), path)


def labels_figure(methods: Sequence[Measured]) -> Figure:
    """Accuracy with the 95 % interval of its mean over folds against the number of labels per class."""
    figure = new_figure(5.6, 3.6)
    axes = figure.subplots()
    names = shared_labels(methods)
    for index, each in enumerate(methods):
        places = np.array([place for place, labels in enumerate(names) if labels in each.accuracies])
        own = [names[place] for place in places]
        values = np.array([each.by_fold(labels).mean() for labels in own])
        ends = np.array([each.interval(labels) for labels in own])
        axes.errorbar(
            places + 0.07 * (index - (len(methods) - 1) / 2),
            values,
            yerr=[values - ends[:, 0], ends[:, 1] - values],
            color=COLOURS[index % len(COLOURS)],
            marker="o",
            markersize=4,
            capsize=2,
            elinewidth=0.8,
            label=each.name,
        )
    axes.set_xticks(range(len(names)), names)
    axes.set_xlabel("labelled recordings per class")
    axes.set_ylabel("accuracy")
    axes.set_ylim(0, 1.02)
    axes.legend(loc="lower right")
    light_grid(axes, "y")
    return figure
