"""The experiment of the paper's Table 1: every regime of training, on one generated corpus, several seeds each.

python experiments/table1.py runs/table1 [--form ours] [--form paper] [--seeds 3] [--jobs 2]

A cell is one regime with one seed. Each finished one leaves a small file in experiments/results/table1/FORM; cells that
are there are not made again, an interrupted one goes on from its last checkpoint. Then docs/results.md gets its tables.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from avts.settings import Recipe

ROOT = Path(__file__).parents[1]
RECIPES = ROOT / "recipes" / "table1"
RESULTS = ROOT / "experiments" / "results" / "table1"
FORMS = ("ours", "paper")

VIDEOS = {"train": 640, "validation": 96, "test": 192}
SECONDS = 5.0
SEED = 501
ROUNDS = 4

BEGINS_WITH = {"bce-after": "easy-then-mixed", "bce-after-frozen": "easy-then-mixed"}
"""Regimes that fine-tune what another one has trained."""


NOT_IN = {("paper", "adaptive")}
"""Pair by pair, kinds are drawn before their errors are known."""


@dataclass(frozen=True)
class Cell:
    """One training: the regime is a recipe's name, the form the recipe that it extends."""

    form: str
    regime: str
    seed: int

    @property
    def name(self) -> str:
        """What its files are called."""
        return f"{self.regime}-{self.seed}"

    @property
    def result(self) -> Path:
        """Where its figures are kept."""
        return RESULTS / self.form / f"{self.name}.json"


def make_corpus(work: Path) -> Path:
    """Generate and ingest the videos that all cells share."""
    from avts.corpus.ingest import ingest
    from avts.world import write_world

    for index, (split, videos) in enumerate(VIDEOS.items()):
        write_world(work / "world" / split, videos=videos, seed=SEED + index, seconds=SECONDS)
    ingest(work / "world", work / "corpus")
    return work / "corpus"


def train_and_measure(cell: Cell, work: Path) -> str:
    """Make one cell and write its figures; gives a line to print."""
    import torch

    torch.set_num_threads(1)
    from avts.corpus.corpus import Corpus
    from avts.evaluation.evaluate import evaluate
    from avts.model.checkpoint import load_model, write_whole
    from avts.training.state import checkpoints
    from avts.training.trainer import Trainer

    recipe = recipe_of(cell)
    run, corpus = work / cell.form / cell.name, Corpus.open(work / "corpus")
    before = BEGINS_WITH.get(cell.regime)
    start = work / cell.form / f"{before}-{cell.seed}" if before else None
    began = time.process_time()
    if not (run / "model.json").exists():
        trainer = Trainer(corpus, recipe, run, device="cpu", start=start, say=lambda _: None)
        if checkpoints(run):
            trainer.resume()
        trainer.train()
    trained = time.process_time()
    found = evaluate(load_model(run), corpus, recipe.pairs, rounds=ROUNDS, workers=0)
    figures = {
        "form": cell.form,
        "regime": cell.regime,
        "seed": cell.seed,
        "recipe": digest(recipe),
        "accuracy": {kind: round(each["accuracy"]["value"], 4) for kind, each in found["kinds"].items()},
        "auc": {kind: round(each["auc"]["value"], 4) for kind, each in found["kinds"].items()},
        "train_cpu_seconds": round(trained - began),
    }
    cell.result.parent.mkdir(parents=True, exist_ok=True)
    write_whole(cell.result, lambda path: path.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8"))
    return f"{cell.form} {cell.name}: accuracy {figures['accuracy']}, {trained - began:.0f} s of one core"


def recipe_of(cell: Cell) -> Recipe:
    """What a cell is trained with."""
    from avts.settings import read_recipe

    base = RECIPES / f"base-{cell.form}.toml"
    return read_recipe(RECIPES / f"{cell.regime}.toml", base=base).with_seed(cell.seed)


def digest(recipe: Recipe) -> str:
    """What a result is known by: another recipe gives another one."""
    return hashlib.sha256(json.dumps(recipe.model_dump(), sort_keys=True).encode()).hexdigest()[:12]


def is_made(cell: Cell) -> bool:
    """Whether a cell has a result of the recipe as it is now."""
    if not cell.result.exists():
        return False
    return bool(json.loads(cell.result.read_text(encoding="utf-8"))["recipe"] == digest(recipe_of(cell)))


def cells_to_make(forms: list[str], seeds: int) -> list[Cell]:
    """Cells without a result of their recipe, all regimes of one seed before the next seed."""
    regimes = sorted(path.stem for path in RECIPES.glob("*.toml") if not path.stem.startswith("base-"))
    cells = [Cell(form, regime, seed) for seed in range(seeds) for form in forms for regime in regimes]
    return [cell for cell in cells if (cell.form, cell.regime) not in NOT_IN and not is_made(cell)]


def run_cells(cells: list[Cell], work: Path, jobs: int) -> None:
    """Make cells, several at a time; those that fine-tune come after those that they begin with."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    first = [cell for cell in cells if cell.regime not in BEGINS_WITH]
    later = [cell for cell in cells if cell.regime in BEGINS_WITH]
    pool = ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn"))
    try:
        for group in (first, later):
            waiting = [pool.submit(train_and_measure, cell, work) for cell in group]
            for number, done in enumerate(as_completed(waiting), start=1):
                print(f"{number} of {len(group)}: {done.result()}", file=sys.stderr, flush=True)
    finally:  # a cell that was interrupted has saved its state; the others are not begun
        pool.shutdown(cancel_futures=True)


def put_between_marks(page: Path, name: str, text: str) -> None:
    """Replace what a page has between <!-- name --> and <!-- /name -->."""
    before, rest = page.read_text(encoding="utf-8").split(f"<!-- {name} -->\n")
    after = rest.split(f"<!-- /{name} -->\n")[1]
    page.write_text(f"{before}<!-- {name} -->\n{text}<!-- /{name} -->\n{after}", encoding="utf-8")


def main() -> None:
    """Make what is missing, then the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("work", type=Path, help="folder for the corpus and the runs")
    parser.add_argument("--form", action="append", choices=FORMS, help="both if not given")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2, help="cells at a time, one core each")
    asked = parser.parse_args()
    cells = cells_to_make(asked.form or list(FORMS), asked.seeds)
    if cells:
        make_corpus(asked.work)
        run_cells(cells, asked.work, asked.jobs)
    from avts.report.table1 import write_results

    put_between_marks(ROOT / "docs" / "results.md", "table1", write_results(RESULTS, ROOT / "docs"))


if __name__ == "__main__":
    main()
