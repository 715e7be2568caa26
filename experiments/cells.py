"""Jobs that need each other, several at a time; what is done is not done again, so an experiment goes on where it was.

Leaves out what a job is: it has a name, a function that makes it in a process of its own, and a test of being done.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Job:
    """One piece of an experiment.

    Attributes:
        name: tells it from all others.
        make: does it, and gives a line to print; can be sent to another process.
        is_done: whether it need not be done.
        needs: what has to be done before, if this is not done.
    """

    name: str
    make: Callable[[], str]
    is_done: Callable[[], bool]
    needs: tuple[Job, ...] = ()


def missing(jobs: Iterable[Job]) -> dict[str, Job]:
    """The jobs that are not done, and all that these need and is not done either, what is needed first."""
    found: dict[str, Job] = {}
    for job in jobs:
        if job.name not in found and not job.is_done():
            found |= missing(job.needs)
            found[job.name] = job
    return found


def run_jobs(jobs: Iterable[Job], *, at_a_time: int) -> None:
    """Do what is missing, in the order given as far as the needs allow, one core a job."""
    todo = missing(jobs)
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    pool = ProcessPoolExecutor(at_a_time, multiprocessing.get_context("spawn"))
    running: dict[Future[str], str] = {}
    total, done = len(todo), 0
    try:
        while todo or running:
            waiting = {*todo, *running.values()}
            ready = [job for job in todo.values() if not any(need.name in waiting for need in job.needs)]
            for job in ready[: at_a_time - len(running)]:
                running[pool.submit(job.make)] = job.name
                del todo[job.name]
            for finished in wait(running, return_when=FIRST_COMPLETED).done:
                done += 1
                print(f"{done} of {total}, {running.pop(finished)}: {finished.result()}", file=sys.stderr, flush=True)
    finally:  # one that was interrupted has saved its state; the others are not begun
        pool.shutdown(cancel_futures=True)


def write_result(path: Path, figures: dict[str, Any]) -> None:
    """Keep the figures of a job, whole or not at all."""
    from avts.files import write_whole

    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(figures, indent=1) + "\n")


def has_result(path: Path, recipe: str) -> bool:
    """Whether a job has figures that were made with a recipe, told by its digest."""
    return path.exists() and json.loads(path.read_text(encoding="utf-8")).get("recipe") == recipe


def put_between_marks(page: Path, name: str, text: str) -> None:
    """Replace what a page has between <!-- name --> and <!-- /name -->."""
    before, rest = page.read_text(encoding="utf-8").split(f"<!-- {name} -->\n")
    after = rest.split(f"<!-- /{name} -->\n")[1]
    page.write_text(f"{before}<!-- {name} -->\n{text}<!-- /{name} -->\n{after}", encoding="utf-8")
