"""`avts recipe`, and recipes by name in the commands that take one."""

from pathlib import Path

import pytest

from avts.cli import main
from avts.corpus.corpus import Corpus


def run(*words: object) -> int:
    with pytest.raises(SystemExit) as stopped:
        main([*map(str, words)])
    return int(stopped.value.code or 0)


def test_the_list_says_what_each_is_for_by_the_command_that_takes_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("recipe", "list") == 0
    blocks = capsys.readouterr().out.split("\n\n")
    assert [block.splitlines()[0] for block in blocks] == ["avts train", "avts finetune", "avts probe sounds"]
    (demo,) = (line for line in blocks[0].splitlines() if line.split()[0] == "demo")
    assert demo.endswith(
        "The demo's recipe: a small MC3 net on 48 x 48 pixels of change, for two CPU cores and a few minutes."
    )
    assert "  finetune/small " in blocks[1]


def test_train_lists_its_recipes_without_a_recipe_or_corpus(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", "--list-recipes") == 0
    names = [line.split()[0] for line in capsys.readouterr().out.splitlines()]
    assert names[:5] == ["adapt", "box", "demo", "l3net-still", "paper"]
    assert "table1/easy-then-mixed" in names
    assert "finetune/small" not in names


def test_show_prints_a_recipe_with_what_it_extends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("recipe", "show", "adapt") == 0
    said = capsys.readouterr().out
    assert "span_seconds = 2.5\n" in said, "its own"
    assert "temperature = 0.1\n" in said, "of box.toml"
    assert "ema_decay = 0.0\n" in said, "a default"
    assert run("recipe", "show", "adabt") == 2
    assert "adabt: no such recipe; did you mean 'adapt'?" in capsys.readouterr().err


def test_a_name_is_trained_and_the_run_is_named_for_recipe_and_corpus(
    small_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "runs" / f"demo-{small_corpus.path.name}").mkdir(parents=True)
    (tmp_path / "runs" / f"demo-{small_corpus.path.name}" / "model.json").touch()
    assert run("train", "demo", "--data", small_corpus.path) == 2
    said = capsys.readouterr().err
    assert f"run: runs/demo-{small_corpus.path.name} (default of --out)\n" in said
    assert "already holds a finished run" in said


def test_a_network_is_found_by_the_name_of_its_recipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("model", "demo") == 0
    assert "together: 0.72 M parameters" in capsys.readouterr().out
    assert run("model", "mc7") == 2
    said = capsys.readouterr().err
    assert "mc7: no such network, recipe or run. Networks: mc2, mc3, " in said
    assert "recipes: adapt, box, demo" in said
