"""Where the time of a training run went, and what to change if it waited. Input: times of its steps. Output: text."""

from __future__ import annotations

import math

from avts.report.tables import duration
from avts.training.timing import COMPUTE, Times

MUCH_WAITING = 0.1
"""Share of the time of steps from which on waiting is worth a change."""


def time_text(times: Times, *, seconds_in_all: float, workers: int, cores: int) -> str:
    """A line of shares, and one of advice if the steps waited for the loader.

    Args:
        times: of all steps.
        seconds_in_all: of the run; what is no part of a step is told as the rest.
        workers: that decoded.
        cores: of this machine.
    """
    if not times.steps:
        return "time: no step was made"
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
    """What to change if waiting takes much; '' if it does not."""
    busy = times.compute + times.parts["transfer"]
    share = times.parts["wait"] / max(busy + times.parts["wait"], 1e-9)
    if share < MUCH_WAITING:
        return ""
    waited = f"{share:.0%} of a step goes by waiting for its batch"
    decode, step = times.decode / times.steps, busy / times.steps
    if workers == 0:
        return f"{waited}, which is decoded in between: [training] workers = 1 or more decodes beside the step"
    needed = math.ceil(decode / max(step, 1e-9))
    measured = f"a worker takes {decode:.2f} s for a batch, the step {step:.2f} s"
    if needed <= workers:
        return f"{waited}, though {measured} and there are {workers}: reading is uneven, or other work holds the cores"
    if needed > cores:
        return (
            f"{waited}: {measured}. It would take {needed} workers, but this machine has {cores} cores: take all of "
            "them, or make the batches cheaper (avts ingest --short-side, shorter spans)"
        )
    return f"{waited}: {measured}. Set [training] workers = {needed}"
