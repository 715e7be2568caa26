"""avts inspect RUN --data CORPUS --out FOLDER: what each channel responds to most, and a map of the embeddings."""

from __future__ import annotations

import json
from pathlib import Path

import click

from avts.cli.corpus import CORPUS
from avts.cli.device import device_option
from avts.cli.progress import progress_bars, tell


@click.command(name="inspect")
@click.argument("run", metavar="RUN|box", type=click.Path(path_type=Path))
@click.option("--data", "place", type=CORPUS, required=True, help="Corpus of clips to run the model on.")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Output folder for the page and the figures."
)
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test", "all"]),
    default="test",
    show_default=True,
    help="Split to take the clips from.",
)
@click.option("--clips", "most", default=200, show_default=True, type=click.IntRange(2), help="At most, evenly spread.")
@click.option("--seconds", default=4.0, show_default=True, type=click.FloatRange(1, 60), help="Of each, its middle.")
@click.option("--channels", default=12, show_default=True, type=click.IntRange(1, 512), help="To show, of each tower.")
@click.option("--each", default=6, show_default=True, type=click.IntRange(1, 12), help="Clips to show of a channel.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(0), help="Of the map.")
@device_option
@click.option("--json", "as_json", is_flag=True, help="Print the numbers of all channels as one JSON object.")
def command(
    run: Path,
    *,
    place: Path | str,
    out: Path,
    split: str,
    most: int,
    seconds: float,
    channels: int,
    each: int,
    seed: int,
    device: str,
    as_json: bool,
) -> int:
    """Visualise what the model of RUN, or the model in the box ('box'), has learned.

    Writes FOLDER/index.html: for conv5 channels of both towers the filterbanks and frames that they respond to most,
    their selectivity by class, and a t-SNE map of the embeddings by class; channels-sound.png, channels-picture.png
    and map.png; and channels.json with the numbers of all channels.
    """
    from avts.corpus.corpus import Corpus
    from avts.errors import UsageError
    from avts.inspection.excerpts import chosen_clips
    from avts.inspection.inspect_model import inspect
    from avts.offset.model import load_sync_model
    from avts.report.inspect_page import About, record, summary_text, write_inspection

    if out.exists() and not out.is_dir():
        raise UsageError(f"{out}: is a file, not a folder. Choose another --out")
    loaded = load_sync_model(None if run == Path("box") else run, device=device, say=tell)
    if seconds < loaded.window_seconds:
        raise UsageError(f"--seconds {seconds:g}: the model needs windows of {loaded.window_seconds:g} s. Give more.")
    corpus = Corpus.open(place)
    clips = chosen_clips(corpus, None if split == "all" else split, most)
    unreadable: list[str] = []

    def leave_out(line: str) -> None:
        unreadable.append(line)
        tell(line)

    with progress_bars("clips") as stage:
        found = inspect(
            loaded.network,
            corpus,
            clips,
            window_seconds=loaded.window_seconds,
            seconds=seconds,
            num_channels=channels,
            each=each,
            seed=seed,
            stage=stage,
            on_unreadable=leave_out,
        )
    about = About(loaded.name, corpus.path.name, f"split: {split}", len(clips) - len(unreadable), seconds)
    written = write_inspection(out, found, about)
    if as_json:
        click.echo(json.dumps(record(found, about)))
    else:
        click.echo(summary_text(found))
        click.echo("\n" + "\n".join(map(str, written)))
    return 3 if unreadable else 0
