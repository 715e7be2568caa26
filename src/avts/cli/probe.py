"""avts probe sounds SOURCE: classes of sounds by a classifier on a frozen stage, cross-validated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from avts.cli.progress import progress_bar
from avts.errors import UsageError

if TYPE_CHECKING:
    from avts.downstream.classifiers import ClassifierName
    from avts.downstream.sounds import ProbeResult
    from avts.model.two_stream import TwoStream

NUM_WINDOWS = {"dcase2014": 60}
USUAL_WINDOWS = 10


@click.group(name="probe")
def command() -> None:
    """Measure what the features are worth, nothing of the towers being trained."""


@command.command(name="sounds")
@click.argument("source")
@click.option("--layout", help="Of SOURCE: esc50, esc10 or dcase2014; recognised if left out.")
@click.option(
    "--model", help="Folder of a trained run, or 'random': the same net, fresh.  [default: the model in the box]"
)
@click.option("--recipe", type=click.Path(path_type=Path), help="Recipe of the fresh net; that of --model if left out.")
@click.option("--features", type=click.Choice(["tower", "mfcc"]), default="tower", show_default=True)
@click.option(
    "--from-scratch", is_flag=True, help="Train the net on the labels instead; weights of --model are not used."
)
@click.option("--stage", default="conv5", show_default=True, help="Of the audio tower.")
@click.option(
    "--pooling",
    "poolings",
    multiple=True,
    default=("4xsd",),
    show_default=True,
    help="Parts of the bands x parts of time, such as 4x4, or xsd: mean and deviation over time. Of several, the one "
    "that does best inside the training folds.",
)
@click.option(
    "--windows", type=click.IntRange(1), help=f"Of each recording.  [default: {USUAL_WINDOWS}; dcase2014: 60]"
)
@click.option("--classifier", type=click.Choice(["svm", "logistic", "knn"]), default="svm", show_default=True)
@click.option("--labels-per-class", "counts", multiple=True, default=("all",), help="1, 5, ... or all. Repeatable.")
@click.option("--folds", default=5, show_default=True, type=click.IntRange(2), help="Where SOURCE has none of its own.")
@click.option("--seed", default=0, show_default=True, help="Of drawn folds and labels, fresh nets, and the solver.")
@click.option("--epochs", default=60, show_default=True, type=click.IntRange(1), help="At most, of --from-scratch.")
@click.option("--plot", type=click.Path(path_type=Path), help="Draw the confusion matrix, PNG.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each figure.")
def sounds(
    source: str,
    layout: str | None,
    classifier: ClassifierName,
    *,
    counts: tuple[str, ...],
    folds: int,
    seed: int,
    plot: Path | None,
    as_json: bool,
    windows: int | None,
    **net: Any,
) -> int:
    """Cross-validate a classifier of the sounds of SOURCE: ESC-50, ESC-10, DCASE2014, a corpus, or a folder of classes.

    Conv5 of the audio tower, pooled, z-scored, a one-against-all linear SVM; C is chosen inside the training folds.
    Exit status 3 if a recording was refused.
    """
    from avts.downstream.folds import folds_of
    from avts.downstream.protocol import SoundProbe, layout_of
    from avts.downstream.recordings import recordings_of
    from avts.downstream.sounds import labels_of, probe
    from avts.report.probes import draw_confusion, probe_text

    numbers = [_count(each) for each in counts]
    layout = layout or layout_of(source)
    recordings = [each for each in recordings_of([source], layout=layout) if each.label is not None]
    model, window_seconds, name = _model(net["model"], net["recipe"], seed, fresh=net["from_scratch"])
    setting = SoundProbe(
        window_seconds=window_seconds,
        num_windows=windows or NUM_WINDOWS.get(layout or "", USUAL_WINDOWS),
        classifier=classifier,
        features=net["features"],
        stage=net["stage"],
        poolings=net["poolings"],
        from_scratch=net["from_scratch"],
        epochs=net["epochs"],
        seed=seed,
    )
    with progress_bar("listening", "recordings") as on_progress:
        kept, score, refused = setting.prepare(model, recordings, on_progress=on_progress)
    for refusal in refused:
        click.echo(f"refused: {refusal.message}", err=True)
    labels_of(kept)
    cross = folds_of(kept, drawn=folds, seed=seed)
    about = {"source": source, "model": name, **setting.about(), "folds": cross.origin, "seed": seed}
    results: list[ProbeResult] = []
    for number in numbers:
        title = f"{number or 'all'} labels a class"
        with progress_bar(title, "folds") as on_progress:
            results.append(probe(kept, cross, score, labels_per_class=number, seed=seed, on_progress=on_progress))
    for result in results:
        click.echo(json.dumps(about | result.values()) if as_json else probe_text(result, about))
    if plot is not None:
        draw_confusion(results[-1], plot)
    return 3 if refused else 0


def _count(text: str) -> int | None:
    if text == "all":
        return None
    if not text.isdecimal() or int(text) < 1:
        raise UsageError(f"--labels-per-class '{text}': give a number of 1 or more, or all")
    return int(text)


def _model(model: str | None, recipe: Path | None, seed: int, *, fresh: bool) -> tuple[TwoStream, float, str]:
    """The networks, the length of their windows in seconds, and what to call them."""
    import torch

    from avts.model.checkpoint import build_model, read_header
    from avts.settings import read_recipe
    from avts.sync.model import SHIPPED, load_sync_model

    is_random = fresh or model == "random"
    if recipe is not None and not is_random:
        raise UsageError(f"--recipe {recipe}: only for --model random and --from-scratch; a trained run has its own")
    if not is_random:
        loaded = load_sync_model(model)
        return loaded.network, loaded.window_seconds, loaded.name
    folder = SHIPPED if model in (None, "random") else Path(model)
    settings = read_recipe(recipe) if recipe is not None else read_header(folder)[0]
    torch.manual_seed(seed)
    like = recipe or ("the model in the box" if folder == SHIPPED else folder)
    return build_model(settings.model).eval(), settings.pairs.clip_seconds, f"a fresh net like {like}"
