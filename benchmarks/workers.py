"""Two loader workers against one core: what handing batches from process to process costs.

A worker's time is read off its process's own clock (Linux), so other work on the machine does not count.
"""

from __future__ import annotations

import multiprocessing
import statistics
import sys
import time
from collections.abc import Iterator
from functools import partial

import numpy as np

from avts.pairs.loader import Batch, StepDataset, load_steps
from avts.pairs.negatives import EASY, StepPlan, plan_grid
from benchmarks.material import WINDOW_SECONDS, Material
from benchmarks.rows import Row
from benchmarks.timing import Timing

BATCH = 16
BURST = 48
WORKERS = 2
NAME = "2 loader workers, against 2 times one core"


def workers_row(material: Material, *, rounds: int) -> Row:
    """Measure in turn: batches made in this process, batches made by two workers."""
    if sys.platform != "linux":
        return Row(NAME, None, "times", 0.9, note="needs Linux's clocks of processes")
    ratios, walls = [], []
    alone = load_steps(dataset_of(material), range(rounds * BURST), workers=0)
    together = load_steps(dataset_of(material), range((rounds + 1) * BURST), workers=WORKERS)
    _burst(together)
    _wait_until_idle()
    for _ in range(rounds):
        one = _burst(alone)
        before = _worker_seconds()
        two = _burst(together)
        _wait_until_idle()  # the queue is as full as before, so as many batches were made as were taken
        cost = two.cpu_seconds + (_worker_seconds() - before) / BURST
        ratios.append(one.cpu_seconds / cost)
        walls.append(one.wall_seconds / two.wall_seconds / WORKERS)
    note = f"by the clock {statistics.median(walls):.2f}, whatever else runs included"
    return Row(NAME, statistics.median(ratios), "times", 0.9, note=note)


def dataset_of(material: Material) -> StepDataset:
    """Batches of 16 windows with their sounds and all planes."""
    durations = [clip.duration_seconds for clip in material.clips]
    return StepDataset(
        material.corpus,
        material.clips,
        partial(_plan, durations),
        clip_seconds=WINDOW_SECONDS,
        silence_dbfs=-60.0,
        colour=True,
    )


def _plan(durations: list[float], step: int) -> StepPlan:
    rng = np.random.default_rng([1, step])
    clips = rng.permutation(np.arange(BATCH) % len(durations))
    return plan_grid(
        [int(clip) for clip in clips],
        durations,
        negative_shares={EASY: 1.0},
        clip_seconds=WINDOW_SECONDS,
        gap_seconds=0.5,
        rng=rng,
    )


def _burst(batches: Iterator[Batch]) -> Timing:
    """Take batches one after the other; what one costs this process, and the time between them in the second half."""
    cpu = time.process_time()
    times = []
    for _ in range(BURST):
        next(batches)
        times.append(time.perf_counter())
    half = BURST // 2  # the first ones may have waited in the queue
    return Timing((time.process_time() - cpu) / BURST, (times[-1] - times[half - 1]) / (BURST - half))


def _worker_seconds() -> float:
    """Seconds of a core that this process's children have taken so far."""
    # the clock of another process: linux/include/linux/posix-timers.h, MAKE_PROCESS_CPUCLOCK
    return sum(time.clock_gettime((~child.pid << 3) | 2) for child in multiprocessing.active_children() if child.pid)


def _wait_until_idle(limit_seconds: float = 30.0) -> None:
    """Wait until the workers have filled their queue."""
    stop = time.monotonic() + limit_seconds
    last, now = -1.0, _worker_seconds()
    while now - last > 1e-3 and time.monotonic() < stop:
        time.sleep(0.2)
        last, now = now, _worker_seconds()
