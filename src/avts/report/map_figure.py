"""The map of both towers' embeddings by class, and what it is and is not. Input: plain values. Output: figures, HTML.

With many classes colours alone do not tell them apart: each class has a colour and a mark, and its name stands where
its windows are densest.
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
"""Of a name in a panel, in the map's units: the map is 2 wide."""

MARGIN = 0.09
PANEL_INCHES = 4.7
SIGNS = {"o": "●", "s": "■", "^": "▲", "D": "◆", "P": "✚", "v": "▼", "X": "✖"}
"""A mark as a letter, which stands before the names of its classes."""

PUSHES = 300
PUSH = (0.03, 0.5)
"""Share of what two names lie over each other by which each is moved, across and along: mostly up and down."""

HEADERS = ("", "same class", "chance", "shuffled, 95 % under", "windows")


def map_figure(found: Mapping[str, Any]) -> Figure:
    """Pictures and sounds beside each other; in a joint map the other tower's windows lie faintly behind."""
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
    """The map for a page."""
    with drawing("map"):
        return svg_of(map_figure(found), "Map of the embeddings of pictures and of sounds, by class")


def write_map(path: Path, found: Mapping[str, Any]) -> None:
    """Draw the map as a PNG."""
    with drawing("map"):
        write_png(map_figure(found), path)


def map_words(found: Mapping[str, Any]) -> str:
    """What the map is, and what it is not."""
    counts = {tower: sum(point["tower"] == tower for point in found["points"]) for tower in TITLES}
    clips = len({point["clip"] for point in found["points"]})
    perplexity = max(found["perplexity"].values())
    windows = " and ".join(f"{count} windows of {TITLES[tower]}" for tower, count in counts.items() if count)
    layout = "in one map: a class at one spot in both panels has pictures and sounds that lie together"
    if not found["joint"]:
        layout = "each tower in a map of its own: spots in one say nothing about spots in another"
    return (
        f"{windows} of {clips} clips, laid out by t-SNE (perplexity {perplexity:.3g}, seed {found['seed']}), {layout}. "
        "Windows that lie together here are neighbours among the embeddings, as a rule. How far apart groups lie, how "
        "large they are and how they are turned means nothing, and another seed draws another map. No window was "
        "trained with its class; the numbers beside the map are measured among the embeddings themselves."
    )


def agreement_rows(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """How often the nearest windows of other clips are of a window's own class, against chance."""
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
    """What the table of agreement says."""
    words = (
        f"Share of the {found['nearest']} nearest windows of other clips that are of a window's own class; chance is "
        "that of any windows of other clips. With the classes dealt out to the clips at random, 95 shares in 100 stay "
        "under the last but one column."
    )
    most = [row["most"] for row in found["agreement"] if row["most"] is not None]
    if not most:
        return f"{words} No class is known of two clips here, so there is nothing to measure."
    if min(most) < 0.995:
        words += f" Small classes have fewer windows than that: no more than {percent(min(most))} can be reached."
    return words


def map_section(found: Mapping[str, Any], title: str) -> list[str]:
    """The map with the numbers beside it and what it is and is not, as a part of a page."""
    return [
        f"<h2>{escape(title)}</h2>",
        card(map_svg(found), f'<p class="quiet">{escape(map_words(found))}</p>', wide=True),
        card(
            f'<p class="quiet">{escape(agreement_words(found))}</p>',
            table(HEADERS, agreement_rows(found)),
            title="Do windows of one class lie together?",
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
    """The place [2], of places [n, 2], whose nearest half is nearest."""
    distances = np.linalg.norm(places[:, None] - places, axis=-1)
    nearest = np.sort(distances, axis=1)[:, : len(places) // 2 + 1]
    return np.asarray(places[int(nearest.mean(1).argmin())])


def apart(spots: NDArray[np.float64], letters: Sequence[int], height: float) -> NDArray[np.float64]:
    """Places [n, 2] for names near their spots, moved, mostly up and down, until no two lie over each other.

    Args:
        spots: what is named, [n, 2].
        letters: of each name.
        height: all names stay between this and its negative.
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
        ways = np.sign(np.where(gaps != 0, gaps, (order[:, None] - order)[..., None]))  # on one spot: later ones up
        places += np.array(PUSH) * (ways * over * touching[..., None]).sum(1)
        places = places.clip(-edge, edge)
    return places
