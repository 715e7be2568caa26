import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from avts.cli import main
from avts.media.writer import write_video
from avts.model.checkpoint import build_model, save_model
from fixtures_training import tiny_recipe


def call(*words: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(words))
    return int(ended.value.code or 0)


def test_a_file_finds_itself_by_its_own_embedding_and_recall_is_printed(tmp_path: Path, capsys: Any) -> None:
    recipe = tiny_recipe()
    for name, seed in (("run", 1), ("other", 2)):
        torch.manual_seed(seed)
        save_model(tmp_path / name, build_model(recipe.model), recipe, {"step": 0})
    random = np.random.default_rng(0)
    (tmp_path / "in").mkdir()
    for name in "ab":
        frames = random.integers(0, 255, (36, 32, 64, 3), np.uint8)
        write_video(tmp_path / "in" / f"{name}.mp4", frames, random.normal(0, 0.1, 24_000).astype(np.float32))
    table, run = str(tmp_path / "f.parquet"), str(tmp_path / "run")
    assert call("embed", str(tmp_path / "in"), "--model", run, "--out", table, "--workers", "1") == 0
    capsys.readouterr()
    assert call("retrieve", table, "--evaluate") == 0
    printed = capsys.readouterr().out
    assert "sound by picture" in printed
    assert "25.0 %" in printed  # chance at 1 of 4 windows
    query = str(tmp_path / "in" / "a.mp4")
    assert call("retrieve", table, "--model", run, "--query", query, "--by", "sound", "--json") == 0
    hits = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert sorted(hit["file"] for hit in hits) == ["a.mp4", "b.mp4"]
    assert hits[0]["distance"] <= hits[1]["distance"]
    assert call("retrieve", table, "--model", str(tmp_path / "other"), "--query", query) == 2
    assert f"was written by {run}, not by {tmp_path / 'other'}" in capsys.readouterr().err
    assert call("retrieve", table) == 2
    assert "give either --query FILE or --evaluate" in capsys.readouterr().err
