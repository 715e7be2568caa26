"""What the features are worth: actions, sounds and both, by starts of the Table 1 experiment, on kinds seen and unseen.

python experiments/downstream.py runs/experiments [--seeds 3] [--jobs 2]

A trial is one task on one world with one start and one seed, at all its numbers of labels. Each finished one leaves a
small file in results/downstream; trials that are there are not made again. Runs that are missing are trained first.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

from cells import Job, has_result, put_between_marks, run_jobs, write_result
from table1 import Cell, digest, recipe_of, training
from worlds import PARTS, make_corpora

ROOT = Path(__file__).parents[1]
RECIPES = ROOT / "recipes" / "downstream"
RESULTS = ROOT / "experiments" / "results" / "downstream"

CURRICULUM = "easy-then-mixed"

FORM = "global"
"""Head and input of the pre-training that is judged, chosen on held-out training videos (experiments/LOG.md)."""

CURVE = ("1", "5", "10", "20", "all")
NAMED_LABELS = "5"
"""At this many labels a class findings are judged: named when held-out training videos of seed 0 had been measured,
before anything of seeds 1 and 2 was (experiments/LOG.md, 2026-11-25). The first choice was 10."""

FEW = (NAMED_LABELS,)

LONG = 4
"""So many times the epochs of Table 1 have the starts that are judged: pre-training is to be more than fine-tuning."""

AUGMENTED = "info-nce-augmented"
"""The form that sounds in rich scenes are judged with too, chosen on sounds of another seed (experiments/LOG.md)."""

CORPORA = {"unseen": "unseen", "rich": "unseen-rich", "seen": "corpus"}
SENSES: dict[str, Literal["picture", "both"]] = {"actions": "picture", "both": "both"}

SCRATCH, SUPERVISED = "scratch", "supervised"


@dataclass(frozen=True)
class Trial:
    """One task with one start and one seed.

    Attributes:
        task: 'actions' or 'both', fine-tuned; 'sounds', conv5 and a linear SVM.
        world: 'unseen' or 'seen': kinds of the labelled videos that pre-training has not seen, or has; 'rich': kinds
            that it has not seen, in rich scenes.
        start: SCRATCH, SUPERVISED, or 'regime', the regime of `cell`.
        cell: the training to start from, or whose networks and seed a fresh start has.
        labels: numbers of training videos of each class.
    """

    task: str
    world: str
    start: str
    cell: Cell
    labels: tuple[str, ...]

    @property
    def name(self) -> str:
        """What its file is called."""
        start = self.cell.name if self.start == "regime" else f"{self.start}-{self.cell.seed}"
        return f"{self.task}-{self.world}-{self.cell.form}-{start}"

    @property
    def result(self) -> Path:
        """Where its figures are kept."""
        return RESULTS / f"{self.name}.json"

    def digest(self) -> str:
        """What its figures are known by: recipe of the start, recipe of the task, labels."""
        own = "" if self.task == "sounds" else (RECIPES / f"{self.task}.toml").read_text(encoding="utf-8")
        supervised = (RECIPES / "supervised.toml").read_text(encoding="utf-8") if self.start == SUPERVISED else ""
        told = json.dumps([digest(recipe_of(self.cell)), own, supervised, self.labels])
        return hashlib.sha256(told.encode()).hexdigest()[:12]


@contextmanager
def no_bar(_: str, __: str) -> Iterator[Any]:
    """No progress bar: several trials run at a time."""
    yield lambda *_: None


def finetune(trial: Trial, work: Path) -> str:
    """Fine-tune and test a classifier for each number of labels; gives a line to print."""
    counts = tuple(None if each == "all" else int(each) for each in trial.labels)
    start = {"regime": trial.cell.run(work), SCRATCH: None}.get(trial.start, supervised_run(trial.cell, work))
    found = _study(trial.cell, work, trial.task, CORPORA[trial.world], start, counts, work / "trials" / trial.name)
    rows = {
        str(row["labels_per_class"] or "all"): {"accuracy": round(row["top1"]["value"], 4), "tested": row["num_videos"]}
        for row in found["results"]
    }
    return _keep(trial, rows)


def supervised_run(cell: Cell, work: Path) -> Path:
    """Where the supervised start of a seed is."""
    return work / "supervised" / f"{cell.form}-{cell.seed}" / "manifest" / "labels-all"


def supervise(cell: Cell, work: Path) -> str:
    """Pre-train with labels; gives a line to print."""
    out = supervised_run(cell, work).parents[1]
    found = _study(cell, work, "supervised", "corpus", None, (None,), out)
    return f"top-1 {found['results'][0]['top1']['value']:.3f}"


def _study(
    cell: Cell, work: Path, recipe: str, corpus: str, start: Path | None, counts: tuple[int | None, ...], out: Path
) -> dict[str, Any]:
    import torch

    torch.set_num_threads(1)
    from avts.corpus.corpus import Corpus
    from avts.finetune.recipe import read_finetune_recipe
    from avts.finetune.study import Study, run_study

    settings = read_finetune_recipe(RECIPES / f"{recipe}.toml")
    changed: dict[str, Any] = {"training": settings.training.model_copy(update={"seed": cell.seed})}
    if start is None:
        changed["model"] = recipe_of(cell).model
    settings = settings.model_copy(update=changed)
    study = Study(
        Corpus.open(work / corpus),
        settings,
        senses=SENSES.get(recipe, "picture"),
        start=start,
        labels_per_class=counts,
        device="cpu",
    )
    return run_study(study, out, resume=True, bar=no_bar, say=lambda _: None)


def probe(trial: Trial, work: Path) -> str:
    """Conv5 and a linear SVM, or the net from scratch, for each number of labels; gives a line to print."""
    words = [sys.executable, "-m", "avts", "probe", "sounds", str(work / CORPORA[trial.world]), "--json"]
    words += ["--seed", str(trial.cell.seed), "--pooling", "4xsd"]
    words += [word for each in trial.labels for word in ("--labels-per-class", each)]
    like = ["--like", str(ROOT / "recipes" / "table1" / "easy.toml")]  # the audio tower is the same in every form
    words += {
        SCRATCH: ["--from-scratch", *like],
        "random": ["--model", "random", *like],
        "mfcc": ["--features", "mfcc"],
        "regime": ["--model", str(trial.cell.run(work))],
    }[trial.start]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"})
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip().splitlines()[-1]}")
    rows = {}
    for told in map(json.loads, done.stdout.splitlines()):
        row = {"accuracy": round(told["accuracy"], 4), "tested": told["num_recordings"]}
        rows[str(told["labels_per_class"])] = row
    return _keep(trial, rows)


def _keep(trial: Trial, rows: dict[str, dict[str, Any]]) -> str:
    figures = {
        "task": trial.task,
        "world": trial.world,
        "start": trial.start,
        "form": trial.cell.form,
        "regime": trial.cell.regime,
        "videos": trial.cell.videos,
        "times": trial.cell.times,
        "seed": trial.cell.seed,
        "recipe": trial.digest(),
        "labels": rows,
    }
    write_result(trial.result, figures)
    return ", ".join(f"{labels}: {row['accuracy']:.3f}" for labels, row in rows.items())


def trials_of(seed: int) -> list[Trial]:
    """The trials of a seed, those of the most interest first."""

    def cell(regime: str = CURRICULUM, form: str = FORM, videos: int | None = None, times: int = 1) -> Cell:
        return Cell(form, regime, seed, videos, times)

    main, short, easy, l3net = cell(times=LONG), cell(), cell("easy"), cell("l3net", "ours")
    found = [
        Trial("actions", "unseen", SCRATCH, main, CURVE),
        Trial("actions", "unseen", "regime", main, CURVE),
        Trial("sounds", "unseen", "regime", main, CURVE),
        Trial("sounds", "unseen", "random", main, CURVE),
        Trial("sounds", "unseen", "mfcc", main, CURVE),
        Trial("sounds", "unseen", SCRATCH, main, CURVE),
    ]
    found += [Trial("sounds", "rich", start, main, CURVE) for start in ("regime", "random", SCRATCH, "mfcc")]
    found += [Trial("sounds", world, "regime", cell(form=AUGMENTED, times=LONG), CURVE) for world in ("rich", "unseen")]
    ours, after, info_nce = cell(form="ours"), cell("bce-after", "ours"), cell(form="info-nce")
    for other in (short, easy, l3net, ours, after, info_nce, *(cell(videos=count) for count in PARTS)):
        found += [Trial(task, "unseen", "regime", other, FEW) for task in ("actions", "sounds")]
    found.append(Trial("both", "unseen", SCRATCH, main, FEW))
    found += [Trial("both", "unseen", "regime", each, FEW) for each in (short, easy, l3net)]
    found += [Trial("actions", "unseen", "regime", cell(form=form), FEW) for form in ("rgb-global", "rgb")]
    found.append(Trial("actions", "unseen", SCRATCH, cell(form="rgb-global"), FEW))
    found.append(Trial("actions", "unseen", SUPERVISED, main, (NAMED_LABELS, "all")))
    found += [Trial("actions", "seen", start, main, FEW) for start in (SCRATCH, "regime")]
    found += [Trial("sounds", "seen", start, main, FEW) for start in ("random", "regime")]
    return found


def job_of(trial: Trial, work: Path) -> Job:
    """The job of a trial."""
    needs = [training(trial.cell, work)] if trial.start == "regime" else []
    if trial.start == SUPERVISED:
        run = supervised_run(trial.cell, work)
        pretraining = partial(supervise, trial.cell, work)
        needs = [Job(f"supervise {run.parents[1].name}", pretraining, (run / "model.json").exists)]
    make = partial(probe if trial.task == "sounds" else finetune, trial, work)
    return Job(trial.name, make, partial(has_result, trial.result, trial.digest()), tuple(needs))


def main() -> None:
    """Make what is missing, then the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("work", type=Path, help="folder for the corpora and the runs")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2, help="trials at a time, one core each")
    asked = parser.parse_args()
    jobs = [job_of(trial, asked.work) for seed in range(asked.seeds) for trial in trials_of(seed)]
    if not all(job.is_done() for job in jobs):
        make_corpora(asked.work)
        run_jobs(jobs, at_a_time=asked.jobs)
    from downstream_report import write_results

    put_between_marks(ROOT / "docs" / "results-tables.md", "downstream", write_results(RESULTS, ROOT / "docs"))


if __name__ == "__main__":
    main()
