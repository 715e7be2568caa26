"""The recipes of `avts probe sounds`, each run as it is over ten recordings in the layout of its data set."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avts.cli import main
from avts.probe.protocol import default_probe_recipe, read_probe_recipe
from fixtures_features import tiny_run, tone, write_wav

__all__ = ["tiny_run"]

RECIPES = sorted((Path(__file__).parents[2] / "recipes" / "probe").glob("*.toml"))


def esc50_tree(folder: Path) -> list[str]:
    rows = ["filename,fold,target,category,esc10,src_file,take"]
    for number in range(10):
        fold, low = 1 + number // 2, number % 2
        name = f"{fold}-{100 + number}-A-{low}.wav"
        write_wav(folder / "audio" / name, tone(300 if low else 2_500, 1.5, number))
        rows.append(f"{name},{fold},{low},{'cow' if low else 'siren'},False,{100 + number},A")
    (folder / "meta").mkdir()
    (folder / "meta" / "esc50.csv").write_text("\n".join(rows))
    return ["cow", "siren"]


def dcase2014_tree(folder: Path) -> list[str]:
    for number in range(10):
        part = "scenes_stereo_testset" if number >= 6 else "scenes_stereo"
        scene = ("bus", "park")[number % 2]
        write_wav(folder / part / f"{scene}{number:02}.wav", tone(300 if scene == "bus" else 2_500, 1.5, number))
    return ["bus", "park"]


@pytest.mark.parametrize(
    ("name", "make", "windows", "folds", "tested"),
    [
        ("esc50", esc50_tree, 10, [2] * 5, "5 official folds"),
        ("dcase2014", dcase2014_tree, 60, [4], "the training and the test recordings that the collection names"),
    ],
    ids=["esc50", "dcase2014"],
)
def test_the_recipe_of_a_data_set_runs_over_its_folds(
    name: str, make: Any, windows: int, folds: list[int], tested: str, tmp_path: Path, tiny_run: Path, capsys: Any
) -> None:
    classes = make(tmp_path / "set")
    recipe = default_probe_recipe(name)
    words = [str(tmp_path / "set"), "--recipe", str(recipe), "--model", str(tiny_run), "--json"]
    with pytest.raises(SystemExit) as ended:
        main(["probe", "sounds", *words])
    assert ended.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["recipe"], found["windows"], found["folds"]) == (recipe.name, windows, tested)
    assert (found["features"], found["num_recordings"]) == ("conv5, 4xsd", sum(folds))
    assert found["classes"] == classes
    assert (len(found["accuracies"]), np.sum(found["confusion"])) == (len(folds), sum(folds))
    assert found["accuracy"] > 0.7  # two heights; chance is a half


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_recipes_are_read_and_tell_their_command(path: Path) -> None:
    assert read_probe_recipe(path).classifier.name == "svm"
    head = path.read_text().split("\n\n")[0]
    assert "avts probe sounds" in head
    assert "Cost:" in head
    assert default_probe_recipe(path.stem).samefile(path)


def test_a_collection_without_a_recipe_of_its_own_takes_the_common_one() -> None:
    assert [default_probe_recipe(layout).name for layout in (None, "esc10")] == ["sounds.toml", "esc50.toml"]


def test_a_wrong_recipe_names_the_nearest_key(tmp_path: Path, capsys: Any) -> None:
    (tmp_path / "r.toml").write_text("[features]\nwindow = 8\n")
    with pytest.raises(SystemExit) as ended:
        main(["probe", "sounds", str(tmp_path), "--recipe", str(tmp_path / "r.toml")])
    assert ended.value.code == 2
    assert "unknown key 'window' in [features]; did you mean 'windows'?" in capsys.readouterr().err
