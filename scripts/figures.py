"""Draw the figures of the documentation: python scripts/figures.py docs/figures [--only NAME].

Pairs, grid and curriculum come from the functions that training itself uses, with a fixed seed. The sync map is what
`avts sync --plot` draws of a generated video whose sound was moved, and the map of where a sound comes from is that of
`avts show --where`; both ask the model in the box.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Rectangle

from avts.pairs.negatives import EASY, HARD, KIND_NAMES, POSITIVE, SUPER_HARD, plan_grid, window_pair
from avts.report.palette import ACCENT, GRID, INK, KINDS, MUTED, drawing, new_figure
from avts.settings import read_recipe

ROOT = Path(__file__).parents[1]
CLIP_SECONDS, GAP_SECONDS, FILM_SECONDS = 1.0, 0.5, 6.0
WORLD = ["--videos", "6", "--seed", "77", "--seconds", "12", "--size", "160"]
WORLD += ["--kinds", "hammer,drumstick,footsteps,xylophone", "--max-shift", "0.8"]
SHOWN = "00002_drumstick.mp4"
"""A video of WORLD; its true offset is 0.604 s (labels.csv)."""


def colour_of(kind: int) -> str:
    return KINDS[KIND_NAMES[kind]]


def draw_pairs() -> Figure:
    """A window of picture and the window of sound of each kind of pair, in seconds of their videos."""
    figure = new_figure(7.6, 3.3)
    axes = figure.subplots()
    rng = np.random.default_rng(5)
    rows = ((POSITIVE, "positive"), (SUPER_HARD, "super-hard"), (HARD, "hard"), (EASY, "easy"))
    for row, (kind, name) in enumerate(rows):
        pair = window_pair(
            FILM_SECONDS,
            POSITIVE if kind == EASY else kind,
            clip_seconds=CLIP_SECONDS,
            gap_seconds=GAP_SECONDS,
            rng=rng,
        )
        assert pair is not None
        y = -row
        first = 0.0
        axes.add_patch(Rectangle((0, y - 0.3), FILM_SECONDS, 0.6, facecolor=GRID, alpha=0.5, linewidth=0))
        if kind == EASY:
            first = FILM_SECONDS + 0.6
            axes.add_patch(Rectangle((first, y - 0.3), FILM_SECONDS, 0.6, facecolor=GRID, alpha=0.5, linewidth=0))
            pair = (pair[0], float(rng.uniform(0, FILM_SECONDS - CLIP_SECONDS)))
        for start, low, label in ((pair[0], y + 0.02, "picture"), (first + pair[1], y - 0.27, "sound")):
            face = colour_of(kind) if label == "sound" else INK
            axes.add_patch(Rectangle((start, low), CLIP_SECONDS, 0.25, facecolor=face, linewidth=0))
            axes.text(
                start + CLIP_SECONDS / 2, low + 0.12, label, color="white", ha="center", va="center", fontsize=7.5
            )
        axes.text(-0.25, y, name, ha="right", va="center", color=colour_of(kind), fontweight="bold", fontsize=10)
    axes.set_xlim(-1.9, 2 * FILM_SECONDS + 0.6)
    axes.set_ylim(-3.5, 0.75)
    axes.text(FILM_SECONDS / 2, 0.45, "one video, 6 s", ha="center", color=MUTED)
    axes.text(FILM_SECONDS * 1.5 + 0.6, -2.55, "another video", ha="center", color=MUTED)
    axes.axis("off")
    return figure


def draw_grid() -> Figure:
    """The kinds of all pairs of a small grid step, with a hard sound for each picture."""
    plan = plan_grid(
        range(5), [FILM_SECONDS] * 5, negative_shares={EASY: 0.75, HARD: 0.25},
        clip_seconds=CLIP_SECONDS, gap_seconds=GAP_SECONDS, rng=np.random.default_rng(0),
    )  # fmt: skip
    figure = new_figure(7.6, 3.4)
    axes = figure.subplots()
    for picture, sound, kind in plan.pairs:
        axes.add_patch(Rectangle((sound + 0.05, -picture + 0.05), 0.9, 0.9, facecolor=colour_of(kind), linewidth=0))
    for sound, window in enumerate(plan.sounds):
        axes.text(sound + 0.5, 1.15, f"{'ABCDE'[window.clip]}\n{window.start_seconds:.1f} s", ha="center", fontsize=8)
    for picture, window in enumerate(plan.pictures):
        axes.text(
            -0.1,
            -picture + 0.5,
            f"{'ABCDE'[window.clip]}  {window.start_seconds:.1f} s",
            ha="right",
            va="center",
            fontsize=8,
        )
    axes.text(len(plan.sounds) / 2, 2.15, "windows of sound: video and start", ha="center", color=MUTED)
    axes.text(-1.75, -1.5, "windows of picture", va="center", ha="center", rotation=90, color=MUTED)
    for place, (kind, name) in enumerate(((POSITIVE, "positive"), (HARD, "hard"), (EASY, "easy"))):
        axes.add_patch(
            Rectangle((len(plan.sounds) + 0.5, -place - 0.3), 0.5, 0.5, facecolor=colour_of(kind), linewidth=0)
        )
        axes.text(len(plan.sounds) + 1.2, -place - 0.05, name, va="center", fontsize=9)
    axes.set_xlim(-2, len(plan.sounds) + 3)
    axes.set_ylim(-4.1, 2.6)
    axes.axis("off")
    return figure


def draw_curriculum() -> Figure:
    """Shares of the negatives in each epoch of the paper's recipe."""
    recipe = read_recipe(ROOT / "recipes" / "paper.toml")
    epochs = np.arange(recipe.num_epochs)
    stages = [stage for stage in recipe.curriculum for _ in range(stage.epochs)]
    shares = {kind: np.array([getattr(stage, KIND_NAMES[kind]) for stage in stages]) for kind in (EASY, HARD)}
    figure = new_figure(7.6, 2.5)
    axes = figure.subplots()
    colours = [colour_of(kind) for kind in shares]
    axes.stackplot(
        np.append(epochs, len(epochs)),
        *[np.append(s, s[-1]) * 100 for s in shares.values()],
        colors=colours,
        step="post",
    )
    first = 0
    for stage in recipe.curriculum:
        axes.text(
            first + stage.epochs / 2,
            50,
            f"{stage.name}\n{stage.epochs} epochs",
            color="white",
            ha="center",
            va="center",
            fontweight="bold",
        )
        first += stage.epochs
        axes.axvline(first, color="white", linewidth=2)
    axes.text(first - 2, 88, "hard", color="white", ha="right", va="center", fontweight="bold")
    axes.set(xlim=(0, len(epochs)), ylim=(0, 100), xlabel="epoch", ylabel="negatives (%)")
    return figure


