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

from avts.probe.cross_validation import reach_of
from avts.report.palette import CLASSES, INK, MUTED, drawing, light_grid, new_figure, write_png

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
    "individual": "Individuals: RGB, grid pairs, temporal head, centred, where looks go with sounds",
    "paper-individual": "Individuals, the paper's form: pair by pair, RGB, global head, SGD",
    "paper-resting": "Scenes that rest, the paper's form: pair by pair, RGB, global head, SGD",
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


@dataclass(frozen=True)
class Finding:
    """One finding of the paper: regimes whose accuracy at 75/25 is compared, seed by seed.

    Attributes:
        claim: what is compared.
        ones: these regimes,
        other: each against this one.
        paper: the difference that the paper reports.
        sign: of that difference; 0 if it reports none or better, None if it did not try.
    """

    claim: str
    ones: tuple[str, ...]
    other: str
    paper: str
    sign: int | None


FINDINGS = (
    Finding("(a) the curriculum against easy only", ("easy-then-mixed",), "easy", "+9.4", 1),
    Finding("(b) 75/25 or hard from the start against easy", ("mixed", "hard"), "easy", "-10.1, -16.7", -1),
    Finding("(c) super-hard, early or late, against easy", ("super-hard", "easy-then-super-hard"), "easy", "hurts", -1),
    Finding("(d) BCE from scratch against easy", ("bce",), "easy", "does not converge", -1),
    Finding("(e) BCE after against the curriculum", ("bce-after", "bce-after-frozen"), "easy-then-mixed",
            "equal or better", 0),
    Finding("(f) the curriculum against L3-Net", ("easy-then-mixed",), "l3net", "+4.1", 1),
    Finding("(g) the adaptive curriculum against the fixed one", ("adaptive",), "easy-then-mixed", "not tried", None),
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


def compared(cells: Cells, finding: Finding) -> list[str]:
    """What came out of a finding: each difference in points, its 95 % interval over seeds, and how it compares."""
    told = []
    for one in finding.ones:
        found = _paired(cells, one, finding.other, "mixed")
        title = f"{REGIMES[one].title}: " if len(finding.ones) > 1 else ""
        if len(found) > 1:
            mean, reach = 100 * float(np.mean(found)), 100 * reach_of(found)
            least, most = mean - reach, mean + reach
            told.append(f"{title}{mean:+.1f} ({least:+.1f} to {most:+.1f}){_verdict(least, most, finding.sign)}")
        elif found:
            told.append(f"{title}{100 * found[0]:+.1f}, one seed")
    return told


def _verdict(least: float, most: float, sign: int | None) -> str:
    """How an interval compares with the sign of the paper's difference."""
    if sign is None:
        return ""
    if least <= 0 <= most:
        return " no difference shown" if sign == 0 else " not shown"
    return " as the paper" if (least > 0) == (sign >= 0) else " turned round"


def _paired(cells: Cells, one: str, other: str, kind: str) -> list[float]:
    """Accuracy of one regime minus that of another, for each seed that both have."""
    seeds = {cell["seed"]: cell["accuracy"][kind] for cell in cells.get(other, ())}
    return [cell["accuracy"][kind] - seeds[cell["seed"]] for cell in cells.get(one, ()) if cell["seed"] in seeds]


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
    """What the paper found, and what came out in each form: differences in points of accuracy at 75/25."""
    names = [FORM_TITLES[form].split(":", 1)[0] for form in forms]
    lines = [f"| finding | paper | {' | '.join(names)} |", "|" + "---|" * (2 + len(forms))]
    for finding in FINDINGS:
        told = ["<br>".join(compared(cells, finding)) or "–" for cells in forms.values()]
        lines.append(f"| {finding.claim} | {finding.paper} | {' | '.join(told)} |")
    return "\n".join(lines)


def draw_differences(forms: Mapping[str, Cells], path: Path) -> None:
    """Accuracy at 75/25 of each regime minus that of easy negatives only, seed by seed: mean and 95 % interval.

    One colour a form; the cross is the paper's difference.
    """
    names = [name for name in REGIMES if name != "easy" and any(name in cells for cells in forms.values())]
    with drawing("table1"):
        figure = new_figure(7.2, 0.42 * len(names) + 1.3)
        axes = figure.subplots()
        axes.axvline(0, color=MUTED, linewidth=0.8)
        for number, (form, cells) in enumerate(forms.items()):
            shift = 0.5 * ((number + 0.5) / len(forms) - 0.5)
            rows, means, reaches = [], [], []
            for row, name in enumerate(names):
                if found := _paired(cells, name, "easy", "mixed"):
                    rows.append(row + shift)
                    means.append(100 * float(np.mean(found)))
                    reaches.append(100 * reach_of(found) if len(found) > 1 else 0.0)
            colour, title = CLASSES[number], FORM_TITLES[form].split(":", 1)[0]
            axes.errorbar(means, rows, xerr=reaches, fmt="o", color=colour, markersize=4, linewidth=1.2, label=title)
        easy = REGIMES["easy"].paper
        known = [(paper - easy, row) for row, name in enumerate(names) if easy and (paper := REGIMES[name].paper)]
        axes.plot(*zip(*known, strict=True), "x", color=INK, label="the paper")
        axes.set_yticks(np.arange(len(names)), [REGIMES[name].title for name in names])
        axes.invert_yaxis()
        axes.set_xlabel("accuracy at 75/25 minus that of easy negatives only, points")
        figure.legend(loc="outside upper center", ncols=len(forms) + 1)
        light_grid(axes, "x")
        write_png(figure, path)


def read_forms(results: Path) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """The results of all forms that have some."""
    return {form: cells for form in FORM_TITLES if (cells := read_cells(results / form))}


def whole_forms(forms: Mapping[str, Cells]) -> dict[str, Cells]:
    """Those that are not only there to be held against others."""
    return {form: cells for form, cells in forms.items() if len(cells) > MOST_OF_A_COMPARISON}


def write_results(results: Path, pictures: Path) -> str:
    """The tables of all forms that have results, in Markdown; their pictures are written into a folder."""
    forms = read_forms(results)
    whole = whole_forms(forms)
    parts = ["### What each change of form is worth\n", forms_table(forms)]
    draw_differences(whole, pictures / "table1.png")
    parts.append("\n![Each regime against easy negatives only, by form, beside the paper](table1.png)")
    for form, cells in whole.items():
        trained = [cell["trained"] for found in cells.values() for cell in found]
        step = sum(each["cpu_seconds"] for each in trained) / max(sum(each["steps"] for each in trained), 1)
        parts += [
            f"\n### {FORM_TITLES[form]}\n",
            f"AVTS accuracy, %; mean and standard deviation over seeds; {step:.2f} s of a core a step.\n",
            regime_table(cells, "accuracy"),
            "\nArea under the ROC curve, %:\n",
            regime_table(cells, "auc"),
        ]
    return "\n".join(parts) + "\n"
