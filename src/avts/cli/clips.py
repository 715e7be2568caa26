"""`avts eval clips`: how often the offset of in-sync clips is found, by a model and by the plain baseline."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from avts.cli.progress import progress_bar
from avts.errors import AvtsError, CheckpointError, InputError, UsageError

if TYPE_CHECKING:
    from avts.offset.clips import ClipOffset
    from avts.offset.model import SyncModel

TABLE = "clips.csv"


@click.command(name="clips")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--model", "run", type=click.Path(path_type=Path), metavar="RUN", help="A trained run.")
@click.option("--method", type=click.Choice(["model", "motion"]), default="model", help="motion: the baseline alone.")
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Of the known shifts.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with every offset.")
def command(folder: Path, *, run: Path | None, method: str, seed: int, as_json: bool) -> int:
    """Measure a model on a FOLDER of clips that are in sync, beside the plain baseline.

    Prints the share of the clips whose offset, searched over +-1 s, is found within 0.2 s, as they are and with known
    shifts added. A clips.csv in FOLDER with the columns path and kind names the clips and splits the figures by kind;
    without one every video file in FOLDER counts. Without --model the model in the box is taken.
    """
    from avts.offset.clips import clip_offsets
    from avts.report.clips import clips_record, clips_table

    clips = _clips(folder)
    model = _model(run, method)
    offsets: list[ClipOffset] = []
    failed = short = 0
    with progress_bar("clips", "clips") as on_progress:
        for number, (path, kind) in enumerate(clips, start=1):
            try:
                found = clip_offsets(path, kind, model, seed=seed)
            except InputError as error:
                failed += 1
                click.echo(f"avts: {error}", err=True)
            else:
                short += not found
                offsets += found
            on_progress(number, len(clips))
    if not offsets:
        raise InputError(f"{folder}: none of its {len(clips)} clips can be measured ({short} too short). Give others")
    name = model.name if model else None
    record = clips_record(offsets, model=name, num_failed=failed, num_short=short)
    click.echo(json.dumps(record) if as_json else clips_table(offsets))
    return 3 if failed else 0


def _model(run: Path | None, method: str) -> SyncModel | None:
    """The model asked for; none for the baseline alone, or, said aloud, where none is at hand."""
    if method == "motion":
        return None
    from avts.offset.model import load_sync_model

    try:
        return load_sync_model(run)
    except CheckpointError as error:
        if run is not None:
            raise
        click.echo(f"avts: the baseline alone: {error}", err=True)
        return None


def _clips(folder: Path) -> list[tuple[Path, str]]:
    """The clips of a folder, with their kinds where a table tells them.

    Raises:
        UsageError: no such folder, or no clip in it.
    """
    from avts.corpus.folder import is_video_name

    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder. Give a folder of clips that are in sync")
    table = folder / TABLE
    clips = _read_table(table) if table.is_file() else []
    if not clips:
        clips = [(path, "") for path in sorted(folder.rglob("*")) if path.is_file() and is_video_name(path.name)]
    if not clips:
        raise UsageError(f"{folder}: no video file in it. Give a folder of clips that are in sync")
    return clips


def _read_table(table: Path) -> list[tuple[Path, str]]:
    """Paths and kinds of a clips.csv; nothing if it has other columns."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if not {"path", "kind"} <= set(rows.fieldnames or ()):
                return []
            return [(table.parent / row["path"], row["kind"] or "") for row in rows if row["path"]]
    except (UnicodeDecodeError, csv.Error) as error:
        raise AvtsError(f"{table}: cannot be read as a table ({error}). Repair or remove it") from error
