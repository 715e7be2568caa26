"""`avts eval clips`: how often a model and the motion baseline find the offset of clips whose offset is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from avts.cli.device import device_option
from avts.cli.progress import progress_bar, tell
from avts.errors import CheckpointError, InputError, UsageError

if TYPE_CHECKING:
    from avts.evaluation.clip_table import Clip
    from avts.offset.clips import ClipOffset
    from avts.offset.model import SyncModel


@click.command(name="clips")
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--model", "run", type=click.Path(path_type=Path), metavar="RUN", help="A trained run.")
@click.option(
    "--method", type=click.Choice(["model", "motion"]), default="model", help="motion: only the motion baseline."
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Seed of the known shifts.")
@click.option(
    "--table", type=click.Path(path_type=Path), metavar="CSV", help="Read this table instead of FOLDER/clips.csv."
)
@click.option("--without", multiple=True, metavar="SOURCE", help="Skip the clips of this source; repeatable.")
@device_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object, with every offset.")
def command(
    folder: Path,
    *,
    run: Path | None,
    method: str,
    seed: int,
    table: Path | None,
    without: tuple[str, ...],
    device: str,
    as_json: bool,
) -> int:
    """Measure a model and the motion baseline on a FOLDER of clips whose offset is known.

    Prints the share of clips whose offset, searched over +-1 s, is found within 0.2, 0.1 and 0.045 s, both unchanged
    and with known shifts added; the share of clips that get an answer, and the share of answers that are right; and the
    calibration of the confidence. The clips are listed in FOLDER/clips.csv with the columns path and kind; without this
    file every video in FOLDER is used and assumed to be in sync. Optional columns: source (figures by source, and
    confidence intervals clustered by source), offset_seconds (> 0 if the sound of the clip is early) and cue (how well
    a person can see the sync: strong, weak, none). Without --model the model in the box is used.
    """
    from avts.evaluation.clip_table import read_clips
    from avts.report.clips import clips_record, clips_table

    clips = _chosen(read_clips(folder, table), without)
    model = _model(run, method, device)
    offsets, failed, short = _measured(clips, model, seed)
    if not offsets:
        raise InputError(
            f"{folder}: none of its {len(clips)} clips can be measured ({short} too short). Give other clips"
        )
    name = model.name if model else None
    record = clips_record(offsets, model=name, num_failed=failed, num_short=short)
    click.echo(json.dumps(record) if as_json else clips_table(offsets))
    return 3 if failed else 0


def _chosen(clips: list[Clip], without: tuple[str, ...]) -> list[Clip]:
    """The clips of all sources except those excluded.

    Raises:
        UsageError: no clip has such a source, or none is left.
    """
    sources = {clip.source for clip in clips}
    if unknown := [source for source in without if source not in sources]:
        known = ", ".join(sorted(sources - {""})) or "none: the table has no column source"
        raise UsageError(f"--without {unknown[0]}: no clip has this source. Sources: {known}")
    kept = [clip for clip in clips if clip.source not in without]
    if not kept:
        raise UsageError(f"--without {' --without '.join(without)}: no clip is left. Leave a source out")
    return kept


def _measured(clips: list[Clip], model: SyncModel | None, seed: int) -> tuple[list[ClipOffset], int, int]:
    """The offsets of the clips, and how many clips could not be read or were too short."""
    from avts.offset.clips import clip_offsets

    offsets: list[ClipOffset] = []
    failed = short = 0
    with progress_bar("clips", "clips") as on_progress:
        for number, clip in enumerate(clips, start=1):
            try:
                found = clip_offsets(
                    clip.path,
                    clip.kind,
                    model,
                    seed=seed,
                    source=clip.source,
                    cue=clip.cue,
                    offset_seconds=clip.offset_seconds,
                )
            except InputError as error:
                failed += 1
                click.echo(f"avts: {error}", err=True)
            else:
                short += not found
                offsets += found
            on_progress(number, len(clips))
    return offsets, failed, short


def _model(run: Path | None, method: str, device: str) -> SyncModel | None:
    """The model asked for; none for the baseline alone, or, said aloud, where none is at hand."""
    if method == "motion":
        return None
    from avts.offset.model import load_sync_model

    try:
        return load_sync_model(run, device=device, say=tell)
    except CheckpointError as error:
        if run is not None:
            raise
        click.echo(f"avts: measuring with the motion baseline only: {error}", err=True)
        return None
