"""Run a function over many tasks in worker processes, results in order; a task that kills its process costs itself.

Decoders of damaged files crash, and some hang. Each process holds one task and tells when the decoder gave something;
one that dies, or gives nothing for too long and is killed, takes its own task with it and is replaced.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, Literal, TypeVar

from avts.errors import UsageError

TaskT = TypeVar("TaskT")
ResultT = TypeVar("ResultT")

EngineName = Literal["local", "ray"]
"""Where tasks run: in processes of this machine, or on a Ray cluster."""

Alive = Callable[[], None]
OnNews = Callable[[Any], None]

TASKS_AHEAD = 4
"""Tasks begun for each worker beyond the one whose turn it is: none waits while a long file holds up the order."""

BEAT_SECONDS = 0.5
"""A worker tells that it is alive this often at most."""

TIMEOUT_SECONDS = 120.0
"""A decoder that gives nothing for this long hangs; the slowest pictures take a few seconds each."""

LONGEST_WAIT_SECONDS = 3600.0
"""The system takes no endless waits; after one this long it is waited again."""

EXIT_SECONDS = 5.0
"""A process whose connection closed has this long to end, so that it can be said of what."""

READY, BEAT, NEWS, DONE, FAILED = "ready", "beat", "news", "done", "failed"


@dataclass(frozen=True)
class Crashed:
    """Stands for the result of a task whose process died; exit_code: < 0 for a signal, None if it is not known."""

    exit_code: int | None = field(default=None, compare=False)


@dataclass(frozen=True)
class TimedOut:
    """Stands for the result of a task whose process gave no sign of life and was killed."""


CRASHED, TIMED_OUT = Crashed(), TimedOut()

Lost = Crashed | TimedOut


def in_words(lost: Lost, timeout_seconds: float = TIMEOUT_SECONDS) -> str:
    """What became of a task, and what to do, for messages that begin with the name of its file."""
    if isinstance(lost, TimedOut):
        return f"its decoder gave nothing for {timeout_seconds:g} s and was stopped. Re-encode it."
    code = lost.exit_code
    if code is None or code >= 0:
        return "its process ended unexpectedly. Re-encode it."
    name = signal.Signals(-code).name if -code in {each.value for each in signal.Signals} else f"signal {-code}"
    if name == "SIGKILL":
        return f"its process was killed ({name}), perhaps for lack of memory. Use fewer processes, or re-encode it."
    return f"it crashed its decoder ({name}). Re-encode it."


def check_no_address(address: str | None) -> None:
    """Raise UsageError if a Ray cluster's address is given for the engine 'local'."""
    if address is not None:
        raise UsageError(f"address {address!r} needs a Ray cluster, but the engine is 'local'. Use engine 'ray'.")


class OrderedPool(Generic[TaskT, ResultT]):
    """Worker processes for one function, which is given a task and a function to call while it is alive.

    The processes stay until `close`.
    """

    def __init__(
        self,
        function: Callable[[TaskT, Alive], ResultT],
        workers: int,
        *,
        timeout_seconds: float = TIMEOUT_SECONDS,
        on_news: OnNews | None = None,
    ) -> None:
        """Start nothing yet.

        Args:
            function: what is run, of the module level or a picklable object.
            workers: processes.
            timeout_seconds: a process that gives no sign of life for so long is killed.
            on_news: called here with what a process hands to `report`.
        """
        self._function = function
        self._timeout_seconds = timeout_seconds
        self._size = workers
        self._on_news = on_news
        self._workers: list[_Worker] = []

    def run(self, tasks: Iterable[TaskT]) -> Generator[tuple[TaskT, ResultT | Lost]]:
        """Give each task with its result, in the order of the tasks; exceptions of the function are raised here.

        Raises:
            UsageError: worker processes cannot start.
        """
        waiting: Iterator[tuple[int, TaskT]] = enumerate(tasks)
        held: dict[int, TaskT] = {}
        results: dict[int, ResultT | Lost] = {}
        turn = 0
        try:
            while True:
                self._hand_out(waiting, held)
                if turn not in held:
                    return
                while turn not in results:
                    results.update(self._collected())
                    self._hand_out(waiting, held)
                yield held.pop(turn), results.pop(turn)
                turn += 1
        except BaseException:
            self.close()
            raise

    def interrupt(self) -> None:
        """Kill the processes from another thread; `run` gives Crashed for a task under way, which may just be done.

        A process that is being started is not reached, so call it until `run` has returned, and then `close`.
        """
        for worker in tuple(self._workers):
            worker.interrupt()

    def close(self) -> None:
        """End the processes; a task under way is lost."""
        for worker in self._workers:
            worker.kill()
        self._workers.clear()

    def _hand_out(self, waiting: Iterator[tuple[int, TaskT]], held: dict[int, TaskT]) -> None:
        """Give tasks to processes that have none."""
        while len(held) < self._size * (1 + TASKS_AHEAD):
            worker = next((worker for worker in self._workers if worker.number is None), None)
            if worker is None and len(self._workers) == self._size:
                return
            following = next(waiting, None)
            if following is None:
                return
            number, task = following
            if worker is None:
                worker = _Worker(self._function)
                self._workers.append(worker)
            held[number] = task
            worker.begin(number, task, self._timeout_seconds)

    def _collected(self) -> dict[int, ResultT | Lost]:
        """Wait until a process has something to tell; take what all have, and replace those that are lost."""
        busy = [worker for worker in self._workers if worker.number is not None]
        nearest = min(worker.deadline for worker in busy)
        patience = min(LONGEST_WAIT_SECONDS, max(0.0, nearest - time.monotonic()))
        ready = wait([worker.connection for worker in busy], patience)
        results: dict[int, ResultT | Lost] = {}
        for worker in busy:
            number = worker.number
            assert number is not None
            result: Any = None
            if worker.connection in ready:
                result = worker.receive(self._timeout_seconds, self._on_news)
            elif worker.deadline <= time.monotonic():
                result = TIMED_OUT
            if result is None:
                continue
            results[number] = result[0] if isinstance(result, tuple) else result
            if not isinstance(result, tuple):
                worker.kill()
                self._workers.remove(worker)
        return results


