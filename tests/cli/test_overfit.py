"""`avts overfit`: what it prints, and its exit status."""

import json
from pathlib import Path

import pytest

from avts.cli import main
from avts.corpus.corpus import Corpus
from fixtures_training import TINY_TOML


def run(*words: object) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(["overfit", *map(str, words)])
    return int(stopped.value.code or 0)


def test_a_batch_that_is_learned_ends_with_0_and_one_that_is_not_with_3(
    small_corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str], one_thread: None
) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text(TINY_TOML.replace("1e-3", "3e-3"))
    assert run(recipe, "--data", small_corpus.path, "--steps", 300, "--device", "cpu") == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[-1].startswith("The batch was learned:")
    assert "device: cpu (as asked)" in said.err
    recipe.write_text(TINY_TOML.replace("1e-3", "1e-9"))
    assert run(recipe, "--data", small_corpus.path, "--steps", 5, "--json") == 3
    record = json.loads(capsys.readouterr().out)
    assert not record["learned"]
    likely = {reason["name"]: reason for reason in record["reasons"] if reason["likely"]}
    assert list(likely) == ["learning rate"]
    assert record["reasons"][-1]["figures"]["share_near_0"] == 1  # the corpus itself is in step
    assert not list(tmp_path.glob("overfit*"))


def test_what_is_wrong_with_the_call_ends_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "none.toml", "--data", tmp_path) == 2
    assert "no such recipe" in capsys.readouterr().err
    assert run(tmp_path / "none.toml", "--data", tmp_path, "--steps", 0) == 2
