"""The map of both towers' embeddings by class, and how to read it. Input: plain values. Output: figures, HTML.

With many classes colours alone are ambiguous: each class has a colour and a mark, and its name is placed where its
windows are densest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from avts.report.page import card, table
from avts.report.palette import GRID, INK, MUTED, PANEL, class_look, drawing, new_figure, svg_of, write_png
from avts.report.tables import percent

TITLES = {"picture": "pictures", "sound": "sounds"}
LABEL_HEIGHT, LETTER_WIDTH = 0.082, 0.0305
"""Size of a name in a panel, in map units: the map is 2 wide."""

MARGIN = 0.09
PANEL_INCHES = 4.7
SIGNS = {"o": "●", "s": "■", "^": "▲", "D": "◆", "P": "✚", "v": "▼", "X": "✖"}
"""Each mark as a character, written before the names of its classes."""

PUSHES = 300
PUSH = (0.03, 0.5)
"""Share of the overlap of two names by which each is moved, horizontally and vertically: mostly vertically."""

HEADERS = ("", "same class", "chance level", "shuffled, 95th percentile", "windows")


def map_figure(found: Mapping[str, Any]) -> Figure:
    """Pictures and sounds side by side; a joint map shows the other tower's windows faintly in the background."""
    names = sorted({point["label"] for point in found["points"] if point["label"] is not None})
    towers = [tower for tower in TITLES if any(point["tower"] == tower for point in found["points"])]
    height = max(0.5, float(np.abs(places_of(found["points"])[:, 1]).max())) + MARGIN
    figure = new_figure(PANEL_INCHES * len(towers) + 0.2, PANEL_INCHES * height / (1 + MARGIN) + 0.4)
    for axes, tower in zip(np.atleast_1d(figure.subplots(1, len(towers))), towers, strict=True):
        mine = [point for point in found["points"] if point["tower"] == tower]
        if found["joint"]:
            others = places_of([point for point in found["points"] if point["tower"] != tower])
            axes.plot(others[:, 0], others[:, 1], ".", color=GRID, markersize=3, zorder=1)
        _draw_classes(axes, mine, names, height)
        axes.set_title(f"{TITLES[tower]}: {len(mine)} windows")
        axes.set_xlim(-1 - MARGIN, 1 + MARGIN)
        axes.set_ylim(-height, height)
        axes.set_aspect("equal")
        axes.set_xticks([])
        axes.set_yticks([])
        for spine in axes.spines.values():
            spine.set(visible=True, color=GRID)
    return figure


def map_svg(found: Mapping[str, Any]) -> str:
    """The map as SVG for a page."""
    with drawing("map"):
        return svg_of(map_figure(found), "Map of the embeddings of pictures and of sounds, by class")


def write_map(path: Path, found: Mapping[str, Any]) -> None:
    """Write the map as a PNG."""
    with drawing("map"):
        write_png(map_figure(found), path)


def map_words(found: Mapping[str, Any]) -> str:
    """How to read the map, and how not to."""
    counts = {tower: sum(point["tower"] == tower for point in found["points"]) for tower in TITLES}
    clips = len({point["clip"] for point in found["points"]})
    perplexity = max(found["perplexity"].values())
    windows = " and ".join(f"{count} windows of {TITLES[tower]}" for tower, count in counts.items() if count)
    layout = "in one map: pictures and sounds of a class are close if it is at the same place in both panels"
    if not found["joint"]:
        layout = "each tower in its own map: positions in different maps cannot be compared"
    return (
        f"{windows} of {clips} clips, laid out by t-SNE (perplexity {perplexity:.3g}, seed {found['seed']}), {layout}. "
        "Windows that are close here are usually neighbours in embedding space. The distances between groups, their "
        "sizes and the orientation have no meaning, and another seed gives another map. Classes were not used in "
        "training; the numbers next to the map are measured in embedding space."
    )


