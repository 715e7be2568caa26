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
from typing import Any

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

    A CUDA device works on its own, so its parts are timed on its own clock, by events that it reaches in its turn. They
    are read when the times are asked for; only then is the device waited for. What it spends without work
    inside a part, such as waiting for the loader, counts for that part.

    Args:
        device: that computes.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.begin()

    def begin(self) -> None:
        """Restart the clock."""
        self._began = time.perf_counter()
        self._run, self._lately = Times(), Times()
        self._marks: list[tuple[str, Any, Any]] = []

    @property
    def run(self) -> Times:
        """Of all steps so far."""
        self._read_marks()
        return self._run

    @property
    def seconds_in_all(self) -> float:
        """Seconds since the start, including time outside of steps (log, checkpoints, validation)."""
        return time.perf_counter() - self._began

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """Time what is done inside the block; the first wait is the start."""
        name = "start" if name == "wait" and not self._run.steps else name
        if self._device.type == "cuda":
            begun = self._mark()
            yield
            self._marks.append((name, begun, self._mark()))
            return
        started = time.perf_counter()
        yield
        self._add(name, time.perf_counter() - started)

    def _mark(self) -> Any:
        mark = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
        mark.record(torch.cuda.current_stream(self._device))
        return mark

    def _read_marks(self) -> None:
        """Wait for the device to reach the last event, and add up what lies between them."""
        if self._marks:
            self._marks[-1][2].synchronize()
        for name, begun, ended in self._marks:
            self._add(name, begun.elapsed_time(ended) / 1000)
        self._marks.clear()

    def _add(self, name: str, seconds: float) -> None:
        for times in (self._run, self._lately):
            times.parts[name] += seconds

    def end_step(self, decode_seconds: float) -> None:
        """Count a step.

        Args:
            decode_seconds: time that a worker took to read and decode its batch.
        """
        for times in (self._run, self._lately):
            times.steps += 1
            times.decode += decode_seconds

    def row(self) -> dict[str, float]:
        """Mean seconds of a step since this was last asked, for the log; the start counts as wait."""
        self._read_marks()
        lately, self._lately = self._lately, Times()
        count = max(lately.steps, 1)
        wait = lately.parts["start"] + lately.parts["wait"]
        named = {"": lately.whole, "wait": wait, "decode": lately.decode, "compute": lately.compute}
        named |= {name: lately.parts[name] for name in ("transfer", *COMPUTE)}
        return {f"{name}_seconds".lstrip("_"): seconds / count for name, seconds in named.items()}
