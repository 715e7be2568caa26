"""`avts finetune`: classify actions, sounds, or both with a classifier that is trained end to end."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from avts.cli.corpus import CORPUS
from avts.cli.device import device_option
from avts.cli.progress import progress_bar

if TYPE_CHECKING:
    from avts.finetune.study import Study


@click.group(name="finetune")
def command() -> None:
    """Train a classifier end to end on the labels of a corpus and test it, to measure the value of an initialisation.

    The initialisation (--start) is a run of `avts train` (AVTS or L3-Net), another classifier (supervised
    pre-training), or random.
    """


def _labels(_: object, __: object, value: str) -> tuple[int | None, ...]:
    """'1,5,all' as (1, 5, None)."""
    found: list[int | None] = []
    for word in value.split(","):
        number = word.strip()
        if number != "all" and (not number.isdecimal() or int(number) < 1):
            raise click.BadParameter(f"'{number}' is neither a number of labels nor 'all'. Example: 1,5,10,20,all")
        found.append(None if number == "all" else int(number))
    return tuple(dict.fromkeys(found))


_OPTIONS = (
    click.argument("recipe", type=click.Path(path_type=Path), required=False),
    click.option("--data", "corpus", type=CORPUS, required=True, help="Corpus with labels."),
    click.option("--out", type=click.Path(path_type=Path), required=True, help="Output folder."),
    click.option(
        "--start",
        required=True,
        metavar="scratch|RUN|box",
        help="Initial weights: random, those of a finished run or classifier, or those of the model in the box.",
    ),
    click.option(
        "--like",
        metavar="RUN|box",
        help="With --start scratch: use the architecture of this run, to compare with a start from it.",
    ),
    click.option("--split", help="Use only this split: split-1 ..., fold-1 ..., or manifest (train against test)."),
    click.option(
        "--labels-per-class",
        "labels",
        default="all",
        show_default=True,
        callback=_labels,
        help="Training videos per class, separated by commas: 1,5,10,20,all. Smaller sets are subsets of larger ones.",
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
    """Recognise actions with the video tower and one linear layer.

    RECIPE (TOML) is optional. Corpora with official splits (UCF101, HMDB51) are trained and tested on each split, and
    the figures are means over the splits. The scores of 10 evenly spaced clips are averaged for each test video.
    """
    return _run("actions", "picture", **given)


@command.command(name="sounds")
@_with_options
def sounds(**given: Any) -> int:
    """Recognise sounds with the audio tower and one linear layer, trained end to end."""
    return _run("sounds", "sound", **given)


@command.command(name="multimodal")
@_with_options
def multimodal(**given: Any) -> int:
    """Classify by picture and sound together, and by each tower alone on the same videos with the same recipe."""
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
        _say(f"figure: {path}")
    click.echo(json.dumps(result) if given["as_json"] else study_table(result))
    return 0


def _study(
    name: str,
    senses: Any,
    *,
    recipe: Path | None,
    corpus: Path | str,
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
        _say(f"recipe: {path.name} (default)")
    if seed is not None:
        settings = settings.model_copy(update={"training": settings.training.model_copy(update={"seed": seed})})
    begin = start_path(start, SHIPPED)
    if like is not None and begin is not None:
        raise UsageError(f"--like {like} with --start {start}: a start defines its own networks. Remove --like")
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
    """The result of the work; None, with a message, if it was stopped by Ctrl-C or SIGTERM."""
    from avts.training.interrupt import Interrupted

    try:
        return work()
    except Interrupted:
        _say("avts: stopped; continue with --resume")
        return None


def _say(line: str) -> None:
    click.echo(line, err=True)
