"""The course of a training run as a picture. Input: rows of its log. Output: an SVG."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from avts.report.palette import ACCENT, EASY, GRID, HARD, INK, MUTED, POSITIVE, drawing, light_grid, new_figure, svg_of

History = Sequence[Mapping[str, Any]]
MEANS = (("positive", "positive_distance", POSITIVE), ("easy", "easy_distance", EASY), ("hard", "hard_distance", HARD))


def training_figure(history: History) -> str:
    """Loss and mean distances against step, the stages of the curriculum shaded."""
    with drawing("training"):
        figure = new_figure(8.4, 3.1)
        left, right = figure.subplots(1, 2)
        steps = _column(history, "step")
        _draw_course(left, steps, _column(history, "loss"), "loss", ACCENT)
        left.set_title("Contrastive loss")
        left.set_ylim(bottom=0)
        for name, key, colour in MEANS:
            _draw_course(right, steps, _column(history, key), name, colour)
        right.set_title("Mean distance of picture and sound")
        right.legend(loc="best", ncols=3, handlelength=1.2)
        for axes in (left, right):
            _shade_stages(axes, history)
            light_grid(axes, "y")
            axes.set_xlabel("step")
            axes.set_xlim(steps[0], max(steps[-1], steps[0] + 1))
        return svg_of(figure, "Loss and mean distances against training step")


def _column(history: History, key: str) -> NDArray[np.float64]:
    """One value of each row; NaN where the log has none."""
    return np.array([np.nan if row.get(key) is None else float(row[key]) for row in history])


def _draw_course(axes: Axes, steps: NDArray[np.float64], values: NDArray[np.float64], name: str, colour: str) -> None:
    """A faint line of every value under a line of running means."""
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


def _shade_stages(axes: Axes, history: History) -> None:
    """Every second stage on a darker ground, each with its name at the top."""
    edges = [0, *(i for i in range(1, len(history)) if history[i].get("stage") != history[i - 1].get("stage"))]
    for number, (start, stop) in enumerate(zip(edges, [*edges[1:], len(history)], strict=True)):
        first = history[start]["step"]
        last = history[stop]["step"] if stop < len(history) else history[-1]["step"]
        if number % 2:
            axes.axvspan(first, last, color=GRID, alpha=0.45, linewidth=0)
        if number:
            axes.axvline(first, color=MUTED, linewidth=0.8, linestyle=":")
        name = str(history[start].get("stage", ""))
        middle = (first + last) / 2
        axes.text(middle, 0.985, name, transform=axes.get_xaxis_transform(), va="top", ha="center", color=INK, size=8)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.14 * (high - low))  # room for the names
