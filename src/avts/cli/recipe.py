"""`avts recipe`: list the bundled recipes, or print one in full with every key explained."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click


@click.group(name="recipe")
def command() -> None:
    """List the bundled recipes, or print one in full with defaults and explanations."""


@command.command(name="list")
def listing() -> int:
    """List the recipes with their purpose, grouped by the command that takes them."""
    from avts.finetune.recipe import FinetuneRecipe
    from avts.probe.protocol import ProbeRecipe
    from avts.settings import AnyRecipe, Recipe

    kinds: dict[str, type[AnyRecipe]] = {
        "avts train": Recipe,
        "avts finetune": FinetuneRecipe,
        "avts probe sounds": ProbeRecipe,
    }
    parts = [f"{taker}\n{recipes_text(kind.folders)}" for taker, kind in kinds.items()]
    click.echo("\n\n".join(parts))
    return 0


@command.command(name="show")
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option(
    "--base",
    type=click.Path(path_type=Path),
    metavar="RECIPE",
    help="Recipe that it extends, instead of the one that it names.",
)
def show(recipe: Path, *, base: Path | None) -> int:
    """Print RECIPE in full: with inherited settings and all defaults, each key explained.

    RECIPE is a TOML file, or the name of a bundled recipe. The output is itself a valid recipe that extends no other.
    """
    from avts.finetune.recipe import FinetuneRecipe
    from avts.probe.protocol import ProbeRecipe
    from avts.settings import Recipe, kind_of, read_settings
    from avts.settings.explained import explained_recipe

    kind = kind_of(recipe, (Recipe, FinetuneRecipe, ProbeRecipe))
    click.echo(explained_recipe(read_settings(recipe, kind, base=base)))
    return 0


def recipes_text(folders: tuple[str, ...]) -> str:
    """The recipes in some of the package's folders, one per line: name and purpose."""
    from avts.settings.shipped import recipe_names, shipped_recipes, summary_of

    names = recipe_names(folders)
    longest = max(map(len, names))
    return "\n".join(f"  {name:{longest}}  {summary_of(shipped_recipes() / f'{name}.toml')}" for name in names)


def print_train_recipes(context: click.Context, _: object, asked: Any) -> None:
    """Callback of `avts train --list-recipes`."""
    if asked and not context.resilient_parsing:
        from avts.settings import Recipe

        click.echo(recipes_text(Recipe.folders))
        context.exit(0)
