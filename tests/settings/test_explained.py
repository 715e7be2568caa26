"""`avts recipe show`: what is printed is the same recipe, with nothing left out."""

import tomllib
from pathlib import Path

import pytest

from avts.finetune.recipe import FinetuneRecipe
from avts.probe.protocol import ProbeRecipe
from avts.settings import AnyRecipe, Recipe, kind_of, read_recipe, read_settings
from avts.settings.explained import explained_recipe, tables_of, values_of

RECIPES = Path(__file__).parents[2] / "recipes"
KINDS = (Recipe, FinetuneRecipe, ProbeRecipe)


@pytest.mark.parametrize(
    "path",
    [path for path in sorted(RECIPES.rglob("*.toml")) if not path.name.startswith("base-")],
    ids=lambda p: p.stem,
)
def test_a_recipe_that_is_printed_reads_back_to_the_same(path: Path, tmp_path: Path) -> None:
    kind = kind_of(path, KINDS)
    recipe = read_settings(path, kind)
    (tmp_path / "whole.toml").write_text(explained_recipe(recipe))
    assert read_settings(tmp_path / "whole.toml", kind) == recipe


def test_every_key_is_there_with_its_default_and_what_it_may_be() -> None:
    text = explained_recipe(read_recipe(Path("demo")))
    values = tomllib.loads(text)
    assert values["pairs"].keys() == Recipe.model_fields["pairs"].annotation.model_fields.keys()  # type: ignore[union-attr]
    lines = text.splitlines()
    above = lines[lines.index("video_width = 8") - 1]
    assert above == (
        "# channels of conv1; 64 is the published network (integer, at least 4, a multiple of 4; default 64)"
    )
    assert '# the optimiser ("sgd", "adamw"; default "sgd")' in lines
    assert text.count("[[curriculum]]") == 2


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_key_has_a_meaning(kind: type[AnyRecipe]) -> None:
    without = [
        f"[{name}] {key}"
        for name, table, _ in tables_of(kind)
        for key, field in table.model_fields.items()
        if not field.description
    ]
    assert not without


def test_lists_and_shares_say_what_each_entry_may_be() -> None:
    optimizer = dict((name, table) for name, table, _ in tables_of(FinetuneRecipe))["optimizer"]
    assert values_of(optimizer.model_fields["drops"]) == "list, each number, at least 0, at most 1"


def test_a_kind_is_told_by_its_tables(tmp_path: Path) -> None:
    assert kind_of(Path("finetune/small"), KINDS) is FinetuneRecipe
    assert kind_of(Path("esc50"), KINDS) is ProbeRecipe
    assert kind_of(Path("demo"), KINDS) is Recipe
    (tmp_path / "odd.toml").write_text("[nonsense]\nx = 1\n")
    assert kind_of(tmp_path / "odd.toml", KINDS) is Recipe
