"""--device: every command that runs networks has it, and hands it on."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from avts.cli import group, main
from avts.cli.sync_file import Options, Worker, make_worker
from avts.errors import UsageError
from avts.model.threads import ThreadChoice
from avts.offset import model as model_module
from avts.offset.model import SyncModel

NAMES = (
    "train", "eval", "sync", "repair", "embed", "probe sounds", "finetune actions", "finetune sounds",
    "finetune multimodal", "app", "overfit", "inspect", "retrieve",
)  # fmt: skip


def command_of(words: str) -> click.Command:
    found: click.Command = group
    for word in words.split():
        assert isinstance(found, click.Group)
        made = found.get_command(click.Context(found), word)
        assert made is not None, words
        found = made
    return found


@pytest.mark.parametrize("name", NAMES)
def test_a_command_that_runs_networks_says_alike_which_devices_it_takes(name: str) -> None:
    options = [each for each in command_of(name).params if each.name == "device"]
    assert len(options) == 1
    assert isinstance(options[0], click.Option)
    assert options[0].default == "auto"
    assert "cuda:1 ... or mps" in (options[0].help or "")


def test_eval_clips_has_it_too() -> None:
    from avts.cli.clips import command

    assert any(each.name == "device" for each in command.params)


def test_the_device_of_sync_reaches_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def load(_: object, *, device: str, say: object) -> SyncModel:
        asked.append(device)
        raise UsageError("not there")

    monkeypatch.setattr(model_module, "load_sync_model", load)
    with pytest.raises(UsageError, match="not there"):
        make_worker(Options(None, device="cuda:3"))
    assert asked == ["cuda:3"]


def test_a_device_that_is_not_there_is_said_once_and_nothing_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AVTS_ONE_PROCESS", "1")
    film = tmp_path / "film.mp4"
    film.write_bytes(b"nothing")
    with pytest.raises(SystemExit) as stop:
        main(["sync", str(film), "--device", "cuda:99"])
    assert stop.value.code == 2
    assert capsys.readouterr().err.count("device 'cuda:99' cannot be used (") == 1


def test_verbose_says_what_was_chosen_and_the_threads_of_each_film(
    tmp_path: Path, made_model: dict[str, object]
) -> None:
    early, late = tmp_path / "early.mp4", tmp_path / "late.mp4"
    for film in (early, late):
        film.write_text("film")
    model = SyncModel(None, 1.0, "a model", threads=ThreadChoice((1, 2)))  # type: ignore[arg-type]
    device, threads = "device: cpu (no CUDA device found)", "threads: 1 of up to 2 (too little work so far to try more)"
    worker = Worker(Options(None, verbose=True), model, choices=[device])
    assert worker.answer(early).messages == [device, f"{early}: {threads}"]
    assert worker.answer(late).messages == [f"{late}: {threads}"]
    assert Worker(Options(None), model, choices=[device]).answer(early).messages == []
    assert made_model["model"] == "a model"
