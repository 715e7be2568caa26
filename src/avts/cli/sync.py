"""`avts sync`: how far the sound of each file is off; with --plot a picture of it, with --repair a file put right."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from avts.cli.progress import progress_bar
from avts.errors import InputError, UsageError

if TYPE_CHECKING:
    from avts.sync.estimate import OffsetEstimate
    from avts.sync.scan import OffsetScan

Measure = Callable[[Path], tuple["OffsetScan", "OffsetEstimate"]]


@dataclass(frozen=True)
class _Outputs:
    """What to write beside the answer, and how to answer."""

    plot: Path | None
    repaired: Path | None
    overwrite: bool
    as_json: bool


@click.command(name="sync")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@click.option("--model", "run", required=True, type=click.Path(path_type=Path), metavar="RUN", help="A trained run.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, with the whole curve.")
@click.option("--plot", type=click.Path(path_type=Path), metavar="PNG", help="Draw it; a folder if several files.")
@click.option(
    "--range",
    "range_seconds",
    default=2.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True, max=15),
    help="Search this many seconds either way.",
)
@click.option(
    "--repair",
    "repaired",
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="Write it put right; a folder likewise.",
)
@click.option("--overwrite", is_flag=True, help="Let --repair replace a file that exists.")
def command(
    files: tuple[Path, ...],
    *,
    run: Path,
    as_json: bool,
    plot: Path | None,
    range_seconds: float,
    repaired: Path | None,
    overwrite: bool,
) -> int:
    """Tell for each FILE by how much its sound comes early or late.

    --repair moves the sound back by that much, streams copied, not encoded again. A file that cannot be used costs one
    line on stderr and exit status 3 at the end; the others are answered.
    """
    outputs = _Outputs(plot, repaired, overwrite, as_json)
    _check_paths(files, outputs)
    measure = _measure_with(run, range_seconds)
    failed = 0
    with progress_bar("sync", "files") if len(files) > 1 else nullcontext() as on_progress:
        for number, path in enumerate(files, start=1):
            try:
                _answer(path, measure, outputs)
            except InputError as error:
                failed += 1
                _report_failure(path, error, as_json=as_json)
            if on_progress:
                on_progress(number, len(files))
    return 3 if failed else 0


def _check_paths(files: tuple[Path, ...], outputs: _Outputs) -> None:
    """Raise UsageError for what would fail later, before the first file costs time."""
    for path in files:
        if not path.is_file():
            found = "a folder" if path.is_dir() else "no such file"
            raise UsageError(f"{path}: {found}. Give media files, for example {path}/*.mp4 for those of a folder.")
    for option, out in (("--plot", outputs.plot), ("--repair", outputs.repaired)):
        if out is None:
            continue
        if len(files) > 1 and not out.is_dir():
            raise UsageError(
                f"{option} {out}: not a folder, but there are {len(files)} files. Make a folder and name it."
            )
        if not out.is_dir() and not out.parent.is_dir():
            raise UsageError(f"{option} {out}: there is no folder {out.parent}. Make it first.")
        names = [path.name if option == "--repair" else path.stem for path in files]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice and out.is_dir():
            raise UsageError(f"{option} {out}: two files would be written as {twice[0]!r}. Answer them in two calls.")
    for path in files if outputs.repaired else ():
        _check_repair_target(path, _target(outputs.repaired or path, path.name), outputs.overwrite)


def _check_repair_target(path: Path, target: Path, overwrite: bool) -> None:
    """Raise UsageError if a repaired file may not be written where it is asked for."""
    if target.exists() and target.samefile(path):
        raise UsageError(f"--repair {target}: would replace its source. Give another name or folder.")
    if target.exists() and not overwrite:
        raise UsageError(f"--repair {target}: exists already. Add --overwrite, or give another name.")


def _target(out: Path, name: str) -> Path:
    """Where an output goes: the path itself, or a file of that name in it if it is a folder."""
    return out / name if out.is_dir() else out


def _measure_with(run: Path, range_seconds: float) -> Measure:
    """Load a model once; gives the function that measures a file with it."""
    from avts.model.checkpoint import load_model
    from avts.sync.estimate import estimate
    from avts.sync.scan import scan

    model = load_model(run)

    def measure(path: Path) -> tuple[OffsetScan, OffsetEstimate]:
        found = scan(path, model, range_seconds=range_seconds)
        return found, estimate(found)

    return measure


def _answer(path: Path, measure: Measure, outputs: _Outputs) -> None:
    """Measure one file, print its result, then write what was asked for."""
    from avts.report.sync_text import sync_line, sync_record

    scan, estimate = measure(path)
    click.echo(json.dumps(sync_record(path, scan, estimate)) if outputs.as_json else sync_line(path, estimate))
    if outputs.plot is not None:
        from avts.report.sync_plot import plot_scan

        plot_scan(_target(outputs.plot, f"{path.stem}.png"), scan=scan, estimate=estimate, title=path.name)
    if outputs.repaired is not None:
        _repair(path, _target(outputs.repaired, path.name), estimate, overwrite=outputs.overwrite)


def _repair(path: Path, target: Path, estimate: OffsetEstimate, *, overwrite: bool) -> None:
    """Write the repaired file, unless there is no offset to trust."""
    from avts.sync.repair import repair

    if estimate.reason is not None:
        raise InputError(
            f"{path}: not repaired, for the offset cannot be told ({estimate.reason}). {target} not written."
        )
    for warning in repair(path, target, offset_seconds=estimate.offset_seconds, overwrite=overwrite):
        click.echo(f"avts: {warning}", err=True)
    click.echo(f"avts: {target}: written with the sound moved by {1000 * estimate.offset_seconds:+.0f} ms", err=True)


def _report_failure(path: Path, error: InputError, *, as_json: bool) -> None:
    """One line on stderr, and with --json an object on stdout."""
    from avts.report.sync_text import failure_record

    click.echo(f"avts: {error}", err=True)
    if as_json:
        click.echo(json.dumps(failure_record(path, error)))
    sys.stdout.flush()
