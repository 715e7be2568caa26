"""`python -m benchmarks decoding`: do the cores of a machine decode as fast as a card trains?

For each recipe the batches of `avts train` are made in this process, with the recipe's plan, windows and boxes, out of
a corpus of the size that the recipe is for. What a card takes is computed, not measured: the products of the networks'
layers in a training step, at a share of an assumed peak of the card.
"""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from avts.media.planes import Planes
from avts.media.reader import Target, read_windows_into
from avts.media.writer import GOP_FRAMES, write_standard_video
from avts.pairs.loader import Batch, StepDataset
from avts.settings import Recipe, read_recipe, shipped_recipes
from avts.timebase import FRAME_RATE, Span, frame_at
from avts.training.augment import BoxesOfBatch
from avts.training.curriculum import Curriculum
from benchmarks.material import SEED, WINDOW_SECONDS, Material, make_material
from benchmarks.rows import Row
from benchmarks.timing import Contestant, Timing, interleaved, median_cpu_seconds, median_ratio, timed
from benchmarks.training_step import step_operations

SHORT_SIDES = {"demo": 128, "box": 128, "paper": 256}
"""Recipes, and the short side in pixels of the corpora that they are for."""

UTILISATION = 0.45
"""Share of its peak that the card is assumed to reach."""

DENSE_COST = 2
"""A span of sound is encoded densely, which costs about twice the strided form (see `AudioTower.dense`)."""

WINDOWS = 40
"""Windows of a clip that are read out of each form of it."""

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
    forms: list[Row] = []
    with ExitStack() as stack:
        folder = work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for name, short_side in SHORT_SIDES.items():
            recipe = read_recipe(shipped_recipes() / f"{name}.toml")
            material = make_material(folder, count=count, videos=videos, short_side=short_side)
            if name == "demo":
                forms += form_rows(material, folder, rounds=rounds)
            found += _rows_of(name, material, capacity_of(recipe, material, rounds=rounds), cores=cores, peak=peak)
    return found + forms


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
    times = [timed(partial(_make, dataset, number), pairs.batch_size) for number in range(1, rounds + 1)]
    middle = Timing(
        *(statistics.median(getattr(each, name) for each in times) for name in ("cpu_seconds", "wall_seconds"))
    )
    sounds = len(batch.sounds) * (DENSE_COST if pairs.sampling == "spans" else 1)
    operations = step_operations(recipe, pictures=pairs.batch_size, sounds=sounds) / pairs.batch_size
    return Capacity(middle, operations, pairs.cut_seconds)


def _make(dataset: StepDataset, number: int) -> None:
    _ = dataset[number]


def form_rows(material: Material, folder: Path, *, rounds: int) -> list[Row]:
    """The same windows out of other forms of one clip: more key frames, and planes that are not encoded at all."""
    clip = material.clips[0]
    planes = material.corpus.frames(clip, Span(0.0, clip.duration_seconds))
    count = frame_at(WINDOW_SECONDS)
    firsts = np.random.default_rng(SEED).integers(0, clip.num_frames - count + 1, WINDOWS).tolist()
    target = Target(Planes.empty(count, clip.height, clip.width))
    readers: dict[str, tuple[Contestant, int]] = {}
    for gop_frames in (GOP_FRAMES, 6, 3, 2):
        path = folder / f"gop-{gop_frames}.mp4"
        write_standard_video(path, [planes], gop_frames=gop_frames)
        data = path.read_bytes()
        read = partial(_decode, data, [first / FRAME_RATE for first in firsts], target)
        readers[f"a key frame every {gop_frames}"] = _timed(read), len(data)
    whole = [np.ascontiguousarray(plane) for plane in (planes.y, planes.u, planes.v)]
    read = partial(_copy, whole, firsts, target)
    readers["planes as they are"] = _timed(read), sum(plane.nbytes for plane in whole)
    times = interleaved({name: contestant for name, (contestant, _) in readers.items()}, rounds)
    first = times[f"a key frame every {GOP_FRAMES}"]
    return [
        Row(
            f"{clip.width} x {clip.height}, {name}",
            1 / median_cpu_seconds(times[name]),
            "windows/s",
            note=f"{median_ratio(first, times[name]):.2f} times the corpus's form; pictures alone, "
            f"{size / clip.duration_seconds / 1000:.0f} kB a second of film",
        )
        for name, (_, size) in readers.items()
    ]


def _timed(read: Callable[[], None]) -> Contestant:
    return lambda _: timed(read, WINDOWS)


def _decode(data: bytes, starts: Sequence[float], target: Target) -> None:
    read_windows_into(data, starts, [target] * len(starts))


def _copy(planes: Sequence[NDArray[np.uint8]], firsts: Sequence[int], target: Target) -> None:
    into = (target.planes.y, target.planes.u, target.planes.v)
    for first in firsts:
        for plane, part in zip(planes, into, strict=True):
            part[:] = plane[first : first + len(part)]
