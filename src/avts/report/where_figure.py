"""A map of where in the picture the sound comes from. Input: a Where. Output: a PNG file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray
from scipy.ndimage import zoom

from avts.offset.where import Where
from avts.report.letters import wrapped
from avts.report.outside import one_line
from avts.report.palette import HEAT, MUTED, drawing, new_figure, write_png

MOST_MOMENTS = 5
"""Number of moments that are drawn next to the mean over the film."""

WIDTH_INCHES = 12.0
TITLE_POINTS = 12.0


def write_where(path: Path, found: Where, *, title: str, subtitle: str = "") -> None:
    """Draw the mean over the film, and the clearest moments in temporal order, each over its frame.

    Args:
        path: the PNG to write.
        found: the maps to draw.
        title: title of the figure, on as many lines as it needs.
        subtitle: one line below it.
    """
    moments = _moments(found)
    height, width = found.frames.shape[1:]
    columns = 1 + len(moments)
    with drawing(title):
        heading = wrapped(one_line(title), WIDTH_INCHES - 0.3, TITLE_POINTS, bold=True)
        more_inches = heading.count("\n") * TITLE_POINTS * 1.25 / 72
        figure = new_figure(WIDTH_INCHES, 0.9 + more_inches + WIDTH_INCHES / columns * height / width)
        panels = figure.subplots(1, columns, squeeze=False)[0]
        figure.suptitle(heading, x=0.01, ha="left", fontsize=TITLE_POINTS, fontweight="bold")
        middle = found.frames[len(found.frames) // 2]
        _draw(panels[0], middle, found.mean_map, "mean over the film")
        for axes, index in zip(panels[1:], moments, strict=True):
            _draw(axes, found.frames[index], found.maps[index].clip(min=0), f"{found.times_seconds[index]:.1f} s")
        if subtitle:
            figure.supxlabel(subtitle, x=0.01, ha="left", fontsize=9, color=MUTED)
        write_png(figure, path)


def _moments(found: Where) -> list[int]:
    """The clearest moment of each of a few equal parts of the film."""
    strength = found.maps.clip(min=0).sum(axis=(1, 2))
    parts = np.array_split(np.arange(len(strength)), min(MOST_MOMENTS, len(strength)))
    return [int(part[strength[part].argmax()]) for part in parts]


def _draw(axes: Axes, frame: NDArray[np.uint8], heat: NDArray[np.float32], name: str) -> None:
    """A grey frame with its map as an overlay; the brighter a place, the more it contributes."""
    extent = (0.0, 1.0, 0.0, 1.0)
    axes.imshow(frame, cmap="gray", vmin=16, vmax=235, extent=extent, aspect="auto")
    top = float(heat.max())
    if top > 0:
        strength = _smooth(heat / top, frame.shape)
        axes.imshow(strength, cmap=HEAT, alpha=0.65 * strength.clip(0, 1), vmin=0, vmax=1, extent=extent, aspect="auto")
    axes.set_title(name, fontsize=9)
    axes.set_xticks([])
    axes.set_yticks([])


def _smooth(heat: NDArray[np.float32], shape: tuple[int, ...]) -> NDArray[np.float32]:
    """The map, interpolated to the size of a frame."""
    factors = [size / cells for size, cells in zip(shape, heat.shape, strict=True)]
    return np.asarray(zoom(heat, factors, order=2, mode="nearest", grid_mode=True), np.float32).clip(0, 1)
