"""`avts eval`: AVTS accuracy and AUC of a run on a corpus."""

from __future__ import annotations

import json
from pathlib import Path

import click

from avts.cli.progress import progress_bar


@click.command(name="eval")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--data", "corpus", type=click.Path(path_type=Path), required=True, help="Corpus to test on.")
@click.option("--rounds", default=4, show_default=True, type=click.IntRange(min=1), help="Windows of each video.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(run: Path, corpus: Path, *, rounds: int, as_json: bool) -> int:
    """Measure the model of RUN: threshold from the corpus's validation videos, figures from its test videos."""
    from avts.corpus.corpus import Corpus
    from avts.evaluation.evaluate import evaluate
    from avts.model.checkpoint import load_model, read_header
    from avts.report.evaluation import evaluation_table

    recipe, _ = read_header(run)
    model = load_model(run)
    with progress_bar("evaluating", "step") as on_progress:
        found = evaluate(model, Corpus.open(corpus), recipe.pairs, rounds=rounds, workers=1, on_progress=on_progress)
    click.echo(json.dumps(found) if as_json else evaluation_table(found))
    return 0
