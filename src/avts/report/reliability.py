"""Reliability of a confidence: the share of right answers among those of similar confidence, as text and as a plot.

Input: (confidence, whether right) of each answer, by group. Output: a table, a PNG.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avts.report.palette import ACCENT, EASY, GRID, HARD, drawing, light_grid, new_figure, write_png
from avts.report.tables import text_table

Answers = Sequence[tuple[float, bool]]
"""Confidence of each answer, and whether it was right."""

GROUP_ANSWERS = 20
"""Minimum number of answers per dot."""


def reliability(answers: Answers) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Mean confidence, share right and number of answers, each [G], of groups of similar confidence in ascending order.

    Groups are about equally large; answers with the same confidence are in the same group.
    """
    said, right = np.array([each[0] for each in answers]), np.array([each[1] for each in answers], float)
    count = max(1, min(8, len(answers) // GROUP_ANSWERS))
    _, value, times = np.unique(said, return_inverse=True, return_counts=True)
    middle = (np.cumsum(times) - times / 2) / max(len(said), 1)  # middle rank of each value
    group = (middle * count).astype(int)[value]
    sizes = np.bincount(group)
    kept = sizes > 0
    means = [np.bincount(group, column)[kept] / sizes[kept] for column in (said, right)]
    return means[0], means[1], sizes[kept]


def calibration_error(answers: Answers) -> float:
    """Mean absolute difference between confidence and share right over the groups, weighted by their sizes.

    Source: Guo et al. 2017, "On Calibration of Modern Neural Networks" (expected calibration error).
    """
    said, right, sizes = reliability(answers)
    return float((sizes * np.abs(said - right)).sum() / max(sizes.sum(), 1))


def reliability_table(groups: Mapping[str, Answers]) -> str:
    """Table of mean confidence and share right for each group of answers."""
    rows = []
    for name, answers in groups.items():
        said, right = (np.mean([each[part] for each in answers]) if answers else float("nan") for part in (0, 1))
        rows.append([name, str(len(answers)), f"{said:.2f}", f"{right:.2f}", f"{calibration_error(answers):.3f}"])
    return text_table(["answers", "number", "mean confidence", "share right", "calibration error"], rows)


def draw_reliability(path: Path, groups: Mapping[str, Answers]) -> None:
    """Write the reliability diagram as a PNG."""
    with drawing("reliability"):
        figure = new_figure(4.8, 4.0)
        axes = figure.subplots()
        axes.plot([0, 1], [0, 1], color=GRID, linewidth=4, solid_capstyle="butt", label="confidence = share right")
        for (name, answers), colour in zip(groups.items(), (ACCENT, EASY, HARD), strict=False):
            said, right, sizes = reliability(answers)
            spread = 1.96 * np.sqrt(np.clip(right * (1 - right), 0.01, None) / sizes)
            within = np.minimum([spread, spread], [right, 1 - right])  # a share lies in 0 to 1
            axes.errorbar(said, right, within, fmt="o-", color=colour, markersize=4, linewidth=1.2, label=name)
        axes.set_xlim(0, 1.02)
        axes.set_ylim(0, 1.05)
        axes.set_xlabel("confidence, means of groups of answers")
        axes.set_ylabel("share right, within 0.2 s of the truth")
        axes.legend(loc="upper left")
        light_grid(axes)
        write_png(figure, path)
