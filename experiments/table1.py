"""The experiment of the paper's Table 1: every regime of training, on one generated corpus, several seeds each.

python experiments/table1.py runs/experiments [--form ours] [--form individual] [--seeds 3] [--jobs 2]

A cell is one regime of one form with one seed. Each finished one leaves a small file in results/table1/FORM;
cells that are there are not made again, an interrupted one goes on from its last checkpoint. Curricula that begin alike
train their first stage once. Then docs/results.md gets the findings and docs/results-tables.md the tables behind them.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import time
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cells import Job, has_result, put_between_marks, run_jobs, write_result
from worlds import make_corpora

if TYPE_CHECKING:
    from avts.settings import Recipe, StageSettings

ROOT = Path(__file__).parents[1]
RECIPES = ROOT / "recipes" / "table1"
RESULTS = ROOT / "experiments" / "results" / "table1"

ROUNDS = 4

BEGINS_WITH = {"bce-after": "easy-then-mixed", "bce-after-frozen": "easy-then-mixed"}
"""Regimes that fine-tune what another one has trained."""

FIRST_STAGE = "easy-then-mixed"
"""Its run has the state at the end of the easy stage, which other regimes take over."""

REGIMES = tuple(path.stem for path in sorted(RECIPES.glob("*.toml")) if not path.stem.startswith("base-"))

STEPS_OF_AN_EPOCH = 30
"""Of the whole corpus; a part of it is gone through more often, so that all trainings have as many steps."""


@dataclass(frozen=True)
class Cell:
    """One training: the regime is a recipe's name, the form the recipe that it extends.

    Attributes:
        videos: of the training split; None for all.
        times: so many times the epochs of the recipe.
    """

    form: str
    regime: str
    seed: int
    videos: int | None = None
    times: int = 1

    @property
    def name(self) -> str:
        """What its files are called."""
        part = "" if self.videos is None else f"-of-{self.videos}"
        longer = "" if self.times == 1 else f"-x{self.times}"
        return f"{self.regime}{part}{longer}-{self.seed}"

    @property
    def result(self) -> Path:
        """Where its figures are kept."""
        return RESULTS / self.form / f"{self.name}.json"

    def run(self, work: Path) -> Path:
        """Where its training is."""
        return work / self.form / self.name

    def corpus(self, work: Path) -> Path:
        """What it is trained on."""
        name = form_of(self).corpus
        return work / (name if self.videos is None else f"{name}-{self.videos}")


@dataclass(frozen=True)
class Form:
    """What the cells of one form share.

    Attributes:
        regimes: all if none are named.
        base: the form whose recipe it takes; None for its own.
        corpus: folder in WORK.
        longer: so many times the epochs of the recipes.
    """

    regimes: tuple[str, ...] = ()
    base: str | None = None
    corpus: str = "corpus"
    longer: float = 1.0


AGAINST_OURS = Form(("easy", FIRST_STAGE))
"""A form that changes one thing, and is there to be held against ours."""

FORMS: dict[str, Form] = {
    "ours": Form(),
    "pairs": AGAINST_OURS,
    "global": AGAINST_OURS,
    "info-nce": AGAINST_OURS,
    "rgb": AGAINST_OURS,
    "rgb-global": AGAINST_OURS,
    "global-resting": Form(base="global", corpus="corpus-resting"),
    "individual": Form(corpus="corpus-individual", longer=5 / 3),
    "paper-individual": Form(base="paper", corpus="corpus-individual", longer=5 / 3),
    "paper-resting": Form(base="paper", corpus="corpus-resting", longer=5 / 3),
}

NOT_IN = {(form, "adaptive") for form in ("paper-individual", "paper-resting")}
"""Pair by pair, kinds are drawn before their errors are known."""


def form_of(cell: Cell) -> Form:
    """The form of a cell; one that no table has is as its recipe says."""
    return FORMS.get(cell.form, Form())


def recipe_of(cell: Cell) -> Recipe:
    """What a cell is trained with."""
    from avts.settings import read_recipe

    base = RECIPES / f"base-{form_of(cell).base or cell.form}.toml"
    recipe = read_recipe(RECIPES / f"{cell.regime}.toml", base=base).with_seed(cell.seed)
    times = cell.times * form_of(cell).longer
    if cell.videos is not None:
        times *= STEPS_OF_AN_EPOCH / (cell.videos // recipe.pairs.batch_size)
    longer = [_longer(stage, times) for stage in recipe.curriculum]
    # the end of the first stage, where regimes part: 5 of 9 epochs
    every = STEPS_OF_AN_EPOCH * round(
        recipe.training.checkpoint_every_steps // STEPS_OF_AN_EPOCH * cell.times * form_of(cell).longer
    )
    training = recipe.training.model_copy(update={"checkpoint_every_steps": every})
    return recipe.model_copy(update={"curriculum": tuple(longer), "training": training})


def _longer(stage: StageSettings, times: float) -> StageSettings:
    key = "steps" if stage.steps else "epochs"
    return stage.model_copy(update={key: round(stage.num_steps(1) * times)})


def digest(recipe: Recipe) -> str:
    """What a result is known by: another recipe gives another one, a new setting left at its default does not.

    Nor does a default that changes: write the old value into the recipes then.
    """
    said = recipe.model_dump(exclude_defaults=True)
    return hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()[:12]


def train(cell: Cell, work: Path) -> str:
    """Train one cell, or go on with it; gives a line to print."""
    import torch

    torch.set_num_threads(1)
    from avts.corpus.corpus import Corpus
    from avts.training.checkpoints import branch, checkpoints
    from avts.training.trainer import Trainer

    recipe, run, started = recipe_of(cell), cell.run(work), time.process_time()
    before = BEGINS_WITH.get(cell.regime)
    start = replace(cell, regime=before).run(work) if before else None
    if not checkpoints(run) and cell.regime != FIRST_STAGE:
        branch(replace(cell, regime=FIRST_STAGE).run(work), run, recipe)
    trainer = Trainer(Corpus.open(cell.corpus(work)), recipe, run, device="cpu", start=start, say=lambda _: None)
    taken = trainer.resume() if checkpoints(run) else 0
    trainer.train()
    spent = time.process_time() - started
    (run / "cost.json").write_text(json.dumps({"steps": trainer.step - taken, "cpu_seconds": round(spent)}))
    return f"{trainer.step - taken} of {trainer.step} steps in {spent:.0f} s of one core"


def measure(cell: Cell, work: Path) -> str:
    """Measure a trained cell and write its figures; gives a line to print."""
    import torch

    torch.set_num_threads(1)
    from avts.corpus.corpus import Corpus
    from avts.evaluation.evaluate import evaluate
    from avts.model.checkpoint import load_model

    recipe, run = recipe_of(cell), cell.run(work)
    found = evaluate(load_model(run), Corpus.open(cell.corpus(work)), recipe.pairs, rounds=ROUNDS, workers=0)
    accuracy = {kind: round(each["accuracy"]["value"], 4) for kind, each in found["kinds"].items()}
    figures = {
        "form": cell.form,
        "regime": cell.regime,
        "videos": cell.videos,
        "times": cell.times,
        "seed": cell.seed,
        "recipe": digest(recipe),
        "accuracy": accuracy,
        "auc": {kind: round(each["auc"]["value"], 4) for kind, each in found["kinds"].items()},
        "trained": json.loads((run / "cost.json").read_text()),
    }
    write_result(cell.result, figures)
    return f"accuracy {accuracy}"


def training(cell: Cell, work: Path) -> Job:
    """The job of training a cell."""
    before = BEGINS_WITH.get(cell.regime)
    shares = cell.regime.startswith("easy") and cell.regime != FIRST_STAGE
    first = before or (FIRST_STAGE if shares else None)
    needs = (training(replace(cell, regime=first), work),) if first else ()
    run = cell.run(work)
    return Job(f"train {cell.form} {cell.name}", partial(train, cell, work), (run / "model.json").exists, needs)


def measuring(cell: Cell, work: Path) -> Job:
    """The job of measuring a cell."""
    return Job(
        f"measure {cell.form} {cell.name}",
        partial(measure, cell, work),
        partial(has_result, cell.result, digest(recipe_of(cell))),
        (training(cell, work),),
    )


def cells_of(form: str, seed: int) -> list[Cell]:
    """All regimes of a form, those that others begin with first."""
    regimes = FORMS[form].regimes or REGIMES
    order = sorted(regimes, key=lambda regime: (regime != FIRST_STAGE, regime in BEGINS_WITH, regime))
    return [Cell(form, regime, seed) for regime in order if (form, regime) not in NOT_IN]


def main() -> None:
    """Make what is missing, then the page."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("work", type=Path, help="folder for the corpora and the runs")
    parser.add_argument("--form", action="append", choices=FORMS, help="all if not given")
    parser.add_argument("--regime", action="append", choices=REGIMES, help="all if not given")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2, help="cells at a time, one core each")
    asked = parser.parse_args()
    cells = [cell for seed in range(asked.seeds) for form in asked.form or FORMS for cell in cells_of(form, seed)]
    jobs = [measuring(cell, asked.work) for cell in cells if not asked.regime or cell.regime in asked.regime]
    if not all(job.is_done() for job in jobs):
        make_corpora(asked.work, {form_of(cell).corpus for cell in cells})
        run_jobs(jobs, at_a_time=asked.jobs)
    from table1_report import findings_table, read_forms, whole_forms, write_results

    put_between_marks(ROOT / "docs" / "results.md", "findings", findings_table(whole_forms(read_forms(RESULTS))) + "\n")
    put_between_marks(ROOT / "docs" / "results-tables.md", "table1", write_results(RESULTS, ROOT / "docs"))


if __name__ == "__main__":
    main()
