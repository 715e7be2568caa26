"""Jobs that are done one after the other by one worker process, and that can be cancelled while they wait or run.

Input: jobs with a task. Output: the same jobs with what became of them. A cancelled job's process is killed; the next
job gets a new one.
"""

from __future__ import annotations

import itertools
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

from avts.errors import AvtsError
from avts.jobs.pool import Alive, Crashed, OrderedPool, TimedOut, in_words

TaskT = TypeVar("TaskT")

State = Literal["waiting", "running", "done", "failed", "cancelled"]

INTERRUPT_SECONDS = 0.05
"""Time between two attempts to end a process that may just be starting."""

END_SECONDS = 20.0
"""A cancelled job is over within this time."""


@dataclass(eq=False)
class Job(Generic[TaskT]):
    """One task and what has become of it.

    Attributes:
        task: what to do.
        name: of the film, for messages.
        state: waiting, running, done, failed or cancelled.
        progress_seconds: (done, of) seconds of film; None if that is not known.
        outcome: what a job that is done gave.
        error: why it failed, a sentence.
        cancelled: it is to end, or has been ended.
        over: set when nothing will change any more.
        number: no other job has it.
    """

    task: TaskT
    name: str
    state: State = "waiting"
    progress_seconds: tuple[int, int] | None = None
    outcome: Any = None
    error: str | None = None
    cancelled: bool = False
    over: threading.Event = field(default_factory=threading.Event)
    number: int = field(default_factory=itertools.count(1).__next__)

    @property
    def is_over(self) -> bool:
        """Whether nothing will change any more."""
        return self.over.is_set()


class Lane(Generic[TaskT]):
    """One worker process with its queue.

    Args:
        work: what does a task, picklable; gives its outcome.
        error_of: the sentence of an outcome that is a failure, otherwise None.
    """

    def __init__(self, work: Callable[[TaskT, Alive], Any], error_of: Callable[[Any], str | None]) -> None:
        self._pool: OrderedPool[TaskT, Any] = OrderedPool(work, 1, on_news=self._heard)
        self._error_of = error_of
        self._waiting: deque[Job[TaskT]] = deque()
        self._running: Job[TaskT] | None = None
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, daemon=True)

    def first(self, task: TaskT) -> Any:
        """Do a task before `start`; gives its outcome, or raises its error."""
        ((_, outcome),) = self._pool.run([task])
        return outcome

    def start(self) -> None:
        """Begin with the jobs."""
        self._thread.start()

    def put(self, job: Job[TaskT]) -> None:
        """Add a job at the end."""
        with self._changed:
            self._waiting.append(job)
            self._changed.notify()

    def num_before(self, job: Job[TaskT]) -> int:
        """How many jobs come before a waiting one, with the one that is running."""
        with self._changed:
            running = self._running is not None
            return (self._waiting.index(job) if job in self._waiting else 0) + running

    def cancel(self, job: Job[TaskT]) -> None:
        """End a job, wherever it is; returns when it is over."""
        with self._changed:
            job.cancelled = True
            if job in self._waiting:
                self._waiting.remove(job)
                _settle(job, "cancelled")
        for _ in range(round(END_SECONDS / INTERRUPT_SECONDS)):
            with self._changed:
                if self._running is job:
                    self._pool.interrupt()
            if job.over.wait(INTERRUPT_SECONDS):
                return

    def close(self) -> None:
        """Cancel all jobs and end the process."""
        with self._changed:
            self._closed = True
            jobs = [*self._waiting, *filter(None, [self._running])]
            self._changed.notify()
        for job in jobs:
            self.cancel(job)
        if self._thread.is_alive():
            self._thread.join(END_SECONDS)
        self._pool.close()

    def _work(self) -> None:
        """Do job after job until the lane is closed."""
        while (job := self._next()) is not None:
            outcome = self._outcome(job)
            with self._changed:
                if job.cancelled:
                    self._pool.close()  # its process may have been killed after its last word
                self._running = None
                _conclude(job, outcome, self._error_of)

    def _next(self) -> Job[TaskT] | None:
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._waiting)
            if self._closed:
                return None
            self._running = self._waiting.popleft()
            self._running.state = "running"
            return self._running

    def _outcome(self, job: Job[TaskT]) -> Any:
        """What the process gives; an exception stands for itself."""
        try:
            ((_, outcome),) = self._pool.run([job.task])
        except AvtsError as error:  # no process could be started, or it was killed before it was ready
            return error
        return outcome

    def _heard(self, news: tuple[int, int]) -> None:
        if self._running is not None:
            self._running.progress_seconds = news


def _conclude(job: Job[TaskT], outcome: Any, error_of: Callable[[Any], str | None]) -> None:
    """Give a job its outcome; a cancelled one may be done all the same."""
    if isinstance(outcome, AvtsError):
        error: str | None = str(outcome)
    elif isinstance(outcome, Crashed | TimedOut):
        error = f"{job.name}: {in_words(outcome)}"
    else:
        error = error_of(outcome)
    if error is None:
        job.outcome = outcome
        _settle(job, "done")
    elif job.cancelled:
        _settle(job, "cancelled")
    else:
        job.error = error
        _settle(job, "failed")


def _settle(job: Job[TaskT], state: State) -> None:
    job.state, job.progress_seconds = state, None
    job.over.set()
