"""Plots of one file's distance map and curve. Input: its scan and estimate. Output: a PNG, or axes drawn on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage

from avts.report.palette import ACCENT, GOOD, HEAT, INK, MUTED, drawing, light_grid, new_figure, write_png
from avts.report.sync_text import verdict
from avts.sync.estimate import OffsetEstimate
from avts.sync.scan import OffsetScan

OFFSET_LABEL = "sound late  ←  offset (s)  →  sound early"


def plot_scan(path: Path, *, scan: OffsetScan, estimate: OffsetEstimate, title: str) -> None:
    """Write a PNG: the distance of each offset, and below it where in the file each offset fits."""
    with drawing(title):
        figure = new_figure(8, 7)
        curve, table = figure.subplots(2, 1, sharex=True, height_ratios=[2, 3])
        figure.suptitle(title, x=0.01, ha="left", fontsize=13, fontweight="bold")
        curve.set_title(verdict(estimate), fontweight="normal", fontsize=10.5, color=ACCENT)
        draw_curve(curve, scan, estimate)
        image = draw_map(table, scan)
        if estimate.reason is None:
            table.axvline(estimate.offset_seconds, color="white", linewidth=1.2, linestyle=(0, (4, 3)))
        table.set_xlabel(OFFSET_LABEL)
        figure.colorbar(image, ax=table, label="distance (dark: fits)", shrink=0.9, pad=0.02)
        write_png(figure, path)


def draw_curve(
    axes: Axes, scan: OffsetScan, estimate: OffsetEstimate, true_offset_seconds: float | None = None
) -> None:
    """Mean distance against offset, the found offset marked if there is one, and the true one if it is known."""
    axes.plot(scan.offsets_seconds, estimate.curve, color=INK)
    axes.set_xlim(scan.offsets_seconds[0], scan.offsets_seconds[-1])
    axes.set_ylabel("mean distance")
    light_grid(axes)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    if true_offset_seconds is not None:
        axes.axvline(true_offset_seconds, color=GOOD, linewidth=5, alpha=0.35, label="true")
    if estimate.reason is None:
        axes.axvline(estimate.offset_seconds, color=ACCENT, linewidth=1.6, linestyle=(0, (4, 2)), label="found")
    if not np.isfinite(estimate.curve).any():
        axes.set_yticks([])
        axes.text(0.5, 0.6, "nothing to compare", transform=axes.transAxes, ha="center", color=MUTED)
    elif true_offset_seconds is not None:
        axes.legend(loc="best")


def draw_map(axes: Axes, scan: OffsetScan) -> AxesImage:
    """Distance of each window at each offset, file time downwards; grey where there is no sound to compare."""
    half = (scan.offsets_seconds[-1] - scan.offsets_seconds[0]) / max(len(scan.offsets_seconds) - 1, 1) / 2
    rows = len(scan.times_seconds)
    first, last = (scan.times_seconds[0], scan.times_seconds[-1]) if rows else (0.0, 0.0)
    hop = (last - first) / (rows - 1) if rows > 1 else scan.window_seconds
    extent = (scan.offsets_seconds[0] - half, scan.offsets_seconds[-1] + half, last + hop, first)
    shown = scan.distances if rows else np.full((1, len(scan.offsets_seconds)), np.nan)
    known = shown[np.isfinite(shown)]
    low, high = np.quantile(known, [0.02, 0.98]) if known.size else (0.0, 1.0)
    axes.set_facecolor("#c9ced6")
    axes.set_ylabel("time in the file (s)")
    return axes.imshow(shown, aspect="auto", extent=extent, cmap=HEAT, vmin=low, vmax=max(high, low + 1e-6))
