"""A process that has loaded avts and forks a child for each command, so that a kill falls into the work, not the start.

Input: a JSON object a line on stdin, as the server's. Output on stdout, a JSON object a line: the child's pid when it
begins, and how it ended.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MODULES = ("avts.cli.ingest", "avts.cli.train", "avts.corpus.ingest", "avts.offset.repair", "avts.training.trainer")


def serve(log: Path, modules: Sequence[str]) -> None:
    """Fork a child for each request until stdin ends."""
    import importlib

    for name in modules:
        importlib.import_module(name)
    out = os.dup(1)
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    os.write(out, b"ready\n")
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _work(json.loads(line))
        os.write(out, f"{child}\n".encode())
        _, status = os.waitpid(child, 0)
        os.write(out, f"{os.waitstatus_to_exitcode(status)}\n".encode())


def _work(request: dict[str, Any]) -> None:
    """The child: run one command and end without the parent's clean-up."""
    from benchmarks.endurance.server import answer

    reply = answer(request)
    if "exception" in reply:
        print(reply["exception"], file=sys.stderr, flush=True)
    os._exit(reply.get("status", 99))


@dataclass(frozen=True)
class Ended:
    """How a command ended: its exit status (negative: the signal), and after how many seconds."""

    status: int
    seconds: float

    @property
    def killed(self) -> bool:
        """Whether the kill came in time."""
        return self.status == -signal.SIGKILL


class Nursery:
    """The other end: runs commands, and kills those that it is told to."""

    def __init__(self, log: Path, modules: Sequence[str] = MODULES) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.endurance.nursery", str(log), *modules],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        assert self._read() == "ready"

    def run(self, request: dict[str, Any], *, kill_after_seconds: float | None = None) -> Ended:
        """Run a command to its end, or kill -9 it after a time."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        child, begun = int(self._read()), time.monotonic()
        timer = None
        if kill_after_seconds is not None:
            timer = threading.Timer(kill_after_seconds, _kill, (child,))
            timer.start()
        status = int(self._read())
        if timer is not None:
            timer.cancel()
        return Ended(status, time.monotonic() - begun)

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()

    def _read(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def _kill(child: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(child, signal.SIGKILL)


if __name__ == "__main__":
    serve(Path(sys.argv[1]), sys.argv[2:])
