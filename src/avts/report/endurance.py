"""Memory over a long run as a figure. Input: windows and MB. Output: a PNG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from avts.report.palette import ACCENT, MUTED, drawing, light_grid, new_figure, write_png


def write_figure(
    path: Path, points: Sequence[tuple[int, float, float]], *, slope_per_million: float, error_per_million: float
) -> None:
    """Draw (windows, own MB, resident MB) from zero on, so that a leak cannot hide in the scale."""
    with drawing("endurance"):
        figure = new_figure(7.2, 3.2)
        axes = figure.subplots()
        windows = [point[0] for point in points]
        axes.plot(windows, [point[2] for point in points], color=MUTED, linewidth=1, label="with mapped files")
        axes.plot(windows, [point[1] for point in points], color=ACCENT, label="own: heap and shared batches")
        axes.set_ylim(bottom=0)
        axes.set_xlim(0, windows[-1])
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.set_xlabel("windows read")
        axes.set_ylabel("memory of both processes (MB)")
        growth = f"{slope_per_million:+.1f} ± {error_per_million:.1f} MB"
        axes.set_title(f"One worker's loader over {windows[-1]:,} windows: {growth} a million")
        axes.legend(loc="lower right")
        light_grid(axes, "y")
        write_png(figure, path)
