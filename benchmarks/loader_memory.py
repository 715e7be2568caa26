"""Whether the loader's memory stays flat over a very long run: `python -m benchmarks loader-memory`."""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from avts.pairs.loader import load_steps
from avts.report.palette import ACCENT, MUTED, drawing, light_grid, new_figure, write_png
from benchmarks.material import make_material
from benchmarks.rows import Row
from benchmarks.workers import BATCH, dataset_of


def write_figure(
    path: Path, points: Sequence[tuple[int, float, float]], *, slope_per_million: float, error_per_million: float
) -> None:
    """Draw (windows, own MB, resident MB) from zero on, so that a leak cannot hide in the scale."""
    with drawing("endurance"):
        figure = new_figure(7.2, 3.2)
        axes = figure.subplots()
        windows = [point[0] for point in points]
        axes.plot(windows, [point[2] for point in points], color=MUTED, linewidth=1, label="with mapped files")
        axes.plot(windows, [point[1] for point in points], color=ACCENT, label="own: heap and shared batches")
        axes.set_ylim(bottom=0)
        axes.set_xlim(0, windows[-1])
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.set_xlabel("windows read")
        axes.set_ylabel("memory of both processes (MB)")
        growth = f"{slope_per_million:+.1f} ± {error_per_million:.1f} MB"
        axes.set_title(f"One worker's loader over {windows[-1]:,} windows: {growth} a million")
        axes.legend(loc="lower right")
        light_grid(axes, "y")
        write_png(figure, path)


SAMPLES = 200
WARM_SHARE = 0.1
MILLION = 1_000_000
MOST_MEGABYTES = 20.0
"""Growth over a million windows that counts as flat: a thousandth of a small machine's memory."""

_path = click.Path(path_type=Path)
OPTIONS = (
    click.Option(["--windows"], default=100_000, show_default=True, type=click.IntRange(1000), help="How many."),
    click.Option(["--work"], type=_path, help="Keep the videos and the corpus here for the next time."),
    click.Option(["--figure"], type=_path, metavar="PNG", help="Draw the memory over the windows."),
    click.Option(["--samples", "table"], type=_path, metavar="CSV", help="Write what was noted."),
)


@dataclass(frozen=True)
class Held:
    """Memory after a number of windows, MB: the loader's own (anonymous and shared), and with mapped files."""

    windows: int
    own_megabytes: float
    resident_megabytes: float


def rows(
    *, windows: int = 100_000, work: Path | None = None, figure: Path | None = None, table: Path | None = None
) -> list[Row]:
    """Read a very long run of windows with one worker and tell how much the memory grows."""
    name = "growth over a million windows"
    if sys.platform != "linux":
        return [Row(name, None, "MB", MOST_MEGABYTES, at_least=False, note="needs Linux's /proc")]
    with ExitStack() as stack:
        folder = work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        dataset = dataset_of(make_material(folder, count=6))
        steps = windows // BATCH
        every, noted = max(steps // SAMPLES, 1), []
        for step, _ in enumerate(load_steps(dataset, range(steps), workers=1), start=1):
            if step % every == 0:
                noted.append(held(step * BATCH))
    if table is not None:
        lines = [f"{each.windows},{each.own_megabytes:.2f},{each.resident_megabytes:.2f}" for each in noted]
        table.write_text("windows,own_mb,resident_mb\n" + "\n".join(lines) + "\n", encoding="utf-8")
    slope, error = growth(noted)
    if figure is not None:
        from benchmarks.loader_memory import write_figure

        points = [(each.windows, each.own_megabytes, each.resident_megabytes) for each in noted]
        write_figure(figure, points, slope_per_million=slope, error_per_million=error)
    last = noted[-1]
    note = f"± {error:.1f} (two standard errors) by a line through {last.windows:,} windows; not a million were read"
    return [
        Row(name, slope, "MB", MOST_MEGABYTES, at_least=False, note=note),
        Row("held at the end, both processes", last.own_megabytes, "MB", note="without mapped shards"),
    ]


def held(windows: int) -> Held:
    """What this process and its workers hold now."""
    own = resident = 0.0
    for pid in [os.getpid(), *(child.pid for child in multiprocessing.active_children())]:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()[1:]
        sizes = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines}
        own += sizes["Pss_Anon"] + sizes["Pss_Shmem"]
        resident += sizes["Pss"]
    return Held(windows, own, resident)


def growth(noted: list[Held]) -> tuple[float, float]:
    """MB that a million windows add, and two standard errors of it; of the loader's own memory."""
    kept = noted[round(WARM_SHARE * len(noted)) :]
    at = np.array([each.windows for each in kept]) / MILLION
    held_now = np.array([each.own_megabytes for each in kept])
    slope, start = np.polyfit(at, held_now, 1)
    rest = held_now - (start + slope * at)
    spread = np.sqrt(np.square(rest).sum() / max(len(kept) - 2, 1) / np.square(at - at.mean()).sum())
    return float(slope), float(2 * spread)
