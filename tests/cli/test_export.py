"""`avts export`: what it prints, and that the window is the one that the run was trained with."""

import json
from pathlib import Path

import pytest
import torch

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


def test_a_run_that_is_not_there_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "none", tmp_path / "out") == 2
    assert "none: no such model folder" in capsys.readouterr().err
