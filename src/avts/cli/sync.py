"""`avts sync`: measure the audio/video offset of each file; plot, list, repair, or compare with limits."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import click

from avts.cli.batch import check_reports, fallbacks, find_files, targets
from avts.cli.device import device_option
from avts.cli.progress import OnProgress, progress_bar
from avts.cli.sync_file import Answer, Options
from avts.cli.sync_processes import answers_to
from avts.errors import UsageError
from avts.files import whole_file

_PATH = click.Path(path_type=Path)
_SECONDS = click.FloatRange(min=0)

_MEASURING = (
    click.option("--model", "run", type=_PATH, metavar="RUN", help="A trained run instead of the model in the box."),
    click.option(
        "--method",
        default="model",
        show_default=True,
        type=click.Choice(["model", "motion"]),
        help="motion: the baseline, which correlates motion with loudness.",
    ),
    click.option(
        "--range",
        "range_seconds",
        default=2.0,
        show_default=True,
        type=click.FloatRange(min=0, min_open=True, max=15),
        help="Search range in seconds in either direction.",
    ),
    click.option(
        "--least-confidence",
        type=click.FloatRange(0, 1),
        metavar="P",
        help="Minimum confidence. Below it an offset is uncertain: it is not reported as an answer, not used for a "
        "repair, and meets no limit.  [default: 0.7, or that of the model's calibration]",
    ),
    click.option(
        "--whole",
        is_flag=True,
        help="Look at the whole picture only. A film of up to 30 s is looked at in nine parts too, which finds more "
        "offsets and takes six times as long.",
    ),
    device_option,
    click.option(
        "--verbose", is_flag=True, help="Report what was chosen automatically, and why: device, precision, threads."
    ),
)


def measuring_options(command: Callable[..., int]) -> Callable[..., int]:
    """Add the options of `avts sync` and `avts repair` for the measurement of offsets."""
    for option in reversed(_MEASURING):
        command = option(command)
    return command


@click.command(name="sync")
@click.argument("files", nargs=-1, required=True, type=_PATH, metavar="FILE...")
@measuring_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object per line, with the whole distance curve.")
@click.option("--csv", "csv_path", type=_PATH, metavar="CSV", help="Write a table with one row per file.")
@click.option("--plot", type=_PATH, metavar="PNG", help="Plot the distance map; a folder for several files.")
@click.option("--html", "html_path", type=_PATH, metavar="HTML", help="Write a report on all files as one page.")
@click.option("--repair", type=_PATH, metavar="OUT", help="Write the repaired file to OUT; a folder for several files.")
@click.option("--overwrite", is_flag=True, help="Let --repair replace existing files.")
@click.option(
    "--max-early", type=_SECONDS, metavar="S", help="Exit with status 4 if the sound is earlier than this, seconds."
)
@click.option(
    "--max-late", type=_SECONDS, metavar="S", help="Exit with status 4 if the sound is later than this, seconds."
)
@click.option(
    "--unknown",
    default="fail",
    show_default=True,
    type=click.Choice(["fail", "pass"]),
    help="With a limit: whether a file with an unknown or uncertain offset fails or passes.",
)
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(min=1), help="Files processed in parallel.")
def command(
    files: tuple[Path, ...],
    *,
    run: Path | None,
    method: Literal["model", "motion"],
    range_seconds: float,
    as_json: bool,
    csv_path: Path | None,
    plot: Path | None,
    html_path: Path | None,
    repair: Path | None,
    overwrite: bool,
    least_confidence: float | None,
    whole: bool,
    device: str,
    verbose: bool,
    max_early: float | None,
    max_late: float | None,
    unknown: str,
    jobs: int,
) -> int:
    """Measure by how much the sound of each FILE is early or late.

    FILE is a media file, a folder (all videos in it and its sub-folders), or a pattern in quotes.

    --repair moves the sound by stream copy; sound that drifts or jumps is resampled. Sub-folders of a FOLDER are kept
    under OUT, and missing folders are created. A file whose container cannot hold the repaired film is written as .mkv.
    A file with an unknown or uncertain offset is not repaired: inspect it, and use 'avts repair --offset'. The repaired
    file is measured again with the same model; that is a consistency check, not proof.

    Limits apply to the largest offset in the file. ITU-R BT.1359 gives 0.045 s early and 0.125 s late as the
    thresholds of detectability: --max-early 0.045 --max-late 0.125.

    Exit status: 0 all files measured (and repaired); 2 wrong usage; 3 a file cannot be used or was not repaired; 4 a
    limit is exceeded, or with --unknown fail cannot be checked (4 takes precedence over 3). The other files are still
    measured.
    """
    paths, options = _planned(files, plot=plot, repair=repair)
    check_reports((("--csv", csv_path), ("--html", html_path)))
    alone = jobs == 1 or len(paths) == 1
    options = dataclasses.replace(
        options,
        run=run,
        method=method,
        range_seconds=range_seconds,
        least_confidence=least_confidence,
        in_parts=not whole,
        device=device,
        verbose=verbose,
        overwrite=overwrite,
        figure=html_path is not None,
        max_early_seconds=max_early,
        max_late_seconds=max_late,
        unknown_fails=unknown == "fail",
        threads=None if alone else max(1, (os.cpu_count() or 1) // jobs),
    )
    check_targets(options, "--repair")
    answers = answered(paths, options, jobs=1 if alone else jobs, title="sync", as_json=as_json)
    _write_reports(answers, csv_path, html_path)
    if any(answer.beyond for answer in answers):
        return 4
    return 3 if any(answer.failed for answer in answers) else 0


def _planned(files: Sequence[Path], *, plot: Path | None, repair: Path | None) -> tuple[list[Path], Options]:
    """The input files, and the output paths of their plots and repaired files.

    Raises:
        UsageError: no such file, or an output path is not valid.
    """
    found = find_files(files, but_not_under=repair)
    repairs = {} if repair is None else targets("--repair", repair, files, found)
    plots = {} if plot is None else targets("--plot", plot, files, found, ending=".png")
    options = Options(None, plots=plots, repairs=repairs, fallbacks=fallbacks(repairs))
    return [each.path for each in found], options


def check_targets(options: Options, option: str) -> None:
    """Raise UsageError, before any file is measured, if a repaired file may not be written to its target."""
    if not options.repairs:
        return  # what repairs is slow to import
    from avts.offset.fix import check_target

    for path, target in options.repairs.items():
        if not path.is_file():
            continue  # a pipe or a dangling link is reported in its own line
        try:
            check_target(path, target, overwrite=options.overwrite)
        except UsageError as error:
            raise UsageError(f"{option} {error}") from error


def answered(paths: Sequence[Path], options: Options, *, jobs: int, title: str, as_json: bool) -> list[Answer]:
    """The answers for all files, each printed as soon as it is available, with progress on stderr."""
    answers: list[Answer] = []
    with ExitStack() as bars:
        on_files = bars.enter_context(progress_bar(title, "files")) if len(paths) > 1 else None
        for answer in _answers(paths, options, jobs, _shown_when_called(bars)):
            _say(answer, as_json=as_json)
            answers.append(answer)
            if on_files:
                on_files(len(answers), len(paths))
    return answers


def _shown_when_called(bars: ExitStack) -> OnProgress:
    """A progress bar over the seconds of one film, created at the first report."""
    shown: list[OnProgress] = []

    def on_progress(done: int, total: int) -> None:
        if not shown:
            shown.append(bars.enter_context(progress_bar("this film", "s")))
        shown[0](done, total)

    return on_progress


def _answers(paths: Sequence[Path], options: Options, jobs: int, on_progress: OnProgress | None) -> Iterator[Answer]:
    """Answers in the order of the files, from worker processes that may crash."""
    return answers_to(paths, options, jobs=jobs, on_progress=on_progress)


def _say(answer: Answer, *, as_json: bool) -> None:
    """Print the result to stdout and the rest to stderr, above the progress bar."""
    from tqdm import tqdm

    with tqdm.external_write_mode(sys.stderr):
        if as_json:
            click.echo(json.dumps(answer.record))
        elif answer.line:
            click.echo(answer.line)
        sys.stdout.flush()
        for message in answer.messages:
            click.echo(f"avts: {message}", err=True)


def _write_reports(answers: Sequence[Answer], csv_path: Path | None, html_path: Path | None) -> None:
    """Write the table and the page of all files, each atomically."""
    if csv_path is not None:
        from avts.report.sync_text import CSV_COLUMNS

        with whole_file(csv_path) as path, path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, CSV_COLUMNS)
            writer.writeheader()
            writer.writerows(answer.row for answer in answers)
    if html_path is not None:
        from avts.report.sync_page import sync_page

        page = sync_page(
            [answer.record for answer in answers],
            [answer.figure for answer in answers],
            [answer.strip for answer in answers],
        )
        with whole_file(html_path) as path:
            path.write_text(page, encoding="utf-8")
