"""Plots of the offset of one film: curve, distance map, an excerpt. Output: a PNG, an SVG, or axes drawn on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.image import AxesImage
from matplotlib.ticker import FuncFormatter, MultipleLocator
from numpy.typing import NDArray

from avts.offset.distance_map import OffsetScan
from avts.offset.estimate import OffsetEstimate
from avts.offset.glimpse import Glimpse
from avts.offset.measure import SyncResult
from avts.report.letters import wrapped
from avts.report.outside import one_line
from avts.report.palette import (
    ACCENT,
    GOOD,
    HEAT,
    INK,
    MUTED,
    drawing,
    light_grid,
    new_figure,
    svg_of,
    write_png,
)
from avts.report.sync_text import CLOCK_SECONDS, clock, verdict

OFFSET_LABEL = "sound late  ←  offset (s)  →  sound early"
MAX_STRIP_FRAMES = 10
WIDTH_INCHES, TITLE_INCHES = 8.5, 7.4
"""Width of a plot, and of the lines of its titles: the left edge of the axes is up to an inch from that of the plot."""

TITLE_POINTS, VERDICT_POINTS = 13.0, 10.5
CLOCK_STEPS_SECONDS = (10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200)
MAX_TIME_STEPS = 8
"""Maximum number of steps between ticks on the time axis of a long film."""

MAX_DRAWN_ROWS = 600
"""Maximum number of rows of a distance map that are drawn; longer maps are subsampled."""


def plot_result(path: Path, result: SyncResult, *, glimpse: Glimpse | None, title: str) -> None:
    """Write a PNG: the curve, the map with the offset over time, and an excerpt with its sound corrected."""
    with drawing(title):
        heading = wrapped(one_line(title), WIDTH_INCHES - 0.3, TITLE_POINTS, bold=True)
        words = wrapped(verdict(result), TITLE_INCHES, VERDICT_POINTS)
        more_inches = (heading.count("\n") * TITLE_POINTS + words.count("\n") * VERDICT_POINTS) * 1.25 / 72
        figure = new_figure(WIDTH_INCHES, (10.5 if glimpse else 7) + more_inches)
        heights = [7.0 + more_inches] if glimpse is None else [7.0 + more_inches, 3.6]
        parts = list(figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights).flat)
        upper = parts[0]
        curve, table = upper.subplots(2, 1, sharex=True, height_ratios=[2, 3])
        figure.suptitle(heading, x=0.01, ha="left", fontsize=TITLE_POINTS, fontweight="bold")
        curve.set_title(words, fontweight="normal", fontsize=VERDICT_POINTS, color=ACCENT)
        draw_curve(curve, result.scan, result.estimate)
        image = draw_map(table, result.scan)
        draw_path(table, result)
        table.set_xlabel(OFFSET_LABEL)
        upper.colorbar(image, ax=table, label="distance (dark: good match)", shrink=0.9, pad=0.02)
        if glimpse is not None:
            moved = result.segments != ()
            axes = list(parts[1].subplots(3 if moved else 2, 1))
            _draw_strip(axes[0], glimpse)
            _draw_sound(axes[1], glimpse, glimpse.as_it_is, "sound original")
            if moved:
                _draw_sound(axes[2], glimpse, glimpse.put_right, "sound corrected")
            axes[-1].set_xlabel("time in the file (s)")
        write_png(figure, path)


def result_figure(result: SyncResult, number: int) -> str:
    """Curve and map side by side for a page; the number makes the ids of figures on one page unique."""
    with drawing(f"sync {number}"):
        figure = new_figure(9.0, 2.7)
        curve, table = figure.subplots(1, 2)
        draw_curve(curve, result.scan, result.estimate)
        draw_map(table, result.scan)
        draw_path(table, result)
        for axes in (curve, table):
            axes.set_xlabel(OFFSET_LABEL)
        return svg_of(figure, f"Distance curve and map: {result.name}")


def draw_curve(
    axes: Axes, scan: OffsetScan, estimate: OffsetEstimate, true_offset_seconds: float | None = None
) -> None:
    """Mean distance against offset, with the estimated offset if there is one and the true one if it is known."""
    axes.plot(scan.offsets_seconds, estimate.curve, color=INK)
    axes.set_xlim(scan.offsets_seconds[0], scan.offsets_seconds[-1])
    axes.set_ylabel("mean distance")
    light_grid(axes)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    if true_offset_seconds is not None:
        axes.axvline(true_offset_seconds, color=GOOD, linewidth=5, alpha=0.35, label="true")
    if estimate.reason is None:
        axes.axvline(estimate.offset_seconds, color=ACCENT, linewidth=1.6, linestyle=(0, (4, 2)), label="estimated")
    if not np.isfinite(estimate.curve).any():
        axes.set_yticks([])
        axes.text(0.5, 0.6, "nothing to compare", transform=axes.transAxes, ha="center", color=MUTED)
    elif true_offset_seconds is not None:
        axes.legend(loc="best")


def draw_map(axes: Axes, scan: OffsetScan) -> AxesImage:
    """Distance of each window at each offset, with time in the file downwards; grey where there is no sound."""
    half = (scan.offsets_seconds[-1] - scan.offsets_seconds[0]) / max(len(scan.offsets_seconds) - 1, 1) / 2
    rows = len(scan.times_seconds)
    first, last = (scan.times_seconds[0], scan.times_seconds[-1]) if rows else (0.0, 0.0)
    hop = (last - first) / (rows - 1) if rows > 1 else scan.window_seconds
    extent = (scan.offsets_seconds[0] - half, scan.offsets_seconds[-1] + half, last + hop, first)
    shown = scan.distances if rows else np.full((1, len(scan.offsets_seconds)), np.nan)
    shown = shown[np.linspace(0, len(shown) - 1, min(len(shown), MAX_DRAWN_ROWS)).round().astype(int)]
    known = shown[np.isfinite(shown)]
    low, high = np.quantile(known, [0.02, 0.98]) if known.size else (0.0, 1.0)
    axes.set_facecolor("#c9ced6")
    image = axes.imshow(shown, aspect="auto", extent=extent, cmap=HEAT, vmin=low, vmax=max(high, low + 1e-6))
    _label_time(axes, first, last + scan.window_seconds)
    return image


def _label_time(axes: Axes, first_seconds: float, last_seconds: float) -> None:
    """The time axis of a map: seconds, or minutes and seconds (with hours, if there are any) for a long film."""
    axes.set_ylabel("time in the file (s)")
    if last_seconds > CLOCK_SECONDS:
        length = last_seconds - first_seconds
        fitting = (step for step in CLOCK_STEPS_SECONDS if length / step <= MAX_TIME_STEPS)
        axes.yaxis.set_major_locator(MultipleLocator(next(fitting, length / MAX_TIME_STEPS)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda seconds, _: clock(seconds)))
        axes.set_ylabel("time in the file")


def draw_path(axes: Axes, result: SyncResult) -> None:
    """Draw the offset over time on a map."""
    limits = axes.get_xlim(), axes.get_ylim()
    for segment in result.segments:
        inside = (segment.stop_seconds - segment.start_seconds) * 1e-6
        ends = (segment.start_seconds, segment.stop_seconds - inside)
        offsets = [result.offset_at(end) for end in ends]
        axes.plot(offsets, ends, color="white", linewidth=1.3, linestyle=(0, (4, 3)))
    axes.set_xlim(*limits[0])
    axes.set_ylim(*limits[1])


def _draw_strip(axes: Axes, glimpse: Glimpse) -> None:
    """A few evenly chosen frames side by side."""
    count = min(MAX_STRIP_FRAMES, len(glimpse.frames))
    chosen = glimpse.frames[np.linspace(0, len(glimpse.frames) - 1, count).round().astype(int)]
    strip = np.concatenate(list(chosen), axis=1)
    extent = (glimpse.start_seconds, glimpse.start_seconds + glimpse.seconds, 0, 1)
    axes.imshow(strip, cmap="gray", vmin=16, vmax=235, aspect="auto", extent=extent)
    axes.set_yticks([])
    axes.set_xticks([])
    axes.set_ylabel("picture")


def _draw_sound(axes: Axes, glimpse: Glimpse, energies: NDArray[np.float32], name: str) -> None:
    """Draw a filterbank below its frames."""
    extent = (glimpse.start_seconds, glimpse.start_seconds + glimpse.seconds, 0, len(energies))
    axes.imshow(energies, aspect="auto", origin="lower", extent=extent, cmap=HEAT)
    axes.set_yticks([])
    axes.set_ylabel(name.replace(" ", "\n", 1))
