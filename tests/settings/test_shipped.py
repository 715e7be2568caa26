"""Recipes by name: what a name means, what a file hides, and what an unknown one says."""

from pathlib import Path

import pytest

from avts.errors import SettingsError
from avts.finetune.recipe import FinetuneRecipe, read_finetune_recipe
from avts.settings import Recipe, find_recipe, read_recipe, shipped_recipes
from avts.settings.shipped import recipe_names, summary_of

RECIPES = Path(__file__).parents[2] / "recipes"


def test_names_are_those_of_the_files_of_the_repository() -> None:
    every = {path.relative_to(RECIPES).with_suffix("").as_posix() for path in RECIPES.rglob("*.toml")}
    folders = {"", *(path.name for path in RECIPES.iterdir() if path.is_dir())}
    assert set(recipe_names(sorted(folders))) == every


@pytest.mark.parametrize(
    ("name", "folders", "file"),
    [
        ("demo", ("",), "demo.toml"),
        ("demo.toml", ("",), "demo.toml"),
        ("recipes/demo.toml", ("",), "demo.toml"),
        ("table1/easy", ("",), "table1/easy.toml"),
        ("recipes/table1/easy.toml", ("",), "table1/easy.toml"),
        ("easy", ("", "table1"), "table1/easy.toml"),
        ("small", FinetuneRecipe.folders, "finetune/small.toml"),
        ("actions", FinetuneRecipe.folders, "finetune/actions.toml"),
        ("downstream/actions", FinetuneRecipe.folders, "downstream/actions.toml"),
    ],
)
def test_a_name_is_found_from_anywhere(
    name: str, folders: tuple[str, ...], file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_recipe(Path(name), folders) == shipped_recipes() / file


def test_a_file_goes_before_a_name_and_a_folder_does_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo").mkdir()
    assert find_recipe(Path("demo"), ("",)) == shipped_recipes() / "demo.toml"
    (tmp_path / "demo.toml").write_text('[[curriculum]]\nname = "mine"\nepochs = 1\n')
    assert read_recipe(Path("demo.toml")).curriculum[0].name == "mine"
    assert read_recipe(Path("demo")).curriculum[0].name == "easy"


def test_a_recipe_of_ones_own_extends_one_of_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text('extends = "box.toml"\n[pairs]\nbatch_size = 6\n')
    found, box = read_recipe(Path("mine.toml")), read_recipe(Path("box"))
    assert found.pairs.batch_size == 6
    assert found.model == box.model
    (tmp_path / "box.toml").write_text("[model]\nframe_size = 32\n" + '[[curriculum]]\nname = "x"\nepochs = 1\n')
    assert read_recipe(Path("mine.toml")).model.frame_size == 32, "a file beside it goes first"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("dem", "dem: no such recipe; did you mean 'demo'? Give a TOML file, or a name: adapt, box, demo, "),
        ("table1/eesy.toml", "table1/eesy.toml: no such recipe; did you mean 'table1/easy'? "),
        ("xyzzy", "xyzzy: no such recipe. Give a TOML file, or a name: "),
        ("/gone/demo.toml", "/gone/demo.toml: no such recipe. "),
        ("../demo", "../demo: no such recipe"),
    ],
)
def test_an_unknown_name_names_the_nearest(
    name: str, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SettingsError) as error:
        find_recipe(Path(name), Recipe.folders)
    assert str(error.value).startswith(said)
    assert "`avts recipe list` shows all" in str(error.value)


def test_each_kind_names_its_own() -> None:
    with pytest.raises(SettingsError, match="a name: finetune/actions, finetune/hmdb51, "):
        read_finetune_recipe(Path("xyzzy"))


def test_a_summary_is_the_first_sentence_of_the_comment(tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text("# One (Korbar et al. 2018),\n# and more. Two.\n\n# Three.\n[model]\n")
    assert summary_of(tmp_path / "r.toml") == "One (Korbar et al. 2018), and more."
    (tmp_path / "r.toml").write_text("[model]\n# no comment before it\n")
    assert summary_of(tmp_path / "r.toml") == ""
    assert all(summary_of(path) for path in RECIPES.rglob("*.toml"))
