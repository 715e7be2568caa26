"""The log of a run, and the trackers that the user requested.

RUN/log.jsonl   always: loss and mean distances of a step; mean seconds of the parts of a step and histograms of the
                distances since the previous line
RUN/trackers/   files of trackers such as TensorBoard
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any

from accelerate import Accelerator
from accelerate.tracking import LOGGER_TYPE_TO_CLASS, get_available_trackers

from avts.errors import UsageError, install_advice
from avts.files import write_whole
from avts.settings import Recipe

LOG_NAME = "log.jsonl"

PROJECT = "avts"
"""Project name for trackers that have projects."""


def check_trackers(names: Sequence[str]) -> None:
    """Raise UsageError if Accelerate does not know a tracker, or its package is not installed."""
    for name in names:
        if name not in LOGGER_TYPE_TO_CLASS:
            raise UsageError(f"unknown tracker '{name}'; known trackers: {', '.join(sorted(LOGGER_TYPE_TO_CLASS))}")
        if name not in map(str, get_available_trackers()):
            advice = install_advice("track") if name == "tensorboard" else f"Install it: pip install {name}"
            raise UsageError(f"tracker '{name}' is not installed here. {advice}")


class Record:
    """The log of a run and its trackers, written only by the first process. A context manager.

    Args:
        run: folder of the run.
        recipe: reported to the trackers.
        accelerator: holds the trackers.
        step: steps done before; the log continues from there.
    """

    def __init__(self, run: Path, recipe: Recipe, accelerator: Accelerator, *, step: int) -> None:
        self._accelerator = accelerator
        self._log: IO[str] | None = None
        if not accelerator.is_main_process:
            return
        run.mkdir(parents=True, exist_ok=True)
        cut_log(run / LOG_NAME, step)
        self._log = (run / LOG_NAME).open("a", encoding="utf-8")
        # lines of a stopped run on steps that are repeated now are removed
        accelerator.init_trackers(PROJECT, config=_flat(recipe), init_kwargs={"tensorboard": {"purge_step": step}})

    def __enter__(self) -> Record:
        return self

    def __exit__(self, *_: object) -> None:
        if self._log:
            self._log.close()
        for tracker in self._accelerator.trackers:
            tracker.finish()

    def write(self, row: Mapping[str, Any]) -> None:
        """Add the values of a step."""
        if not self._log:
            return
        self._log.write(json.dumps(row) + "\n")
        self._log.flush()
        numbers = {name: value for name, value in row.items() if isinstance(value, int | float) and name != "step"}
        self._accelerator.log(numbers, step=row["step"])


def read_log(run: Path) -> list[dict[str, Any]]:
    """The lines of a run's log, without an incomplete last one; [] if there is none."""
    log = run / LOG_NAME
    return [json.loads(line) for line in _whole_lines(log)] if log.is_file() else []


def cut_log(log: Path, step: int) -> None:
    """Remove the lines from a step on, which will be written again, and an incomplete last one."""
    if not log.exists():
        return
    kept = "".join(line for line in _whole_lines(log) if json.loads(line)["step"] < step)
    write_whole(log, kept)


def _whole_lines(log: Path) -> list[str]:
    return [line for line in log.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]


def _flat(recipe: Recipe) -> dict[str, Any]:
    """A recipe as one level of plain values: 'pairs.batch_size'."""
    flat: dict[str, Any] = {}
    for table, values in recipe.model_dump().items():
        parts = values.items() if isinstance(values, dict) else [("", json.dumps(values))]
        flat.update({f"{table}.{key}".rstrip("."): value for key, value in parts})
    return flat
