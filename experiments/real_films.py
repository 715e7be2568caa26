"""What real films teach that generated ones do not: in sync or not, and real sounds, by minutes of real film.

python experiments/real_films.py WORK FILMS.csv HELD_OUT.csv SOUNDS... [--seeds 3] [--jobs 2]

FILMS.csv names real films to learn from, HELD_OUT.csv others to test on (columns `file` or `path`, `seconds` or
`duration_s`, `group` or `source`, and `kind`); SOUNDS are folders that `avts probe sounds` reads. No video of theirs is
ever part of the project. Each finished cell leaves a small file in results/real.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from cells import Job, has_result, put_between_marks, run_jobs, write_result
from table1 import digest

ROOT = Path(__file__).parents[1]
RECIPE = ROOT / "recipes" / "downstream" / "real-films.toml"
RESULTS = ROOT / "experiments" / "results" / "real"

MINUTES = (10, 30)
"""Sizes of the parts of the real films; a part is drawn over all films, whatever their kind."""

CORPORA = ("generated", "real", "both", *(f"real-{each}" for each in MINUTES))

LABELS = ("1", "5", "10")
"""Labels a class: with few of them pre-training shows; all labels of Kitchen20 cost some 15 minutes a cell."""

GENERATED_VIDEOS, GENERATED_SECONDS, GENERATED_SEED, SHORT_SIDE = 960, 5.0, 541, 96
"""80 minutes in rich scenes, all kinds of action; of a height at which the net's 48 lines lose nothing."""

MOST_OF_A_SOURCE = 8
"""Held-out films of one source, so that none decides."""

ROUNDS = 4


@dataclass(frozen=True)
class Cell:
    """One net: trained on a corpus with a seed; corpus 'random' is the fresh net, 'scratch' trained on the labels."""

    corpus: str
    seed: int

    @property
    def name(self) -> str:
        """What its files are called."""
        return f"{self.corpus}-{self.seed}"

    def run(self, work: Path) -> Path:
        """Where its training is."""
        return work / "real-runs" / self.name


def rows_of(table: Path) -> list[dict[str, str]]:
    """The films of a list: path, group, kind, seconds."""
    with table.open(newline="", encoding="utf-8") as file:
        return [
            {
                "path": str((table.parent / (row.get("file") or row["path"])).resolve()),
                "group": row.get("group") or row["source"],
                "kind": row["kind"],
                "seconds": row.get("seconds") or row["duration_s"],
            }
            for row in csv.DictReader(file)
        ]


