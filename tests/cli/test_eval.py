"""`avts eval`: a table or JSON on stdout, and one line for what is missing."""

import json
from pathlib import Path

import pytest
import torch

from avts.cli import main
from avts.corpus.corpus import Corpus
from avts.model.checkpoint import build_model, save_model
from fixtures_training import tiny_recipe


def run(*words: object) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(["eval", *map(str, words)])
    return int(stopped.value.code or 0)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_model(tmp_path / "run", build_model(tiny_recipe().model), tiny_recipe(), {"step": 0})
    return tmp_path / "run"


def test_json_is_one_valid_object_on_stdout(
    model: Path,
    small_corpus: Corpus,
    capsys: pytest.CaptureFixture[str],
    one_thread: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("avts.cli.progress.QUIET_SECONDS", 0.0)
    assert run(model, "--data", small_corpus.path, "--rounds", 1, "--json") == 0
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 1
    found = json.loads(said.out, parse_constant=pytest.fail)
    assert found["num_pairs"]["positive"] == 4
    assert found["kinds"]["super_hard"]["auc"]["value"] is None
    assert "evaluating" in said.err


def test_the_table_has_a_row_for_each_kind(
    model: Path, small_corpus: Corpus, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = {"value": 0.75, "low": 0.5, "high": 1.0}
    kinds = {name: {"auc": measured, "accuracy": measured} for name in ("easy", "mixed", "hard", "super_hard")}
    asked = {}

    def evaluate(_: object, corpus: Corpus, pairs: object, **options: object) -> dict[str, object]:
        asked.update(options, pairs=pairs, corpus=corpus.path)
        return {"threshold": 0.432, "kinds": kinds, "num_pairs": {"easy": 1234}}

    monkeypatch.setattr("avts.evaluation.evaluate.evaluate", evaluate)
    assert run(model, "--data", small_corpus.path, "--rounds", 7) == 0
    table = capsys.readouterr().out
    assert table.count("0.750 (0.500 to 1.000)") == 8
    assert "1,234" in table
    assert "threshold on the distance: 0.432 (fitted on validation videos)" in table
    assert asked["rounds"] == 7
    assert asked["pairs"] == tiny_recipe().pairs
    assert asked["corpus"] == small_corpus.path


def test_what_is_missing_is_told_in_one_line(
    model: Path, small_corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gone = tmp_path / "gone"
    assert run(gone, "--data", small_corpus.path) == 2
    assert capsys.readouterr().err.startswith(f"avts: {gone}: no such model folder. ")
    assert run(model, "--data", gone) == 3
    assert f"avts: {gone}: no such corpus. " in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / "empty", "--data", small_corpus.path) == 3
    assert capsys.readouterr().err.startswith(f"avts: {tmp_path / 'empty'}: no model.json in it. ")
    (model / "model.json").write_text("{}")
    assert run(model, "--data", small_corpus.path) == 3
    said = capsys.readouterr()
    assert said.err.startswith(f"avts: {model}/model.json: not an avts model. ")
    assert said.err.count("\n") == 1
    assert not said.out
    assert run(model, "--data", small_corpus.path, "--rounds", 0) == 2
