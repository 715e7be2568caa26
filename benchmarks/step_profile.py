"""Where the time of a training step goes, by kind of layer, as torch.profiler sees it.

Each operation's own time goes to one group: to the optimiser if it runs inside its step; by its name if it is a
layer's, forward or backward; else to the rest, which is augmentation, frontends, loss and the checks of a step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch.profiler import ProfilerActivity, profile

from benchmarks.rows import Row
from benchmarks.step_speed import cpu_speed
from benchmarks.training_step import StepSize, TrainingStep

REST = "frontends, loss and the rest"
OPTIMISER = "optimiser"
COPIES = "copies and casts"

GROUPS = {
    "convolution": "convolution",
    "conv2d": "convolution",
    "conv3d": "convolution",
    "batch_norm": "batch norm",
    "batchnorm": "batch norm",
    "relu": "ReLU and shortcuts",
    "threshold": "ReLU and shortcuts",
    "clamp_min_": "ReLU and shortcuts",
    "aten::add_": "ReLU and shortcuts",
    "aten::add": "ReLU and shortcuts",
    "pool": "pooling",
    "mean": "pooling",
    "addmm": "linear layers",
    "aten::mm": "linear layers",
    "linear": "linear layers",
    "copy_": COPIES,
    "fill_": COPIES,
    "empty": COPIES,
}
"""Group of an operation by what its name holds; the first that fits."""

ORDER = (*dict.fromkeys(GROUPS.values()), OPTIMISER, REST)

NETWORK = "avts::network"
"""The range of the towers and heads, forward; what autograd runs is theirs too."""


def profile_rows(size: StepSize, rounds: int) -> Iterator[Row]:
    """Shares of our step's time on the CPU, its floor, and how near it is to that."""
    shares = step_shares(TrainingStep(size, torch.device("cpu")))
    for name in ORDER:
        yield Row(f"profile, {name}", 100 * shares.get(name, 0.0), "% of a step")
    speed = cpu_speed(size, rounds)
    rate = f"{speed.operations / 1e9:.0f} GFLOP at {speed.rate / 1e9:.0f} GFLOP/s a core of {speed.precision} product"
    yield Row("step now", speed.step, "s of a core", note=f"batch {size.batch}")
    yield Row("its floor: the products of its layers alone", speed.floor, "s of a core", note=rate)
    yield Row("model FLOPs utilisation of the CPU", 100 * speed.floor / speed.step, "%")


def step_shares(step: TrainingStep) -> dict[str, float]:
    """Share of each group in the time of a step, summing to 1; the step before it warms up."""
    handles = mark_network(step.model)
    step.make()
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        step.make()
    for remove in handles:
        remove()
    return group_shares(profiler.events() or ())


def mark_network(model: torch.nn.Module) -> list[Callable[[], None]]:
    """Put the towers and heads of a model into the range NETWORK; gives what takes each mark away."""
    removes: list[Callable[[], None]] = []
    open_ranges: list[Any] = []

    def begin(*_: object) -> None:
        open_ranges.append(torch.profiler.record_function(NETWORK))
        open_ranges[-1].__enter__()

    def end(*_: object) -> None:
        open_ranges.pop().__exit__(None, None, None)

    for name in ("video", "audio", "fc6", "video_head", "audio_head"):
        part = getattr(model, name)
        # before other hooks: what they copy belongs to the network
        removes.append(part.register_forward_pre_hook(begin, prepend=True).remove)
        removes.append(part.register_forward_hook(end).remove)
    return removes


def group_shares(events: Iterable[Any]) -> dict[str, float]:
    """Share of each group in the own time of profiled operations.

    Args:
        events: of torch.profiler, or like them: name, self_cpu_time_total, cpu_parent.
    """
    spent: dict[str, float] = defaultdict(float)
    for event in events:
        spent[group_of(event)] += event.self_cpu_time_total
    total = sum(spent.values())
    return {name: seconds / total for name, seconds in spent.items()}


def group_of(event: Any) -> str:
    """The group that an operation's own time belongs to."""
    around = list(_names_around(event))
    if any(name.startswith("Optimizer.") for name in around):
        return OPTIMISER
    if NETWORK not in around and not any(name.startswith("autograd::engine") for name in around):
        return REST
    return next((group for part, group in GROUPS.items() if any(_holds(name, part) for name in around)), REST)


def _holds(name: str, part: str) -> bool:
    """Whether a name has a part; one that begins with aten:: is the whole name."""
    return name == part if part.startswith("aten::") else part in name.lower()


def _names_around(event: Any) -> Iterator[str]:
    """The name of an operation and of all that it runs inside."""
    while event is not None:
        yield str(event.name)
        event = event.cpu_parent