class _Worker:
    """One process, and the task it holds."""

    def __init__(self, function: Callable[..., Any]) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self.number: int | None = None
        self.deadline = float("inf")
        self._ready = False
        self._process = context.Process(target=_serve, args=(other, function), daemon=True)
        self._process.start()
        other.close()

    def begin(self, number: int, task: object, timeout_seconds: float) -> None:
        """Hand over a task; the time the process takes to start does not count."""
        self.number = number
        self.deadline = time.monotonic() + timeout_seconds if self._ready else float("inf")
        with contextlib.suppress(OSError):  # it has crashed: reported at the next receive
            self.connection.send(task)

    def receive(self, timeout_seconds: float, on_news: OnNews | None) -> tuple[Any] | Crashed | None:
        """What the process tells: a result in a tuple, that it died, or nothing but that it lives.

        Raises:
            UsageError: it died before it was ready.
        """
        try:
            kind, content = self.connection.recv()
        except (EOFError, OSError) as error:
            if not self._ready:
                raise UsageError(
                    "worker processes cannot start. In a script, call avts under `if __name__ == '__main__':`."
                ) from error
            self._process.join(EXIT_SECONDS)
            return Crashed(self._process.exitcode)
        self._ready = True
        self.deadline = time.monotonic() + timeout_seconds
        if kind == NEWS and on_news is not None:
            on_news(content)
        if kind == BEAT and content is not None:
            self.deadline = time.monotonic() + content
        if kind == FAILED:
            raise content
        if kind != DONE:
            return None
        self.number = None
        return (content,)

    def interrupt(self) -> None:
        """End the process, and leave it to its own thread to notice."""
        self._process.kill()

    def kill(self) -> None:
        """End the process at once."""
        self._process.kill()
        self._process.join()
        self.connection.close()


def _serve(connection: Connection, function: Callable[[Any, Alive], Any]) -> None:
    """A worker process: one task after the other, until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()
    global _line
    _line = _Line(connection)
    _line.send(READY)
    while True:
        try:
            task = connection.recv()
        except (EOFError, OSError):
            return
        try:
            _line.send(DONE, function(task, _line.beat))
        except Exception as error:
            _line.send(FAILED, error)


class _Line:
    """What a worker process tells its parent, from any of its threads."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()
        self._last = 0.0

    def send(self, kind: str, content: Any = None) -> None:
        """Send at once."""
        with self._lock:
            self._connection.send((kind, content))

    def beat(self) -> None:
        """Tell that the task is under way, not too often."""
        if time.monotonic() - self._last >= BEAT_SECONDS:
            self._last = time.monotonic()
            self.send(BEAT)

    def rest(self, seconds: float) -> None:
        """Tell that the next sign of life may take this long."""
        self._last = 0.0
        self.send(BEAT, seconds)


_line: _Line | None = None
"""Of this process, if it is a worker."""


def beat() -> None:
    """Tell the pool that this process is at work; does nothing in a process that is no worker."""
    if _line is not None:
        _line.beat()


def rest(seconds: float) -> None:
    """Tell the pool that the next sign of life may take this long: what comes now is no decoder that may hang."""
    if _line is not None:
        _line.rest(seconds)


def report(news: Any) -> None:
    """Hand something on to the pool's `on_news`."""
    if _line is not None:
        _line.send(NEWS, news)


def _end_with(sentinel: int) -> None:
    """End when the parent is gone, even if it was killed."""
    wait([sentinel])
    os._exit(1)
