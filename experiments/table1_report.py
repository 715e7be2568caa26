"""The paper's Table 1 and ours side by side, from the result files of its experiment.

Input: a folder FORM/REGIME-SEED.json. Output: a page in Markdown and a picture beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from avts.report.palette import KINDS, drawing, light_grid, new_figure, write_png

KIND_TITLES = {"easy": "easy", "mixed": "75/25", "hard": "hard", "super_hard": "super-hard"}
"""Negatives of the test pairs, as columns."""

FORM_TITLES = {
    "ours": "Our form: grid pairs, change of luminance, temporal head, AdamW",
    "pairs": "Pair by pair: our form, but for one sound a picture instead of all of the batch",
    "rgb": "Colours: our form, but for RGB",
    "global": "Global head: our form, but for the mean over time",
    "info-nce": "InfoNCE: global head, and InfoNCE instead of the contrastive loss",
    "rgb-global": "Colours and global head: our form, but for both",
    "global-resting": "Scenes that rest: global head, and actions that pause now and then",
    "paper": "The paper's form: pair by pair, RGB, global head, SGD",
}
"""Those between ours and the paper's change one thing each; InfoNCE is what the paper did not have; in scenes that rest
the mean over time can tell when, too."""


MOST_OF_A_COMPARISON = 2
"""A form with no more regimes than these is there to be held against others, and has no table of its own."""


@dataclass(frozen=True)
class Regime:
    """One way to train: its title, and the accuracy that the paper reports for it, % (None if it gives none)."""

    title: str
    paper: float | None = None


REGIMES = {
    "easy": Regime("easy", 69.0),
    "mixed": Regime("75/25", 58.9),
    "hard": Regime("hard", 52.3),
    "easy-then-easy": Regime("easy, then easy", 67.2),
    "easy-then-mixed": Regime("easy, then 75/25 (the curriculum)", 78.4),
    "easy-then-hard": Regime("easy, then hard", 65.7),
    "super-hard": Regime("super-hard"),
    "easy-then-super-hard": Regime("easy, then super-hard"),
    "bce": Regime("BCE from scratch"),
    "bce-after": Regime("curriculum, then BCE"),
    "bce-after-frozen": Regime("curriculum, then BCE, towers frozen"),
    "l3net": Regime("L3-Net: correspondence only", 74.3),
    "adaptive": Regime("adaptive curriculum"),
}
"""Rows, in this order. Paper: Korbar et al. 2018, Table 1 and the comparison with L3-Net, as recalled."""

FINDINGS = (
    ("a", "the curriculum against easy only, at 75/25", ("easy-then-mixed",), ("easy",), "mixed", "+9.4"),
    ("b", "75/25 or hard from the start against easy, at 75/25", ("mixed", "hard"), ("easy",), "mixed", "-10.1, -16.7"),
    ("c", "super-hard at either stage against easy, at 75/25", ("super-hard", "easy-then-super-hard"), ("easy",),
     "mixed", "hurts"),
    ("d", "BCE from scratch against easy, at 75/25", ("bce",), ("easy",), "mixed", "does not converge"),
    ("e", "BCE after against the curriculum, at 75/25", ("bce-after", "bce-after-frozen"), ("easy-then-mixed",),
     "mixed", "about equal or better"),
    ("f", "the curriculum against L3-Net, at 75/25", ("easy-then-mixed",), ("l3net",), "mixed", "+4.1"),
    ("+", "the adaptive curriculum against the fixed one, at 75/25", ("adaptive",), ("easy-then-mixed",), "mixed",
     "not in the paper"),
)  # fmt: skip

Cells = Mapping[str, Sequence[Mapping[str, Any]]]
"""The results of each regime, one a seed."""


def read_cells(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """The results of one form by regime; without trainings of another length or on a part of the videos."""
    cells: dict[str, list[dict[str, Any]]] = {}
    for path in sorted(folder.glob("[!.]*.json")):
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["videos"] is None and found.get("times", 1) == 1:
            cells.setdefault(found["regime"], []).append(found)
    return cells


def spread(values: Sequence[float], *, signed: bool = False) -> str:
    """Mean and standard deviation over seeds in points: '78.4 ± 0.6'; of one seed the value alone."""
    mean = 100 * float(np.mean(values))
    shown = f"{mean:+.1f}" if signed else f"{mean:.1f}"
    return f"{shown} ± {100 * float(np.std(values, ddof=1)):.1f}" if len(values) > 1 else shown


def differences(cells: Cells, ones: Sequence[str], others: Sequence[str], kind: str) -> list[str]:
    """Accuracy of each of some regimes minus that of another with the same seed."""
    told = []
    for one in ones:
        for other in others:
            seeds = {cell["seed"]: cell["accuracy"][kind] for cell in cells.get(other, ())}
            pairs = [
                (cell["accuracy"][kind], seeds[cell["seed"]]) for cell in cells.get(one, ()) if cell["seed"] in seeds
            ]
            if pairs:
                told.append(f"{REGIMES[one].title}: {spread([a - b for a, b in pairs], signed=True)}")
    return told


def regime_table(cells: Cells, measure: str) -> str:
    """One row a regime: the measure on each kind of test pairs, and beside accuracy the paper's figure."""
    beside = measure == "accuracy"
    lines = [f"| trained on | {' | '.join(KIND_TITLES.values())} |{' paper |' if beside else ''} seeds |"]
    lines.append("|" + "---|" * (len(KIND_TITLES) + 2 + beside))
    for name, regime in REGIMES.items():
        found = cells.get(name)
        if not found:
            continue
        figures = [spread([cell[measure][kind] for cell in found]) for kind in KIND_TITLES]
        paper = [f"{regime.paper:.1f}" if regime.paper is not None else "–"] if beside else []
        lines.append(f"| {' | '.join([regime.title, *figures, *paper, str(len(found))])} |")
    return "\n".join(lines)


