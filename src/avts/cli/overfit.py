"""`avts overfit`: overfit one batch, the first check on new data."""

from __future__ import annotations

import json
from pathlib import Path

import click

from avts.cli.corpus import CORPUS
from avts.cli.device import device_option
from avts.cli.progress import progress_bar, tell


@click.command(name="overfit")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option("--data", "corpus", type=CORPUS, required=True, help="Corpus to take a batch of.")
@click.option("--start", type=click.Path(path_type=Path), metavar="RUN", help="As for avts train.")
@click.option("--steps", default=300, show_default=True, type=click.IntRange(1), help="To take at most.")
@device_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(recipe: Path, corpus: Path | str, *, start: Path | None, steps: int, device: str, as_json: bool) -> int:
    """Train on one batch of a corpus with the settings of RECIPE until its loss is close to the minimum.

    Nothing is written. If the loss stays too high, silence, stillness, embeddings, learning rate and alignment are
    measured and reported. Exit status 3 if the batch was not learned.
    """
    from avts.corpus.corpus import Corpus
    from avts.doctor.alignment import measure_alignment
    from avts.offset.model import SHIPPED
    from avts.report.overfit import overfit_record, overfit_text
    from avts.settings import read_recipe
    from avts.training.overfit import overfit

    settings = read_recipe(recipe)
    opened = Corpus.open(corpus)
    with progress_bar("overfit", "step") as on_progress:
        found = overfit(
            opened,
            settings,
            steps=steps,
            device=device,
            start=SHIPPED if start == Path("box") else start,
            say=tell,
            on_progress=on_progress,
            check_corpus=lambda: measure_alignment(opened, opened.select("train")).reason,
        )
    click.echo(json.dumps(overfit_record(found)) if as_json else overfit_text(found))
    return 0 if found.learned else 3
