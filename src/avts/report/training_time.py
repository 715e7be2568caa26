"""Time of a training run by part, and advice if it waited. Input: times of its steps. Output: text."""

from __future__ import annotations

import math

from avts.report.tables import duration
from avts.training.timing import COMPUTE, Times

MUCH_WAITING = 0.1
"""Minimum share of waiting in the time of steps for which advice is given."""


def time_text(times: Times, *, seconds_in_all: float, workers: int, cores: int) -> str:
    """A line of shares, and one of advice if the steps waited for the loader.

    Args:
        times: of all steps.
        seconds_in_all: of the run; time outside of steps is reported as the rest.
        workers: number of decoding processes.
        cores: number of cores of this machine.
    """
    if not times.steps:
        return "time: no steps"
    whole = max(seconds_in_all, times.whole, 1e-9)
    compute = ", ".join(f"{name} {times.parts[name] / whole:.0%}" for name in COMPUTE)
    shares = [
        f"compute {times.compute / whole:.0%} ({compute})",
        f"waiting for the loader {times.parts['wait'] / whole:.0%}",
        f"transfer {times.parts['transfer'] / whole:.0%}",
        f"start {times.parts['start'] / whole:.0%}",
        f"the rest (log, checkpoints) {(whole - times.whole) / whole:.0%}",
    ]
    line = f"time: {duration(whole)} for {times.steps} steps: {', '.join(shares)}"
    advice = _advice(times, workers, cores)
    return f"{line}\n{advice}" if advice else line


def _advice(times: Times, workers: int, cores: int) -> str:
    """What to change if waiting takes long; '' if it does not."""
    busy = times.compute + times.parts["transfer"]
    share = times.parts["wait"] / max(busy + times.parts["wait"], 1e-9)
    if share < MUCH_WAITING:
        return ""
    waited = f"{share:.0%} of the time of a step is spent waiting for its batch"
    decode, step = times.decode / times.steps, busy / times.steps
    if workers == 0:
        return f"{waited}, decoded in the main process. Set [training] workers = 1 or more to decode in parallel"
    needed = math.ceil(decode / max(step, 1e-9))
    measured = f"a worker takes {decode:.2f} s per batch, a step {step:.2f} s"
    if needed <= workers:
        return (
            f"{waited}, although {measured} and there are {workers} workers. Reading is uneven, or the cores are busy"
        )
    if needed > cores:
        return (
            f"{waited}: {measured}. {needed} workers would be needed, but this machine has {cores} cores. Use all of "
            "them, or make the batches cheaper (avts ingest --short-side, shorter spans)"
        )
    return f"{waited}: {measured}. Set [training] workers = {needed}"
