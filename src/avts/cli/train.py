"""`avts train`: both towers, from a recipe and a corpus."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path

import click

from avts.cli.device import device_option
from avts.cli.progress import progress_bar, tell
from avts.cli.recipe import print_train_recipes


@click.command(name="train")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--data", "corpus", type=click.Path(path_type=Path), required=True, help="Corpus to train on.")
@click.option(
    "--out",
    "run",
    type=click.Path(path_type=Path),
    help="Folder of the run.  [default: runs/RECIPE-CORPUS, by their names]",
)
@click.option(
    "--base",
    type=click.Path(path_type=Path),
    metavar="RECIPE",
    help="What RECIPE extends, instead of the recipe that it names.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Instead of the recipe's seed.")
@click.option(
    "--start",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Begin with the weights of a finished run; 'box': of the model in the box.",
)
@click.option("--resume", is_flag=True, help="Go on from the newest checkpoint of the run.")
@click.option(
    "--branch",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Take over the steps of a run whose recipe begins with the same stages.",
)
@device_option
@click.option(
    "--list-recipes",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=print_train_recipes,
    help="Print the recipes that the package brings, and exit.",
)
@click.option("--track", "trackers", multiple=True, metavar="NAME", help="Also tell a tracker: tensorboard, wandb ...")
def command(
    recipe: Path,
    corpus: Path,
    run: Path | None,
    *,
    base: Path | None,
    seed: int | None,
    start: Path | None,
    resume: bool,
    branch: Path | None,
    device: str,
    trackers: tuple[str, ...],
) -> int:
    """Train both towers on CORPUS as RECIPE says: a TOML file, or the name of one of the package (--list-recipes).

    If distances of positive and negative pairs do not part, a warning says so, with the likely reasons as measured.
    Ctrl-C ends the step under way and saves; --resume goes on. On several GPUs: accelerate launch -m avts train ...

    --start fine-tunes: the networks begin with the weights of another run, which must have the same shapes; RECIPE may
    set another loss, a classifier on both embeddings ([model] comparison = "fused") or freeze the convolutions
    ([training] freeze_towers = true). With --resume it is not looked at: the checkpoint has the weights.

    --branch trains curricula with the same first stages once: RUN needs a checkpoint from before the recipes part. The
    result is, bit for bit on a CPU, that of training all steps.
    """
    from avts.corpus.corpus import Corpus
    from avts.doctor.alignment import measure_alignment
    from avts.evaluation.evaluate import validation_auc
    from avts.offset.model import SHIPPED
    from avts.report.training_time import time_text
    from avts.settings import read_recipe
    from avts.training.checkpoints import begin_branch
    from avts.training.checks import plan_lines, start_run, steps_of_finished
    from avts.training.distributed import leave_processes
    from avts.training.interrupt import Interrupted
    from avts.training.trainer import Trainer

    settings = read_recipe(recipe, base=base)
    settings = settings if seed is None else settings.with_seed(seed)
    opened = Corpus.open(corpus)
    if run is None:
        run = Path("runs") / f"{recipe.stem}-{opened.path.name}"
        tell(f"run: {run} (no --out given)")
    start_run(run, resume=resume)
    if resume and (steps := steps_of_finished(run, settings)) is not None:
        if os.environ.get("RANK", "0") == "0":
            click.echo(f"{run}: already trained, all {steps} steps. Nothing to go on with")
        return 0
    if branch is not None:
        begin_branch(branch, run, settings)
        resume = True
    begin = None if resume else SHIPPED if start == Path("box") else start
    trainer = Trainer(
        opened,
        settings,
        run,
        device=device,
        start=begin,
        say=tell,
        trackers=trackers,
        validate=validation_auc(opened, settings.pairs),
    )
    for line in plan_lines(settings, len(trainer.clips)):
        trainer.say(line)
    if resume:
        trainer.say(f"resume: going on after step {trainer.resume()}")
    try:
        with progress_bar("training", "step") if trainer.is_main else nullcontext() as on_progress:
            trainer.train(on_progress, check_corpus=lambda: measure_alignment(opened, trainer.clips).reason)
    except Interrupted:
        leave_processes(trainer.accelerator)
        trainer.say(f"avts: stopped after step {trainer.step}; go on with --resume")
        return 130
    leave_processes(trainer.accelerator)
    cores = os.cpu_count() or 1
    workers = settings.training.num_workers(cores)
    trainer.say(time_text(trainer.timer.run, seconds_in_all=trainer.timer.seconds_in_all, workers=workers, cores=cores))
    trainer.say(f"avts show {run} draws the course of it")
    if trainer.is_main:
        click.echo(f"{run}: trained {trainer.step} steps on {len(trainer.clips)} videos")
    return 0
