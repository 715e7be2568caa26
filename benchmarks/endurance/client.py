"""The other end of a server process: starts it, asks it, replaces it when it dies or hangs."""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Reply:
    """What came of one request.

    status: the exit status, None if there was none; exception: a traceback; died: the signal that ended the process;
    hung: it gave no answer in time and was killed.
    """

    status: int | None = None
    exception: str = ""
    died: int | None = None
    hung: bool = False
    peak_mb: float = 0.0
    seconds: float = 0.0


class Client:
    """A server process, started when it is needed."""

    def __init__(self, log: Path, *, most_requests: int = 400) -> None:
        self._log = log
        self._most_requests = most_requests
        self._process: subprocess.Popen[bytes] | None = None
        self._replies = -1
        self._num_requests = 0

    def ask(self, request: dict[str, Any], *, seconds: float, folder: Path | None = None) -> Reply:
        """Send a request and wait for its answer; folder is where temporary files of the process go."""
        if self._process is None or self._num_requests >= self._most_requests:
            self.close()
            self._start(folder)
        process = self._process
        assert process is not None
        assert process.stdin is not None
        self._num_requests += 1
        begun = time.monotonic()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write((json.dumps(request) + "\n").encode())
            process.stdin.flush()
        line = self._line(begun + seconds)
        took = time.monotonic() - begun
        if line:
            answer = json.loads(line)
            return Reply(answer.get("status"), answer.get("exception", ""), peak_mb=answer["peak_mb"], seconds=took)
        hung = process.poll() is None and line is None
        self.close()
        return Reply(died=None if hung else -process.returncode, hung=hung, seconds=took)

    def close(self) -> None:
        """End the process and those it started."""
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        os.close(self._replies)
        self._process = None

    def _start(self, folder: Path | None) -> None:
        self._replies, other = os.pipe()
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        if folder is not None:
            environment["TMPDIR"] = str(folder)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.endurance.server", str(other), str(self._log)],
            stdin=subprocess.PIPE, pass_fds=(other,), env=environment, start_new_session=True,
        )  # fmt: skip
        os.close(other)
        self._num_requests = 0

    def _line(self, deadline: float) -> bytes | None:
        """One line of the server; b'' if it ended, None if it took too long."""
        data = b""
        while not data.endswith(b"\n"):
            ready, _, _ = select.select([self._replies], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                return None
            part = os.read(self._replies, 65_536)
            if not part:
                return b""
            data += part
        return data
