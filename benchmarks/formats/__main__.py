"""`python -m benchmarks.formats --out DIR`: what avts reads, repairs and refuses, file by file."""

from __future__ import annotations

import json
import tempfile
from contextlib import ExitStack
from pathlib import Path

import click

from avts.cli.progress import progress_bar
from benchmarks.formats.table import formats_page
from benchmarks.formats.trial import cases, run

_path = click.Path(path_type=Path, file_okay=False)


@click.command(name="formats")
@click.option("--out", type=_path, required=True, help="Folder of the page formats.md.")
@click.option(
    "--only", multiple=True, metavar="WORD", help="Only files whose name holds this; may be given several times."
)
@click.option(
    "--group", type=click.Choice(["structure", "matrix"]), help="Only structures, or only container and codec."
)
@click.option("--json", "as_json", is_flag=True, help="Write every answer to formats.jsonl, too.")
@click.option("--work", type=_path, help="Make the files in this folder.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1), help="Processes.")
def main(
    out: Path, *, only: tuple[str, ...], group: str | None, as_json: bool, work: Path | None, workers: int
) -> None:
    """Make every file, ask avts to read, repair and resample it, and write what came of it to DIR/formats.md."""
    chosen = [case.name for case in cases().values() if group in (None, case.group)]
    names = [name for name in chosen if not only or any(word in name for word in only)]
    out.mkdir(parents=True, exist_ok=True)
    rows = []
    with ExitStack() as stack:
        on_progress = stack.enter_context(progress_bar("formats", "files"))
        folder = work or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        lines = stack.enter_context((out / "formats.jsonl").open("w", encoding="utf-8")) if as_json else None
        done: set[str] = set()
        for row in run(folder, names, workers):
            rows.append(row)
            if lines is not None:
                print(json.dumps(row.as_json()), file=lines, flush=True)
            done.add(row.case)
            on_progress(len(done), len(names))
    (out / "formats.md").write_text(formats_page(rows), encoding="utf-8")
    click.echo(f"{out / 'formats.md'}: {len(rows)} answers of {len(names)} files")


if __name__ == "__main__":
    main()
