"""What channels of the towers respond to most: filterbanks with peak and receptive field, frames with heat maps.

Input: exhibits and responses by class. Output: figures, PNG or SVG.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from avts.inspection.exhibits import Exhibit, HeardExhibit, SeenExhibit
from avts.report.palette import ACCENT, GRID, HEAT, INK, MUTED, drawing, new_figure, svg_of, write_png
from avts.report.strip import rgb_of

WIDTH_INCHES = 12.0
ROW_INCHES = {"picture": 1.62, "sound": 1.2}
PEAK = "#3df5e0"
"""Colour of marks on spectrograms and frames: visible on dark and bright, and in no colour map."""

NAMED_CLASSES = 4
LONGEST_NAME = 22


@dataclass(frozen=True)
class ShownChannel:
    """A channel to draw.

    Attributes:
        channel: its number.
        title: one line about it.
        classes: every class with its mean response, the strongest first; empty without labels.
        exhibits: the strongest responses first.
    """

    channel: int
    title: str
    classes: Sequence[tuple[str, float]]
    exhibits: Sequence[Exhibit]


def channel_figure(tower: str, channels: Sequence[ShownChannel]) -> Figure:
    """A row for each channel: mean responses by class, then the strongest responses in different clips."""
    most = max((len(shown.exhibits) for shown in channels), default=1)
    row = ROW_INCHES[tower]
    figure = new_figure(WIDTH_INCHES, row * len(channels) + 0.1)
    figure.set_layout_engine("none")
    height = figure.get_figheight()
    left, wide = 2.5 / WIDTH_INCHES, (WIDTH_INCHES - 2.6) / WIDTH_INCHES / max(most, 1)
    for place, shown in enumerate(channels):
        bottom = (height - row * (place + 1)) / height
        text = figure.add_axes((0.012, bottom + 0.12 / height, left - 0.03, (row - 0.2) / height))
        _draw_classes(text, shown)
        for column, exhibit in enumerate(shown.exhibits):
            box = (left + column * wide, bottom + 0.24 / height, 0.94 * wide, (row - 0.34) / height)
            axes = figure.add_axes(box)
            if isinstance(exhibit, SeenExhibit):
                _draw_seen(axes, exhibit)
            elif isinstance(exhibit, HeardExhibit):
                _draw_heard(axes, exhibit)
            axes.set_xlabel(_words(exhibit), size=6.5, color=MUTED, labelpad=1.5)
    return figure


def channel_svg(tower: str, channels: Sequence[ShownChannel]) -> str:
    """The figure as SVG for a page."""
    with drawing(f"channels {tower}"):
        return svg_of(channel_figure(tower, channels), f"What channels of the {tower} tower respond to most")


def write_channels(path: Path, tower: str, channels: Sequence[ShownChannel]) -> None:
    """Write the figure as a PNG."""
    with drawing(f"channels {tower}"):
        write_png(channel_figure(tower, channels), path)


def _draw_classes(axes: Axes, shown: ShownChannel) -> None:
    """The channel's name, and bars of its mean responses to the classes that it responds to most."""
    axes.set_axis_off()
    axes.set_xlim(0, 1)
    axes.set_ylim(0, 1)
    axes.text(0, 0.97, f"channel {shown.channel}", size=9.5, weight="bold", va="top")
    axes.text(0, 0.80, shown.title, size=7, color=MUTED, va="top")
    values = [value for _, value in shown.classes]
    largest = max(values, default=0.0) or 1.0
    lines = [(_short(name), value, ACCENT) for name, value in shown.classes[:NAMED_CLASSES]]
    if len(values) > 1:
        lines.append((f"mean of {len(values)}", sum(values) / len(values), MUTED))
    for line, (name, value, colour) in enumerate(lines):
        base = 0.53 - 0.135 * line
        axes.add_patch(Rectangle((0.48, base), 0.5 * value / largest, 0.09, color=colour, lw=0))
        axes.text(0.46, base + 0.045, name, size=6.5, ha="right", va="center", color=INK)


