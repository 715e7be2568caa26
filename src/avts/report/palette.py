"""Colours and creation of figures, shared by all plots: PNG for files, SVG that follows a page's light or dark theme.

Only matplotlib's object interface is used: nothing here changes a caller's own plots.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from pathlib import Path
from typing import Any, Literal

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from avts.report.letters import FONT, make_legible

INK = "#1c2431"
MUTED = "#69748a"
GRID = "#dfe3ea"
PANEL = "#fefefe"
ACCENT = "#2563a8"
GOOD = "#12805c"
BAD = "#b8433f"
POSITIVE = "#13898b"
EASY = "#d08a1d"
HARD = "#c04a7a"
SUPER_HARD = "#7c5fc4"
MIXED = "#4f7fb8"
OLIVE = "#8b8a12"
SKY = "#35a3dc"
BROWN = "#8f5a34"

KINDS = {"positive": POSITIVE, "easy": EASY, "mixed": MIXED, "hard": HARD, "super_hard": SUPER_HARD}
"""Colour of each kind of pair."""

DARK = {
    INK: "#e6eaf1",
    MUTED: "#98a3b6",
    GRID: "#303949",
    PANEL: "#171d27",
    ACCENT: "#74aef0",
    GOOD: "#4fc293",
    BAD: "#ef8079",
    POSITIVE: "#41c0bd",
    EASY: "#efb04e",
    HARD: "#ec82ab",
    SUPER_HARD: "#ab93ee",
    MIXED: "#85b3ea",
    OLIVE: "#cbc95a",
    SKY: "#6cc9f5",
    BROWN: "#c9956b",
}
"""Replacement of each colour on a dark page."""

CLASSES = (ACCENT, EASY, HARD, POSITIVE, BAD, SUPER_HARD, OLIVE, SKY, BROWN)
"""Colours of classes; with more classes, colour and mark together identify them."""

MARKS = ("o", "s", "^", "D", "P", "v", "X")
"""Marks of classes: the first for as many classes as there are colours, then the next."""

HEAT = "magma"
"""Colour map of spectrograms and distance maps."""

STYLE: dict[Any, Any] = {
    "font.size": 9,
    "font.family": FONT,
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.facecolor": "none",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "grid.color": GRID,
    "grid.linewidth": 0.7,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.6,
    "svg.fonttype": "none",
    "image.interpolation": "none",
    "text.parse_math": False,  # file names may hold dollar signs
}


def class_look(index: int) -> tuple[str, str]:
    """Colour and mark of a class by its index: unique for up to 63 classes."""
    return CLASSES[index % len(CLASSES)], MARKS[index // len(CLASSES) % len(MARKS)]


@contextmanager
def drawing(name: str) -> Iterator[None]:
    """Use the project's plot style within the block; the name makes the ids of several SVGs on one page unique."""
    with matplotlib.rc_context({**STYLE, "svg.hashsalt": name}):
        yield


def new_figure(width_inches: float, height_inches: float) -> Figure:
    """An empty figure with automatic layout."""
    return Figure(figsize=(width_inches, height_inches), layout="constrained")


def light_grid(axes: Axes, axis: Literal["both", "x", "y"] = "both") -> None:
    """Draw a light grid."""
    axes.grid(visible=True, axis=axis)
    axes.tick_params(length=0)


def write_png(figure: Figure, path: Path) -> None:
    """Write a figure on a white background at 150 dpi, with all its text in letters that can be read."""
    make_legible(figure)
    figure.savefig(path, format="png", dpi=150, facecolor="white")


def svg_of(figure: Figure, description: str) -> str:
    """A figure as an <svg> element for a page: colours become CSS variables, the page's font is used."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'<g id="[a-z]+[\d.]*_\d+">', "<g>", text)  # these ids repeat from figure to figure
    text = re.sub(r"(font: (?:\w+ )*[\d.]+px) [^;\"]+", r"\1 system-ui, sans-serif", text)
    for colour in DARK:
        text = text.replace(colour, f"var({variable(colour)})")
    text = re.sub(r'(<svg [^>]*?)width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg [^>]*?)height="[^"]*"', r"\1", text, count=1)
    return text.replace("<svg ", f'<svg role="img" aria-label="{escape(description)}" ', 1).strip()


def variable(colour: str) -> str:
    """The name of the CSS variable of a colour."""
    return f"--c{colour.removeprefix('#')}"
