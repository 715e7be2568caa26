"""avts retrieve FEATURES: find sounds by pictures and pictures by sounds in a table written by avts embed."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from avts.cli.device import device_option
from avts.errors import UsageError

if TYPE_CHECKING:
    from avts.features.retrieval import IndexName


@click.command()
@click.argument("features", type=click.Path(path_type=Path))
@click.option("--query", type=click.Path(path_type=Path), help="Media file whose windows are the queries.")
@click.option(
    "--by", type=click.Choice(["picture", "sound"]), default="picture", show_default=True, help="Query modality."
)
@click.option("--evaluate", is_flag=True, help="Report recall at 1, 5 and 10 over the table in both directions.")
@click.option(
    "--model", type=click.Path(path_type=Path), help="Model that wrote FEATURES.  [default: the model in the box]"
)
@click.option("--top", default=10, show_default=True, type=click.IntRange(1), help="Number of files to list.")
@click.option("--index", type=click.Choice(["exact", "faiss"]), default="exact", show_default=True)
@device_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def command(
    features: Path,
    index: IndexName,
    *,
    query: Path | None,
    by: str,
    evaluate: bool,
    model: Path | None,
    top: int,
    device: str,
    as_json: bool,
) -> int:
    """Find the files in FEATURES that match --query best, or measure the recall with --evaluate."""
    from avts.features.retrieval import nearest_files, read_features, recall
    from avts.report.retrieval import nearest_text, recall_text

    if evaluate == (query is not None):
        raise UsageError(f"{features}: give either --query FILE or --evaluate")
    if evaluate:
        found = recall(features, index=index)
        click.echo("\n".join(json.dumps(vars(one)) for one in found) if as_json else recall_text(found))
        return 0
    assert query is not None
    searched = "sound" if by == "picture" else "picture"
    table = read_features(features, (searched,))
    hits = nearest_files(table, searched, _vectors(query, features, model, by, device), top, index=index)
    click.echo("\n".join(map(json.dumps, hits)) if as_json else nearest_text(hits, searched))
    return 0


def _vectors(query: Path, features: Path, model: Path | None, by: str, device: str) -> Any:
    """Embeddings of a file's windows, made as the table's were."""
    from avts.features.embedding import weights_digest
    from avts.features.parts import features_schema, settings_in
    from avts.features.recordings import recordings_of, streams_of
    from avts.features.towers import Plan, picture_columns, sound_columns
    from avts.offset.model import SHIPPED, load_sync_model
    from avts.timebase import FRAME_RATE

    loaded, settings = load_sync_model(model, device=device), settings_in(features_schema(features))
    if weights_digest(model or SHIPPED) != settings["weights_digest"]:
        raise UsageError(
            f"{features}: was written by {settings['model']}, not by {loaded.name}. Give that model with --model"
        )
    plan = Plan(settings["window_seconds"], max(1, round(settings["hop_seconds"] * FRAME_RATE)))
    (recording,) = recordings_of([str(query)])
    with (
        tempfile.TemporaryDirectory(prefix="avts-query-") as folder,
        streams_of(recording, Path(folder) / "copy", lambda: None) as streams,
    ):
        shown = None if streams.pictures is None else picture_columns(loaded.network, streams.pictures(), plan)
        vectors = (shown or {}).get("picture")
        if by == "sound":
            vectors = None if streams.sounds is None else sound_columns(loaded.network, streams.sounds(), plan)["sound"]
    if vectors is None or not len(vectors):
        raise UsageError(
            f"{query}: has no {by} of at least {plan.window_seconds:g} s to query with. Give another file or --by"
        )
    return vectors
