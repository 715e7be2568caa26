"""Figures of an evaluation. Input: distances by kind of pair, AUC by kind of action. Output: SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avts.report.evaluation import kind_name
from avts.report.palette import (
    EASY,
    GRID,
    HARD,
    INK,
    KINDS,
    MUTED,
    drawing,
    light_grid,
    new_figure,
    svg_of,
)

Distances = Mapping[str, Sequence[float]]
NEGATIVES = ("easy", "hard", "super_hard")


def histogram_figure(distances: Distances, threshold: float | None) -> str:
    """Overlaid histograms of the distances of each kind of pair, with the threshold fitted on validation videos."""
    with drawing("histogram"):
        figure = new_figure(4.8, 3.4)
        axes = figure.subplots()
        widest = max((float(np.max(each)) for each in distances.values() if len(each)), default=1.0)
        bins = np.linspace(0, max(1.0, widest), 41).tolist()
        for kind, values in distances.items():
            if len(values):
                colour = KINDS.get(kind, MUTED)
                weights = np.full(len(values), 1 / len(values))
                axes.hist(values, bins, weights=weights, color=colour, alpha=0.16)
                axes.hist(
                    values, bins, weights=weights, color=colour, histtype="step", linewidth=1.5, label=kind_name(kind)
                )
        if threshold is not None:
            axes.axvline(threshold, color=INK, linewidth=1.2, linestyle=(0, (4, 2)))
            name = f" threshold {threshold:.2f}"
            axes.text(threshold, 0.97, name, transform=axes.get_xaxis_transform(), va="top", size=8)
        axes.set_xlabel("distance of picture and sound")
        axes.set_ylabel("share of pairs")
        axes.set_xlim(bins[0], bins[-1])
        figure.legend(loc="outside upper left", ncols=4, handlelength=1.1, columnspacing=1.2)
        light_grid(axes, "y")
        return svg_of(figure, "Histograms of distances by kind of pair")


def roc_figure(distances: Distances) -> str:
    """ROC curve of each kind of negative."""
    with drawing("roc"):
        figure = new_figure(4.8, 3.4)
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=GRID, linewidth=1.2)
        positive = np.asarray(distances.get("positive", ()), dtype=np.float64)
        for kind in NEGATIVES:
            negative = np.asarray(distances.get(kind, ()), dtype=np.float64)
            if len(positive) and len(negative):
                false, true = roc(positive, negative)
                area = float((np.diff(false) * (true[1:] + true[:-1]) / 2).sum())
                axes.plot(false, true, color=KINDS[kind], label=f"{kind_name(kind)}: AUC {area:.3f}")
        axes.set_xlabel("false positive rate")
        axes.set_ylabel("true positive rate")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.01)
        light_grid(axes)
        if len(axes.lines) > 1:
            axes.legend(loc="lower right")
        return svg_of(figure, "ROC curves by kind of negative")


def roc(
    positive: NDArray[np.float64], negative: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """False and true positive rates as the threshold on the distance rises; pairs under it are called in sync."""
    from sklearn.metrics import roc_curve

    together = np.repeat([True, False], [len(positive), len(negative)])
    false, true, _ = roc_curve(together, -np.concatenate([positive, negative]), drop_intermediate=False)
    return false, true


def label_figure(by_label: Mapping[str, Mapping[str, Any]]) -> str:
    """AUC of each kind of action: a bar for hard negatives, a dot for easy ones, sorted by the AUC of hard ones."""
    rows = sorted(by_label.items(), key=lambda row: _number(row[1].get("auc_hard")))
    names = [name.replace("_", " ") for name, _ in rows]
    hard = np.array([_number(row.get("auc_hard")) for _, row in rows])
    easy = np.array([_number(row.get("auc_easy")) for _, row in rows])
    with drawing("labels"):
        figure = new_figure(8.4, 0.9 + 0.22 * len(rows))
        axes = figure.subplots()
        axes.barh(names, hard, color=HARD, alpha=0.75, height=0.62, label="hard")
        axes.plot(easy, names, "o", color=EASY, markersize=5, label="easy")
        axes.axvline(0.5, color=MUTED, linewidth=0.9, linestyle=":")
        axes.set_xlim(min(0.4, float(np.nanmin([*hard, *easy, 0.4]))), 1.01)
        axes.set_xlabel("AUC (0.5 is chance)")
        axes.set_ylim(-0.6, len(rows) - 0.4)
        light_grid(axes, "x")
        figure.legend(loc="outside upper right", ncols=2)
        return svg_of(figure, "AUC by kind of action")


def _number(value: Any) -> float:
    """A number of a record; NaN if it is null."""
    return float("nan") if value is None else float(value)
