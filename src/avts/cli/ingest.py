"""avts ingest SOURCE CORPUS: convert a folder, a list, tar shards or a public data set to a corpus."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from avts.cli.progress import progress_bar
from avts.corpus.ingest import IngestSummary, ingest
from avts.corpus.shards import SHARD_BYTES
from avts.corpus.sources import LAYOUTS, source_of
from avts.jobs.pool import TIMEOUT_SECONDS, EngineName
from avts.media.limits import MAX_DECODED_BYTES, MAX_DURATION_SECONDS, MAX_PIXELS, Limits
from avts.media.standard import SHORT_SIDE

MIB = 2**20


@click.command()
@click.argument("source")
@click.argument("corpus")
@click.option("--layout", type=click.Choice(list(LAYOUTS)), help="SOURCE is a public data set in this layout.")
@click.option(
    "--list",
    "lists",
    type=click.Path(path_type=Path),
    multiple=True,
    help="The data set's own list if it is not in SOURCE; without --layout, a list of files under SOURCE. Repeatable.",
)
@click.option("--keep-mute", is_flag=True, help="Keep videos without sound; they are flagged no_audio.")
@click.option("--short-side", default=SHORT_SIDE, show_default=True, help="Short side of the pictures in pixels; even.")
@click.option("--workers", type=click.IntRange(1), help="Number of processes.  [default: one per core]")
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="Processes of this machine, or a Ray cluster.",
)
@click.option("--address", help="Address of the Ray cluster.  [default: start one on this machine]")
@click.option("--shard-mib", default=SHARD_BYTES // MIB, show_default=True, help="Size of a shard in MiB.")
@click.option("--max-pixels", default=MAX_PIXELS, show_default=True, help="Refuse larger pictures.")
@click.option("--max-seconds", default=MAX_DURATION_SECONDS, show_default=True, help="Refuse longer files.")
@click.option(
    "--max-decoded-mib",
    default=MAX_DECODED_BYTES // MIB,
    show_default=True,
    help="Refuse files whose decoded frames take more memory, in MiB.",
)
@click.option(
    "--timeout-seconds",
    default=TIMEOUT_SECONDS,
    show_default=True,
    help="Stop a decoder that returns nothing for this long, and refuse its file.",
)
def command(
    source: str,
    corpus: str,
    layout: str | None,
    lists: tuple[Path, ...],
    engine: EngineName,
    *,
    keep_mute: bool,
    **settings: Any,
) -> int:
    """Convert SOURCE to CORPUS, in the format that training reads.

    SOURCE is a folder of videos, a CSV or Parquet list with a column 'path', a tar or a folder of tars, or with
    --layout a public data set; CORPUS is a folder. Lists, tars and CORPUS may be fsspec URLs.

    A second run takes only new files; an interrupted run is resumed. Exit status 3 if a file was refused: refused.csv
    in the corpus lists these files with the reason. Files that a list names but that do not exist are counted, and
    listed in missing.csv.
    """
    collection = source_of(source, layout=layout, lists=lists, wants="picture" if keep_mute else "both")
    with progress_bar("ingest", "files") as on_progress:
        summary = ingest(collection, corpus, engine=engine, on_progress=on_progress, **_settings(settings))
    for refusal in summary.refused:
        click.echo(f"refused: {refusal.message}", err=True)
    for note in (*summary.notes, *notes(summary)):
        click.echo(note, err=True)
    for line in in_words(summary):
        click.echo(line)
    return 3 if summary.refused else 0


def _settings(given: dict[str, Any]) -> dict[str, Any]:
    """Options as arguments of ingest."""
    limits = Limits(given.pop("max_pixels"), given.pop("max_seconds"), given.pop("max_decoded_mib") * MIB)
    return {"shard_bytes": given.pop("shard_mib") * MIB, "limits": limits, **given}


def in_words(summary: IngestSummary) -> list[str]:
    """The result as text: the content of the corpus, and which clips are not used."""
    counts = f"{summary.taken} taken, {summary.reused} already there, {len(summary.refused)} refused"
    if summary.missing:
        counts += f", {len(summary.missing)} missing"
    lines = [f"{summary.corpus}: {counts}"]
    if summary.labels_split:
        numbers = ", ".join(f"{summary.splits.get(split, 0)} {split}" for split in ("train", "validation", "test"))
        labels = f"{summary.labels_split} label{'s' * (summary.labels_split > 1)}"
        lines.append(
            f"splits: {numbers}; each of {labels} is split 80/10/10 separately, so that it is in the test split"
        )
    if summary.flagged:
        flags = ", ".join(f"{count} {flag}" for flag, count in sorted(summary.flagged.items()))
        lines.append(f"flagged: {flags} (kept but not used for pairs, except truncated and clock_breaks)")
    return lines


def notes(summary: IngestSummary) -> list[str]:
    """Warnings before training: splits without a clip."""
    empty = [split for split in ("train", "validation", "test") if not summary.splits.get(split)]
    if not empty:
        return []
    return [
        f"no clip in the split {' and '.join(empty)}: folders train/, validation/ and test/, or a column 'split' in "
        "a list, set the split; other clips are assigned by their label, or by content if the label is rare."
    ]
