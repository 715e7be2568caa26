"""`avts repair`: move the sound of files by an offset that is given or measured."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from avts.cli.batch import fallbacks, find_files, targets
from avts.cli.sync import answered, check_targets, measuring_options
from avts.cli.sync_file import Options

_PATH = click.Path(path_type=Path)


@click.command(name="repair")
@click.argument("file", type=_PATH)
@click.argument("out", type=_PATH)
@click.option(
    "--offset",
    "offset_seconds",
    type=float,
    metavar="SECONDS",
    help="By how much the sound is early (> 0) or late (< 0).  [default: measured]",
)
@click.option(
    "--drift",
    "drift_ms_per_minute",
    type=float,
    metavar="MS",
    help="With --offset, which is then the offset at the start: its growth in milliseconds per minute.",
)
@click.option("--overwrite", is_flag=True, help="Replace existing files.")
@click.option("--dry-run", is_flag=True, help="Report what would be written, stream by stream, without writing it.")
@click.option("--explain", is_flag=True, help="Print the equivalent ffmpeg command.")
@measuring_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line.")
def command(
    file: Path,
    out: Path,
    *,
    offset_seconds: float | None,
    drift_ms_per_minute: float | None,
    overwrite: bool,
    least_confidence: float | None,
    whole: bool,
    device: str,
    verbose: bool,
    dry_run: bool,
    explain: bool,
    run: Path | None,
    method: Literal["model", "motion"],
    range_seconds: float,
    as_json: bool,
) -> int:
    """Write FILE to OUT with its sound in sync.

    With --offset the sound is moved by that much: --offset 0.12 delays sound that is 120 ms early. Without it the
    offset is measured first, and the repaired file is measured again. Streams are copied without re-encoding, unless
    the offset drifts or jumps.

    FILE may be a folder: then OUT is a folder too, sub-folders are kept, and missing folders are created. A film that
    the container of OUT cannot hold is written as .mkv.

    --dry-run writes the repaired file to a temporary folder next to OUT, examines it and deletes it.

    Exit status: 0 all files repaired; 2 wrong usage; 3 a file cannot be used, or was not repaired because its offset
    is unknown or uncertain. The other files are still repaired.
    """
    from avts.offset.fix import check_given

    check_given(offset_seconds, drift_ms_per_minute)
    found = find_files([file], but_not_under=out)
    repairs = targets("OUT", out, [file], found)
    options = Options(
        run,
        method=method,
        range_seconds=range_seconds,
        least_confidence=least_confidence,
        in_parts=not whole,
        device=device,
        verbose=verbose,
        offset_seconds=offset_seconds,
        drift_ms_per_minute=drift_ms_per_minute,
        repairs=repairs,
        fallbacks=fallbacks(repairs),
        only_repair=True,
        overwrite=overwrite,
        dry_run=dry_run,
        explain=explain,
    )
    check_targets(options, "OUT")
    answers = answered([each.path for each in found], options, jobs=1, title="repair", as_json=as_json)
    return 3 if any(answer.failed for answer in answers) else 0
