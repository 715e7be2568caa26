"""`avts export`: both towers as ONNX or torch.export files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from avts.model.export import Form


@click.command(name="export")
@click.argument("paths", nargs=-1, required=True, metavar="[RUN] OUT", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["onnx", "torch"]), default="onnx", show_default=True)
def command(paths: tuple[Path, ...], *, form: Form) -> int:
    """Write both towers of RUN, or of the model in the box, into the new folder OUT, for programs without avts.

    They take windows of the length that they were trained with; towers.json says in what form. The files are read back
    and compared with the model before OUT appears.
    """
    from avts.model.export import export_towers
    from avts.offset.model import load_sync_model

    if len(paths) > 2:
        raise click.UsageError(f"One folder to write, or a run and a folder: {len(paths)} were given.")
    model = load_sync_model(paths[0] if len(paths) == 2 else None)
    found = export_towers(model.network, paths[-1], form=form, window_seconds=model.window_seconds)
    for path in found.files:
        click.echo(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
    click.echo(f"largest difference from the model: {found.largest_difference:.1e}", err=True)
    return 0
