"""Accuracy of estimated offsets as figures. Input: rows of true and estimated offsets, examples. Output: SVGs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from avts.offset.estimate import TOLERANCE_SECONDS
from avts.report.palette import ACCENT, BAD, GOOD, GRID, HEAT, MUTED, drawing, light_grid, new_figure, svg_of
from avts.report.sync_plot import OFFSET_LABEL, draw_curve

Rows = Sequence[Mapping[str, Any]]
MAX_STRIP_FRAMES = 8
BIN_SECONDS = 0.05


def scatter_figure(offsets: Rows) -> str:
    """Estimated against true offset, coloured by whether it is within the tolerance."""
    true, found = _column(offsets, "true_offset_seconds"), _column(offsets, "offset_seconds")
    right = np.abs(found - true) < TOLERANCE_SECONDS
    with drawing("scatter"):
        figure = new_figure(4.8, 3.7)
        axes = figure.subplots()
        reach = 1.06 * float(np.abs([*true, *found, 0.1]).max())
        axes.plot([-reach, reach], [-reach, reach], color=GRID, linewidth=5, solid_capstyle="butt")
        for chosen, colour, name in ((right, GOOD, f"within {TOLERANCE_SECONDS} s"), (~right, BAD, "larger error")):
            if chosen.any():
                label = f"{name}: {chosen.sum()} of {len(true)}"
                axes.plot(true[chosen], found[chosen], "o", color=colour, alpha=0.7, markersize=4.5, label=label)
        axes.set_xlim(-reach, reach)
        axes.set_ylim(-reach, reach)
        axes.set_xlabel("true offset (s); > 0: sound early")
        axes.set_ylabel("estimated offset (s)")
        axes.legend(loc="upper left")
        light_grid(axes)
        return svg_of(figure, "Estimated against true offset")


def error_figure(offsets: Rows) -> str:
    """Histogram of the errors of estimated offsets, and below it the reliability of the confidence."""
    error = _column(offsets, "offset_seconds") - _column(offsets, "true_offset_seconds")
    with drawing("errors"):
        figure = new_figure(4.8, 3.7)
        upper, lower = figure.subplots(2, 1)
        reach = BIN_SECONDS * np.ceil(max(0.3, float(np.abs(error).max())) / BIN_SECONDS)
        upper.hist(error, np.arange(-reach, reach + BIN_SECONDS / 2, BIN_SECONDS).tolist(), color=ACCENT, alpha=0.85)
        upper.axvspan(-TOLERANCE_SECONDS, TOLERANCE_SECONDS, color=GOOD, alpha=0.15, linewidth=0)
        upper.set_xlabel(f"error (s); median absolute error {1000 * float(np.median(np.abs(error))):.0f} ms")
        upper.set_ylabel("files")
        light_grid(upper, "y")
        _draw_reliability(lower, _column(offsets, "confidence"), np.abs(error) < TOLERANCE_SECONDS)
        return svg_of(figure, "Errors of the estimated offsets, and reliability of the confidence")


def _draw_reliability(axes: Axes, confidence: NDArray[np.float64], right: NDArray[np.bool_]) -> None:
    """Share of right answers among files of similar confidence, against that confidence; the diagonal is ideal."""
    groups = np.array_split(np.argsort(confidence), max(1, min(8, len(confidence) // 10)))
    said = [confidence[group].mean() for group in groups]
    true = [right[group].mean() for group in groups]
    axes.plot([0, 1], [0, 1], color=GRID, linewidth=2)
    axes.plot(said, true, "o-", color=ACCENT, markersize=4, linewidth=1)
    axes.set_xlim(0, 1.02)
    axes.set_ylim(0, 1.05)
    axes.set_xlabel("confidence, means of groups")
    axes.set_ylabel("share right")
    light_grid(axes)


def example_figure(example: Mapping[str, Any], number: int) -> str:
    """Frames over their sound, and below them the distance at each offset with the true and the estimated one."""
    frames, seconds = np.asarray(example["frames"]), float(example["seconds"])
    with drawing(f"example {number}"):
        figure = new_figure(4.8, 3.9)
        strip, sound, curve = figure.subplots(3, 1, height_ratios=[1.0, 0.9, 1.7])
        _draw_strip(strip, frames, seconds)
        bands = np.asarray(example["filterbank"], dtype=np.float64)  # [S, M]
        sound.imshow(bands.T, aspect="auto", origin="lower", extent=(0, seconds, 0, bands.shape[1]), cmap=HEAT)
        sound.set_yticks([])
        sound.set_xlabel("picture and sound as in the file (s)", color=MUTED, size=8)
        draw_curve(curve, example["scan"], example["estimate"], example.get("true_offset_seconds"))
        curve.set_xlabel(OFFSET_LABEL)
        return svg_of(figure, f"Frames, sound and distance curve: {example['title']}")


def _draw_strip(axes: Axes, frames: NDArray[Any], seconds: float) -> None:
    """A few evenly chosen frames side by side, over the same seconds as the sound below."""
    chosen = frames[np.linspace(0, len(frames) - 1, min(MAX_STRIP_FRAMES, len(frames))).round().astype(int)]
    strip = np.concatenate(list(chosen), axis=1)
    axes.imshow(strip, cmap="gray", vmin=0, vmax=255, aspect="auto", extent=(0, seconds, 0, 1))
    axes.set_axis_off()


def _column(rows: Rows, key: str) -> NDArray[np.float64]:
    """One number of each row."""
    return np.array([float(row[key]) for row in rows])
