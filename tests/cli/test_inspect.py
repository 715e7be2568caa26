"""`avts inspect`: from a run and a corpus to a page."""

import json
from pathlib import Path

import pytest
import torch

from avts.cli import main
from avts.corpus.corpus import Corpus
from avts.model.checkpoint import build_model, save_model
from fixtures_training import tiny_recipe


def inspect(*words: object) -> int:
    with pytest.raises(SystemExit) as stopped:
        main(["inspect", *map(str, words)])
    return int(stopped.value.code or 0)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("run")
    recipe = tiny_recipe()
    torch.manual_seed(1)
    save_model(folder, build_model(recipe.model), recipe, {"step": 0})
    return folder


def test_a_page_pictures_and_numbers_are_written(
    run: Path, small_corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "deep" / "look"
    options = ("--seconds", 2, "--channels", 3, "--each", 2)
    assert inspect(run, "--data", small_corpus.path, "--out", out, *options, "--split", "train") == 0
    said = capsys.readouterr().out
    names = ["channels-picture.png", "channels-sound.png", "channels.json", "index.html", "map.png"]
    assert sorted(path.name for path in out.iterdir()) == names
    assert all(str(out / name) in said for name in names)
    page = (out / "index.html").read_text()
    assert "8 clips of" in page
    assert "laid out by t-SNE" in page
    assert "src=" not in page
    numbers = json.loads((out / "channels.json").read_text(), parse_constant=pytest.fail)
    assert len(numbers["towers"]["sound"]["channels"]) == 32
    assert len(numbers["towers"]["picture"]["channels"]) == 32
    strongest = numbers["towers"]["sound"]["channels"][0]["strongest"]
    assert len({each["clip"] for each in strongest}) == len(strongest)
    assert all(0.5 <= each["seconds"] < 2.5 for each in strongest), "the middle 2 of 3 s"
    assert numbers["map"]["seed"] == 0


def test_two_runs_tell_the_same_numbers(
    run: Path, small_corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str], one_thread: None
) -> None:
    told = []
    for name in ("a", "b"):
        words = ("--data", small_corpus.path, "--out", tmp_path / name, "--seconds", 1, "--channels", 1, "--each", 1)
        assert inspect(run, *words, "--split", "all", "--clips", 5, "--json", "--seed", 7) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert told[0] == told[1]
    assert told[0]["about"]["num_clips"] == 5
    assert told[0]["map"]["seed"] == 7


def test_a_clip_that_cannot_be_read_is_told_once_and_ends_with_3(
    run: Path, small_corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from avts.errors import CorpusError

    bad, sound = small_corpus.select("test", usable=False)[0].key, Corpus.sound

    def broken(self, clip, span):  # type: ignore[no-untyped-def]
        if clip.key == bad:
            raise CorpusError(f"clip {bad}: damaged.")
        return sound(self, clip, span)

    monkeypatch.setattr(Corpus, "sound", broken)
    words = ("--data", small_corpus.path, "--out", tmp_path / "out", "--seconds", 1, "--channels", 1, "--each", 1)
    assert inspect(run, *words) == 3
    said = capsys.readouterr()
    assert said.err.count("damaged. The clip is skipped.") == 1
    assert "3 clips of" in (tmp_path / "out" / "index.html").read_text()
    assert "no map: a map needs 4 windows of each tower; there are 3 of picture, 3 of sound." in said.out


def test_what_cannot_be_done_is_told_before_anything_is_read(
    run: Path, small_corpus: Corpus, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("x")
    assert inspect(run, "--data", small_corpus.path, "--out", tmp_path / "file") == 2
    assert "file: is a file, not a folder." in capsys.readouterr().err
    assert inspect(tmp_path / "gone", "--data", small_corpus.path, "--out", tmp_path / "o") == 2
    assert "gone: no such model folder" in capsys.readouterr().err
    assert inspect(run, "--data", tmp_path, "--out", tmp_path / "o") == 3
    assert "not a corpus" in capsys.readouterr().err
    recipe = tiny_recipe(pairs={"clip_seconds": 2.0})
    save_model(tmp_path / "long", build_model(recipe.model), recipe, {"step": 0})
    assert inspect(tmp_path / "long", "--data", small_corpus.path, "--out", tmp_path / "o", "--seconds", 1.5) == 2
    assert "--seconds 1.5: the model needs windows of 2 s." in capsys.readouterr().err
    assert not (tmp_path / "o").exists()