def forms_table(forms: Mapping[str, Cells]) -> str:
    """What each form comes to with easy negatives only and with the curriculum."""
    lines = ["| form | regime | accuracy 75/25 | AUC easy | AUC hard | AUC super-hard | seeds |", "|" + "---|" * 7]
    for form, cells in forms.items():
        for regime in ("easy", "easy-then-mixed"):
            if found := cells.get(regime):
                areas = [spread([cell["auc"][kind] for cell in found]) for kind in ("easy", "hard", "super_hard")]
                told = [spread([cell["accuracy"]["mixed"] for cell in found]), *areas, str(len(found))]
                lines.append(f"| {FORM_TITLES[form]} | {REGIMES[regime].title} | {' | '.join(told)} |")
    return "\n".join(lines)


def findings_table(forms: Mapping[str, Cells]) -> str:
    """What the paper found, and what came out in each form."""
    names = [FORM_TITLES[form].split(":", 1)[0] for form in forms]
    lines = [f"| | question | paper | {' | '.join(names)} |", "|" + "---|" * (3 + len(forms))]
    for letter, question, ones, others, kind, paper in FINDINGS:
        told = ["; ".join(differences(cells, ones, others, kind)) or "–" for cells in forms.values()]
        lines.append(f"| {letter} | {question} | {paper} | {' | '.join(told)} |")
    return "\n".join(lines)


def draw_regimes(cells: Cells, path: Path) -> None:
    """Accuracy of each regime on each kind of test pairs: a dot a seed, a bar for their mean."""
    names = [name for name in REGIMES if name in cells]
    with drawing("table1"):
        figure = new_figure(7.2, 0.42 * len(names) + 1.1)
        axes = figure.subplots()
        height = 0.8 / len(KIND_TITLES)
        for number, kind in enumerate(KIND_TITLES):
            rows = np.arange(len(names)) - 0.4 + height * (number + 0.5)
            means = [100 * np.mean([cell["accuracy"][kind] for cell in cells[name]]) for name in names]
            axes.barh(rows, means, 0.9 * height, color=KINDS[kind], alpha=0.75, label=KIND_TITLES[kind])
            for row, name in zip(rows, names, strict=True):
                dots = [100 * cell["accuracy"][kind] for cell in cells[name]]
                axes.plot(dots, [row] * len(dots), "k.", markersize=2.5, alpha=0.6)
        axes.set_yticks(np.arange(len(names)), [REGIMES[name].title for name in names])
        axes.invert_yaxis()
        axes.set_xlim(45, 100)
        axes.axvline(50, color="#69748a", linewidth=0.8)
        axes.set_xlabel("AVTS accuracy on test videos, % (50 is chance)")
        figure.legend(loc="outside upper center", ncols=len(KIND_TITLES), title="negatives of the test pairs")
        light_grid(axes, "x")
        write_png(figure, path)


def write_results(results: Path, pictures: Path) -> str:
    """The tables of all forms that have results, in Markdown; their pictures are written into a folder."""
    forms = {form: cells for form in FORM_TITLES if (cells := read_cells(results / form))}
    whole = {form: cells for form, cells in forms.items() if len(cells) > MOST_OF_A_COMPARISON}
    parts = ["### What the paper found\n", findings_table(whole)]
    parts += ["\n### What each change of form is worth\n", forms_table(forms)]
    for form, cells in whole.items():
        draw_regimes(cells, pictures / f"table1-{form}.png")
        trained = [cell["trained"] for found in cells.values() for cell in found]
        step = sum(each["cpu_seconds"] for each in trained) / max(sum(each["steps"] for each in trained), 1)
        parts += [
            f"\n### {FORM_TITLES[form]}\n",
            f"AVTS accuracy, %; mean and standard deviation over seeds; {step:.2f} s of a core a step.\n",
            regime_table(cells, "accuracy"),
            "\nArea under the ROC curve, %:\n",
            regime_table(cells, "auc"),
            f"\n![Accuracy of each regime, {form}](table1-{form}.png)",
        ]
    return "\n".join(parts) + "\n"
