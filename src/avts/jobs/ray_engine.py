"""Tasks on a Ray cluster, of ingest or others: the same function in the same worker processes, on other machines.

Each Ray worker keeps one process for decoding, so that a decoder that crashes or hangs costs its file as it does
here; a Ray worker or machine that is lost costs a repetition. Results come back whole and are appended by the caller.
Local paths must be readable on every machine of the cluster.
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
from typing import Any

from avts.errors import UsageError, install_advice
from avts.jobs.pool import CRASHED, TASKS_AHEAD, Lost, OrderedPool
from avts.jobs.refusal import Refusal

RETRIES = 3
"""Times a task is run again whose Ray worker or machine was lost; then its file counts as crashing."""

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
        """Give each task with its result, in the order of the tasks."""
        remote = self._ray.remote(num_cpus=1, max_retries=RETRIES)(run_here)
        waiting = iter(tasks)
        held: deque[tuple[Any, Any]] = deque()
        try:
            while True:
                for task in islice(waiting, self._workers * (1 + TASKS_AHEAD) - len(held)):
                    held.append((task, remote.remote(self._function, task, self._timeout_seconds)))
                if not held:
                    return
                task, reference = held.popleft()
                yield task, self._received(task, reference)
        finally:
            for _, reference in held:
                self._ray.cancel(reference, force=True)

    def close(self) -> None:
        """Leave the cluster, if it was joined here."""
        if self._joined:
            self._ray.shutdown()

    def _received(self, task: Any, reference: Any) -> Any:
        try:
            shipped: Shipped = self._ray.get(reference)
        except self._ray.exceptions.WorkerCrashedError:
            return CRASHED
        for ending, content in shipped.files.items():
            task.staged.with_suffix(ending).write_bytes(content)
        return shipped.result


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
