"""`avts demo`: what it hands to the demo, and what it prints."""

from pathlib import Path
from typing import Any

import pytest

from avts import demo as demo_module
from avts.cli import main
from avts.demo import DemoSize


def run(*words: object) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(["demo", *map(str, words)])
    return int(stopped.value.code or 0)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Stands in for the demo; what it was asked for."""
    found: dict[str, Any] = {}

    class Demo:
        def __init__(self, out: Path, **options: Any) -> None:
            found.update(options, out=out)

        def run(self) -> dict[str, Any]:
            return {"auc": {"easy": 0.97, "hard": 0.5}, "accuracy": {"mixed": 0.9}, "seconds": {"total": 61.0}}

    monkeypatch.setattr(demo_module, "Demo", Demo)
    return found


def test_without_options_it_is_the_whole_demo(asked: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert run() == 0
    assert asked["size"] == DemoSize()
    assert asked["recipe"] is None
    assert asked["out"] == Path("runs/demo")
    table = capsys.readouterr().out
    assert "pass" in table
    assert "miss" in table
    assert table.endswith("report: runs/demo/report.html\nnumbers: runs/demo/result.json\nmodel: runs/demo/run\n")


def test_scale_and_seed_are_handed_on_with_four_videos_at_least(asked: dict[str, Any]) -> None:
    assert run("--scale", 0.02, "--seed", 7, "--out", "elsewhere", "--recipe", "my.toml") == 0
    full = DemoSize()
    assert asked["size"] == DemoSize(
        train=round(full.train * 0.02), validation=4, test=4, shifted=4, seed=7, seconds=full.seconds, size=full.size
    )
    assert asked["recipe"] == Path("my.toml")


@pytest.mark.parametrize("words", [("--scale", 0), ("--seed", -1)])
def test_numbers_out_of_range_end_with_2(words: tuple[object, ...], asked: dict[str, Any]) -> None:
    assert run(*words) == 2
    assert not asked


def test_a_missing_recipe_and_a_file_in_the_way_end_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--out", tmp_path / "d", "--recipe", tmp_path / "gone.toml") == 2
    assert capsys.readouterr().err.startswith(f"avts: {tmp_path / 'gone.toml'}: no such recipe. ")
    (tmp_path / "file").write_text("x")
    assert run("--out", tmp_path / "file") == 2
    assert capsys.readouterr().err == f"avts: {tmp_path / 'file'}: is a file, not a folder. Choose another --out\n"
    assert not (tmp_path / "d").exists()
