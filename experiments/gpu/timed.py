"""Commands one after the other within a time, and a file that says at any moment what came of them.

OUT/NAME.json is written anew after each command: whoever cuts the run off loses one command, not the results. A command
that the time does not suffice for is asked to end (a training then saves its state) and the next ones are still tried.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

AVTS = [sys.executable, "-m", "avts"]

END_SECONDS = 25.0
"""That a command which is asked to end has for it."""

TAIL = 4000
"""Characters of a command's output that are kept."""


def arguments(about: str | None, *more: str) -> argparse.Namespace:
    """OUT, what more a script needs, --device, --minutes and --smallest."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder of the results, and of what is made on the way")
    for name in more:
        parser.add_argument(name, type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--minutes", type=float, default=9.0, help="that all of it may take")
    parser.add_argument("--smallest", action="store_true", help="the smallest sizes: a rehearsal on a CPU")
    return parser.parse_args()


@dataclass
class Run:
    """A run of commands.

    Attributes:
        name: of the result file.
        out: its folder; made if missing.
        minutes: that all of it may take.
    """

    name: str
    out: Path
    minutes: float
    found: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._ends = time.monotonic() + 60 * self.minutes
        self.out.mkdir(parents=True, exist_ok=True)
        self.note("machine", f"{platform.machine()}, {os.cpu_count()} cores")

    @property
    def seconds_left(self) -> float:
        """Until the time is over."""
        return max(self._ends - time.monotonic(), 0.0)

    def note(self, name: str, value: Any) -> None:
        """Add something to the result file; the file is whole at any moment."""
        self.found[name] = value
        waiting = self.out / f"{self.name}.partial"
        waiting.write_text(json.dumps(self.found, indent=1) + "\n", encoding="utf-8")
        waiting.replace(self.out / f"{self.name}.json")

    def command(self, name: str, words: list[Any], *, keep_seconds: float = 0.0) -> str:
        """Run a command in the time that is left and take note of what came of it; gives its standard output.

        Args:
            name: under which it is noted.
            words: the command.
            keep_seconds: to leave for what comes after it.
        """
        seconds = self.seconds_left - keep_seconds - END_SECONDS
        if seconds <= 0:
            self.note(name, {"status": "not begun: no time left"})
            return ""
        self.note(name, {"status": "begun", "command": " ".join(map(str, words))})
        log, started = self.out / f"{self.name}-{name}.log", time.monotonic()
        with log.open("w") as errors:
            process = subprocess.Popen(list(map(str, words)), stdout=subprocess.PIPE, stderr=errors, text=True)
            try:
                said, _ = process.communicate(timeout=seconds)
                status = f"exit status {process.returncode}"
            except subprocess.TimeoutExpired:
                said, status = _ended(process), "asked to end: the time was over"
        self.found[name] |= {"status": status, "seconds": round(time.monotonic() - started, 1), "stdout": said[-TAIL:]}
        self.note(name, self.found[name] | {"stderr": log.read_text(errors="replace")[-TAIL:]})
        return said


def _ended(process: subprocess.Popen[str]) -> str:
    """Ask a process to end, then end it; gives what it said."""
    process.send_signal(signal.SIGTERM)
    try:
        return process.communicate(timeout=END_SECONDS)[0]
    except subprocess.TimeoutExpired:
        process.kill()
        return process.communicate()[0]


def auc_of(said: str) -> dict[str, Any]:
    """AUC of each kind of pair, from what `avts eval --json` printed; empty if it did not come so far."""
    kinds = json.loads(said)["kinds"] if said.startswith("{") else {}
    return {kind: values["auc"] for kind, values in kinds.items()}


def newest_model(run: Path) -> Path:
    """The finished model of a run, or its best or last checkpoint if it was cut off."""
    if (run / "model.json").is_file():
        return run
    kept = sorted((run / "checkpoints").glob("best-*")) + sorted((run / "checkpoints").glob("step-*"))
    return next((each for each in kept if (each / "model.json").is_file()), run)
