"""Run a function over many tasks in worker processes, results in order; a task that kills its process costs itself.

Decoders of damaged files do crash. When a pool breaks, the tasks it held are run again one at a time, so that the
one that kills its process is known.
"""

from __future__ import annotations

import multiprocessing
import multiprocessing.connection
import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from typing import Generic, TypeVar

from avts.errors import UsageError

TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")

TASKS_AHEAD = 4
"""Tasks handed out for each worker: enough that none waits while a long file holds up the order."""


class Crashed:
    """Stands for the result of a task whose process died."""


CRASHED = Crashed()


class OrderedPool(Generic[TaskT, ResultT]):
    """Worker processes for one function."""

    def __init__(self, function: Callable[[TaskT], ResultT], workers: int) -> None:
        self._function = function
        self._workers = workers
        self._pool: ProcessPoolExecutor | None = None

    def run(self, tasks: Iterable[TaskT]) -> Generator[tuple[TaskT, ResultT | Crashed]]:
        """Give each task with its result, in the order of the tasks; exceptions of the function are raised here.

        Raises:
            UsageError: worker processes cannot start.
        """
        waiting = iter(tasks)
        held: deque[tuple[TaskT, Future[ResultT]]] = deque()
        try:
            while True:
                for task in islice(waiting, self._workers * TASKS_AHEAD - len(held)):
                    held.append((task, self._submit(task)))
                if not held:
                    return
                task, future = held.popleft()
                try:
                    yield task, future.result()
                except BrokenProcessPool:
                    suspects = [task, *(other for other, _ in held)]
                    held.clear()
                    yield from self._one_at_a_time(suspects)
        finally:
            self._drop()

    def _one_at_a_time(self, suspects: list[TaskT]) -> Iterator[tuple[TaskT, ResultT | Crashed]]:
        self._drop()
        for task in suspects:
            try:
                yield task, self._submit(task).result()
            except BrokenProcessPool:
                self._drop()
                yield task, CRASHED

    def _submit(self, task: TaskT) -> Future[ResultT]:
        if self._pool is None:
            self._pool = self._started()
        try:
            return self._pool.submit(self._function, task)
        except BrokenProcessPool as error:  # it broke while tasks are still being handed out
            broken: Future[ResultT] = Future()
            broken.set_exception(error)
            return broken

    def _started(self) -> ProcessPoolExecutor:
        pool = ProcessPoolExecutor(
            self._workers, mp_context=multiprocessing.get_context("spawn"), initializer=_begin_worker
        )
        try:
            pool.submit(os.getpid).result()
        except BrokenProcessPool as error:
            pool.shutdown(cancel_futures=True)
            raise UsageError(
                "worker processes cannot start. In a script, call ingest() under `if __name__ == '__main__':`."
            ) from error
        return pool

    def _drop(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool = None


def _begin_worker() -> None:
    """End silently on Ctrl-C, and end when the parent is gone, even if it was killed."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    multiprocessing.connection.wait([sentinel])
    os._exit(1)
