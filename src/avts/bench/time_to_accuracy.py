"""Time to accuracy: the compute after which grid pairs tell hard negatives as well as pair-by-pair sampling in the end.

Both train the same small nets on the same generated videos, with the same optimiser, shares of negatives and seed; they
differ in `[pairs] sampling` alone. The learning rate stays constant after its warm-up, so that the length of a run does
not shape its course. AUC on hard negatives is measured every few epochs on validation videos. Grid pairs stop when two
measurements in a row have reached the last one of pair-by-pair sampling; the test videos are looked at once, after it.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from avts.bench.training_step import step_operations
from avts.corpus.corpus import Corpus
from avts.evaluation.evaluate import pair_distances
from avts.evaluation.scores import KINDS, PairDistances, auc
from avts.model.two_stream import TwoStream
from avts.report.row import Row
from avts.settings import Recipe, recipe_from
from avts.training.curriculum import Curriculum
from avts.training.stopping import Interrupted
from avts.training.trainer import Trainer

MOST_SHARE = 0.2
"""Of the compute of pair-by-pair sampling."""

VIDEOS = {"train": 480, "validation": 128, "test": 128}
SECONDS = 5.0
LINES = 64
WORLD_SEED = 701

MEASURED_EVERY = 2
"""Epochs from one measurement to the next."""

ROUNDS = 2
"""Windows of each video in a measurement."""

IN_A_ROW = 2
"""Measurements that must reach the goal: one alone may be luck."""

CHANCE = 0.55
"""AUC up to which nothing has been learned: with 256 pairs, two standard errors of 0.5 are 0.05."""


@dataclass
class Course:
    """How a run learned.

    Attributes:
        steps: at which it was measured.
        hard_auc: of validation videos at these steps.
        operations: floating-point operations of training up to these steps.
        cpu_seconds: of training up to these steps, without the measurements.
        test_auc: of the test videos at the end.
    """

    steps: list[int] = field(default_factory=list)
    hard_auc: list[float] = field(default_factory=list)
    operations: list[int] = field(default_factory=list)
    cpu_seconds: list[float] = field(default_factory=list)
    test_auc: float = float("nan")

    def reached(self, goal: float) -> int | None:
        """Place of the measurement that completes the first row of measurements at the goal; None without one."""
        for place in range(IN_A_ROW - 1, len(self.hard_auc)):
            if min(self.hard_auc[place - IN_A_ROW + 1 : place + 1]) >= goal:
                return place
        return None


class _Reached(Exception):
    """The goal is reached; nothing is to be trained any more."""


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
            "schedule": "constant",
            "warmup_steps": 20,
        },
        "training": {"workers": 0, "ema_decay": 0.98, "validate_every_epochs": MEASURED_EVERY},
        "curriculum": [{"name": "75/25", "epochs": epochs, "easy": 0.75, "hard": 0.25}],
    }
    return recipe_from(values, name="bench train")


def accuracy_rows(steps: int, work: Path | None) -> Iterator[Row]:
    """Train both ways and compare."""
    with ExitStack() as stack:
        folder = work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        corpus = Corpus.open(_made(folder))
        pairs, grid = compared(corpus, steps)
    yield from comparison_rows(pairs, grid)


def compared(corpus: Corpus, steps: int) -> tuple[Course, Course]:
    """The courses of pair-by-pair sampling, and of grid pairs with no more compute than that."""
    batch = accuracy_recipe("pairs", 1).pairs.batch_size
    epochs = max(round(steps / max(len(corpus.select("train")) // batch, 1)), 1)
    pairs = train_course(corpus, accuracy_recipe("pairs", epochs))
    grid = train_course(
        corpus, accuracy_recipe("grid", epochs), goal=pairs.hard_auc[-1], most_operations=pairs.operations[-1]
    )
    return pairs, grid


def comparison_rows(pairs: Course, grid: Course) -> Iterator[Row]:
    """What the courses say."""
    goal = pairs.hard_auc[-1]
    place = grid.reached(goal)
    at = len(grid.steps) - 1 if place is None else place
    share = grid.operations[at] / pairs.operations[-1]
    cpu = grid.cpu_seconds[at] / pairs.cpu_seconds[-1]
    told = f"AUC {grid.hard_auc[at]:.3f} after {grid.steps[at]} steps; processor time {cpu:.2f}"
    notes = [told] if place is not None else [f"not reached: {told}"]
    if goal <= CHANCE:
        notes.append(f"pair by pair is at chance ({goal:.3f}), so this says nothing: give more --steps")
    spent = f"{pairs.operations[-1] / 1e12:.1f} TFLOP, {pairs.cpu_seconds[-1]:.0f} s of a core"
    yield Row("pair by pair, AUC on hard negatives in the end", goal, "", note=f"{pairs.steps[-1]} steps, {spent}")
    name = "grid pairs reach it with this share of its compute"
    yield Row(name, share if goal > CHANCE else None, "", MOST_SHARE, at_least=False, note="; ".join(notes))
    yield Row("test videos, pair by pair in the end", pairs.test_auc, "")
    yield Row("test videos, grid pairs when they stopped", grid.test_auc, "", note=f"{grid.steps[-1]} steps")


def train_course(
    corpus: Corpus, recipe: Recipe, *, goal: float | None = None, most_operations: int | None = None
) -> Course:
    """Train and measure on the way.

    Args:
        corpus: with splits 'train', 'validation' and 'test'.
        recipe: what to train.
        goal: AUC at which to stop, once it is reached; None goes on to the end.
        most_operations: at which to stop in any case.
    """
    course, counted = Course(), _Counter(recipe)
    measuring = 0.0
    began = time.process_time()

    def measure(model: TwoStream) -> float:
        nonlocal measuring
        started = time.process_time()
        value = hard_auc(model, corpus, recipe, "validation")
        course.steps.append(trainer.step)
        course.hard_auc.append(value)
        course.operations.append(counted.up_to(trainer.curriculum, trainer.step))
        course.cpu_seconds.append(started - began - measuring)
        measuring += time.process_time() - started
        over = most_operations is not None and course.operations[-1] >= most_operations
        if over or (goal is not None and course.reached(goal) is not None):
            raise _Reached
        return value

    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(corpus, recipe, Path(folder), say=lambda _: None, validate=measure)
        try:
            trainer.train()
        except _Reached:
            pass
        except Interrupted:  # the trainer ends its step and saves; here nothing is kept
            raise KeyboardInterrupt from None
    course.test_auc = hard_auc(trainer.trained.eval(), corpus, recipe, "test")
    return course


def hard_auc(model: TwoStream, corpus: Corpus, recipe: Recipe, split: str) -> float:
    """AUC on hard negatives of a split, always of the same windows."""
    clips = [clip for clip in corpus.select(split) if clip.duration_seconds >= recipe.pairs.clip_seconds]
    found: PairDistances = pair_distances(model, corpus, clips, recipe.pairs, rounds=ROUNDS, workers=0)
    return auc(found, KINDS["hard"])


class _Counter:
    """Counts the operations of a run's steps by their plans: what is encoded, forward and backward."""

    def __init__(self, recipe: Recipe) -> None:
        self._of_picture = step_operations(recipe, pictures=1, sounds=0)
        self._of_sound = step_operations(recipe, pictures=0, sounds=1)
        self._steps, self._total = 0, 0

    def up_to(self, curriculum: Curriculum, step: int) -> int:
        """Floating-point operations of all steps before this one."""
        for number in range(self._steps, step):
            plan = curriculum(number)
            self._total += len(plan.pictures) * self._of_picture + len(plan.sounds) * self._of_sound
        self._steps = step
        return self._total


def _made(folder: Path) -> Path:
    """The corpus in a folder, generated if it is not there."""
    from avts.corpus.ingest import ingest
    from avts.world import write_world

    for index, (split, videos) in enumerate(VIDEOS.items()):
        write_world(folder / "world" / split, videos=videos, seed=WORLD_SEED + index, size=LINES, seconds=SECONDS)
    ingest(folder / "world", folder / "corpus", short_side=LINES)
    return folder / "corpus"
