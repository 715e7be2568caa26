"""Tasks on a Ray cluster, of ingest or others: the same function in the same worker processes, on other machines.

Each Ray worker keeps one process for decoding, so that a decoder that crashes or hangs costs its file as it does
here; a Ray worker, machine or result that is lost costs a repetition. Results come back whole and are stored by the
caller. Local paths must be readable on every machine of the cluster.
"""

from __future__ import annotations

import importlib.util
import os
import tempfile
from collections import deque
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, cast

from avts.errors import InputError, UsageError, install_advice
from avts.jobs.pool import CRASHED, TASKS_AHEAD, Lost, OrderedPool
from avts.jobs.refusal import Refusal

RETRIES = 3
"""Times a task is run again whose Ray worker, machine or result was lost; then its file counts as crashing."""

LOST = ("WorkerCrashedError", "NodeDiedError", "OutOfMemoryError")
"""Ray's errors for a task whose worker or machine was lost, each time that Ray itself ran it again."""

Function = Callable[..., Any]
"""Of the module level: takes a task, a dataclass with a path `staged`, and a function to call while it is alive; makes
files that are named like `staged` with an ending, and gives a Refusal or what it learnt."""


@dataclass(frozen=True)
class Shipped:
    """A result with the files that were made, by their endings."""

    result: Any
    files: dict[str, bytes]


class RayEngine:
    """Runs tasks on a cluster: that at an address, the one already joined, or one started on this machine."""

    def __init__(self, workers: int | None, *, address: str | None, timeout_seconds: float, function: Function) -> None:
        """Join or start the cluster.

        Raises:
            UsageError: Ray is not installed, or nothing answers at the address.
        """
        if importlib.util.find_spec("ray") is None:
            raise UsageError(f"engine 'ray' needs ray, not installed here. {install_advice('ray')}")
        import ray

        self._ray: Any = ray
        self._joined = not ray.is_initialized()
        if self._joined:
            try:
                start = {"address": address} if address else {"num_cpus": workers, "include_dashboard": False}
                ray.init(**start, log_to_driver=False)
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise UsageError(f"Ray cluster at {address}: cannot be joined ({error}). Check the address.") from error
        self._workers = workers or max(1, int(self._ray.cluster_resources().get("CPU", 1)))
        self._timeout_seconds = timeout_seconds
        self._function = function

    def run(self, tasks: Iterable[Any]) -> Generator[tuple[Any, Any]]:
        """Give each task with its result, in the order of the tasks; exceptions of the function are raised here.

        Raises:
            UsageError: the function cannot be imported on a machine of the cluster.
            InputError: the cluster itself failed.
        """
        remote = self._ray.remote(num_cpus=1, max_retries=RETRIES)(run_here)

        def submit(task: Any) -> Any:
            return remote.remote(self._function, task, self._timeout_seconds)

        waiting = iter(tasks)
        held: deque[tuple[Any, Any]] = deque()
        try:
            while True:
                for task in islice(waiting, self._workers * (1 + TASKS_AHEAD) - len(held)):
                    held.append((task, submit(task)))
                if not held:
                    return
                task, reference = held.popleft()
                yield task, self._received(task, reference, submit)
        finally:
            for _, reference in held:
                self._ray.cancel(reference, force=True)

    def close(self) -> None:
        """Leave the cluster, if it was joined here."""
        if self._joined:
            self._ray.shutdown()

    def _received(self, task: Any, reference: Any, submit: Callable[[Any], Any]) -> Any:
        """The result of a task, its files put in their place."""
        shipped = self._shipped(task, reference, submit)
        if isinstance(shipped, Lost):
            return shipped
        for ending, content in shipped.files.items():
            task.staged.with_suffix(ending).write_bytes(content)
        return shipped.result

    def _shipped(self, task: Any, reference: Any, submit: Callable[[Any], Any]) -> Shipped | Lost:
        errors = self._ray.exceptions
        for repetition in range(RETRIES + 1):
            try:
                return cast(Shipped, self._ray.get(reference))
            except tuple(getattr(errors, name) for name in LOST):
                return CRASHED
            except errors.ObjectLostError:  # it was done, but the machine that held the result is gone
                if repetition < RETRIES:
                    reference = submit(task)
            except errors.RayTaskError as error:
                raise _raised_there(error.cause) from error
            except errors.RayError as error:
                raise InputError(
                    f"the Ray cluster failed ({type(error).__name__}: {_first_line(error)}). "
                    "Run the same command again; what is done is kept."
                ) from error
        return CRASHED


def _raised_there(error: Exception) -> Exception:
    """What a function raised on a machine of the cluster, as it is raised here."""
    if isinstance(error, ImportError):
        return UsageError(
            f"a machine of the Ray cluster cannot run avts ({_first_line(error)}). Install the same avts on all."
        )
    return error


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]


def run_here(function: Function, task: Any, timeout_seconds: float) -> Shipped:
    """Run one task on this machine, in a process kept for the next one, and take its files along."""
    with tempfile.TemporaryDirectory(prefix="avts-ray-") as folder:
        here = replace(task, staged=Path(folder) / "made")
        ((_, result),) = _pool(function, timeout_seconds).run([here])
        is_done = not isinstance(result, Refusal | Lost)
        return Shipped(result, {path.suffix: path.read_bytes() for path in Path(folder).iterdir()} if is_done else {})


_pools: dict[tuple[int, Function, float], OrderedPool[Any, Any]] = {}


def _pool(function: Function, timeout_seconds: float) -> OrderedPool[Any, Any]:
    """This process's own pool of one."""
    known = (os.getpid(), function, timeout_seconds)
    if known not in _pools:
        _pools[known] = OrderedPool(function, 1, timeout_seconds=timeout_seconds)
    return _pools[known]
