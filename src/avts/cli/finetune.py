"""`avts finetune`: classes of actions, of sounds, or of both, by a classifier that is trained end to end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from avts.cli.device import device_option
from avts.cli.progress import progress_bar

if TYPE_CHECKING:
    from avts.finetune.study import Study


@click.group(name="finetune")
def command() -> None:
    """Train a classifier on the labels of a corpus, end to end, and test it: what a start is worth.

    A start is a run of `avts train` (AVTS or L3-Net), another classifier (supervised pre-training), or none.
    """


def _labels(_: object, __: object, value: str) -> tuple[int | None, ...]:
    """'1,5,all' as (1, 5, None)."""
    found: list[int | None] = []
    for word in value.split(","):
        number = word.strip()
        if number != "all" and (not number.isdecimal() or int(number) < 1):
            raise click.BadParameter(f"'{number}' is neither a number of labels nor 'all'. Give such as 1,5,10,20,all")
        found.append(None if number == "all" else int(number))
    return tuple(dict.fromkeys(found))


_OPTIONS = (
    click.argument("recipe", type=click.Path(path_type=Path), required=False),
    click.option("--data", "corpus", required=True, help="Corpus with labels: a folder, or a URL that fsspec reads."),
    click.option("--out", type=click.Path(path_type=Path), required=True, help="Folder of the results."),
    click.option(
        "--start",
        required=True,
        metavar="scratch|RUN|box",
        help="Fresh weights, those of a finished run or classifier, or of the model in the box.",
    ),
    click.option(
        "--like",
        metavar="RUN|box",
        help="With --start scratch: the networks of this run instead of the recipe's, to compare with a start from it.",
    ),
    click.option("--split", help="Only this one: split-1 ..., fold-1 ..., or manifest (train against test)."),
    click.option(
        "--labels-per-class",
        "labels",
        default="all",
        show_default=True,
        callback=_labels,
        help="Training videos of each class; several with commas: 1,5,10,20,all. Smaller sets lie within larger.",
    ),
    click.option("--seed", type=click.IntRange(0), help="Instead of the recipe's."),
    click.option("--resume", is_flag=True, help="Go on with what is in --out."),
    device_option,
    click.option("--json", "as_json", is_flag=True, help="Print one JSON object."),
)


def _with_options(function: Callable[..., int]) -> Callable[..., int]:
    for option in reversed(_OPTIONS):
        function = option(function)
    return function


@command.command(name="actions")
@_with_options
def actions(**given: Any) -> int:
    """Recognise actions: the video tower and one linear layer.

    RECIPE (TOML) may be left out. Corpora with official splits (UCF101, HMDB51) are trained and tested on each of them;
    the figures are means. Of each test video 10 evenly spread clips are looked at, their scores averaged.
    """
    return _run("actions", "picture", **given)


@command.command(name="sounds")
@_with_options
def sounds(**given: Any) -> int:
    """Recognise sounds: the audio tower and one linear layer, trained end to end."""
    return _run("sounds", "sound", **given)


@command.command(name="multimodal")
@_with_options
def multimodal(**given: Any) -> int:
    """Recognise by picture and sound together; beside it each tower alone, on the same videos with the same recipe."""
    from avts.finetune.study import run_comparison
    from avts.report.class_figures import write_figures
    from avts.report.classes import comparison_table

    study = _study("multimodal", "both", **given)
    out: Path = given["out"]
    results = _done(lambda: run_comparison(study, out, resume=given["resume"], bar=progress_bar, say=_say))
    if results is None:
        return 130
    for senses, result in results.items():
        write_figures(result, out / senses)
    click.echo(json.dumps(results) if given["as_json"] else comparison_table(results))
    return 0


def _run(name: str, senses: Any, **given: Any) -> int:
    from avts.finetune.study import run_study
    from avts.report.class_figures import write_figures
    from avts.report.classes import study_table

    study = _study(name, senses, **given)
    out: Path = given["out"]
    result = _done(lambda: run_study(study, out, resume=given["resume"], bar=progress_bar, say=_say))
    if result is None:
        return 130
    for path in write_figures(result, out):
        _say(f"drawn: {path}")
    click.echo(json.dumps(result) if given["as_json"] else study_table(result))
    return 0


def _study(
    name: str,
    senses: Any,
    *,
    recipe: Path | None,
    corpus: str,
    start: str,
    like: str | None,
    split: str | None,
    labels: tuple[int | None, ...],
    seed: int | None,
    device: str,
    **_: Any,
) -> Study:
    from avts.corpus.corpus import Corpus
    from avts.errors import UsageError
    from avts.finetune.recipe import default_recipe, read_finetune_recipe
    from avts.finetune.start import start_path
    from avts.finetune.study import Study
    from avts.offset.model import SHIPPED

    path = default_recipe(name) if recipe is None else recipe
    settings = read_finetune_recipe(path)
    if recipe is None:
        _say(f"recipe: {path.name} (none given)")
    if seed is not None:
        settings = settings.model_copy(update={"training": settings.training.model_copy(update={"seed": seed})})
    begin = start_path(start, SHIPPED)
    if like is not None and begin is not None:
        raise UsageError(f"--like {like} with --start {start}: a start has its own networks. Leave out --like")
    return Study(
        Corpus.open(corpus),
        settings,
        senses=senses,
        start=begin,
        like=None if like is None else start_path(like, SHIPPED),
        labels_per_class=labels,
        only=split,
        device=device,
    )


def _done(work: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    """What the work gives; None if it was stopped by Ctrl-C or SIGTERM, which is told."""
    from avts.training.interrupt import Interrupted

    try:
        return work()
    except Interrupted:
        _say("avts: stopped; go on with --resume")
        return None


def _say(line: str) -> None:
    click.echo(line, err=True)
