"""Figures of an evaluation. Input: distances by kind of pair, AUC by kind of action. Output: SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
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
ByLabel = Mapping[str, Mapping[str, Any]]
"""auc_hard and auc_easy of each kind of action; None or NaN where there are no such negatives."""

CHANCE = 0.5
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
            at, beside = (threshold, 0.97), (3, 0)
            axes.annotate(
                f"threshold {threshold:.2f}",
                at,
                beside,
                xycoords=axes.get_xaxis_transform(),
                textcoords="offset points",
                va="top",
                size=8,
            )
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


def label_figure(by_label: ByLabel) -> str:
    """AUC of each kind of action, sorted by the AUC of hard negatives."""
    with drawing("labels"):
        figure = new_figure(8.4, 1.0 + 0.22 * len(by_label))
        draw_labels(figure.subplots(), by_label)
        figure.legend(loc="outside upper right", ncols=2)
        return svg_of(figure, "AUC by kind of action")


def draw_labels(axes: Axes, by_label: ByLabel) -> None:
    """Draw a bar from chance to the AUC of hard negatives, leftwards if it is below chance, and a dot for easy ones.

    A kind without hard negatives is at the bottom and says so.
    """
    ranked = ranked_labels(by_label)
    names = [name for name in by_label if name not in ranked] + ranked
    hard, easy = (
        np.array([_number(by_label[name].get(key)) for name in names], np.float64) for key in ("auc_hard", "auc_easy")
    )
    rows = np.arange(len(names))
    axes.barh(rows, hard - CHANCE, left=CHANCE, color=HARD, alpha=0.75, height=0.62, label="hard")
    axes.plot(easy, rows, "o", color=EASY, markersize=5, label="easy")
    for row in rows[np.isnan(hard)]:
        axes.annotate(
            "no hard negatives", (CHANCE, row), (4, 0), textcoords="offset points", va="center", color=MUTED, size=8
        )
    axes.axvline(CHANCE, color=MUTED, linewidth=0.9)
    lowest = min([CHANCE, *hard[np.isfinite(hard)], *easy[np.isfinite(easy)]])
    axes.set_xlim(lowest - (0.02 if lowest < CHANCE else 0.0), 1.01)
    axes.set_xlabel(f"AUC, from {CHANCE} (chance) on")
    axes.set_yticks(rows, [name.replace("_", " ") for name in names])
    axes.set_ylim(-0.6, len(names) - 0.4)
    light_grid(axes, "x")


def ranked_labels(by_label: ByLabel) -> list[str]:
    """The kinds of action that have an AUC for hard negatives, the lowest first."""
    known = {name: value for name, row in by_label.items() if not np.isnan(value := _number(row.get("auc_hard")))}
    return sorted(known, key=lambda name: known[name])


def _number(value: Any) -> float:
    """A number of a record; NaN if it is null."""
    return float("nan") if value is None else float(value)
