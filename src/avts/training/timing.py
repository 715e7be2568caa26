"""Timing of training: each part of a step is timed; means for the log, sums for the whole run.

    start      until the first batch: the loader's workers start
    wait       for the loader
    transfer   of the batch to the device
    forward    augmentation, towers, loss
    backward
    update     check of the gradient, optimiser
`compute` is the sum of the last three. The time of a worker to read and decode a batch is reported separately; it is
not part of the step, unless there are no workers: then it is part of the wait.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

COMPUTE = ("forward", "backward", "update")
PARTS = ("start", "wait", "transfer", *COMPUTE)


@dataclass
class Times:
    """Seconds of a number of steps.

    Attributes:
        parts: seconds by name, see PARTS.
        decode: seconds that workers took to read and decode the batches.
        steps: number of steps.
    """

    parts: dict[str, float] = field(default_factory=lambda: dict.fromkeys(PARTS, 0.0))
    decode: float = 0.0
    steps: int = 0

    @property
    def compute(self) -> float:
        """Seconds of the forward and backward pass and of the update."""
        return sum(self.parts[name] for name in COMPUTE)

    @property
    def whole(self) -> float:
        """Seconds of all parts."""
        return sum(self.parts.values())


class StepTimer:
    """Times the parts of steps.

    An asynchronous device is synchronised at the end of each part; otherwise the work of one part would be counted as
    time of the next.

    Args:
        device: the device that computes.

    Attributes:
        run: times of all steps so far.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.begin()

    def begin(self) -> None:
        """Restart the clock."""
        self._began = time.perf_counter()
        self.run, self._lately = Times(), Times()

    @property
    def seconds_in_all(self) -> float:
        """Seconds since the start, including time outside of steps (log, checkpoints, validation)."""
        return time.perf_counter() - self._began

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time the block; the first wait counts as the start."""
        name = "start" if name == "wait" and not self.run.steps else name
        started = time.perf_counter()
        yield
        if self._device.type != "cpu":
            torch.accelerator.synchronize(self._device)
        spent = time.perf_counter() - started
        for times in (self.run, self._lately):
            times.parts[name] += spent

    def end_step(self, decode_seconds: float) -> None:
        """Count a step.

        Args:
            decode_seconds: time that a worker took to read and decode its batch.
        """
        for times in (self.run, self._lately):
            times.steps += 1
            times.decode += decode_seconds

    def row(self) -> dict[str, float]:
        """Mean seconds per step since the last call, for the log; the start counts as wait."""
        lately, self._lately = self._lately, Times()
        count = max(lately.steps, 1)
        wait = lately.parts["start"] + lately.parts["wait"]
        named = {"": lately.whole, "wait": wait, "decode": lately.decode, "compute": lately.compute}
        named |= {name: lately.parts[name] for name in ("transfer", *COMPUTE)}
        return {f"{name}_seconds".lstrip("_"): seconds / count for name, seconds in named.items()}
