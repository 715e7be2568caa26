"""`avts export`: both towers as ONNX or torch.export files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from avts.model.export import Form


@click.command(name="export")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--format", "form", type=click.Choice(["onnx", "torch"]), default="onnx", show_default=True)
def command(run: Path, out: Path, *, form: Form) -> int:
    """Write both towers of RUN into the new folder OUT, for programs that do not have avts.

    They take windows of the length that RUN was trained with; towers.json says in what form. The files are read back
    and compared with the model before OUT appears.
    """
    from avts.model.checkpoint import load_model, read_header
    from avts.model.export import export_towers

    recipe, _ = read_header(run)
    found = export_towers(load_model(run), out, form=form, window_seconds=recipe.pairs.clip_seconds)
    for path in found.files:
        click.echo(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
    click.echo(f"largest difference from the model: {found.largest_difference:.1e}", err=True)
    return 0
