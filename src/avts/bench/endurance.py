"""`avts bench endurance`: whether the loader's memory stays flat over a long run.

Reads batches from one worker for as long as asked, notes what both processes hold, and fits a line to it. The first
tenth is left out of the fit: shards are mapped, decoders made and blocks filled there.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import click
import numpy as np

from avts.bench.material import make_material
from avts.bench.workers import BATCH, dataset_of
from avts.pairs.loader import load_steps
from avts.report.row import Row

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
        from avts.report.endurance import write_figure

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
