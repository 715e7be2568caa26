"""Start a peer in a process of its own and time it; a peer that is not there says why."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from benchmarks import peers
from benchmarks.timing import Timing

ENVIRONMENT = Path(".venv-bench/bin/python")
"""What `make bench-env` makes, beside the Makefile."""

Windows = Sequence[tuple[str, int | None, int, float]]
"""Path, first byte (None: the whole file), size in bytes, start in seconds."""

ONE_THREAD = {"OMP_NUM_THREADS": "1", "PYTHONWARNINGS": "ignore"}


class Rival:
    """A peer's process.

    Attributes:
        missing: why it cannot be run; None if it can.
        version: of the peer.
    """

    def __init__(self, python: Path, name: str, *arguments: str) -> None:
        self.missing: str | None = None
        self.version = ""
        self._process = subprocess.Popen(
            [str(python), peers.__file__, name, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=os.environ | ONE_THREAD,
        )
        self.version = str(self._answer().get("ready", ""))

    def time(self, windows: Windows) -> Timing | None:
        """What a window costs it; None from its first failure on."""
        if self.missing is None and self._process.stdin is not None:
            self._process.stdin.write(json.dumps([list(window) for window in windows]) + "\n")
            self._process.stdin.flush()
            answer = self._answer()
            if self.missing is None and answer["frames"] != len(windows) * peers.FRAMES:
                self.missing = f"gave {answer['frames']} frames of {len(windows) * peers.FRAMES}"
            if self.missing is None:
                return Timing(answer["cpu"] / len(windows), answer["wall"] / len(windows))
        return None

    def close(self) -> None:
        """End the process."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()

    def _answer(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout is not None else ""
        answer = cast("dict[str, Any]", json.loads(line)) if line else {"failed": "its process ended"}
        self.missing = answer.get("failed")
        return answer


def python_with_peers(asked: Path | None) -> Path:
    """The Python that has the peers: the one asked for, else that of `make bench-env`, else this one."""
    if asked is not None:
        return asked
    return ENVIRONMENT.absolute() if ENVIRONMENT.exists() else Path(sys.executable)
