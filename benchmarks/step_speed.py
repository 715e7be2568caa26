"""How fast a training step is: ours against the plain form on a CPU, and against the matrix product on a GPU."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch

from benchmarks.rows import Row
from benchmarks.timing import Contestant, interleaved, median_cpu_seconds, median_ratio, median_wall_seconds, timed
from benchmarks.training_step import StepSize, TrainingStep

OPERATIONS = 2
"""Floating-point operations of a multiply-add."""

SIZES = {"cpu": 2048, "cuda": 8192}
"""Rows and columns, large enough for the rate to be flat."""

REPEATS = 4


class MatrixProduct:
    """Square matrix products.

    Args:
        device: where they are made.
        precision: 'bf16' or 'fp32'.
        size: rows and columns; None takes one that the device is fast at.

    Attributes:
        operations: floating-point operations of one `make`.
    """

    def __init__(self, device: torch.device, precision: str, *, size: int | None = None) -> None:
        size = size or SIZES.get(device.type, SIZES["cpu"])
        kind = torch.bfloat16 if precision == "bf16" else torch.float32
        self._left, self._right = (torch.randn(size, size, device=device).to(kind) for _ in range(2))
        self._out = torch.empty_like(self._left)
        self.operations = REPEATS * OPERATIONS * size**3

    def make(self) -> None:
        """Make a few."""
        for _ in range(REPEATS):
            torch.mm(self._left, self._right, out=self._out)


LEAST_RATIO = 6.0
LEAST_SHARE = 45.0
"""Per cent of a card's bf16 matrix product."""

KINETICS_VIDEOS = 230_000
"""Training videos of Kinetics-400 that are left; 240,000 when it came out (Korbar et al. 2018, section 4)."""

EPOCHS = 90

GPU_SIZES = (112, 224)
GPU_BATCH = 64
GPU_STEPS = 10
GPU_WARM_UP = 3


@dataclass(frozen=True)
class CpuSpeed:
    """Steps on a CPU, in seconds of one core.

    Attributes:
        step: of our step.
        operations: floating-point operations of a step.
        rate: floating-point operations a second and core of the matrix product in the step's precision.
        precision: 'bf16' or 'fp32'.
    """

    step: float
    operations: int
    rate: float
    precision: str

    @property
    def floor(self) -> float:
        """What the step's products alone would take at the rate of the matrix product."""
        return self.operations / self.rate


def has_amx() -> bool:
    """True if PyTorch finds AMX on this CPU: tiles, which bf16 products go through."""
    return bool(torch.cpu._is_amx_tile_supported())


def speed_rows(size: StepSize, rounds: int) -> Iterator[Row]:
    """Our step against the plain one, in turns; the first round warms up."""
    cpu = torch.device("cpu")
    ours, plain = TrainingStep(size, cpu), TrainingStep(size, cpu, plain=True)
    found = interleaved({name: _contestant(step.make) for name, step in (("ours", ours), ("plain", plain))}, rounds + 1)
    mine, theirs = found["ours"][1:], found["plain"][1:]
    clock = median_wall_seconds(theirs) / median_wall_seconds(mine)
    spent = f"{median_cpu_seconds(theirs):.2f} against {median_cpu_seconds(mine):.2f} s of processor a step"
    note = f"{_words(size)}; ours is {ours.precision}; {spent}; by the clock {clock:.2f}"
    name, ratio = "training step, against plain fp32 contiguous", median_ratio(theirs, mine)
    if has_amx():
        yield Row(name, ratio, "times faster", LEAST_RATIO, note=note)
        return
    yield Row(name, ratio, "times faster", note=note)
    why = "this CPU has no AMX, which the target is for"
    yield Row("the same on a CPU with AMX", None, "times faster", LEAST_RATIO, note=why)


def cpu_speed(size: StepSize, rounds: int) -> CpuSpeed:
    """Our step and the matrix product, in turns; the first round warms up."""
    cpu = torch.device("cpu")
    step = TrainingStep(size, cpu)
    product = MatrixProduct(cpu, step.precision)
    found = interleaved({"step": _contestant(step.make), "product": _contestant(product.make)}, rounds + 1)
    seconds = {name: median_cpu_seconds(timings[1:]) for name, timings in found.items()}
    return CpuSpeed(seconds["step"], step.operations, product.operations / seconds["product"], step.precision)


def _contestant(work: Callable[[], None]) -> Contestant:
    return lambda _: timed(work, 1)


def _words(size: StepSize) -> str:
    shape = f"{size.frames}x{size.frame_size}x{size.frame_size}"
    return f"MC3-18 of width {size.width}, {shape}, batch {size.batch}, {torch.get_num_threads()} threads"


def gpu_rows(size: StepSize) -> Iterator[Row]:
    """Utilisation, clips a second and hours for Kinetics on the first GPU, at both sizes of picture."""
    if not torch.cuda.is_available():
        note = "no CUDA device found"
        for side in GPU_SIZES:
            yield Row(f"utilisation at {_shape(size, side)}", None, "%", LEAST_SHARE, note=note)
        return
    device = torch.device("cuda")
    product = MatrixProduct(device, "bf16")
    rate = product.operations / _gpu_seconds(product.make)
    for side in GPU_SIZES:
        yield from _gpu_size_rows(replace(size, frame_size=side, batch=GPU_BATCH), device, rate)


def _gpu_size_rows(size: StepSize, device: torch.device, rate: float) -> Iterator[Row]:
    seconds, step, size = _largest_that_fits(size, device)
    share = 100 * step.operations / seconds / rate
    clips = size.batch / seconds
    name, shape = torch.cuda.get_device_name(device), _shape(size, size.frame_size)
    note = f"{name}, {rate / 1e12:.0f} TFLOP/s; batch {size.batch}, {1000 * seconds:.1f} ms a step, {step.precision}"
    yield Row(f"utilisation at {shape}", share, "%", LEAST_SHARE, note=note)
    yield Row(f"clips a second at {shape}", clips, "clips/s", note="loading not counted")
    hours = kinetics_hours(clips)
    yield Row(f"Kinetics at {shape}", hours, "hours", note=f"{KINETICS_VIDEOS:,} videos x {EPOCHS} epochs, projected")


def kinetics_hours(clips_per_second: float) -> float:
    """Hours for Kinetics, a clip of each video in each epoch."""
    return KINETICS_VIDEOS * EPOCHS / clips_per_second / 3600


def _largest_that_fits(size: StepSize, device: torch.device) -> tuple[float, TrainingStep, StepSize]:
    """Seconds of a step, the step, and its size: the batch is halved until the card has memory for it."""
    while True:
        try:
            step = TrainingStep(size, device)
            return _gpu_seconds(step.make), step, size
        except torch.OutOfMemoryError:
            if size.batch <= 2:
                raise
        torch.cuda.empty_cache()
        size = replace(size, batch=size.batch // 2)


def _gpu_seconds(work: Callable[[], None]) -> float:
    """Mean seconds of the card for a piece of work."""
    for _ in range(GPU_WARM_UP):
        work()
    torch.cuda.synchronize()
    started, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))  # type: ignore[no-untyped-call]
    started.record()
    for _ in range(GPU_STEPS):
        work()
    ended.record()
    torch.cuda.synchronize()
    return float(started.elapsed_time(ended)) / 1000 / GPU_STEPS


def _shape(size: StepSize, side: int) -> str:
    return f"{size.frames}x{side}x{side}"
