"""Time to accuracy: the compute with which grid pairs tell hard negatives as well as pair-by-pair sampling in the end.

Both train the same small nets on the same generated videos, with the same optimiser, shares of negatives and seed; they
differ in `[pairs] sampling` and in length alone. Each run is a whole one, its rate falling to zero at its own end: pair
by pair with all of the compute, grid pairs with a tenth of that, a fifth and so on, until one is as good on validation
videos. The test videos are looked at once a run, and decide nothing.
"""

from __future__ import annotations

import math
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from avts.corpus.corpus import Corpus
from avts.evaluation.evaluate import pair_distances
from avts.evaluation.scores import KINDS, PairDistances, auc
from avts.model.two_stream import TwoStream
from avts.settings import Recipe, recipe_from
from avts.training.curriculum import Curriculum
from avts.training.interrupt import Interrupted
from avts.training.trainer import Trainer
from benchmarks.rows import Row
from benchmarks.training_step import step_operations

MOST_SHARE = 0.2
"""Of the compute of pair-by-pair sampling."""

SHARES = (0.1, 0.2, 0.4, 0.8)
"""Of that compute, that grid pairs are given in turn."""

VIDEOS = {"train": 480, "validation": 128, "test": 128}
SECONDS = 5.0
LINES = 64
WORLD_SEED = 701

ROUNDS = 8
"""Windows of each video in a measurement."""

CHANCE = 0.55
"""AUC up to which nothing has been learned, whatever the luck: with 1,024 pairs the standard error of 0.5 is 0.013."""


@dataclass(frozen=True)
class Run:
    """What a whole run took and came to.

    Attributes:
        steps: of training.
        operations: floating-point operations of training.
        cpu_seconds: of training.
        hard_auc: of validation videos at its end.
        test_auc: of test videos at its end.
    """

    steps: int
    operations: int
    cpu_seconds: float
    hard_auc: float
    test_auc: float


def accuracy_recipe(sampling: str, epochs: int) -> Recipe:
    """The nets of recipes/table1 with fewer filter bands; three easy to one hard negative."""
    values = {
        "model": {
            "video_width": 8,
            "audio_width": 8,
            "picture_input": "change",
            "frame_size": 32,
            "head": "temporal",
            "hidden": 128,
            "embedding": 64,
            "filter_bands": 16,
        },
        "pairs": {"sampling": sampling, "batch_size": 32},
        "optimizer": {
            "name": "adamw",
            "learning_rate": 2e-3,
            "weight_decay": 0.05,
            "schedule": "cosine",
            "warmup_steps": 20,
        },
        "training": {"workers": 0, "ema_decay": 0.98},
        "curriculum": [{"name": "75/25", "epochs": epochs, "easy": 0.75, "hard": 0.25}],
    }
    return recipe_from(values, name="bench train")


def accuracy_rows(steps: int, work: Path | None) -> Iterator[Row]:
    """Train both ways and compare."""
    with ExitStack() as stack:
        folder = work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        corpus = Corpus.open(_made(folder))
        pairs, grids = compared(corpus, steps)
    yield from comparison_rows(pairs, grids)


def compared(corpus: Corpus, steps: int) -> tuple[Run, list[Run]]:
    """Pair by pair for so many steps, and grid pairs with more and more of its compute until one is as good."""
    recipe = accuracy_recipe("pairs", 1)
    of_an_epoch = max(len(corpus.select("train")) // recipe.pairs.batch_size, 1)
    pairs = train_run(corpus, accuracy_recipe("pairs", max(round(steps / of_an_epoch), 1)))
    grid_epoch = operations_of(corpus, accuracy_recipe("grid", 1))
    grids: list[Run] = []
    for share in SHARES:
        epochs = math.floor(share * pairs.operations / grid_epoch)
        grids.append(train_run(corpus, accuracy_recipe("grid", max(epochs, 1))))
        if grids[-1].hard_auc >= pairs.hard_auc:
            break
    return pairs, grids


def comparison_rows(pairs: Run, grids: Sequence[Run]) -> Iterator[Row]:
    """What the runs say; the last one of grid pairs is the one that was as good, or none was."""
    goal, last = pairs.hard_auc, grids[-1]
    told = ", ".join(f"{_share(run, pairs):.2f}: AUC {run.hard_auc:.3f}, {run.steps} steps" for run in grids)
    notes = [told] if last.hard_auc >= goal else [f"not reached: {told}"]
    notes.append(f"processor time {last.cpu_seconds / pairs.cpu_seconds:.2f}")
    if goal <= CHANCE:
        notes.append(f"pair by pair is at chance ({goal:.3f}), so this says nothing: give more --steps")
    spent = f"{pairs.operations / 1e12:.1f} TFLOP, {pairs.cpu_seconds:.0f} s of a core"
    yield Row("pair by pair, AUC on hard negatives", goal, "", note=f"{goal:.3f}, {pairs.steps} steps, {spent}")
    name = "grid pairs reach it with this share of its compute"
    value = None if goal <= CHANCE else _share(last, pairs)
    yield Row(name, value, "", MOST_SHARE, at_least=False, note="; ".join(notes))
    yield Row("test videos, pair by pair", pairs.test_auc, "", note=f"{pairs.test_auc:.3f}")
    each = ", ".join(f"{_share(run, pairs):.2f}: {run.test_auc:.3f}" for run in grids)
    yield Row("test videos, grid pairs, the last of these", last.test_auc, "", note=each)


def _share(run: Run, whole: Run) -> float:
    return run.operations / whole.operations


def train_run(corpus: Corpus, recipe: Recipe) -> Run:
    """Train a whole run and measure what it came to."""
    began = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(corpus, recipe, Path(folder), say=lambda _: None)
        try:
            trainer.train()
        except Interrupted:  # the trainer ends its step and saves; here nothing is kept
            raise KeyboardInterrupt from None
    seconds = time.process_time() - began
    areas = [hard_auc(trainer.trained.eval(), corpus, recipe, split) for split in ("validation", "test")]
    return Run(trainer.step, operations_of(corpus, recipe), seconds, *areas)


def hard_auc(model: TwoStream, corpus: Corpus, recipe: Recipe, split: str) -> float:
    """AUC on hard negatives of a split, always of the same windows."""
    clips = [clip for clip in corpus.select(split) if clip.duration_seconds >= recipe.pairs.clip_seconds]
    found: PairDistances = pair_distances(model, corpus, clips, recipe.pairs, rounds=ROUNDS, workers=0)
    return auc(found, KINDS["hard"])


def operations_of(corpus: Corpus, recipe: Recipe) -> int:
    """Floating-point operations of a whole training, forward and backward, by what the plans of its steps encode."""
    of_picture = step_operations(recipe, pictures=1, sounds=0)
    of_sound = step_operations(recipe, pictures=0, sounds=1)
    curriculum = Curriculum(recipe, tuple(clip.duration_seconds for clip in corpus.select("train")))
    plans = (curriculum(step) for step in range(curriculum.num_steps))
    return sum(len(plan.pictures) * of_picture + len(plan.sounds) * of_sound for plan in plans)


def _made(folder: Path) -> Path:
    """The corpus in a folder, generated if it is not there."""
    from avts.corpus.ingest import ingest
    from avts.world import write_world

    for index, (split, videos) in enumerate(VIDEOS.items()):
        write_world(folder / "world" / split, videos=videos, seed=WORLD_SEED + index, size=LINES, seconds=SECONDS)
    ingest(folder / "world", folder / "corpus", short_side=LINES)
    return folder / "corpus"
