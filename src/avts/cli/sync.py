"""`avts sync`: how far the sound of each file is off; drawn, listed, repaired, or held against limits."""

from __future__ import annotations

import csv
import glob
import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path

import click

from avts.cli.progress import OnProgress, progress_bar
from avts.cli.sync_file import Answer, Options, target_in
from avts.cli.sync_processes import answers_to
from avts.errors import UsageError
from avts.files import whole_file

_PATH = click.Path(path_type=Path)
_SECONDS = click.FloatRange(min=0)


@click.command(name="sync")
@click.argument("files", nargs=-1, required=True, type=_PATH, metavar="FILE...")
@click.option("--model", "run", type=_PATH, metavar="RUN", help="A trained run instead of the model in the box.")
@click.option(
    "--method",
    default="model",
    show_default=True,
    type=click.Choice(["model", "motion"]),
    help="motion: the plain baseline, motion against loudness.",
)
@click.option(
    "--range",
    "range_seconds",
    default=2.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True, max=15),
    help="Search this many seconds either way.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line, with the whole curve.")
@click.option("--csv", "csv_path", type=_PATH, metavar="CSV", help="Write one row a file.")
@click.option("--plot", type=_PATH, metavar="PNG", help="Draw it; a folder if several files.")
@click.option("--html", "html_path", type=_PATH, metavar="HTML", help="Write a report of all files as one page.")
@click.option("--repair", type=_PATH, metavar="OUT", help="Write it put right; a folder likewise.")
@click.option("--overwrite", is_flag=True, help="Let --repair replace a file that exists.")
@click.option("--max-early", type=_SECONDS, metavar="S", help="Exit with 4 if sound is earlier than this, seconds.")
@click.option("--max-late", type=_SECONDS, metavar="S", help="Exit with 4 if sound is later than this, seconds.")
@click.option("--jobs", default=1, show_default=True, type=click.IntRange(min=1), help="Files at a time.")
def command(
    files: tuple[Path, ...],
    *,
    run: Path | None,
    method: str,
    range_seconds: float,
    as_json: bool,
    csv_path: Path | None,
    plot: Path | None,
    html_path: Path | None,
    repair: Path | None,
    overwrite: bool,
    max_early: float | None,
    max_late: float | None,
    jobs: int,
) -> int:
    """Tell for each FILE by how much its sound comes early or late.

    FILE may be a folder, for all videos in it, or a pattern in quotes. --repair moves the sound back, streams copied,
    not encoded again; sound that drifts or jumps is resampled. The repaired file is measured again.

    Broadcasters allow sound 0.045 s early and 0.125 s late (ITU-R BT.1359: detectability): --max-early 0.045
    --max-late 0.125. Limits are held against the offset at its worst time; what cannot be told exceeds none.

    Exit status: 0 answered, 3 a file cannot be used or repaired, 4 a limit is exceeded (before 3). The other files are
    answered all the same.
    """
    paths = _files(files)
    alone = jobs == 1 or len(paths) == 1
    options = Options(
        run=run,
        method="motion" if method == "motion" else "model",
        range_seconds=range_seconds,
        plot=plot,
        repair=repair,
        overwrite=overwrite,
        figure=html_path is not None,
        max_early_seconds=max_early,
        max_late_seconds=max_late,
        threads=None if alone else max(1, (os.cpu_count() or 1) // jobs),
    )
    _check_outputs(paths, options, (csv_path, html_path))
    answers: list[Answer] = []
    with ExitStack() as bars:
        on_files = bars.enter_context(progress_bar("sync", "files")) if len(paths) > 1 else None
        on_seconds = None if on_files else _shown_when_called(bars)
        for answer in _answers(paths, options, 1 if alone else jobs, on_seconds):
            _say(answer, as_json=as_json)
            answers.append(answer)
            if on_files:
                on_files(len(answers), len(paths))
    _write_reports(answers, csv_path, html_path)
    if any(answer.beyond for answer in answers):
        return 4
    return 3 if any(answer.failed for answer in answers) else 0


def _shown_when_called(bars: ExitStack) -> OnProgress:
    """A bar over the seconds of one film, which is not there before something is said of it."""
    shown: list[OnProgress] = []

    def on_progress(done: int, total: int) -> None:
        if not shown:
            shown.append(bars.enter_context(progress_bar("sync", "s of film")))
        shown[0](done, total)

    return on_progress


def _files(given: tuple[Path, ...]) -> list[Path]:
    """The files meant: themselves, the videos of folders, what patterns match; each once.

    Raises:
        UsageError: one of them is none of this.
    """
    found: list[Path] = []
    for path in given:
        if path.is_dir():
            from avts.corpus.folder import is_video_name

            inside = sorted(each for each in path.rglob("*") if each.is_file() and is_video_name(each.name))
            if not inside:
                raise UsageError(f"{path}: a folder with no video file in it. Give media files or their folder.")
            found += inside
        elif path.is_file():
            found.append(path)
        else:
            matches = sorted(Path(name) for name in glob.glob(str(path), recursive=True) if Path(name).is_file())
            if not matches:
                raise UsageError(f"{path}: no such file. Give media files, a folder of them, or a pattern in quotes.")
            found += matches
    return list(dict.fromkeys(found))


def _check_outputs(paths: Sequence[Path], options: Options, reports: Sequence[Path | None]) -> None:
    """Raise UsageError for what would fail later, before the first file costs time."""
    for option, out in (("--plot", options.plot), ("--repair", options.repair)):
        if out is None:
            continue
        if len(paths) > 1 and not out.is_dir():
            raise UsageError(
                f"{option} {out}: not a folder, but there are {len(paths)} files. Make a folder and name it."
            )
        if not out.is_dir() and not out.parent.is_dir():
            raise UsageError(f"{option} {out}: there is no folder {out.parent}. Make it first.")
        names = [path.name if option == "--repair" else path.stem for path in paths]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice and out.is_dir():
            raise UsageError(f"{option} {out}: two files would be written as {twice[0]!r}. Answer them in two calls.")
    for option, out in zip(("--csv", "--html"), reports, strict=True):
        if out is not None and (out.is_dir() or not out.parent.is_dir()):
            raise UsageError(f"{option} {out}: a folder, or in a folder that is not there. Name a file to write.")
    for path in paths if options.repair else ():
        _check_repair_target(path, target_in(options.repair or path, path.name), options.overwrite)


def _check_repair_target(path: Path, target: Path, overwrite: bool) -> None:
    """Raise UsageError if a repaired file may not be written where it is asked for."""
    if target.exists() and target.samefile(path):
        raise UsageError(f"--repair {target}: would replace its source. Give another name or folder.")
    if target.exists() and not overwrite:
        raise UsageError(f"--repair {target}: exists already. Add --overwrite, or give another name.")


def _answers(paths: Sequence[Path], options: Options, jobs: int, on_progress: OnProgress | None) -> Iterator[Answer]:
    """Answers in the order of the files, from processes that may die of a file."""
    return answers_to(paths, options, jobs=jobs, on_progress=on_progress)


def _say(answer: Answer, *, as_json: bool) -> None:
    """The result on stdout, the rest on stderr, above the progress bar."""
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
    """Write the table and the page of all files; each whole, or not at all."""
    if csv_path is not None:
        from avts.report.sync_text import CSV_COLUMNS

        with whole_file(csv_path) as path, path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, CSV_COLUMNS)
            writer.writeheader()
            writer.writerows(answer.row for answer in answers)
    if html_path is not None:
        from avts.report.sync_page import sync_page

        page = sync_page([answer.record for answer in answers], [answer.figure for answer in answers])
        with whole_file(html_path) as path:
            path.write_text(page, encoding="utf-8")
