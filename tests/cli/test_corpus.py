"""Every command that opens a corpus takes a URL, and says what is neither a folder nor a URL."""

import json
from pathlib import Path

import click
import pyarrow.parquet as parquet
import pytest
import torch

from avts.cli import COMMANDS, group, main
from avts.cli.corpus import CorpusType
from avts.corpus.corpus import Corpus
from avts.evaluation.evaluate import evaluate
from avts.model.checkpoint import build_model, load_model, save_model
from fixtures_http import Serve, Served
from fixtures_training import TINY_TOML, tiny_recipe

QUICK = TINY_TOML.replace("epochs = 2", "epochs = 1")


def run(*words: object) -> int:
    with pytest.raises(SystemExit) as stopped:
        main([str(word) for word in words])
    return int(stopped.value.code or 0)


@pytest.fixture
def served(small_corpus: Corpus, serve: Serve) -> Served:
    return serve(small_corpus.path)


@pytest.fixture
def trained(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_model(tmp_path / "run", build_model(tiny_recipe().model), tiny_recipe(), {"step": 0})
    return tmp_path / "run"


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    (tmp_path / "tiny.toml").write_text(QUICK)
    return tmp_path / "tiny.toml"


def both(capsys: pytest.CaptureFixture[str], small_corpus: Corpus, served: Served, *words: object) -> list[str]:
    """What a command prints for the corpus in its folder and at its URL."""
    said = []
    for place in (small_corpus.path, served.url):
        assert run(*(place if word == "CORPUS" else word for word in words)) == 0
        said.append(capsys.readouterr().out)
    assert served.asked
    return said


def test_eval_and_overfit_give_the_same_of_a_url(
    capsys: pytest.CaptureFixture[str], small_corpus: Corpus, served: Served, trained: Path, recipe: Path,
    one_thread: None,
) -> None:  # fmt: skip
    assert run("eval", trained, "--data", served.url, "--json", "--rounds", "1") == 0
    found = evaluate(load_model(trained), small_corpus, tiny_recipe().pairs, rounds=1, workers=0)
    assert json.loads(capsys.readouterr().out) == json.loads(json.dumps(found))
    words = ("overfit", recipe, "--data", "CORPUS", "--steps", "2", "--device", "cpu", "--json")
    for place in (small_corpus.path, served.url):
        assert run(*(place if word == "CORPUS" else word for word in words)) == 3  # two steps learn nothing
    local, remote = capsys.readouterr().out.splitlines()
    assert json.loads(local)["losses"] == json.loads(remote)["losses"]


def test_train_names_the_run_after_the_url(
    capsys: pytest.CaptureFixture[str], served: Served, recipe: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    name = served.url.removeprefix("http://")
    assert run("train", recipe, "--data", f"{served.url}/", "--device", "cpu") == 0
    assert capsys.readouterr().out == f"runs/tiny-{name}: trained 4 steps on 8 videos\n"


def test_doctor_show_and_embed_take_a_url(
    capsys: pytest.CaptureFixture[str], small_corpus: Corpus, served: Served, trained: Path, tmp_path: Path
) -> None:
    local, remote = map(json.loads, both(capsys, small_corpus, served, "doctor", "CORPUS", "--json"))
    assert (remote["kind"], remote["path"]) == ("corpus", served.url)
    assert all(local[key] == remote[key] for key in ("items", "decoded", "flags", "windows"))
    key, windows = small_corpus.clips[0].key, []
    for word in both(capsys, small_corpus, served, "show", "CORPUS", key, "--out", tmp_path / "a.png", "--json"):
        windows.append(json.loads(word)["windows"])
    assert windows[0] == windows[1]
    tables = []
    for name, place in (("local", small_corpus.path), ("remote", served.url)):
        out = tmp_path / f"{name}.parquet"
        served.asked.clear()
        assert run("embed", place, "--model", trained, "--out", out, "--workers", "1", "--device", "cpu") == 0
        tables.append(parquet.read_table(out))
    assert tables[0].equals(tables[1])
    assert [name for name, _ in served.asked].count("manifest.parquet") == 2, "once here and once in the worker"


COMMANDS_OF_A_CORPUS = [
    ["train", "RECIPE"],
    ["overfit", "RECIPE"],
    ["eval", "RUN"],
    ["inspect", "RUN", "--out", "OUT"],
    ["finetune", "actions", "--out", "OUT", "--start", "scratch"],
    ["finetune", "sounds", "--out", "OUT", "--start", "scratch"],
    ["finetune", "multimodal", "--out", "OUT", "--start", "scratch"],
]


@pytest.mark.parametrize("words", COMMANDS_OF_A_CORPUS, ids=lambda words: " ".join(words[:2]))
def test_what_is_neither_a_folder_nor_a_url_ends_with_2_and_one_line(
    words: list[str], recipe: Path, trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    named = {"RECIPE": recipe, "RUN": trained, "OUT": tmp_path / "out"}
    assert run(*(named.get(word, word) for word in words), "--data", "http:/host/corpus") == 2
    said = capsys.readouterr().err
    assert said == "avts: http:/host/corpus: neither a folder nor a URL. Give http://host/corpus, as text.\n"


@pytest.mark.parametrize("words", [["doctor"], ["embed", "--out", "OUT"], ["probe", "sounds"], ["show", "KEY"]])
def test_other_commands_say_the_same(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = "host:8000/corpus"
    more = [str(tmp_path / "out") if word == "OUT" else word for word in words]
    assert run(*([more[0], place, *more[1:]] if more[0] != "probe" else [*more, place])) == 2
    assert "host:8000/corpus: neither a folder nor a URL. A URL begins with its protocol" in capsys.readouterr().err


def test_a_file_is_no_corpus(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("train", recipe, "--data", recipe) == 3
    said = capsys.readouterr().err
    assert said == f"avts: {recipe}: is a file; a corpus is a folder or a URL. Give that of its corpus.json.\n"


def test_every_option_that_names_a_corpus_has_the_type() -> None:
    def commands(inside: click.Group) -> list[click.Command]:
        names = inside.list_commands(click.Context(inside))
        every = [inside.get_command(click.Context(inside), name) for name in names]
        found = [each for each in every if each is not None]
        return [*found, *(each for one in found if isinstance(one, click.Group) for each in commands(one))]

    options = [each for command in commands(group) for each in command.params if "--data" in each.opts]
    assert len(options) >= len(COMMANDS_OF_A_CORPUS)
    assert all(isinstance(option.type, CorpusType) for option in options)
    assert {"train", "eval", "overfit", "inspect", "finetune"} <= COMMANDS.keys()
