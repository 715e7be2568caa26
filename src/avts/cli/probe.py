"""avts probe: cross-validated sound classification on a frozen stage, and comparisons of such results."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from avts.cli.device import device_option
from avts.cli.progress import progress_bar
from avts.errors import UsageError

if TYPE_CHECKING:
    from avts.model.two_stream import TwoStream
    from avts.probe.cross_validation import ProbeResult
    from avts.probe.protocol import ProbeRecipe, SoundProbe


@click.group(name="probe")
def command() -> None:
    """Evaluate the features of the frozen towers."""


@command.command(name="sounds")
@click.argument("source")
@click.option(
    "--recipe",
    type=click.Path(path_type=Path),
    help="Settings of the probe, TOML; the options below override it.  [default: that of the layout, or sounds.toml]",
)
@click.option("--layout", help="Layout of SOURCE: esc50, esc10, dcase2014 or kitchen20.  [default: detected]")
@click.option(
    "--model", help="Folder of a trained run, or 'random' for random weights.  [default: the model in the box]"
)
@click.option(
    "--like",
    metavar="RUN|box|TOML",
    help="With --model random or --from-scratch: use the architecture of this run or recipe.  [default: box]",
)
@click.option("--features", type=click.Choice(["tower", "mfcc"]))
@click.option("--from-scratch", is_flag=True, help="Train the network on the labels instead.")
@click.option("--stage", help="Stage of the audio tower, such as conv5.")
@click.option(
    "--pooling",
    "poolings",
    multiple=True,
    help="Parts of the bands x parts of time, such as 4x4, or xsd: mean and standard deviation over time. Repeatable: "
    "the best one within the training folds is used.",
)
@click.option("--windows", type=click.IntRange(1), help="Windows per recording.")
@click.option("--classifier", type=click.Choice(["svm", "logistic", "knn"]))
@click.option("--labels-per-class", "counts", multiple=True, default=("all",), help="1, 5, ... or all. Repeatable.")
@click.option("--folds", type=click.IntRange(2), help="Number of folds if they are drawn.")
@click.option(
    "--by-group/--official-folds",
    "by_group",
    default=None,
    help="Draw folds that part no author or source, or take those of SOURCE.  [default: as the recipe]",
)
@click.option(
    "--seed",
    "seeds",
    multiple=True,
    default=(0,),
    show_default=True,
    type=click.IntRange(0),
    help="Seed of random folds, labels and networks, and of the solver. Repeatable: one result per seed.",
)
@click.option("--epochs", type=click.IntRange(1), help="Of --from-scratch.")
@device_option
@click.option("--plot", type=click.Path(path_type=Path), help="Draw the confusion matrix of the last figure, PNG.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each figure.")
def sounds(
    source: str,
    *,
    recipe: Path | None,
    layout: str | None,
    counts: tuple[str, ...],
    seeds: tuple[int, ...],
    device: str,
    plot: Path | None,
    as_json: bool,
    **asked: Any,
) -> int:
    """Cross-validate a classifier of the sounds of SOURCE: ESC-50, ESC-10, DCASE2014, Kitchen20, a corpus or classes.

    The default is a one-against-all linear SVM on pooled, z-scored conv5 features of the audio tower; C is chosen
    within the training folds. Exit status 3 if a recording was refused.
    """
    from avts.features.recordings import recordings_of
    from avts.probe.cross_validation import labels_of, probe
    from avts.probe.folds import folds_of
    from avts.probe.protocol import default_probe_recipe, layout_of, read_probe_recipe
    from avts.report.probes import draw_confusion, probe_text

    numbers = [_count(each) for each in counts]
    layout = layout or layout_of(source)
    path = recipe or default_probe_recipe(layout)
    settings = _instead(read_probe_recipe(path), asked)
    if recipe is None:
        _say(f"recipe: {path.name} (default)")
    recordings = [each for each in recordings_of([source], layout=layout) if each.label is not None]
    results: list[ProbeResult] = []
    for seed in seeds:
        model, window_seconds, name = _model(
            asked["model"],
            asked["like"],
            seed,
            fresh=asked["from_scratch"],
            device=device,
            say=_say if seed == seeds[0] else None,
        )
        setting = _setting(settings, window_seconds, seed, from_scratch=asked["from_scratch"])
        with progress_bar("features", "recordings") as on_progress:
            kept, score, refused = setting.prepare(model, recordings, on_progress=on_progress)
        for refusal in refused if seed == seeds[0] else ():
            _say(f"refused: {refusal.message}")
        labels_of(kept)
        cross = folds_of(kept, drawn=settings.folds.drawn, seed=seed, by_group=settings.folds.by_group)
        about = {"source": source, "recipe": path.name, "model": name, **setting.about(), "folds": cross.origin}
        for number in numbers:
            with (
                progress_bar(f"{number or 'all'} labels a class, seed {seed}", "folds") as on_progress,
                setting.sharing_threads(len(cross.folds)) as at_a_time,
            ):
                result = probe(
                    kept,
                    cross,
                    score,
                    labels_per_class=number,
                    seed=seed,
                    at_a_time=at_a_time,
                    on_progress=on_progress,
                )
            stands = about | {"seed": seed}
            click.echo(json.dumps(stands | result.values()) if as_json else probe_text(result, stands))
            results.append(result)
    if plot is not None:
        draw_confusion(results[-1], plot)
    return 3 if refused else 0


@command.command(name="compare")
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--plot", type=click.Path(path_type=Path), help="Plot accuracy against the number of labels, PNG.")
def compare(files: tuple[Path, ...], plot: Path | None) -> int:
    """Compare the first of FILES with each other one, fold by fold. A file is an output of `avts probe sounds --json`.

    Lines of several seeds in one file are averaged; the name of a file is the name of its method.
    """
    from avts.probe.compare import read_measured
    from avts.report.paired import draw_labels, paired_table

    methods = [read_measured(path) for path in files]
    click.echo(paired_table(methods))
    if plot is not None:
        draw_labels(methods, plot)
    return 0


def _instead(recipe: ProbeRecipe, asked: dict[str, Any]) -> ProbeRecipe:
    """A recipe with the values from the command line in place of its own."""
    tables = {
        "features": {
            "kind": asked["features"],
            "windows": asked["windows"],
            "stage": asked["stage"],
            "poolings": asked["poolings"] or None,
        },
        "classifier": {"name": asked["classifier"]},
        "folds": {"drawn": asked["folds"], "by_group": asked["by_group"]},
        "scratch": {"epochs": asked["epochs"]},
    }
    if asked["classifier"] not in (None, recipe.classifier.name):
        tables["classifier"]["strengths"] = ()  # those of the recipe belong to another classifier
    given = {
        name: getattr(recipe, name).model_copy(update={key: value for key, value in table.items() if value is not None})
        for name, table in tables.items()
    }
    return recipe.model_copy(update=given)


def _setting(recipe: ProbeRecipe, window_seconds: float, seed: int, *, from_scratch: bool) -> SoundProbe:
    from avts.probe.protocol import SoundProbe
    from avts.probe.scratch import ScratchSettings

    return SoundProbe(
        window_seconds=window_seconds,
        num_windows=recipe.features.windows,
        features=recipe.features.kind,
        stage=recipe.features.stage,
        poolings=recipe.features.poolings,
        classifier=recipe.classifier.name,
        strengths=recipe.classifier.strengths,
        inner_folds=recipe.classifier.inner_folds,
        scratch=ScratchSettings(**recipe.scratch.model_dump()) if from_scratch else None,
        seed=seed,
    )


def _count(text: str) -> int | None:
    if text == "all":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"--labels-per-class '{text}': give a positive integer, or all")
    return int(text)


def _model(
    model: str | None,
    like: str | None,
    seed: int,
    *,
    fresh: bool,
    device: str,
    say: Callable[[str], None] | None,
) -> tuple[TwoStream, float, str]:
    """The networks, the length of their windows in seconds, and what to call them."""
    import torch

    from avts.model.checkpoint import build_model, read_header
    from avts.model.device import place
    from avts.offset.model import SHIPPED, load_sync_model
    from avts.settings import read_recipe

    if fresh and model not in (None, "random"):
        raise UsageError(f"--model {model} with --from-scratch: its weights would not be used. Give --like {model}")
    if not fresh and model != "random":
        if like is not None:
            raise UsageError(
                f"--like {like}: only valid with --model random or --from-scratch; a trained run has its own networks"
            )
        loaded = load_sync_model(model, device=device, say=say)
        return loaded.network, loaded.window_seconds, loaded.name
    if like in (None, "box"):
        settings = read_header(SHIPPED)[0]
    else:
        settings = read_header(Path(like))[0] if Path(like).is_dir() else read_recipe(Path(like))
    torch.manual_seed(seed)
    network = build_model(settings.model).eval()
    place(network, device, say=say)
    return network, settings.pairs.clip_seconds, f"a fresh net like {like or 'the model in the box'}"


def _say(line: str) -> None:
    click.echo(line, err=True)
