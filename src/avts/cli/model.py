"""`avts model`: the layers of a network, with shapes, parameters and multiply-adds."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from avts.errors import SettingsError, UsageError

if TYPE_CHECKING:
    from avts.model.cost import Network

SIZE, FRAMES, SECONDS, WIDTH = 112, 8, 1.0, 64
"""Default input sizes; the published figures use 8 x 112 x 112."""


@click.command(name="model")
@click.argument("name")
@click.option("--size", type=click.IntRange(1), help=f"Height and width of the pictures, pixels.  [default: {SIZE}]")
@click.option("--frames", type=click.IntRange(1), help=f"Number of pictures.  [default: {FRAMES}]")
@click.option(
    "--seconds", type=click.FloatRange(0.1), help=f"Length in seconds, instead of --frames.  [audio: {SECONDS:g}]"
)
@click.option("--width", type=click.IntRange(8), help=f"Channels of conv1.  [default: {WIDTH}, the published network]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object for each network.")
def command(
    name: str, *, size: int | None, frames: int | None, seconds: float | None, width: int | None, as_json: bool
) -> int:
    """Print the layers of NAME: outputs, parameters, multiply-adds.

    NAME is a video tower (mc2, mc3, mc4, mc5, r3d18, r2plus1d18, i3d), 'audio', a recipe (TOML or name), or the folder
    of a run; for a recipe or a run, both towers and their heads are printed for one window. No weights are needed. A
    layer's parameters include those of the batch norm that follows it; a multiply-add (MAC) is 2 FLOP.
    """
    import torch

    from avts.model.video import VIDEO_TOWERS
    from avts.report.networks import network_values, networks_text

    options = {"--size": size, "--frames": frames, "--seconds": seconds, "--width": width}
    given = [option for option, value in options.items() if value is not None]
    with torch.device("meta"):
        if name in VIDEO_TOWERS:
            _refuse(name, given, takes=("--size", "--seconds" if frames is None else "--frames", "--width"))
            networks = _video(name, size or SIZE, frames, seconds, width or WIDTH)
        elif name == "audio":
            _refuse(name, given, takes=("--seconds", "--width"))
            networks = _audio(seconds or SECONDS, width or WIDTH)
        else:
            _refuse(name, given, takes=())
            networks = _of_recipe(Path(name))
    if as_json:
        for network in networks:
            click.echo(json.dumps(network_values(network)))
    else:
        click.echo(networks_text(networks))
    return 0


def _refuse(name: str, given: list[str], *, takes: tuple[str, ...]) -> None:
    """Raise UsageError if an option was given that does not apply to a name."""
    odd = [option for option in given if option not in takes]
    if odd:
        rest = f"it accepts {', '.join(takes)}" if takes else "its sizes are set by its recipe"
        raise UsageError(f"{name}: option {odd[0]} does not apply here; {rest}")


def _video(name: str, size: int, frames: int | None, seconds: float | None, width: int) -> tuple[Network, ...]:
    from avts.model.cost import tower_network
    from avts.model.video import make_video_tower
    from avts.timebase import FRAME_RATE

    count = round(seconds * FRAME_RATE) if seconds else frames or FRAMES
    tower = make_video_tower(name, width=width)
    return (tower_network(f"{name} of width {width}", tower, (3, count, size, size)),)


def _audio(seconds: float, width: int) -> tuple[Network, ...]:
    from avts.model.audio import AudioTower
    from avts.model.cost import tower_network
    from avts.model.dense import STEPS_PER_SECOND
    from avts.settings import ModelSettings

    shape = (1, ModelSettings().filter_bands, round(seconds * STEPS_PER_SECOND))
    return (tower_network(f"audio of width {width}", AudioTower(width=width), shape),)


def _of_recipe(path: Path) -> tuple[Network, ...]:
    """The networks of a recipe, or of the recipe of a run."""
    from avts.model.checkpoint import build_model, read_header
    from avts.model.cost import model_networks
    from avts.model.video import VIDEO_TOWERS
    from avts.settings import Recipe, find_recipe, read_recipe
    from avts.settings.shipped import recipe_names

    try:
        found = path if path.is_dir() else find_recipe(path, Recipe.folders)
    except SettingsError:
        known, recipes = ", ".join((*VIDEO_TOWERS, "audio")), ", ".join(recipe_names(Recipe.folders[:1]))
        raise UsageError(f"{path}: no such network, recipe or run. Networks: {known}; recipes: {recipes}") from None
    recipe = read_header(found)[0] if found.is_dir() else read_recipe(found)
    return model_networks(build_model(recipe.model), window_seconds=recipe.pairs.clip_seconds)
