import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch

from avts.cli import main
from avts.media.writer import pcm_of
from avts.model.checkpoint import build_model, save_model
from fixtures_training import tiny_recipe


@pytest.fixture
def run(tmp_path: Path) -> Path:
    recipe = tiny_recipe()
    torch.manual_seed(1)
    save_model(tmp_path / "run", build_model(recipe.model), recipe, {"step": 0})
    return tmp_path / "run"


def write_wav(path: Path, seconds: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(16_000)
        file.writeframes(pcm_of(np.random.default_rng(0).normal(0, 0.1, round(16_000 * seconds))).tobytes())


def test_a_bad_file_costs_a_line_and_exit_status_3(tmp_path: Path, run: Path, capsys: Any) -> None:
    write_wav(tmp_path / "in" / "rain" / "a.wav", 2.0)
    (tmp_path / "in" / "bad.mp4").write_text("no film")
    out = tmp_path / "f.parquet"
    words = ["embed", str(tmp_path / "in"), "--model", str(run), "--out", str(out)]
    with pytest.raises(SystemExit) as ended:
        main([*words, "--stage", "sound:conv5", "--pooling", "2xsd", "--hop", "0.51", "--workers", "1"])
    assert ended.value.code == 3
    printed = capsys.readouterr()
    assert "f.parquet: 3 windows of 1 s every 0.5 s; 1 files embedded, 0 already there, 1 refused" in printed.out
    assert "refused: bad.mp4: not a readable media file" in printed.err
    assert "hop: 0.5000 s, the nearest number of frames to 0.51 s" in printed.err
    schema = pq.read_schema(out)
    assert schema.field("sound_conv5").type.list_size == 32 * 2 * 2
    assert str(run).encode() in schema.metadata[b"avts.features"]


@pytest.mark.filterwarnings("default")  # Ray's own
def test_a_ray_cluster_gives_the_same_table(tmp_path: Path, run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="Ray is an extra: pip install -e '.[ray]'")
    for name in "ab":
        write_wav(tmp_path / "in" / f"{name}.wav", 1.5)
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    tables = []
    for engine in ("local", "ray"):
        out = tmp_path / f"{engine}.parquet"
        words = ["embed", str(tmp_path / "in"), "--model", str(run), "--out", str(out)]
        command = [sys.executable, "-c", "from avts.cli import main; main()", *words]
        command += ["--engine", engine, "--workers", "1"]
        subprocess.run(command, check=True, capture_output=True)
        tables.append(pq.read_table(out))
    assert tables[0]["file"].to_pylist() == tables[1]["file"].to_pylist() == ["a.wav"] * 2 + ["b.wav"] * 2
    vectors = [np.array(table["sound"].to_pylist()) for table in tables]
    assert np.abs(vectors[0] - vectors[1]).max() < 1e-4
