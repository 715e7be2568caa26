"""Process the files of `avts sync` in worker processes: a file that crashes or hangs its decoder costs only its line.

Input: paths and Options. Output: an Answer for each, in order, with all text safe to print and write. The model is
loaded once in each process; the main process loads neither model nor decoder.
"""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from avts.cli.progress import OnProgress
from avts.cli.sync_file import Answer, Options, Worker, make_worker
from avts.errors import AvtsError, MediaError
from avts.jobs.pool import Alive, Lost, OrderedPool, in_words, report, rest
from avts.jobs.refusal import writable

START_SECONDS = 600.0
"""Maximum time for a process to load its model."""

HERE = "AVTS_ONE_PROCESS"
"""Environment variable: if set, all files are processed in the main process, for a debugger or a profiler."""


def answers_to(
    paths: Sequence[Path], options: Options, *, jobs: int, on_progress: OnProgress | None = None
) -> Iterator[Answer]:
    """Process files in parallel.

    Args:
        paths: the files.
        options: how to process them.
        jobs: number of processes.
        on_progress: called with (seconds read, seconds) of a long film if there is one process.

    Raises:
        CheckpointError: the model cannot be loaded.
        UsageError: processes cannot start.
    """
    if os.environ.get(HERE):
        worker = make_worker(options, on_progress)
        for path in paths:
            yield shown(answer(worker, path, options))
        return
    pool: OrderedPool[Path, Answer] = OrderedPool(
        Answering(options),
        min(jobs, len(paths)),
        on_news=(lambda news: on_progress(*news)) if on_progress and jobs == 1 else None,
    )
    try:
        for path, found in pool.run(paths):
            yield shown(lost_answer(path, found, options) if isinstance(found, Lost) else found)
    finally:
        pool.close()


class Answering:
    """The task of a worker process; the model is loaded with the first file."""

    def __init__(self, options: Options) -> None:
        self._options = options
        self._worker: Worker | None = None

    def __call__(self, path: Path, alive: Alive) -> Answer:
        """Process one file."""
        if self._worker is None:
            rest(START_SECONDS)
            gc.disable()  # importing torch makes many objects and no garbage: looking for it takes a tenth of the time
            self._worker = make_worker(self._options, lambda *news: report(news))
            gc.enable()
            alive()
        return answer(self._worker, path, self._options)


def answer(worker: Worker, path: Path, options: Options) -> Answer:
    """Process one file; an unexpected exception becomes the answer of this file and does not end the run."""
    try:
        return worker.answer(path)
    except AvtsError as error:
        return failure(path, str(error), options)
    except Exception as error:
        return failure(path, f"{path}: could not be measured ({type(error).__name__}: {error}). Re-encode it.", options)


def lost_answer(path: Path, lost: Lost, options: Options) -> Answer:
    """The answer for a file whose process crashed."""
    return failure(path, f"{path}: {in_words(lost)}", options)


def failure(path: Path, message: str, options: Options) -> Answer:
    """The answer for a file that cannot be used; its record has the keys that every record has."""
    from avts.report.sync_text import csv_row, failure_record

    record = failure_record(path, MediaError(message), measured=options.offset_seconds is None) | {
        "model": _method_name(options)
    }
    if not options.only_repair:
        record["within_limits"] = None
    return Answer(record, row=csv_row(record, None), messages=[message], failed=True)


def _method_name(options: Options) -> str | None:
    """Name of the method that would have measured the file; None if its offset was given."""
    from avts.offset.model import name_of

    if options.offset_seconds is not None:
        return None
    return "motion" if options.method == "motion" else name_of(options.run)


def shown(answer: Answer) -> Answer:
    r"""The answer with bytes that are not UTF-8 escaped, such as \xff, because they cannot be written otherwise."""
    return replace(
        answer,
        record=_escaped(answer.record),
        line=_escaped(answer.line),
        row=_escaped(answer.row),
        messages=_escaped(answer.messages),
        figure=_escaped(answer.figure),
        strip=_escaped(answer.strip),
    )


def _escaped(value: Any) -> Any:
    """A value of plain types with all its text escaped."""
    if isinstance(value, str):
        return writable(value)
    if isinstance(value, dict):
        return {_escaped(key): _escaped(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_escaped(each) for each in value)
    return value