def draw_towers() -> Figure:
    """The way of a pair through both towers, with the shapes of the paper's recipe."""
    figure = new_figure(7.8, 2.9)
    axes = figure.subplots()
    ways = (
        (1.0, ("frames\n3 x 24 x 224 x 224", "video tower\nconv1 ... conv5", "head", "embedding\n512")),
        (-1.0, ("filterbank\n40 x 100", "audio tower\nconv1 ... conv5, fc6", "head", "embedding\n512")),
    )
    for y, boxes in ways:
        for place, text in enumerate(boxes):
            _box(axes, 2.6 * place, y, text, filled=place in (1, 2))
            if place:
                _arrow(axes, (2.6 * place - 0.55, y), (2.6 * place - 0.05, y))
        _arrow(axes, (2.6 * 3 + 2.05, y), (2.6 * 4, y * 0.28))
    _box(axes, 2.6 * 4, 0, "distance d\nin sync if d < τ", filled=False)
    axes.set_xlim(-0.2, 12.7)
    axes.set_ylim(-1.8, 1.8)
    axes.axis("off")
    return figure


def _box(axes: Axes, x: float, y: float, text: str, *, filled: bool) -> None:
    face, ink = (ACCENT, "white") if filled else ("white", INK)
    axes.add_patch(
        FancyBboxPatch((x, y - 0.45), 1.95, 0.9, boxstyle="round,pad=0.03", facecolor=face, edgecolor=ACCENT)
    )
    axes.text(x + 0.98, y, text, ha="center", va="center", color=ink, fontsize=8)


def _arrow(axes: Axes, start: tuple[float, float], stop: tuple[float, float]) -> None:
    axes.add_patch(FancyArrowPatch(start, stop, arrowstyle="-|>", mutation_scale=10, color=MUTED))


DRAWINGS = {"pairs": draw_pairs, "grid": draw_grid, "curriculum": draw_curriculum, "towers": draw_towers}


def write_sync_map(path: Path) -> None:
    """The plot of a generated video whose sound was moved."""
    avts = [sys.executable, "-m", "avts"]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*avts, "synth", folder, *WORLD], check=True)
        subprocess.run([*avts, "sync", f"{folder}/{SHOWN}", "--plot", str(path)], check=True)


def write_where(path: Path) -> None:
    """Where the sound of a rich generated video comes from."""
    avts = [sys.executable, "-m", "avts"]
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([*avts, "synth", folder, "--videos", "2", "--seed", "9102", "--scenes", "rich"], check=True)
        film = f"{folder}/00001_string.mp4"
        subprocess.run([*avts, "show", film, "--where", "--offset", "0", "--out", str(path)], check=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--only", choices=[*DRAWINGS, "sync-map", "where"])
    wanted = parser.parse_args()
    wanted.folder.mkdir(parents=True, exist_ok=True)
    for name, draw in DRAWINGS.items():
        if wanted.only in (None, name):
            with drawing(name):
                figure = draw()
                figure.savefig(
                    wanted.folder / f"{name}.svg", facecolor="white", metadata={"Date": None, "Creator": None}
                )
    if wanted.only in (None, "sync-map"):
        write_sync_map(wanted.folder / "sync-map.png")
    if wanted.only in (None, "where"):
        write_where(wanted.folder / "where.png")


if __name__ == "__main__":
    main()
