"""`avts export`: what it prints, and that the window is the one that the run was trained with."""

import json
from pathlib import Path

import pytest
import torch

from avts.api import load
from avts.cli import main
from avts.model.checkpoint import build_model, save_model
from avts.settings import Recipe, recipe_from


def small_recipe(clip_seconds: float) -> Recipe:
    model = {"video_width": 4, "audio_width": 8, "frame_size": 32, "hidden": 16, "embedding": 8}
    model |= {"picture_input": "change", "head": "temporal"}
    values = {"model": model, "pairs": {"clip_seconds": clip_seconds}, "curriculum": [{"name": "easy", "epochs": 1}]}
    return recipe_from(values, name="test")


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["export", *map(str, arguments)])
    assert isinstance(stop.value.code, int)
    return stop.value.code


def test_export_writes_windows_of_the_length_trained_with(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.set_num_threads(1)
    recipe = small_recipe(0.5)
    save_model(tmp_path / "run", build_model(recipe.model), recipe, {})
    assert run(tmp_path / "run", tmp_path / "out", "--format", "torch") == 0
    out, err = capsys.readouterr()
    assert [Path(line.split(":")[0]).name for line in out.splitlines()] == ["picture.pt2", "sound.pt2", "towers.json"]
    assert "largest difference from the model: " in err
    assert json.loads((tmp_path / "out" / "towers.json").read_text())["window_seconds"] == 0.5


def test_without_a_run_the_model_in_the_box_is_exported(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.set_num_threads(1)
    assert run(tmp_path / "out", "--format", "torch") == 0
    towers = json.loads((tmp_path / "out" / "towers.json").read_text())
    assert towers["window_seconds"] == load().window_seconds
    program = torch.export.load(tmp_path / "out" / "sound.pt2").module()
    samples = torch.randn(2, 16_000) * 0.1
    box = load().network
    box.low_precision = False
    with torch.no_grad():
        torch.testing.assert_close(program(samples), box.embed_sounds(samples), atol=1e-4, rtol=0)


def test_a_stage_is_given_by_the_tower_that_it_is_asked_of(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    torch.set_num_threads(1)
    recipe = small_recipe(0.5)
    save_model(tmp_path / "run", build_model(recipe.model), recipe, {})
    asked = ["--stage", "conv5", "--stage", "sound:conv4"]
    assert run(tmp_path / "run", tmp_path / "out", "--format", "torch", *asked) == 0
    towers = json.loads((tmp_path / "out" / "towers.json").read_text())["towers"]
    named = {name: [entry["name"] for entry in tower["stages"]] for name, tower in towers.items()}
    assert named == {"picture": ["conv5"], "sound": ["conv5", "conv4"]}
    assert run(tmp_path / "run", tmp_path / "none", "--stage", "conv9") == 2
    assert "unknown stage 'conv9'; the stages are picture: conv1, " in capsys.readouterr().err


def test_more_than_a_run_and_a_folder_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("a", "b", tmp_path / "c") == 2
    assert "3 paths were given. Give one output folder, or a run and an output folder." in capsys.readouterr().err


def test_a_run_that_is_not_there_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "none", tmp_path / "out") == 2
    assert "none: no such model folder" in capsys.readouterr().err