def _draw_heard(axes: Axes, exhibit: HeardExhibit) -> None:
    """The filterbank around a peak, with a rectangle around the receptive field and a mark at its centre."""
    energies = exhibit.energies
    low, high = np.nanpercentile(energies, [1, 99.5])
    extent = (exhibit.shown.start_seconds, exhibit.shown.stop_seconds, -0.5, len(energies) - 0.5)
    axes.imshow(energies, aspect="auto", origin="lower", extent=extent, cmap=HEAT, vmin=low, vmax=max(high, low + 1e-6))
    bands, sees = exhibit.bands, exhibit.sees
    corner = (sees.start_seconds, bands[0] - 0.5)
    axes.add_patch(Rectangle(corner, sees.duration_seconds, bands[1] - bands[0], fill=False, edgecolor=PEAK, lw=1.1))
    axes.plot(0, exhibit.place[0], "+", color=PEAK, markersize=6, mew=1.2)
    axes.set_xlim(extent[:2])
    axes.set_ylim(extent[2:])
    _bare(axes)


def _draw_seen(axes: Axes, exhibit: SeenExhibit) -> None:
    """The frame of a peak, brighter where the channel responds, its place marked; below it the responses over time."""
    frame = rgb_of(exhibit.frame, 0).astype(np.float64) / 255
    strength = np.clip(exhibit.heat, 0, None)
    strength = strength / max(float(strength.max()), 1e-12)
    height, width = strength.shape
    axes.imshow(lit(frame, strength), extent=(0, width, height, 0))
    y, x = exhibit.place
    axes.contour(np.arange(width) + 0.5, np.arange(height) + 0.5, strength, levels=[0.5], colors=[PEAK], linewidths=0.8)
    axes.plot(x * width, y * height, "+", color=PEAK, markersize=7, mew=1.4)
    axes.set_anchor("N")
    strip = 0.3 * height
    course = np.nan_to_num(exhibit.course, nan=-1.0)
    at = np.linspace(0, width, len(course))
    known = course >= 0
    top = max(float(course.max()), 1e-12)
    line = 1.06 * height + strip * (1 - course / top)
    axes.fill_between(at, line, 1.06 * height + strip, where=known.tolist(), color=ACCENT, alpha=0.35, lw=0)
    axes.plot(at[known], line[known], color=ACCENT, lw=1)
    axes.plot([width / 2] * 2, [1.06 * height, 1.06 * height + strip], color=INK, lw=0.8)
    axes.set_xlim(0, width)
    axes.set_ylim(1.06 * height + strip, 0)
    _bare(axes)


def lit(frame: NDArray[np.float64], strength: NDArray[np.float64]) -> NDArray[np.float64]:
    """A frame [H, W, 3] in [0, 1], unchanged where a channel responds most, grey and darker where it does not."""
    grey = 0.35 + 0.3 * frame.mean(-1, keepdims=True)
    share = strength[..., None]
    return np.asarray(share * frame + (1 - share) * grey)


def _bare(axes: Axes) -> None:
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def _words(exhibit: Exhibit) -> str:
    return f"{_short(exhibit.clip.label or exhibit.clip.key)}, {exhibit.seconds:.2f} s"


def _short(name: str) -> str:
    """A name shortened to fit under a picture."""
    plain = name.replace("_", " ")
    return plain if len(plain) <= LONGEST_NAME else f"{plain[: LONGEST_NAME - 1]}…"


def classes_figure(means: NDArray[np.float64], classes: Sequence[str], explained: NDArray[np.float64]) -> Figure:
    """Mean response of every channel to every class, as a share of the channel's largest.

    Args:
        means: [K, C].
        classes: K names.
        explained: variance explained by class for each channel, [C]; channels are ordered by the class that they
            respond to most, then by this.
    """
    order = np.lexsort((-explained, means.argmax(0)))
    shares = means[:, order] / np.maximum(means[:, order].max(0), 1e-12)
    figure = new_figure(WIDTH_INCHES, 0.17 * len(classes) + 0.8)
    axes = figure.subplots()
    image = axes.imshow(shares, aspect="auto", cmap="Blues", vmin=0, vmax=1)
    axes.set_yticks(range(len(classes)), [_short(name) for name in classes], size=7)
    axes.set_xticks([])
    axes.set_xlabel(f"{means.shape[1]} channels, by the class that each responds to most")
    axes.tick_params(length=0)
    for spine in axes.spines.values():
        spine.set(visible=True, color=GRID)
    figure.colorbar(image, ax=axes, pad=0.01, label="share of the largest response")
    return figure


def classes_svg(tower: str, found: Mapping[str, NDArray[np.float64]], classes: Sequence[str]) -> str:
    """The figure of all channels as SVG for a page; `found` has 'means' and 'explained'."""
    with drawing(f"classes {tower}"):
        figure = classes_figure(found["means"], classes, found["explained"])
        return svg_of(figure, f"Mean responses of all channels of the {tower} tower by class")
