"""`avts synth`."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from avts.cli import main
from avts.world.take import WorldSummary


def run(*words: str) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(["synth", *words])
    assert isinstance(stopped.value.code, int)
    return stopped.value.code


def test_synth_writes_a_world_and_says_so_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "w"
    words = [str(out), "--videos", "2", "--seed", "3", "--size", "32", "--seconds", "0.5", "--kinds", "clap, rain"]
    assert run(*words) == 0
    assert capsys.readouterr().out == f"{out}: 2 videos made, 0 reused\n"
    assert sorted(path.name[6:] for path in out.glob("*.mp4")) == ["clap.mp4", "rain.mp4"]
    assert run(*words, "--workers", "1") == 0
    assert capsys.readouterr().out == f"{out}: 0 videos made, 2 reused\n"


def test_synth_passes_the_shift_on(tmp_path: Path) -> None:
    assert run(str(tmp_path / "w"), "--videos", "1", "--size", "32", "--seconds", "0.5", "--max-shift", "0.4") == 0
    offset = (tmp_path / "w" / "labels.csv").read_text().splitlines()[1].split(",")[4]
    assert 0 < abs(float(offset)) <= 0.4


def test_synth_makes_scenes_that_rest(tmp_path: Path) -> None:
    assert run(str(tmp_path / "w"), "--videos", "1", "--size", "32", "--seconds", "2", "--scenes", "resting") == 0
    (truth,) = (tmp_path / "w").glob("*_*.json")
    assert "rest_seconds" in truth.read_text()


def test_synth_makes_rich_scenes(tmp_path: Path) -> None:
    words = ["--videos", "1", "--size", "32", "--seconds", "0.5", "--scenes", "rich", "--kinds", "talker"]
    assert run(str(tmp_path / "w"), *words) == 0
    assert '"scenes": "rich"' in (tmp_path / "w" / "world.json").read_text()
    assert run(str(tmp_path / "v"), *words[:-4]) == 0


def test_synth_takes_a_ray_cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given: dict[str, Any] = {}

    def remember(out: Path, **arguments: Any) -> WorldSummary:
        given.update(arguments)
        return WorldSummary(1, 0, out)

    monkeypatch.setattr("avts.world.writer.write_world", remember)
    words = ["--videos", "1", "--engine", "ray", "--address", "head:6379", "--workers", "7"]
    assert run(str(tmp_path / "w"), *words) == 0
    assert (given["engine"], given["address"], given["workers"]) == ("ray", "head:6379", 7)


def test_a_ray_cluster_makes_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason="Ray is an extra: pip install -e '.[ray]'")
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    made = []
    for engine in ("local", "ray"):
        out = tmp_path / engine
        words = ["synth", str(out), "--videos", "3", "--size", "32", "--seconds", "0.5", "--max-shift", "0.2"]
        command = [sys.executable, "-m", "avts", *words, "--workers", "1", "--engine", engine]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        assert done.stdout == f"{out}: 3 videos made, 0 reused\n"
        made.append({path.name: path.read_bytes() for path in out.iterdir()})
    assert len(made[0]) == 3 + 3 + 2
    assert made[0] == made[1]


def test_synth_refuses_with_status_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(str(tmp_path / "w"), "--videos", "0") == 2
    assert "avts: a world of 0 videos was asked for." in capsys.readouterr().err
    assert run(str(tmp_path / "w"), "--videos", "1", "--address", "head:6379") == 2
    assert "address 'head:6379' needs a Ray cluster, but the engine is 'local'. Use" in capsys.readouterr().err
    assert run(str(tmp_path / "w"), "--videos", "1", "--kinds", "bal") == 2
    assert "did you mean 'ball'?" in capsys.readouterr().err


def test_every_way_to_make_scenes_can_be_chosen() -> None:
    from avts.cli.synth import command
    from avts.world.take import KINDS_OF

    (scenes,) = (option for option in command.params if option.name == "scenes")
    assert list(scenes.type.choices) == list(KINDS_OF)  # type: ignore[attr-defined]
