"""`avts eval`: AVTS accuracy and AUC of a run on a corpus; `avts eval clips`: offsets of in-sync clips."""

from __future__ import annotations

import json
from pathlib import Path

import click

from avts.cli.corpus import CORPUS
from avts.cli.device import device_option
from avts.cli.progress import progress_bar, tell


class _RunOrClips(click.Command):
    """Dispatches to `avts eval clips` if that is the first argument; write ./clips for a run of this name."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args[:1] != ["clips"]:
            return super().parse_args(ctx, args)
        ctx.meta["avts.eval.clips"] = args[1:]
        return []

    def invoke(self, ctx: click.Context) -> object:
        words = ctx.meta.get("avts.eval.clips")
        if words is None:
            return super().invoke(ctx)
        from avts.cli.clips import command as clips

        return clips.main(words, prog_name=f"{ctx.command_path} clips", standalone_mode=False)


@click.command(name="eval", cls=_RunOrClips)
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--data", "corpus", type=CORPUS, required=True, help="Corpus to test on.")
@click.option("--rounds", default=4, show_default=True, type=click.IntRange(min=1), help="Windows of each video.")
@device_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(run: Path, corpus: Path | str, *, rounds: int, device: str, as_json: bool) -> int:
    """Measure the model of RUN: threshold from the corpus's validation videos, figures from its test videos.

    `avts eval clips FOLDER` measures offsets of in-sync clips instead; see `avts eval clips --help`.
    """
    from avts.corpus.corpus import Corpus
    from avts.evaluation.evaluate import evaluate
    from avts.model.checkpoint import load_model, read_header
    from avts.report.evaluation import evaluation_table

    recipe, _ = read_header(run)
    model = load_model(run, device=device, say=tell)
    with progress_bar("evaluating", "step") as on_progress:
        found = evaluate(model, Corpus.open(corpus), recipe.pairs, rounds=rounds, workers=1, on_progress=on_progress)
    click.echo(json.dumps(found) if as_json else evaluation_table(found))
    return 0
