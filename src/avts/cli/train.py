"""`avts train`: train both towers, from a recipe and a corpus."""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path

import click

from avts.cli.corpus import CORPUS
from avts.cli.device import device_option
from avts.cli.progress import progress_bar, tell
from avts.cli.recipe import print_train_recipes


@click.command(name="train")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--data", "corpus", type=CORPUS, required=True, help="Corpus to train on.")
@click.option(
    "--out",
    "run",
    type=click.Path(path_type=Path),
    help="Folder of the run.  [default: runs/RECIPE-CORPUS]",
)
@click.option(
    "--base",
    type=click.Path(path_type=Path),
    metavar="RECIPE",
    help="Recipe that RECIPE extends, instead of the one that it names.",
)
@click.option("--seed", type=click.IntRange(min=0), help="Seed, instead of the recipe's.")
@click.option(
    "--start",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Initialise with the weights of a finished run; 'box' for the model in the box.",
)
@click.option("--resume", is_flag=True, help="Resume from the newest checkpoint of the run.")
@click.option(
    "--branch",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="Start from a checkpoint of a run whose recipe begins with the same stages.",
)
@device_option
@click.option(
    "--list-recipes",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=print_train_recipes,
    help="List the bundled recipes and exit.",
)
@click.option(
    "--track", "trackers", multiple=True, metavar="NAME", help="Also log to a tracker: tensorboard, wandb ..."
)
def command(
    recipe: Path,
    corpus: Path | str,
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
    """Train both towers on a corpus. RECIPE is a TOML file, or the name of a bundled recipe (--list-recipes).

    If the distances of positive and negative pairs are not separating, a warning reports this with the measured likely
    causes. Ctrl-C finishes the current step and saves; --resume continues. On several GPUs: accelerate launch -m avts
    train ...

    --start fine-tunes: the networks are initialised with the weights of another run, which must have the same shapes;
    RECIPE may set another loss, a classifier on both embeddings ([model] comparison = "fused") or freeze the
    convolutions ([training] freeze_towers = true). With --resume it is ignored, because the checkpoint has the weights.

    --branch lets curricula with the same first stages share them: RUN needs a checkpoint from before the recipes
    diverge. On a CPU the result is bit-identical to training all steps.
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
        tell(f"run: {run} (default of --out)")
    start_run(run, resume=resume)
    if resume and (steps := steps_of_finished(run, settings)) is not None:
        if os.environ.get("RANK", "0") == "0":
            click.echo(f"{run}: all {steps} steps are already trained. Nothing to resume")
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
        trainer.say(f"resume: continuing after step {trainer.resume()}")
    try:
        with progress_bar("training", "step") if trainer.is_main else nullcontext() as on_progress:
            trainer.train(on_progress, check_corpus=lambda: measure_alignment(opened, trainer.clips).reason)
    except Interrupted:
        leave_processes(trainer.accelerator)
        trainer.say(f"avts: stopped after step {trainer.step}; continue with --resume")
        return 130
    leave_processes(trainer.accelerator)
    cores = os.cpu_count() or 1
    workers = settings.training.num_workers(cores)
    trainer.say(time_text(trainer.timer.run, seconds_in_all=trainer.timer.seconds_in_all, workers=workers, cores=cores))
    trainer.say(f"'avts show {run}' plots the progress")
    if trainer.is_main:
        click.echo(f"{run}: trained {trainer.step} steps on {len(trainer.clips)} videos")
    return 0
