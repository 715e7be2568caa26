"""What the features are worth, from the result files of its experiment: tables in Markdown and a figure.

Input: a folder of TASK-WORLD-FORM-START-SEED.json. Output: a part of a page, and a picture beside it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from avts.report.palette import CLASSES, MARKS, MUTED, drawing, light_grid, new_figure, write_png
from table1_report import spread

LABELS = ("1", "5", "10", "20", "all")
NAMED = "5"
"""Labels a class at which findings are judged; the experiment says when it was named."""

CURRICULUM = "easy-then-mixed"


@dataclass(frozen=True)
class Start:
    """One row of the tables: what a task begins with.

    Attributes:
        title: as told.
        start: 'regime', 'scratch', 'supervised', 'random' or 'mfcc'.
        regime: of pre-training.
        form: of pre-training.
        videos: that it was pre-trained on; None for all.
        times: so many times the epochs of Table 1.
    """

    title: str
    start: str = "regime"
    regime: str = CURRICULUM
    form: str = "global"
    videos: int | None = None
    times: int = 4

    def holds(self, trial: Mapping[str, Any]) -> bool:
        """Whether a trial begins with this."""
        return all(trial[key] == getattr(self, key) for key in ("start", "regime", "form", "videos", "times"))


AVTS = Start("AVTS, the curriculum")
AUGMENTED = Start("AVTS, InfoNCE, sounds augmented", form="info-nce-augmented")
SCRATCH = Start("from scratch", "scratch")
SUPERVISED = Start("supervised pre-training on the same videos", "supervised")
RANDOM = Start("a fresh net, frozen", "random")
MFCC = Start("MFCC", "mfcc")
SHORT = Start("AVTS, the curriculum", times=1)
EASY = Start("AVTS, easy only", regime="easy", times=1)
L3NET = Start("L3-Net: correspondence only", regime="l3net", form="ours", times=1)
"""The recipe of L3-Net has a global head whatever it extends."""

CURVES: dict[tuple[str, str], tuple[Start, ...]] = {
    ("actions", "unseen"): (AVTS, SCRATCH),
    ("sounds", "unseen"): (AVTS, SCRATCH, RANDOM, MFCC, AUGMENTED),
    ("sounds", "rich"): (AUGMENTED, SCRATCH, RANDOM, MFCC, AVTS),
}
"""What is drawn against the number of labels."""

COLOURED = (AVTS, SCRATCH, RANDOM, MFCC, AUGMENTED)
"""Starts in the order of the palette: each has one colour in all panels."""

TITLES = {"unseen": "kinds not seen in pre-training", "rich": "the same kinds, other sounds behind"}

REGIMES = (SHORT, EASY, L3NET, SCRATCH)
SIZES = tuple(Start(f"{count or 480} videos", videos=count, times=1) for count in (30, 120, None))
FORMS = (
    Start("change, global head", times=1),
    Start("change, global head, InfoNCE", form="info-nce", times=1),
    Start("change, temporal head", form="ours", times=1),
    Start("change, temporal head, BCE after", regime="bce-after", form="ours", times=1),
    Start("colours, global head", form="rgb-global", times=1),
    Start("colours, temporal head", form="rgb", times=1),
    Start("change, from scratch", "scratch"),
    Start("colours, from scratch", "scratch", form="rgb-global", times=1),
)

Trials = Sequence[Mapping[str, Any]]


def read_trials(folder: Path) -> list[dict[str, Any]]:
    """All trials that are finished."""
    return [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("[!.]*.json"))]


def by_seed(trials: Trials, task: str, world: str, start: Start, labels: str = NAMED) -> dict[int, float]:
    """Accuracy of each seed, 0 to 1."""
    return {
        trial["seed"]: trial["labels"][labels]["accuracy"]
        for trial in trials
        if trial["task"] == task and trial["world"] == world and start.holds(trial) and labels in trial["labels"]
    }


def told(trials: Trials, task: str, world: str, start: Start, labels: str = NAMED) -> str:
    """Mean and deviation over seeds, %; a dash where nothing was measured."""
    found = by_seed(trials, task, world, start, labels)
    return spread(list(found.values())) if found else "–"


def lead(trials: Trials, task: str, world: str, one: Start, other: Start, labels: str = NAMED) -> str:
    """How far one start is ahead of another, seed by seed, points; a dash where nothing can be compared."""
    left, right = (by_seed(trials, task, world, start, labels) for start in (one, other))
    both = sorted(left.keys() & right.keys())
    return spread([left[seed] - right[seed] for seed in both], signed=True) if both else "–"


def curve_table(
    trials: Trials, task: str, world: str, starts: Sequence[Start] = (), labels: Sequence[str] = LABELS
) -> str:
    """A row a start, a column a number of labels, and the lead of the first start over the second."""
    starts = starts or CURVES[task, world]
    lines = [f"| start | {' | '.join(labels)} |", "|" + "---|" * (len(labels) + 1)]
    for start in starts:
        lines.append(f"| {start.title} | {' | '.join(told(trials, task, world, start, n) for n in labels)} |")
    ahead = [lead(trials, task, world, starts[0], starts[1], number) for number in labels]
    return "\n".join([*lines, f"| {starts[0].title}, minus {starts[1].title} | {' | '.join(ahead)} |"])


def named_table(trials: Trials, starts: Sequence[Start], tasks: Sequence[str], world: str = "unseen") -> str:
    """A row a start, a column a task, at the number of labels that is judged."""
    lines = [f"| | {' | '.join(tasks)} |", "|" + "---|" * (len(tasks) + 1)]
    for start in starts:
        lines.append(f"| {start.title} | {' | '.join(told(trials, task, world, start) for task in tasks)} |")
    return "\n".join(lines)


def findings_table(trials: Trials) -> str:
    """What the paper found, and what came out."""
    rows = [
        ("AVTS start against scratch, actions", "+16.7", lead(trials, "actions", "unseen", AVTS, SCRATCH)),
        ("the same at 10 labels", "", lead(trials, "actions", "unseen", AVTS, SCRATCH, "10")),
        ("AVTS start against supervised, actions", "-4.7", lead(trials, "actions", "unseen", AVTS, SUPERVISED)),
        ("conv5 + SVM against the net from scratch, sounds", "+15 to +20",
         lead(trials, "sounds", "unseen", AVTS, SCRATCH)),
        *((f"in rich scenes, InfoNCE, sounds augmented, at {labels}", "",
           lead(trials, "sounds", "rich", AUGMENTED, SCRATCH, labels)) for labels in (NAMED, "1")),
        *((f"the curriculum against easy only, {task}", paper, lead(trials, task, "unseen", SHORT, EASY))
          for task, paper in (("actions", "+8.7"), ("sounds", "+11.7"), ("both", "–"))),
        *((f"the curriculum against L3-Net, {task}", paper, lead(trials, task, "unseen", SHORT, L3NET))
          for task, paper in (("actions", "+13.5"), ("sounds", "+3.0"), ("both", "–"))),
        *((f"16 times the videos, {task}", paper, lead(trials, task, "unseen", SIZES[2], SIZES[0]))
          for task, paper in (("actions", "+3.2 (AudioSet)"), ("sounds", "+5.6 (SoundNet's)"))),
    ]  # fmt: skip
    lines = [f"| finding, at {NAMED} labels a class | paper | here |", "|---|---|---|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def draw_curves(trials: Trials, path: Path) -> None:
    """Accuracy against the number of labels: a panel a task, a line a start, a dot a seed."""
    with drawing("labels"):
        figure = new_figure(4.3 * len(CURVES), 3.5)
        panels = figure.subplots(1, len(CURVES), sharey=True)
        for axes, ((task, world), starts) in zip(panels, CURVES.items(), strict=True):
            for start in starts:
                number = COLOURED.index(start)
                found = [list(by_seed(trials, task, world, start, labels).values()) for labels in LABELS]
                places = [place for place, values in enumerate(found) if values]
                if not places:
                    continue
                means = [100 * sum(found[place]) / len(found[place]) for place in places]
                axes.plot(places, means, color=CLASSES[number], marker=MARKS[number], markersize=5, label=start.title)
                for place in places:
                    dots = [100 * value for value in found[place]]
                    axes.plot([place] * len(dots), dots, ".", color=CLASSES[number], markersize=3, alpha=0.6)
            axes.axhline(10, color=MUTED, linewidth=0.8, linestyle=":")
            axes.set_title(f"{task}, {TITLES[world]}", fontsize=9)
            axes.set_xticks(range(len(LABELS)), LABELS)
            axes.set_xlabel("labelled videos a class")
            axes.set_ylim(0, 101)
            light_grid(axes, "y")
            if axes.get_legend_handles_labels()[0]:
                axes.legend(loc="lower right", fontsize=7.5)
        panels[0].set_ylabel("accuracy, % (10 is chance)")
        write_png(figure, path)


def write_results(results: Path, pictures: Path) -> str:
    """All tables in Markdown; the figure is written into a folder."""
    trials = read_trials(results)
    draw_curves(trials, pictures / "downstream-labels.png")
    seeds = len({trial["seed"] for trial in trials})
    parts = [
        f"Accuracy, %; mean and standard deviation over seeds (so far up to {seeds}); differences are seed by seed.\n",
        findings_table(trials),
        "\n### Actions, by labels a class\n",
        curve_table(trials, "actions", "unseen"),
        "\nBeside it supervised pre-training on the same videos with their labels, and as many steps:\n",
        curve_table(trials, "actions", "unseen", (AVTS, SUPERVISED), (NAMED, "all")),
        "\n### Sounds, by labels a class\n",
        curve_table(trials, "sounds", "unseen"),
        "\n### Sounds in rich scenes, by labels a class\n",
        curve_table(trials, "sounds", "rich"),
        "\n![Accuracy against labels](downstream-labels.png)",
        f"\n### Which pre-training, at {NAMED} labels a class; a quarter of the steps\n",
        named_table(trials, REGIMES, ("actions", "sounds", "both")),
        "\n### More videos to pre-train on; a quarter of the steps, as many for each\n",
        named_table(trials, SIZES, ("actions", "sounds")),
        "\n### Which input, head and loss; a quarter of the steps\n",
        named_table(trials, FORMS, ("actions", "sounds")),
        "\n### Kinds that pre-training has seen, without labels\n",
        named_table(trials, (AVTS, SCRATCH, RANDOM), ("actions", "sounds"), "seen"),
    ]
    return "\n".join(parts) + "\n"
