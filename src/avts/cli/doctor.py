"""`avts doctor`: check a folder of videos or a corpus before an overnight run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from avts.cli.corpus import CORPUS
from avts.cli.progress import progress_bar
from avts.errors import CorpusError, UsageError

if TYPE_CHECKING:
    from avts.corpus.corpus import Corpus
    from avts.doctor.alignment import Alignment
    from avts.doctor.findings import Findings, TrainingPlan
    from avts.doctor.speed import LoaderSpeed, StepSpeed
    from avts.settings import Recipe


@click.command(name="doctor")
@click.argument("place", type=CORPUS, metavar="FOLDER|CORPUS")
@click.option("--all", "every", is_flag=True, help="Decode every file completely instead of a sample.")
@click.option(
    "--recipe",
    type=click.Path(path_type=Path),
    help="File or name: check that a corpus is large enough for it, and that this machine can feed it.",
)
@click.option("--clip-seconds", default=1.0, show_default=True, help="Window length if no recipe is given.")
@click.option("--gap-seconds", default=0.5, show_default=True, help="Minimum gap of a hard pair if no recipe is given.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(
    place: Path | str, *, every: bool, recipe: Path | None, clip_seconds: float, gap_seconds: float, as_json: bool
) -> int:
    """Check a folder of videos or a corpus before an overnight run.

    Reports files that cannot be opened or decoded, silence, duplicates, durations and rates, the number of pairs of
    each kind, whether sound and picture are in sync, and whether this machine can feed the model. A URL or a
    folder with a corpus.json is a corpus; any other folder is searched for videos. Exit status 3 if something is not
    usable, or if a corpus has too few clips for RECIPE.
    """
    from avts.corpus.corpus import Corpus
    from avts.corpus.manifest import CORPUS_NAME
    from avts.doctor.alignment import measure_alignment
    from avts.doctor.corpus import examine_corpus, training_plan
    from avts.doctor.folder import examine_folder
    from avts.pairs.capacity import capacities
    from avts.report.doctor import doctor_record, doctor_text
    from avts.settings import read_recipe

    if isinstance(place, Path) and not place.is_dir():
        raise UsageError(f"{place}: no such folder. Give a folder of videos, or a corpus.")
    asked = read_recipe(recipe) if recipe else None
    if asked is not None:
        clip_seconds, gap_seconds = asked.pairs.clip_seconds, asked.pairs.hard_gap_seconds
    loader: LoaderSpeed | None = None
    step: StepSpeed | None = None
    alignment: Alignment | None = None
    plan: TrainingPlan | None = None
    with progress_bar("doctor", "files") as on_progress:
        if isinstance(place, str) or (place / CORPUS_NAME).exists():
            corpus = Corpus.open(place)
            found = examine_corpus(corpus, every_clip=every, on_progress=on_progress)
            loader, step = _speeds(corpus, found, asked, clip_seconds)
            alignment = measure_alignment(corpus, corpus.select())
            plan = training_plan(corpus, asked, str(recipe)) if asked is not None else None
        else:
            found = examine_folder(place, every_file=every, on_progress=on_progress)
    capacity = capacities(found.durations_usable, clip_seconds=clip_seconds, gap_seconds=gap_seconds)
    answer = (found, capacity, loader, step, alignment, plan)
    click.echo(json.dumps(doctor_record(*answer)) if as_json else doctor_text(*answer))
    return 0 if found.is_usable and not (plan and plan.refusal) else 3


def _speeds(
    corpus: Corpus, found: Findings, recipe: Recipe | None, clip_seconds: float
) -> tuple[LoaderSpeed | None, StepSpeed | None]:
    """Throughput of the loader and of the model; None for what cannot be measured."""
    from avts.corpus.quality import is_usable
    from avts.doctor.speed import loader_speed, step_speed

    broken = {key for key, _ in found.faults}
    clips = [clip for clip in corpus.clips if is_usable(clip.flags) and clip.key not in broken]
    try:
        loader = loader_speed(corpus, clips, clip_seconds=clip_seconds)
    except CorpusError as error:
        click.echo(f"loader not measured: {error}", err=True)
        return None, None
    return loader, step_speed(recipe, clips) if recipe is not None else None
