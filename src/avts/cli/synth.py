"""`avts synth`: generate a world of videos."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from avts.cli.progress import progress_bar
from avts.world.take import KINDS_OF

if TYPE_CHECKING:
    from avts.jobs.pool import EngineName


@click.command("synth")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--videos", type=int, required=True, help="Number of videos.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the world; two seeds share no video.")
@click.option("--size", type=int, default=128, show_default=True, help="Short side in pixels; even.")
@click.option("--seconds", type=float, default=6.0, show_default=True, help="Length of each video in seconds.")
@click.option(
    "--kinds",
    default=None,
    help="Kinds of action, separated by commas.  [default: those of the published worlds]",
)
@click.option(
    "--max-shift",
    type=float,
    default=0.0,
    show_default=True,
    help="Shift each sound by a random offset of up to this many seconds in either direction; see labels.csv.",
)
@click.option(
    "--scenes",
    type=click.Choice(list(KINDS_OF)),
    default="plain",
    show_default=True,
    help="plain: cartoons; resting: with pauses; rich: with pauses, textures, clutter and background sounds; "
    "individual: looks that go with the sound, so that other videos' sounds can be told without timing.",
)
@click.option("--workers", type=int, default=None, help="Number of processes.  [default: one per core]")
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True, help="As in ingest.")
@click.option("--address", help="Address of the Ray cluster.  [default: start one on this machine]")
def command(
    out: Path,
    videos: int,
    seed: int,
    size: int,
    seconds: float,
    kinds: str | None,
    max_shift: float,
    scenes: str,
    workers: int | None,
    engine: EngineName,
    address: str | None,
) -> None:
    """Generate videos whose sound is produced by their motion, and write them to the folder OUT.

    Each video has a ground-truth file next to it; OUT/labels.csv lists them all. A second call generates only missing
    videos.
    """
    from avts.world import write_world

    with progress_bar("synth", "videos") as on_progress:
        summary = write_world(
            out,
            videos=videos,
            seed=seed,
            size=size,
            seconds=seconds,
            kinds=None if kinds is None else [kind.strip() for kind in kinds.split(",") if kind.strip()],
            max_shift_seconds=max_shift,
            scenes=scenes,
            workers=workers,
            engine=engine,
            address=address,
            on_progress=on_progress,
        )
    click.echo(f"{summary.out}: {summary.made} videos made, {summary.reused} reused")
