"""avts embed FILES --out FEATURES: the towers' features of every window, as a Parquet table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from avts.cli.device import device_option
from avts.cli.progress import progress_bar

if TYPE_CHECKING:
    from avts.jobs.pool import EngineName


@click.command()
@click.argument("places", nargs=-1, required=True)
@click.option("--out", type=click.Path(path_type=Path), required=True, help="Output table (Parquet).")
@click.option(
    "--model", type=click.Path(path_type=Path), help="Folder of a trained run.  [default: the model in the box]"
)
@click.option(
    "--hop", default=0.5, show_default=True, type=click.FloatRange(0.04), help="Seconds between the starts of windows."
)
@click.option(
    "--stage", "stages", multiple=True, help="Also write a conv stage: conv5, sound:conv4, picture:conv3. Repeatable."
)
@click.option(
    "--pooling",
    default="1x1",
    show_default=True,
    help="Pooling of the stages: parts of the bands (or of height and width) x parts of time, or xsd for mean and "
    "standard deviation.",
)
@click.option("--half", is_flag=True, help="Numbers of 16 bits instead of 32.")
@click.option("--layout", help="PLACES is a public data set in this layout, as avts ingest takes it.")
@click.option("--workers", type=click.IntRange(1), help="Processes; one a core if left out, one on a GPU.")
@click.option("--engine", type=click.Choice(["local", "ray"]), default="local", show_default=True, help="As in ingest.")
@click.option("--address", help="Of the Ray cluster; one is started on this machine if left out.")
@device_option
def command(
    places: tuple[str, ...],
    out: Path,
    model: Path | None,
    stages: tuple[str, ...],
    engine: EngineName,
    *,
    hop: float,
    pooling: str,
    half: bool,
    layout: str | None,
    workers: int | None,
    address: str | None,
    device: str,
) -> int:
    """Embed PLACES: files, a folder, a list, tars or a corpus.

    Writes one row per window: file, label, start and stop in seconds, the embeddings of its picture and of its sound,
    and the pooled conv stages that were requested. A file with only sound or only picture gets only that embedding.

    A second run embeds only new files; an interrupted run is resumed. Exit status 3 if a file was refused.
    """
    from avts.corpus.ingest import num_cores
    from avts.features.embedding import embed
    from avts.features.pooling import pooling_of
    from avts.features.recordings import recordings_of
    from avts.features.towers import Plan, check_stages
    from avts.model.device import choose_device
    from avts.offset.model import SHIPPED, load_sync_model
    from avts.timebase import FRAME_RATE

    loaded = load_sync_model(model)
    chosen, reason = choose_device(device)
    click.echo(f"device: {chosen} ({reason})", err=True)
    on_cpu = chosen.type == "cpu"
    processes = workers or (num_cores() if on_cpu else 1)
    picture_stages, sound_stages = check_stages(loaded.network, stages)
    hop_frames = max(1, round(hop * FRAME_RATE))
    plan = Plan(loaded.window_seconds, hop_frames, picture_stages, sound_stages, pooling_of(pooling))
    if abs(plan.hop_seconds - hop) > 1e-6:
        click.echo(f"hop: {plan.hop_seconds:.4f} s, the nearest number of frames to {hop:g} s", err=True)
    with progress_bar("embed", "files") as on_progress:
        summary = embed(
            recordings_of(places, layout=layout),
            out,
            model=model or SHIPPED,
            plan=plan,
            name=loaded.name,
            half=half,
            workers=processes,
            device=str(chosen),
            threads=max(1, num_cores() // processes) if on_cpu else None,
            engine=engine,
            address=address,
            on_progress=on_progress,
        )
    for refusal in summary.refused:
        click.echo(f"refused: {refusal.message}", err=True)
    vectors = ", ".join(f"{name} {kind}" for name, kind in summary.columns.items())
    click.echo(
        f"{out}: {summary.num_windows} windows of {plan.window_seconds:g} s every {plan.hop_seconds:g} s; "
        f"{summary.embedded} files embedded, {summary.reused} already there, {len(summary.refused)} refused; {vectors}"
    )
    return 3 if summary.refused else 0
