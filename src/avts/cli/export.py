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
@click.option(
    "--stage",
    "stages",
    multiple=True,
    help="Let the graphs give the feature maps of a conv stage too: conv5, sound:conv4, picture:conv3. Repeatable.",
)
def command(paths: tuple[Path, ...], *, form: Form, stages: tuple[str, ...]) -> int:
    """Export both towers of RUN, or of the model in the box, to the new folder OUT, for use without avts.

    The input is a window of the length that the model was trained with; towers.json describes its format. The files
    are read back and compared with the model before OUT appears.
    """
    from avts.features.towers import check_stages
    from avts.model.export import export_towers
    from avts.offset.model import load_sync_model

    if len(paths) > 2:
        raise click.UsageError(f"{len(paths)} paths were given. Give one output folder, or a run and an output folder.")
    model = load_sync_model(paths[0] if len(paths) == 2 else None)
    asked = dict(zip(("picture", "sound"), check_stages(model.network, stages), strict=True))
    found = export_towers(model.network, paths[-1], form=form, window_seconds=model.window_seconds, stages=asked)
    for path in found.files:
        click.echo(f"{path}: {path.stat().st_size / 1e6:.2f} MB")
    click.echo(f"largest difference from the model: {found.largest_difference:.1e}", err=True)
    return 0
