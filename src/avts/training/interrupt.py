"""Ctrl-C and SIGTERM: the step under way is ended first, in all processes the same one."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(KeyboardInterrupt):
    """Training was stopped by a signal, after its state was saved."""


@contextmanager
def stop_on_signal() -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C and SIGTERM end the step under way first; gives a function that tells whether one came."""
    caught: list[int] = []
    try:
        before = {number: signal.signal(number, lambda n, _: caught.append(n)) for number in _SIGNALS}
    except ValueError:  # not in the main thread: signals stay with whoever owns it
        before = {}
    try:
        yield lambda: bool(caught)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
