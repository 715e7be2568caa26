"""`python -m benchmarks decoding`: do the cores of a machine decode as fast as a card trains?

For each recipe the batches of `avts train` are made in this process, with the recipe's plan, windows and boxes, out of a
corpus of the size that the recipe is for. What a card takes is computed, not measured: the products of the networks'
layers in a training step, at a share of an assumed peak of the card.
"""

from __future__ import annotations

import statistics
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click

from avts.pairs.loader import Batch, StepDataset
from avts.settings import Recipe, read_recipe, shipped_recipes
from avts.training.augment import BoxesOfBatch
from avts.training.curriculum import Curriculum
from benchmarks.material import Material, make_material
from benchmarks.rows import Row
from benchmarks.timing import Timing, timed
from benchmarks.training_step import step_operations

SHORT_SIDES = {"demo": 128, "box": 128, "paper": 256}
"""Recipes, and the short side in pixels of the corpora that they are for."""

UTILISATION = 0.45
"""Share of its peak that the card is assumed to reach."""

DENSE_COST = 2
"""A span of sound is encoded densely, which costs about twice the strided form (see `AudioTower.dense`)."""

_folder = click.Path(path_type=Path)
OPTIONS = (
    click.Option(["--work"], type=_folder, help="Keep the videos and the corpora here for the next time."),
    click.Option(["--videos"], type=_folder, help="Use the videos of this folder instead of generated ones."),
    click.Option(["--count"], default=12, show_default=True, type=click.IntRange(2), help="How many videos."),
    click.Option(["--rounds"], default=7, show_default=True, type=click.IntRange(1), help="Batches of each recipe."),
    click.Option(["--cores"], default=16, show_default=True, type=click.IntRange(1), help="Cores of the machine."),
    click.Option(
        ["--peak"],
        default=989.0,
        show_default=True,
        type=click.FloatRange(min=0, min_open=True),
        help="Assumed bf16 peak of the card, TFLOP/s; 989 is the published one of an H100 SXM without sparsity.",
    ),
)


@dataclass(frozen=True)
class Capacity:
    """What a core decodes, and what a card would take.

    Attributes:
        timing: of one window of picture with the sounds that go with it.
        operations: floating-point operations of training on it.
        window_seconds: its length.
    """

    timing: Timing
    operations: float
    window_seconds: float

    @property
    def of_a_core(self) -> float:
        """Windows a second that one core decodes."""
        return 1 / self.timing.cpu_seconds

    def of_a_card(self, peak: float) -> float:
        """Windows a second that a card takes, by its assumed peak in TFLOP/s."""
        return UTILISATION * peak * 1e12 / self.operations


def rows(
    *,
    work: Path | None = None,
    videos: Path | None = None,
    count: int = 12,
    rounds: int = 7,
    cores: int = 16,
    peak: float = 989.0,
) -> list[Row]:
    """Measure how many windows a second a core decodes for a recipe, beside what a card would take.

    Times are of the processor, in this process alone. The card's figure is computed from the operations of the networks
    and an assumed rate, which the notes give.
    """
    found: list[Row] = []
    with ExitStack() as stack:
        folder = work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name, short_side in SHORT_SIDES.items():
            recipe = read_recipe(shipped_recipes() / f"{name}.toml")
            material = make_material(folder, count=count, videos=videos, short_side=short_side)
            found += _rows_of(name, material, capacity_of(recipe, material, rounds=rounds), cores=cores, peak=peak)
    return found


def _rows_of(name: str, material: Material, capacity: Capacity, *, cores: int, peak: float) -> list[Row]:
    needed, here = capacity.of_a_card(peak), capacity.of_a_core * cores
    window = f"windows of {capacity.window_seconds:g} s; by the clock {1 / capacity.timing.wall_seconds:.0f}"
    assumed = f"assumed: {UTILISATION:.0%} of {peak:g} TFLOP/s; {capacity.operations / 1e9:.0f} GFLOP a window"
    return [
        Row(f"{name}: one core decodes", capacity.of_a_core, "windows/s", note=f"{window}; {material.in_words}"),
        Row(f"{name}: {cores} cores decode", here, "windows/s", needed, note="target: what the card takes, see below"),
        Row(f"{name}: a card takes", needed, "windows/s", note=assumed),
        Row(f"{name}: cores for a card", needed / capacity.of_a_core, "cores", cores, at_least=False),
    ]


def capacity_of(recipe: Recipe, material: Material, *, rounds: int) -> Capacity:
    """Make the first batches of a training with this recipe, and count what training on them costs.

    Args:
        recipe: its batch is made as large as its own even if there are fewer videos: they are used several times.
        material: the videos.
        rounds: batches that are timed, after one that warms up.
    """
    pairs = recipe.pairs
    # an epoch holds each clip once, so a batch of more windows than there are videos needs their list several times
    clips = material.clips * -(-2 * pairs.batch_size * (rounds + 1) // len(material.clips))
    dataset = StepDataset(
        material.corpus,
        clips,
        Curriculum(recipe, tuple(clip.duration_seconds for clip in clips)),
        clip_seconds=pairs.cut_seconds,
        silence_dbfs=pairs.silence_dbfs,
        colour=recipe.model.picture_input != "change",
        boxes=BoxesOfBatch(recipe.training.seed, recipe.augment.least_crop),
    )
    batch: Batch = dataset[0]
    times = [timed(lambda number=number: dataset[number], pairs.batch_size) for number in range(1, rounds + 1)]  # type: ignore[misc]
    middle = Timing(*(statistics.median(getattr(each, name) for each in times) for name in ("cpu_seconds", "wall_seconds")))
    sounds = len(batch.sounds) * (DENSE_COST if pairs.sampling == "spans" else 1)
    operations = step_operations(recipe, pictures=pairs.batch_size, sounds=sounds) / pairs.batch_size
    return Capacity(middle, operations, pairs.cut_seconds)
