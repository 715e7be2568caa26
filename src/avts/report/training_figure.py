"""The progress of a training run as a figure. Input: rows of its log. Output: an SVG, or a PNG file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from numpy.typing import NDArray

from avts.report.palette import ACCENT, GRID, INK, KINDS, MUTED, drawing, light_grid, new_figure, svg_of, write_png

History = Sequence[Mapping[str, Any]]
KIND_NAMES = ("positive", "easy", "hard", "super_hard")

MOST_COLUMNS = 160
"""Maximum number of columns of a plot of histograms; more would not be distinguishable."""

LEAST_NAMED_SHARE = 0.1
"""A stage with a smaller share of the steps gets no name in the figure, because there is no room for it."""

LEGEND: dict[str, Any] = {"ncols": 4, "handlelength": 0.8, "handletextpad": 0.4, "columnspacing": 0.8, "borderpad": 0.2}

DESCRIPTION = "Loss, mean distances and histograms of the distances against training step"


def training_figure(history: History) -> str:
    """Loss, mean distances and histograms of the distances against step, with the stages of the curriculum shaded."""
    with drawing("training"):
        return svg_of(_figure(history), DESCRIPTION)


def write_training_figure(path: Path, history: History) -> None:
    """The same as a PNG file."""
    with drawing("training"):
        write_png(_figure(history), path)


def _figure(history: History) -> Figure:
    kinds = [kind for kind in KIND_NAMES if any(kind in _counts(row) for row in history)]
    figure = new_figure(8.4, 5.4 if kinds else 3.1)
    figure.get_layout_engine().set(w_pad=0.08, h_pad=0.06)  # type: ignore[union-attr, call-arg]
    rows = figure.subfigures(2 if kinds else 1, 1, height_ratios=[3, 2.4] if kinds else None, squeeze=False)[:, 0]
    left, right = rows[0].subplots(1, 2)
    steps = _column(history, "step")
    _draw_course(left, steps, _column(history, "loss"), "loss", ACCENT)
    left.set_title("Loss")
    left.set_ylim(bottom=0)
    for kind in KIND_NAMES:
        _draw_course(right, steps, _column(history, f"{kind}_distance"), kind.replace("_", "-"), KINDS[kind])
    right.set_title("Mean distance")
    if right.get_legend_handles_labels()[0]:
        right.legend(loc="lower right", bbox_to_anchor=(1, 0.98), **LEGEND)
    for axes in (left, right):
        _shade_stages(axes, history, names=True)
        light_grid(axes, "y")
        _step_axis(axes, steps)
    if kinds:
        panels = rows[1].subplots(1, len(kinds), sharey=True, squeeze=False)[0]
        for axes, kind in zip(panels, kinds, strict=True):
            _draw_histograms(axes, history, kind)
            _shade_stages(axes, history, names=False)
            _step_axis(axes, steps)
        panels[0].set_ylabel("distance")
    return figure


def _step_axis(axes: Axes, steps: NDArray[np.float64]) -> None:
    axes.set_xlabel("step")
    axes.set_xlim(steps[0], max(steps[-1], steps[0] + 1))


def _column(history: History, key: str) -> NDArray[np.float64]:
    """One value per row; NaN where the log has none."""
    return np.array([np.nan if row.get(key) is None else float(row[key]) for row in history])


def _counts(row: Mapping[str, Any]) -> Mapping[str, Sequence[int]]:
    found: Mapping[str, Sequence[int]] = row.get("distance_counts") or {}
    return found


def _draw_course(axes: Axes, steps: NDArray[np.float64], values: NDArray[np.float64], name: str, colour: str) -> None:
    """A faint line of all values under a line of running means."""
    known = np.isfinite(values)
    if not known.any():
        return
    steps, values = steps[known], values[known]
    reach = max(1, len(values) // 40)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    index = np.arange(len(values))
    start, stop = np.maximum(index - reach, 0), np.minimum(index + reach + 1, len(values))
    axes.plot(steps, values, color=colour, linewidth=0.8, alpha=0.25)
    axes.plot(steps, (sums[stop] - sums[start]) / (stop - start), color=colour, label=name)


def _draw_histograms(axes: Axes, history: History, kind: str) -> None:
    """One histogram per column, the most frequent distance darkest."""
    steps, top = _column(history, "step"), float(history[-1].get("distance_top", 1.0))
    bins = max(len(_counts(row).get(kind, ())) for row in history)
    counts = np.array([_counts(row).get(kind) or [0] * bins for row in history], np.float64)  # [rows, bins]
    edges = np.linspace(steps[0], max(steps[-1], steps[0] + 1), min(len(steps), MOST_COLUMNS) + 1)
    columns = [_between(counts, steps, low, high) for low, high in pairwise(edges.tolist())]
    shares = np.array(columns).T  # [bins, columns]
    picture = np.empty((*shares.shape, 4))
    picture[..., :3] = to_rgb(KINDS[kind])
    picture[..., 3] = np.sqrt(shares / np.maximum(shares.max(0), 1))  # the square root makes the tails visible
    axes.imshow(picture, aspect="auto", origin="lower", extent=(edges[0], edges[-1], 0.0, top))
    axes.set_title(f"Distances: {kind.replace('_', '-')}")


def _between(counts: NDArray[np.float64], steps: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """Sum of the log lines within a column; the next line if there is none."""
    first = int(np.searchsorted(steps, low))
    stop = max(int(np.searchsorted(steps, high)), first + 1)
    found: NDArray[np.float64] = counts[min(first, len(counts) - 1) : stop].sum(0)
    return found


def _shade_stages(axes: Axes, history: History, *, names: bool) -> None:
    """Shade every second stage, and write the names at the top where there is room."""
    edges = [0, *(i for i in range(1, len(history)) if history[i].get("stage") != history[i - 1].get("stage"))]
    whole = max(history[-1]["step"] - history[0]["step"], 1)
    for number, (start, stop) in enumerate(zip(edges, [*edges[1:], len(history)], strict=True)):
        first = history[start]["step"]
        last = history[stop]["step"] if stop < len(history) else history[-1]["step"]
        if number % 2 and names:
            axes.axvspan(first, last, color=GRID, alpha=0.45, linewidth=0)
        if number:
            axes.axvline(first, color=MUTED, linewidth=0.8, linestyle=":")
        if names and (last - first >= LEAST_NAMED_SHARE * whole or len(edges) == 1):
            middle, above = (first + last) / 2, axes.get_xaxis_transform()
            axes.text(
                middle, 0.985, stage_name(history[start]), transform=above, va="top", ha="center", color=INK, size=8
            )
    if names:
        low, high = axes.get_ylim()
        axes.set_ylim(low, high + 0.14 * (high - low))  # room for the names


def stage_name(row: Mapping[str, Any]) -> str:
    """The name of the stage of a log line; its number in older logs."""
    return str(row.get("stage_name", row.get("stage", "")))