def in_drawn_order(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """The same films in an order that has nothing to do with what they are."""
    return sorted(rows, key=lambda row: hashlib.sha256(Path(row["path"]).name.encode()).digest())


def part_of(rows: list[dict[str, str]], minutes: float) -> list[dict[str, str]]:
    """The first films of the drawn order that last about so many minutes together."""
    kept, seconds = [], 0.0
    for row in in_drawn_order(rows):
        if seconds >= 60 * minutes:
            break
        kept.append(row)
        seconds += float(row["seconds"])
    return kept


def held_out(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """At most a few films of each source."""
    taken: Counter[str] = Counter()
    kept = []
    for row in in_drawn_order(rows):
        taken[row["group"]] += 1
        if taken[row["group"]] <= MOST_OF_A_SOURCE:
            kept.append(row)
    return kept


def for_threshold(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Those of every third source, which set the threshold of "in sync"."""
    sources = list(dict.fromkeys(row["group"] for row in rows))
    return [row for row in rows if sources.index(row["group"]) % 3 == 0]


def write_list(rows: list[dict[str, str]], split: str, table: Path) -> Path:
    """A list that `avts ingest` reads."""
    table.parent.mkdir(parents=True, exist_ok=True)
    with table.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("path", "label", "group", "split"))
        writer.writerows((row["path"], row["kind"], row["group"], split) for row in rows)
    return table


def make_corpora(work: Path, films: Path, tests: Path) -> None:
    """Ingest whatever is missing."""
    from avts.corpus.ingest import ingest
    from avts.world import write_world

    world = work / "real-world" / "train"
    write_world(
        world, videos=GENERATED_VIDEOS, seed=GENERATED_SEED, size=SHORT_SIDE, seconds=GENERATED_SECONDS, scenes="rich"
    )
    rows = rows_of(films)
    real = write_list(rows, "train", work / "real-lists" / "real.csv")
    sources: dict[str, list[Path]] = {"generated": [world.parent], "real": [real], "both": [world.parent, real]}
    for minutes in MINUTES:
        part = work / "real-lists" / f"real-{minutes}.csv"
        sources[f"real-{minutes}"] = [write_list(part_of(rows, minutes), "train", part)]
    kept = held_out(rows_of(tests))
    validation = for_threshold(kept)
    for split, of_split in (("validation", validation), ("test", [row for row in kept if row not in validation])):
        sources.setdefault("held-out", []).append(write_list(of_split, split, work / "real-lists" / f"{split}.csv"))
    for name, folders in sources.items():
        for folder in folders:
            ingest(folder, work / "real-corpora" / name, short_side=SHORT_SIDE)


def train(cell: Cell, work: Path) -> str:
    """Train one net, or go on with it; gives a line to print."""
    import torch

    torch.set_num_threads(1)
    from avts.corpus.corpus import Corpus
    from avts.settings import read_recipe
    from avts.training.checkpoints import checkpoints
    from avts.training.trainer import Trainer

    recipe, run, started = read_recipe(RECIPE).with_seed(cell.seed), cell.run(work), time.process_time()
    corpus = Corpus.open(work / "real-corpora" / cell.corpus)
    trainer = Trainer(corpus, recipe, run, device="cpu", say=lambda _: None)
    if checkpoints(run):
        trainer.resume()
    trainer.train()
    return f"{trainer.step} steps, {time.process_time() - started:.0f} s of one core"


def measure(cell: Cell, work: Path, sounds: list[Path]) -> str:
    """In sync or not on held-out films, and real sounds by numbers of labels; gives a line to print."""
    figures: dict[str, Any] = {"corpus": cell.corpus, "seed": cell.seed, "recipe": digest_of(cell)}
    if cell.corpus in CORPORA:
        figures |= in_sync_or_not(cell, work)
    figures["sounds"] = {folder.name: labelled(cell, work, folder) for folder in sounds}
    write_result(result_of(cell), figures)
    return json.dumps(
        {
            name: {each: round(of["accuracy"], 3) for each, of in rows.items()}
            for name, rows in figures["sounds"].items()
        }
    )


def in_sync_or_not(cell: Cell, work: Path) -> dict[str, Any]:
    """Accuracy and AUC on the pairs of held-out films."""
    import torch

    torch.set_num_threads(1)
    from avts.corpus.corpus import Corpus
    from avts.evaluation.evaluate import evaluate
    from avts.model.checkpoint import load_model
    from avts.settings import read_recipe

    corpus = Corpus.open(work / "real-corpora" / "held-out")
    kinds = evaluate(load_model(cell.run(work)), corpus, read_recipe(RECIPE).pairs, rounds=ROUNDS, workers=0)["kinds"]
    return {sign: {kind: round(of[sign]["value"], 4) for kind, of in kinds.items()} for sign in ("accuracy", "auc")}


def labelled(cell: Cell, work: Path, folder: Path) -> dict[str, Any]:
    """Accuracy and folds for each number of labels."""
    words = [sys.executable, "-m", "avts", "probe", "sounds", str(folder), "--json", "--seed", str(cell.seed)]
    words += [word for each in LABELS for word in ("--labels-per-class", each)]
    words += {
        "random": ["--model", "random", "--like", str(RECIPE)],
        "scratch": ["--from-scratch", "--like", str(RECIPE)],
        "mfcc": ["--features", "mfcc"],
    }.get(cell.corpus, ["--model", str(cell.run(work))])
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=os.environ | {"OMP_NUM_THREADS": "1"})
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr.strip().splitlines()[-1]}")
    told = [json.loads(line) for line in done.stdout.splitlines()]
    return {str(row["labels_per_class"]): {"accuracy": row["accuracy"], "folds": row["accuracies"]} for row in told}


def digest_of(cell: Cell) -> str:
    """What a cell's figures are known by."""
    from avts.settings import read_recipe

    return digest(read_recipe(RECIPE).with_seed(cell.seed))


def result_of(cell: Cell) -> Path:
    """Where a cell's figures are kept."""
    return RESULTS / f"{cell.name}.json"


def job_of(cell: Cell, work: Path, sounds: list[Path]) -> Job:
    """The job of measuring a cell, and of training it before."""
    needs: tuple[Job, ...] = ()
    if cell.corpus in CORPORA:
        needs = (Job(f"train {cell.name}", partial(train, cell, work), (cell.run(work) / "model.json").exists),)
    return Job(
        cell.name, partial(measure, cell, work, sounds), partial(has_result, result_of(cell), digest_of(cell)), needs
    )


def main() -> None:
    """Make what is missing, then the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("work", type=Path, help="folder for the corpora and the runs")
    parser.add_argument("films", type=Path, help="list of real films to learn from")
    parser.add_argument("held_out", type=Path, help="list of real films to test on")
    parser.add_argument("sounds", type=Path, nargs="+", help="folders of labelled recordings")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2, help="cells at a time, one core each")
    asked = parser.parse_args()
    cells = [Cell("random", 0), Cell("mfcc", 0)]
    cells += [Cell(each, seed) for seed in range(asked.seeds) for each in CORPORA[:3]]
    cells += [Cell(each, seed) for seed in range(asked.seeds) for each in CORPORA[3:]]
    cells += [Cell(each, seed) for seed in range(asked.seeds) for each in ("random", "scratch")]
    jobs = [job_of(each, asked.work, asked.sounds) for each in dict.fromkeys(cells)]
    if not all(job.is_done() for job in jobs):
        make_corpora(asked.work, asked.films, asked.held_out)
        run_jobs(jobs, at_a_time=asked.jobs)
    from real_films_report import write_results

    put_between_marks(ROOT / "docs" / "results-tables.md", "real", write_results(RESULTS))


if __name__ == "__main__":
    main()
