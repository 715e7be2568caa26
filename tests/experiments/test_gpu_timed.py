"""The runs for the day that a card is at hand: each leaves what it has found, whatever becomes of it."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest

from avts.cli import group
from avts.settings import read_recipe

GPU = Path(__file__).parents[2] / "experiments" / "gpu"


def script(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, GPU / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # a data class looks its module up
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def timed(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.setitem(sys.modules, "timed", ModuleType("timed"))  # to be taken back at the end
    module = script("timed")
    monkeypatch.setattr(module, "END_SECONDS", 2.0)
    return module


def found(out: Path) -> dict[str, dict[str, str]]:
    values: dict[str, dict[str, str]] = json.loads((out / "trial.json").read_text())
    return values


def test_each_command_is_in_the_file_as_soon_as_it_is_done(timed: ModuleType, tmp_path: Path) -> None:
    run = timed.Run("trial", tmp_path, 1.0)
    assert run.command("one", [sys.executable, "-c", "print(6 * 7)"]) == "42\n"
    assert found(tmp_path)["one"]["status"] == "exit status 0"
    run.command("two", [sys.executable, "-c", "raise SystemExit('no card')"])
    assert found(tmp_path)["two"]["status"] == "exit status 1"
    assert found(tmp_path)["two"]["stderr"] == "no card\n"
    assert found(tmp_path)["one"]["stdout"] == "42\n"


def test_a_command_that_takes_too_long_is_asked_to_end_and_may_say_what_it_has(
    timed: ModuleType, tmp_path: Path
) -> None:
    code = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (print('saved'), sys.exit(0)))\n"
        "print('begun', flush=True)\n"
        "time.sleep(60)"
    )
    run = timed.Run("trial", tmp_path, 7 / 60)
    assert run.command("long", [sys.executable, "-c", code]) == "begun\nsaved\n"
    assert found(tmp_path)["long"]["status"] == "asked to end: the time was over"
    run.command("late", [sys.executable, "-c", "print(1)"], keep_seconds=10)
    assert found(tmp_path)["late"] == {"status": "not begun: no time left"}


def test_the_newest_model_is_the_finished_one_or_the_best_so_far(timed: ModuleType, tmp_path: Path) -> None:
    assert timed.newest_model(tmp_path) == tmp_path
    for name in ("checkpoints/step-000010", "checkpoints/best-000005"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "model.json").write_text("{}")
    assert timed.newest_model(tmp_path).name == "best-000005"
    (tmp_path / "model.json").write_text("{}")
    assert timed.newest_model(tmp_path) == tmp_path


@pytest.mark.parametrize("size", [(), ("--smallest", "--device", "cpu")])
@pytest.mark.parametrize("name", ["check", "step", "box", "paper"])
def test_the_commands_of_a_run_parse_and_its_recipes_are_read(
    timed: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, size: tuple[str, ...]
) -> None:
    parsed: list[str] = []

    def parse(_: object, __: str, words: list[object], *, keep_seconds: float = 0.0) -> str:
        assert keep_seconds < 540
        if words[: len(timed.AVTS)] == timed.AVTS:
            command, *rest = map(str, words[len(timed.AVTS) :])
            found = group.get_command(click.Context(group), command)
            assert found is not None
            found.make_context(command, list(rest))  # it takes words out of the list
            parsed.append(command)
            if command == "train":
                read_recipe(Path(rest[0]))
        return ""

    monkeypatch.setattr(timed.Run, "command", parse)
    corpus = [str(tmp_path / "corpus")] if name == "paper" else []
    monkeypatch.setattr(sys, "argv", [name, str(tmp_path), *corpus, *size])
    script(name).main()
    assert json.loads((tmp_path / f"{name}.json").read_text())["done"] is True
    assert ("train" in parsed) is (name != "step")
