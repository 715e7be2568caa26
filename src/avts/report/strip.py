"""A clip as a strip: frames over its filterbank on one time axis, with windows below.

Input: frames, sound and windows. Output: a PNG.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from avts.media.planes import Planes
from avts.report.letters import wrapped
from avts.report.outside import one_line
from avts.report.palette import HEAT, INK, KINDS, MUTED, drawing, new_figure, write_png
from avts.timebase import Span

WIDTH_INCHES = 12.0
TITLE_POINTS, SUBTITLE_POINTS = 12.0, 9.5
FRAMES_HEIGHT_INCHES = 1.1


@dataclass(frozen=True)
class DrawnPair:
    """A pair to draw: its kind, and the spans of its picture and its sound."""

    kind: str
    picture: Span
    sound: Span


@dataclass(frozen=True)
class ShownSpan:
    """What to draw: frames [T, H, W] of a span and the energies [M, S] of its sound, floor 0, both evenly spaced."""

    span: Span
    frames: Planes
    filterbank: NDArray[np.float32]


def frames_that_fit(width: int, height: int) -> int:
    """Number of frames of a given size that fit side by side in the strip."""
    return max(2, round(0.93 * WIDTH_INCHES / (FRAMES_HEIGHT_INCHES * width / height)))


def write_strip(path: Path, shown: ShownSpan, pairs: Sequence[DrawnPair], *, title: str, subtitle: str) -> None:
    """Draw a span of a clip; each frame is centred on the interval that it represents."""
    rows = max(len(pairs), 1)
    with drawing(title):
        heading = wrapped(one_line(title), WIDTH_INCHES - 0.3, TITLE_POINTS, bold=True)
        words = wrapped(one_line(subtitle), WIDTH_INCHES - 1.2, SUBTITLE_POINTS)
        more_inches = (heading.count("\n") * TITLE_POINTS + words.count("\n") * SUBTITLE_POINTS) * 1.25 / 72
        figure = new_figure(WIDTH_INCHES, FRAMES_HEIGHT_INCHES + 2.2 + 0.42 * rows + more_inches)
        top, middle, bottom = figure.subplots(
            3, 1, sharex=True, height_ratios=[1.24 * FRAMES_HEIGHT_INCHES, 1.5, 0.12 + 0.42 * rows]
        )
        figure.suptitle(heading, x=0.01, ha="left", fontsize=TITLE_POINTS, fontweight="bold")
        top.set_title(words, fontweight="normal", fontsize=SUBTITLE_POINTS, color=MUTED)
        _draw_frames(top, shown)
        _draw_filterbank(middle, shown)
        _draw_pairs(bottom, pairs)
        bottom.set_xlim(shown.span.start_seconds, shown.span.stop_seconds)
        bottom.set_xlabel("time (s)")
        write_png(figure, path)


def _draw_frames(axes: Axes, shown: ShownSpan) -> None:
    count = shown.frames.num_frames
    step = shown.span.duration_seconds / count
    for index in range(count):
        left = shown.span.start_seconds + index * step
        axes.imshow(rgb_of(shown.frames, index), extent=(left + 0.01 * step, left + 0.99 * step, 0, 1), aspect="auto")
    axes.set_ylim(0, 1)
    axes.set_yticks([])
    axes.tick_params(labelbottom=False, length=0)
    for spine in axes.spines.values():
        spine.set_visible(False)


def _draw_filterbank(axes: Axes, shown: ShownSpan) -> None:
    extent = (shown.span.start_seconds, shown.span.stop_seconds, 0, shown.filterbank.shape[0])
    axes.imshow(shown.filterbank, aspect="auto", origin="lower", extent=extent, cmap=HEAT)
    axes.set_ylabel("sound, filter")
    axes.tick_params(labelbottom=False, length=0)


def _draw_pairs(axes: Axes, pairs: Sequence[DrawnPair]) -> None:
    """One line per pair: the window of its picture above that of its sound, in the colour of its kind."""
    for row, pair in enumerate(pairs):
        colour, base = KINDS[pair.kind], len(pairs) - row - 1
        for name, span, bottom, filled in (("picture", pair.picture, 0.52, True), ("sound", pair.sound, 0.12, False)):
            corner = (span.start_seconds, base + bottom)
            axes.add_patch(
                Rectangle(
                    corner,
                    span.duration_seconds,
                    0.34,
                    facecolor=colour if filled else "white",
                    edgecolor=colour,
                    lw=1.4,
                )
            )
            words = dict(ha="center", va="center", fontsize=7, color="white" if filled else colour)
            axes.text((span.start_seconds + span.stop_seconds) / 2, base + bottom + 0.16, name, **words)  # type: ignore[arg-type]
    axes.set_ylim(0, max(len(pairs), 1))
    axes.set_yticks([len(pairs) - row - 0.5 for row in range(len(pairs))])
    axes.set_yticklabels([pair.kind.replace("_", "-") for pair in pairs], color=INK)
    axes.tick_params(length=0)
    axes.grid(visible=True, axis="x")


def rgb_of(planes: Planes, index: int) -> NDArray[np.uint8]:
    """One frame as RGB [H, W, 3], converted from BT.601 with limited range."""
    y = (planes.y[index].astype(np.float32) - 16) / 219
    u, v = (
        (plane[index].astype(np.float32).repeat(2, 0).repeat(2, 1)[: y.shape[0], : y.shape[1]] - 128) / 224
        for plane in (planes.u, planes.v)
    )
    rgb = np.stack([y + 1.402 * v, y - 0.344136 * u - 0.714136 * v, y + 1.772 * u], axis=-1)
    shown: NDArray[np.uint8] = (np.clip(rgb, 0, 1) * 255).round().astype(np.uint8)
    return shown
