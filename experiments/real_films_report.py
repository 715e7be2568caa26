"""What real films teach, from the result files of its experiment: tables in Markdown.

Input: a folder of CORPUS-SEED.json. Output: a part of a page.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from avts.probe.cross_validation import reach_of
from table1_report import spread

LABELS = ("1", "5", "10", "20", "all")
NAMED = "5"
"""Labels a class at which findings are judged."""

STARTS = {
    "both": "generated and real films",
    "real": "real films, 102 minutes",
    "real-30": "30 minutes of them",
    "real-10": "10 minutes of them",
    "generated": "generated films, 80 minutes",
    "random": "a fresh net, frozen",
    "scratch": "the net from scratch",
    "mfcc": "MFCC",
}

SOUNDS = {"esc10": "ESC-10", "kitchen20": "Kitchen20"}

KINDS = {"easy": "easy", "mixed": "75/25", "hard": "hard"}

Cells = Mapping[str, Sequence[Mapping[str, Any]]]


def read_cells(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The figures of each corpus, by seed."""
    found: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(folder.glob("*.json")):
        cell = json.loads(path.read_text(encoding="utf-8"))
        found.setdefault(cell["corpus"], []).append(cell)
    return found


def row(cells: Sequence[str]) -> str:
    """A row of a Markdown table."""
    return f"| {' | '.join(cells)} |\n"


def sounds_table(cells: Cells, sounds: str) -> str:
    """Accuracy by numbers of labels, mean and deviation over seeds, and the lead of each start at NAMED labels."""
    counts = [
        each for each in LABELS if any(each in cell["sounds"].get(sounds, {}) for of in cells.values() for cell in of)
    ]
    text = row(
        [SOUNDS[sounds], *(f"{each}" for each in counts), f"over the fresh net at {NAMED}", f"over scratch at {NAMED}"]
    )
    text += row(["---"] * (len(counts) + 3))
    for start in STARTS:
        if start not in cells:
            continue
        means = [
            [cell["sounds"][sounds][each]["accuracy"] for cell in cells[start] if each in cell["sounds"][sounds]]
            for each in counts
        ]
        shown = [spread(each) if each else "–" for each in means]
        text += row([STARTS[start], *shown, *(lead(cells, sounds, start, other) for other in ("random", "scratch"))])
    return text


def lead(cells: Cells, sounds: str, one: str, other: str) -> str:
    """Points by which one start is ahead at NAMED labels, paired by fold, averaged over seeds that both have."""
    if one == other or one not in cells or other not in cells:
        return ""
    of = [{cell["seed"]: cell["sounds"][sounds][NAMED]["folds"] for cell in cells[each]} for each in (one, other)]
    seeds = sorted(of[0].keys() & of[1].keys())
    if not seeds:
        return ""
    by_fold = 100 * np.mean([np.subtract(of[0][seed], of[1][seed]) for seed in seeds], axis=0)
    reach = reach_of(by_fold.tolist())
    return f"{by_fold.mean():+.1f} ({by_fold.mean() - reach:+.1f} to {by_fold.mean() + reach:+.1f})"


def sync_table(cells: Cells) -> str:
    """Accuracy and AUC on held-out real films, mean and deviation over seeds."""
    text = row(
        ["trained on", *(f"{each}, accuracy" for each in KINDS.values()), *(f"{each}, AUC" for each in KINDS.values())]
    )
    text += row(["---"] * (1 + 2 * len(KINDS)))
    for start in STARTS:
        measured = [cell for cell in cells.get(start, ()) if "accuracy" in cell]
        if measured:
            shown = [spread([cell[sign][kind] for cell in measured]) for sign in ("accuracy", "auc") for kind in KINDS]
            text += row([STARTS[start], *shown])
    return text


def write_results(results: Path) -> str:
    """Both tables; nothing if nothing was measured."""
    cells = read_cells(results)
    if not cells:
        return ""
    seeds = max(len(each) for each in cells.values())
    return (
        f"In sync or not, held-out real films, %, up to {seeds} seeds:\n\n"
        + sync_table(cells)
        + f"\nReal sounds, conv5 and SVM, accuracy % by labels a class, up to {seeds} seeds; leads by fold:\n"
        + "".join("\n" + sounds_table(cells, each) for each in SOUNDS)
    )
