"""`python -m benchmarks train`: how fast a training step is, where its time goes, and how soon grid pairs have learned.

On a CPU ratios are of processor time, interleaved in this process; on a GPU times are the card's own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from benchmarks.rows import Row

if TYPE_CHECKING:
    from benchmarks.training_step import StepSize

PARTS = ("speed", "profile", "gpu", "accuracy")

OPTIONS = (
    click.Option(["--only"], multiple=True, type=click.Choice(PARTS), help="Measure only this; may be repeated."),
    click.Option(
        ["--frame-size"], default=112, show_default=True, type=click.IntRange(32), help="Of speed and profile, pixels."
    ),
    click.Option(
        ["--frames"], default=25, show_default=True, type=click.IntRange(12, 240), help="Of a window, 24 a second."
    ),
    click.Option(
        ["--batch"], default=2, show_default=True, type=click.IntRange(2), help="Pictures of a step on the CPU."
    ),
    click.Option(
        ["--width"], default=64, show_default=True, type=click.IntRange(8), help="Channels of conv1, a multiple of 8."
    ),
    click.Option(["--rounds"], default=3, show_default=True, type=click.IntRange(1), help="After one that warms up."),
    click.Option(["--threads"], type=click.IntRange(1), help="Of PyTorch; all cores if not given."),
    click.Option(
        ["--steps"], default=1500, show_default=True, type=click.IntRange(1), help="Of the pair-by-pair training."
    ),
    click.Option(
        ["--work"], type=click.Path(path_type=Path), help="Keep the corpus of the accuracy here for the next time."
    ),
)


def rows(
    *,
    only: Sequence[str] = (),
    frame_size: int = 112,
    frames: int = 25,
    batch: int = 2,
    width: int = 64,
    rounds: int = 3,
    threads: int | None = None,
    steps: int = 1500,
    work: Path | None = None,
) -> list[Row]:
    """Measure training: speed against the plain form, profile, GPU utilisation, time to accuracy of grid pairs.

    What could not be run is listed with the reason.
    """
    import torch

    from benchmarks.training_step import StepSize

    if threads is not None:
        torch.set_num_threads(threads)
    size = StepSize(frame_size, frames, batch, width)
    found: list[Row] = []
    for name in only or PARTS:
        found += _parts(size, rounds, steps, work)[name]()
    return found


def _parts(size: StepSize, rounds: int, steps: int, work: Path | None) -> dict[str, Callable[[], Iterator[Row]]]:
    from benchmarks.step_profile import profile_rows
    from benchmarks.step_speed import gpu_rows, speed_rows
    from benchmarks.time_to_accuracy import accuracy_rows

    return {
        "speed": lambda: speed_rows(size, rounds),
        "profile": lambda: profile_rows(size, rounds),
        "gpu": lambda: gpu_rows(size),
        "accuracy": lambda: accuracy_rows(steps, work),
    }
