"""`avts sync` on files that kill, hang or confuse their decoder: each costs its own line."""

import csv
import json
import os
from pathlib import Path
from typing import Any

import pytest

from avts.cli import main
from avts.cli import sync_processes as module
from avts.cli.sync_file import Answer, Options, Worker
from avts.errors import MediaError
from avts.jobs.pool import Crashed, OrderedPool
from avts.offset.model import SyncModel
from avts.report.sync_text import UNKNOWN

WORKER = """
import ctypes, os, signal
from avts.cli.sync_file import Answer

def make_worker(options, on_progress=None):
    with open(os.environ["LOADED"], "a") as file:
        file.write("x")
    return Worker()

class Worker:
    def answer(self, path):
        if path.stem == "segfault":
            ctypes.string_at(0)
        if path.stem == "killed":
            os.kill(os.getpid(), signal.SIGKILL)
        if path.stem == "odd":
            raise ValueError("nobody expected this")
        record = {"file": str(path), "offset_seconds": 0.1, "in_words": "x", "segments": []}
        record |= {"confidence": 0.5, "least_confidence": 0.4}
        return Answer(record, f"{path}: fine", row={"file": str(path)})
"""


@pytest.fixture
def answering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Worker processes whose model is made up: names of files say what becomes of the process."""
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "worker_of_test.py").write_text(WORKER)
    (tmp_path / "modules" / "answering_of_test.py").write_text(
        "from avts.cli import sync_processes\nimport worker_of_test\n\n\n"
        "class Answering(sync_processes.Answering):\n"
        "    def __call__(self, path, alive):\n"
        "        sync_processes.make_worker = worker_of_test.make_worker\n"
        "        return super().__call__(path, alive)\n"
    )
    monkeypatch.syspath_prepend(tmp_path / "modules")
    monkeypatch.setenv("LOADED", str(tmp_path / "loaded"))
    monkeypatch.delenv(module.HERE, raising=False)
    import answering_of_test  # type: ignore[import-not-found]

    monkeypatch.setattr(module, "Answering", answering_of_test.Answering)
    return tmp_path / "loaded"


def put(folder: Path, *names: str) -> list[str]:
    for name in names:
        (folder / name).write_text("film")
    return [str(folder / name) for name in names]


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["sync", *map(str, arguments)])
    assert isinstance(stop.value.code, int)
    return stop.value.code


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_file_that_kills_its_process_costs_its_own_line(
    tmp_path: Path, answering: Path, capsys: pytest.CaptureFixture[str], jobs: int
) -> None:
    names = put(tmp_path, "a.mp4", "segfault.mp4", "b.mp4", "killed.mp4", "odd.mp4", "c.mp4")
    assert run(*names, "--jobs", jobs, "--csv", tmp_path / "all.csv", "--html", tmp_path / "all.html") == 3
    out, err = capsys.readouterr()
    assert [line.split(": ")[1] for line in out.splitlines()] == ["fine"] * 3
    assert "segfault.mp4: it crashed its decoder (SIGSEGV). Re-encode it." in err
    assert "killed.mp4: its process was killed (SIGKILL), perhaps for lack of memory. Use fewer processes" in err
    assert "odd.mp4: could not be measured (ValueError: nobody expected this)" in err
    with (tmp_path / "all.csv").open(newline="") as file:
        assert [row["file"] for row in csv.DictReader(file)] == names
    assert all(name in (tmp_path / "all.html").read_text() for name in names)
    assert len(answering.read_text()) <= jobs + 2, "the model is loaded once in each process"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (Options(None), {"model": "the model in the box", "within_limits": None}),
        (Options(Path("runs/mine")), {"model": "runs/mine", "within_limits": None}),
        (Options(None, method="motion", only_repair=True), {"model": "motion"}),
        (Options(None, offset_seconds=0.1, only_repair=True), {"model": None}),
    ],
)
def test_the_record_of_a_file_that_kills_its_process_has_the_fields_of_every_other(
    monkeypatch: pytest.MonkeyPatch, options: Options, expected: dict[str, object]
) -> None:
    def refuse(_: Worker, path: Path, *_frames: object) -> None:
        raise MediaError(f"{path}: no such file")

    monkeypatch.setattr(Worker, "_measure", refuse)
    found = module.lost_answer(Path("a.mp4"), Crashed(-11), options)
    unknown = {} if options.offset_seconds is not None else UNKNOWN
    assert found.record == {"file": "a.mp4", **unknown, "error": found.messages[0], **expected}
    network: Any = None
    model = SyncModel(network, 1.0, str(expected["model"])) if options.method == "model" else None
    other = Worker(options, model).answer(Path("nowhere.mp4"))
    assert set(other.record) - {"error", "repaired", "repair_error"} == set(found.record) - {"error"}
    assert other.record["model"] == expected["model"]


def test_a_name_that_is_not_utf_8_is_written_with_escapes(
    tmp_path: Path, answering: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = os.fsdecode(bytes(tmp_path) + b"/caf\xe9.mp4")
    Path(name).write_text("film")
    outs = ["--csv", tmp_path / "all.csv", "--html", tmp_path / "all.html"]
    assert run(name, *put(tmp_path, "a.mp4"), *outs, "--json") == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["file"] == f"{tmp_path}/caf\\xe9.mp4"
    assert second["file"] == f"{tmp_path}/a.mp4"
    assert f"{tmp_path}/caf\\xe9.mp4" in (tmp_path / "all.csv").read_text("utf-8")
    assert "caf\\xe9.mp4" in (tmp_path / "all.html").read_text("utf-8")


def test_a_report_that_cannot_be_written_leaves_the_one_before(
    tmp_path: Path, answering: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "all.csv").write_text("before")
    monkeypatch.setattr(module, "shown", lambda answer: Answer(answer.record, row={"file": "\udce9"}))
    with pytest.raises(UnicodeEncodeError):
        main(["sync", *put(tmp_path, "a.mp4"), "--csv", str(tmp_path / "all.csv")])
    assert (tmp_path / "all.csv").read_text() == "before"
    assert not list(tmp_path.glob(".avts*"))


def test_the_signal_that_ended_a_process_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Pool(OrderedPool[Path, Answer]):
        def run(self, tasks):  # type: ignore[no-untyped-def]
            yield from ((task, Crashed(-6)) for task in tasks)

    monkeypatch.delenv(module.HERE, raising=False)
    monkeypatch.setattr(module, "OrderedPool", Pool)
    (found,) = module.answers_to([tmp_path / "a.mp4"], Options(None), jobs=1)
    assert found.messages == [f"{tmp_path}/a.mp4: it crashed its decoder (SIGABRT). Re-encode it."]
    assert found.failed
