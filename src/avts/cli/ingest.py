"""avts ingest FOLDER CORPUS: take a folder of video files into a corpus."""

from __future__ import annotations

from pathlib import Path

import click

from avts.cli.progress import progress_bar
from avts.corpus.ingest import IngestSummary, ingest
from avts.media.standard import SHORT_SIDE


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.argument("corpus", type=click.Path(path_type=Path))
@click.option("--short-side", default=SHORT_SIDE, show_default=True, help="Short side of the pictures in pixels, even.")
@click.option("--workers", type=click.IntRange(1), help="Processes; one a core if left out.")
def command(folder: Path, corpus: Path, short_side: int, workers: int | None) -> int:
    """Take all video files of FOLDER and its sub-folders into CORPUS, in the form that training reads.

    Run again, it takes only what is new; stopped or killed, it goes on where it was. Exit status 3 if a file was
    refused: refused.csv in the corpus says which and why.
    """
    with progress_bar("ingest", "files") as on_progress:
        summary = ingest(folder, corpus, short_side=short_side, workers=workers, on_progress=on_progress)
    for refusal in summary.refused:
        click.echo(f"refused: {refusal.message}", err=True)
    for line in in_words(summary):
        click.echo(line)
    return 3 if summary.refused else 0


def in_words(summary: IngestSummary) -> list[str]:
    """The result for people: what is in the corpus now, and what of it is not used."""
    counts = f"{summary.taken} taken, {summary.reused} already there, {len(summary.refused)} refused"
    lines = [f"{summary.corpus}: {counts}"]
    if summary.flagged:
        flags = ", ".join(f"{count} {flag}" for flag, count in sorted(summary.flagged.items()))
        lines.append(f"flagged: {flags} (no_audio, silent and still clips are kept but not used)")
    return lines