def agreement_rows(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """How often the nearest windows of other clips have the same class as a window, against chance."""
    rows: list[tuple[str, ...]] = []
    for row in found["agreement"]:
        asking, searched = TITLES[row["asking"]], TITLES[row["searched"]]
        rows.append(
            (
                f"{asking} among {searched}" if asking == searched else f"{asking}, their nearest {searched}",
                percent(row["share"]),
                percent(row["chance"]),
                percent(row["shuffled"]),
                str(row["num_windows"]),
            )
        )
    return rows


def agreement_words(found: Mapping[str, Any]) -> str:
    """Explanation of the table of agreement."""
    words = (
        f"Share of the {found['nearest']} nearest windows of other clips that have the same class as a window; the "
        "chance level is the share among all windows of other clips. The column 'shuffled' is the 95th percentile of "
        "the share with classes assigned to the clips at random."
    )
    most = [row["most"] for row in found["agreement"] if row["most"] is not None]
    if not most:
        return f"{words} No class has two labelled clips here, so there is nothing to measure."
    if min(most) < 0.995:
        words += f" Small classes have fewer windows than that: the maximum is {percent(min(most))}."
    return words


def map_section(found: Mapping[str, Any], title: str) -> list[str]:
    """The map with its explanation and its numbers, as a section of a page."""
    return [
        f"<h2>{escape(title)}</h2>",
        card(map_svg(found), f'<p class="quiet">{escape(map_words(found))}</p>', wide=True),
        card(
            f'<p class="quiet">{escape(agreement_words(found))}</p>',
            table(HEADERS, agreement_rows(found)),
            title="Are windows of one class close together?",
        ),
    ]


def _draw_classes(axes: Axes, points: Sequence[Mapping[str, Any]], names: Sequence[str], height: float) -> None:
    """A mark for each window, and the name of each class."""
    unknown = places_of([point for point in points if point["label"] is None])
    axes.plot(unknown[:, 0], unknown[:, 1], "o", color=MUTED, markersize=4, alpha=0.7, zorder=2)
    spots, shown = [], []
    for index, name in enumerate(names):
        places = places_of([point for point in points if point["label"] == name])
        if not len(places):
            continue
        colour, mark = class_look(index)
        axes.plot(places[:, 0], places[:, 1], mark, color=colour, markersize=4.5, alpha=0.85, mew=0, zorder=3)
        spots.append(densest(places))
        shown.append((f"{SIGNS[mark]} {name.replace('_', ' ')}", colour))
    at = apart(np.array(spots).reshape(-1, 2), [len(name) for name, _ in shown], height)
    for (name, colour), spot, (x, y) in zip(shown, spots, at, strict=True):
        axes.plot([spot[0], x], [spot[1], y], color=colour, linewidth=0.8, zorder=4)
        box = {"facecolor": PANEL, "edgecolor": colour, "linewidth": 0.7, "alpha": 0.85, "pad": 1.2}
        axes.text(x, y, name, size=7.5, color=INK, ha="center", va="center", bbox=box, zorder=5)


def places_of(points: Sequence[Mapping[str, Any]]) -> NDArray[np.float64]:
    """Places [n, 2] of points."""
    return np.array([(point["x"], point["y"]) for point in points], np.float64).reshape(-1, 2)


def densest(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """The place [2] among places [n, 2] with the smallest mean distance to the nearest half of them."""
    distances = np.linalg.norm(places[:, None] - places, axis=-1)
    nearest = np.sort(distances, axis=1)[:, : len(places) // 2 + 1]
    return np.asarray(places[int(nearest.mean(1).argmin())])


def apart(spots: NDArray[np.float64], letters: Sequence[int], height: float) -> NDArray[np.float64]:
    """Places [n, 2] for names near their spots, moved, mostly vertically, until no two overlap.

    Args:
        spots: the named places, [n, 2].
        letters: number of letters of each name.
        height: all names stay within +- this height.
    """
    sizes = np.stack([LETTER_WIDTH * np.array(letters, float) + 0.04, np.full(len(letters), LABEL_HEIGHT)], axis=1)
    edge = np.array([1 + MARGIN, height]) - 0.02 - sizes / 2
    order = np.arange(len(spots))
    places: NDArray[np.float64] = (spots + np.array([0.0, 0.75 * LABEL_HEIGHT])).clip(-edge, edge)
    for _ in range(PUSHES):
        gaps = places[:, None] - places
        over = (sizes[:, None] + sizes) / 2 + 0.012 - np.abs(gaps)
        touching = (over > 0).all(-1) & (order[:, None] != order)
        if not touching.any():
            break
        ways = np.sign(
            np.where(gaps != 0, gaps, (order[:, None] - order)[..., None])
        )  # identical spots: later names move up
        places += np.array(PUSH) * (ways * over * touching[..., None]).sum(1)
        places = places.clip(-edge, edge)
    return places
