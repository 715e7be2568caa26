"""`avts synth`: write a world of generated videos."""

from __future__ import annotations

from pathlib import Path

import click

from avts.cli.progress import progress_bar


@click.command("synth")
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--videos", type=int, required=True, help="How many videos.")
@click.option("--seed", type=int, default=0, show_default=True, help="The world; two seeds share no video.")
@click.option("--size", type=int, default=128, show_default=True, help="Short side in pixels, even.")
@click.option("--seconds", type=float, default=6.0, show_default=True, help="Length of each video.")
@click.option(
    "--kinds",
    default=None,
    help="Kinds of action, with commas between; without it, those of published worlds.",
)
@click.option(
    "--max-shift",
    type=float,
    default=0.0,
    show_default=True,
    help="Shift each sound by a random offset of up to so many seconds either way; the truth is in labels.csv.",
)
@click.option(
    "--scenes",
    type=click.Choice(["plain", "resting", "rich"]),
    default="plain",
    show_default=True,
    help="Plain cartoons; resting ones that pause now and then; rich scenes: rests, textures, clutter, other sounds.",
)
@click.option("--workers", type=int, default=None, help="Processes; one per core if not given.")
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
) -> None:
    """Write a world of generated videos whose motion makes their sound into the folder OUT.

    Each video has its truth beside it; OUT/labels.csv lists them all. The same call again makes only what is missing.
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
            on_progress=on_progress,
        )
    click.echo(f"{summary.out}: {summary.made} videos made, {summary.reused} reused")
