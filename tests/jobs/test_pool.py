import os
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from avts.jobs.pool import CRASHED, TIMED_OUT, OrderedPool

WORK = """
import os, signal, time

def work(task, alive):
    if task == "crash":
        os.kill(os.getpid(), signal.SIGKILL)
    if task == "hang":
        time.sleep(60)
    if task == "slow":
        for _ in range(12):
            time.sleep(0.25)
            alive()
    if task == "raise":
        raise OSError(28, "no space")
    return str(task).upper()
"""


@pytest.fixture
def work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """A function that processes can import."""
    (tmp_path / "work_of_test.py").write_text(WORK)
    monkeypatch.syspath_prepend(tmp_path)
    import work_of_test  # type: ignore[import-not-found]

    function: Callable[..., str] = work_of_test.work
    return function


def test_a_task_may_be_anything(work: Callable[..., str]) -> None:
    """None too: it does not end the tasks."""
    pool = OrderedPool(work, 1)
    assert list(pool.run([None, "a"])) == [(None, "NONE"), ("a", "A")]
    pool.close()


def test_lost_tasks_cost_themselves_and_the_order_stays(work: Callable[..., str]) -> None:
    """A crash, a hang of no sign of life, and a slow task that gives signs for longer than the timeout."""
    pool = OrderedPool(work, 2, timeout_seconds=2.0)
    tasks = ["a", "crash", "b", "hang", "slow", "c", "crash", "d"]
    begun = time.monotonic()
    results = list(pool.run(tasks))
    pool.close()
    assert [task for task, _ in results] == tasks
    assert [result for _, result in results] == ["A", CRASHED, "B", TIMED_OUT, "SLOW", "C", CRASHED, "D"]
    assert time.monotonic() - begun < 40


def test_exceptions_are_raised_here_and_end_the_processes(work: Callable[..., str]) -> None:
    pool = OrderedPool(work, 1)
    with pytest.raises(OSError, match="no space"):
        list(pool.run(["a", "raise", "b"]))
    assert list(pool.run([])) == []
    assert [result for _, result in pool.run(["e"])] == ["E"]  # a new process
    pool.close()


def test_a_consumer_that_takes_its_time_is_no_hanging_decoder(work: Callable[..., str]) -> None:
    pool = OrderedPool(work, 2, timeout_seconds=1.0)
    results = []
    for _, result in pool.run(["a", "b", "c", "d", "e"]):
        results.append(result)
        if len(results) == 1:
            time.sleep(1.5)
    pool.close()
    assert results == ["A", "B", "C", "D", "E"]


def test_a_task_under_way_is_interrupted_from_another_thread_and_the_next_gets_a_new_process(
    work: Callable[..., str],
) -> None:
    pool = OrderedPool(work, 1)
    begun = time.monotonic()
    killer = threading.Timer(1.0, pool.interrupt)
    list(pool.run(["a"]))
    killer.start()
    assert [result for _, result in pool.run(["hang", "b"])] == [CRASHED, "B"]
    pool.close()
    assert time.monotonic() - begun < 30


def test_processes_end_with_the_pool(work: Callable[..., str]) -> None:
    pool = OrderedPool(work, 1)
    list(pool.run(["a"]))
    pids = [worker._process.pid for worker in pool._workers]
    pool.close()
    for pid in pids:
        assert pid is not None
        with pytest.raises(ProcessLookupError):
            os.kill(pid, signal.SIG_DFL)
