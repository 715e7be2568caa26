"""Jobs in one lane: in their order, each on its own account, cancelled while they wait and while they run."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from avts.app.lane import Job, Lane
from avts.errors import UsageError
from avts.jobs.pool import TIMEOUT_SECONDS

WORK = """
import os, signal, time
from avts.errors import UsageError
from avts.jobs.pool import report

def work(task, alive):
    if task == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if task == "long":
        report((62, 180))
        time.sleep(60)
    if task == "wrong":
        raise UsageError("no such model folder")
    return "bad: it is broken" if task == "bad" else task.upper()
"""


@pytest.fixture
def lane(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lane[str]]:
    (tmp_path / "work_of_lane.py").write_text(WORK)
    monkeypatch.syspath_prepend(tmp_path)
    import work_of_lane  # type: ignore[import-not-found]

    made: Lane[str] = Lane(work_of_lane.work, lambda outcome: outcome if outcome.startswith("bad") else None)
    yield made
    made.close()


def begun(lane: Lane[str], *tasks: str) -> list[Job[str]]:
    jobs = [Job(task, f"{task}.mp4") for task in tasks]
    for job in jobs:
        lane.put(job)
    lane.start()
    return jobs


def until_it_runs(job: Job[str]) -> None:
    give_up = time.monotonic() + 30
    while job.progress_seconds is None:
        assert time.monotonic() < give_up, job
        time.sleep(0.02)


def test_one_bad_job_and_one_crash_end_only_themselves(lane: Lane[str]) -> None:
    jobs = begun(lane, "a", "bad", "crash", "b")
    assert all(job.over.wait(60) for job in jobs)
    assert [job.state for job in jobs] == ["done", "failed", "failed", "done"]
    assert [job.outcome for job in jobs] == ["A", None, None, "B"]
    assert jobs[1].error == "bad: it is broken"
    assert jobs[2].error == "crash.mp4: it crashed its decoder (SIGSEGV). Re-encode it."


def test_a_running_job_tells_its_progress_and_is_cancelled_at_once(lane: Lane[str]) -> None:
    running, waiting, last = begun(lane, "long", "a", "b")
    until_it_runs(running)
    assert running.progress_seconds == (62, 180)
    assert (lane.num_before(waiting), lane.num_before(last)) == (1, 2)
    lane.cancel(waiting)
    began = time.monotonic()
    lane.cancel(running)
    assert time.monotonic() - began < 10 < TIMEOUT_SECONDS
    assert last.over.wait(30)
    assert [job.state for job in (running, waiting, last)] == ["cancelled", "cancelled", "done"]
    assert (running.error, waiting.outcome, last.outcome) == (None, None, "B")
    lane.cancel(last)
    assert last.state == "done", "what is over cannot be cancelled"


def test_a_job_that_is_cancelled_while_its_process_starts_is_cancelled(lane: Lane[str]) -> None:
    first, second = begun(lane, "long", "a")
    lane.cancel(first)
    assert second.over.wait(30)
    assert (first.state, second.state, second.outcome) == ("cancelled", "done", "A")


def test_closing_ends_what_runs_and_what_waits(lane: Lane[str]) -> None:
    running, waiting = begun(lane, "long", "a")
    until_it_runs(running)
    began = time.monotonic()
    lane.close()
    assert time.monotonic() - began < 10
    assert (running.state, waiting.state) == ("cancelled", "cancelled")


def test_the_first_task_raises_its_error(lane: Lane[str]) -> None:
    assert lane.first("a") == "A"
    with pytest.raises(UsageError, match="no such model folder"):
        lane.first("wrong")
