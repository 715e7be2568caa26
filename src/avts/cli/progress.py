"""Progress on stderr: a bar with an ETA on a terminal, otherwise one line per minute.

Library code only calls `on_progress(done, total)`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from tqdm import tqdm

OnProgress = Callable[[int, int], None]

QUIET_SECONDS = 60.0
"""Minimum time between two lines if stderr is not a terminal."""


@contextmanager
def progress_bar(title: str, unit: str) -> Iterator[OnProgress]:
    """Show progress while the block runs; yields the function to call with (done, total)."""
    with _bar(title, unit) if sys.stderr.isatty() else _lines(title, unit) as on_progress:
        yield on_progress


@contextmanager
def progress_bars(unit: str) -> Iterator[Callable[[str], OnProgress]]:
    """As progress_bar, for stages one after the other; gives the function that begins the next, by its title."""
    with ExitStack() as stack:

        def begin(title: str) -> OnProgress:
            stack.close()
            return stack.enter_context(progress_bar(title, unit))

        yield begin


@contextmanager
def _bar(title: str, unit: str) -> Iterator[OnProgress]:
    with tqdm(desc=title, unit=f" {unit}", file=sys.stderr, dynamic_ncols=True, mininterval=0.5) as bar:

        def on_progress(done: int, total: int) -> None:
            if bar.total != total:
                bar.total = total
                if done:  # work of an earlier run must not count for the speed
                    bar.initial = bar.n = done
            bar.update(done - bar.n)

        yield on_progress


@dataclass
class _Stage:
    """A counter in progress."""

    title: str
    unit: str
    done: int = 0
    total: int = 0


_stages: list[_Stage] = []
"""The counters in progress, outermost first."""

_said_at = 0.0
"""Time of the last line, or of the start of the outermost stage."""


@contextmanager
def _lines(title: str, unit: str) -> Iterator[OnProgress]:
    """Write at most one line a minute, for all stages that are open together."""
    global _said_at
    if not _stages:
        _said_at = time.monotonic()
    stage = _Stage(title, unit)
    _stages.append(stage)

    def on_progress(done: int, total: int) -> None:
        global _said_at
        stage.done, stage.total = done, total
        if time.monotonic() - _said_at >= QUIET_SECONDS:
            _said_at = time.monotonic()
            counts = (f"{each.title}: {each.done} of {each.total} {each.unit}" for each in _stages if each.total)
            print(", ".join(counts), file=sys.stderr, flush=True)

    try:
        yield on_progress
    finally:
        _stages.remove(stage)


def tell(line: str) -> None:
    """Print a line to stderr, above a progress bar if there is one."""
    tqdm.write(line, file=sys.stderr)
