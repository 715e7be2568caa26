"""A small share of `make endurance`: damaged files, a few kills, and that the judges see what must not be."""

import json
import os
import signal
from collections import Counter
from pathlib import Path

import pytest

from benchmarks.endurance.client import Client, Reply
from benchmarks.endurance.damaged import Chunk, _check_written, _noted
from benchmarks.endurance.journal import Journal, num_faults, summary
from benchmarks.endurance.kills import kill_ingest, kill_repair
from benchmarks.endurance.mutate import KINDS, mutant
from benchmarks.endurance.nursery import Nursery
from benchmarks.formats.film import Film, write_film

CHEAP = Film(video="mpeg4", audio="pcm_s16le")


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    folder = tmp_path_factory.mktemp("whole")
    for name in ("a.avi", "b.mkv", "c.mov"):
        write_film(folder / name, CHEAP)
    return sorted(folder.iterdir())


def test_a_number_always_makes_the_same_damage_and_every_kind_comes(sources: list[Path]) -> None:
    made = [mutant(number, sources) for number in range(60)]
    assert [each.data for each in made] == [mutant(number, sources).data for number in range(60)]
    assert Counter(each.kind for each in made) == dict.fromkeys(KINDS, 15)
    whole = {path.name: path.read_bytes() for path in sources}
    assert all(each.data != whole[each.source] for each in made if each.kind == "truncated")
    assert all(len(each.data) == len(whole[each.source]) for each in made if each.kind == "header")


def test_damaged_files_are_repaired_or_refused_and_nothing_else(sources: list[Path], tmp_path: Path) -> None:
    """60 files by the function alone; what is written is whole, what is refused leaves nothing."""
    films, out, chunk = tmp_path / "films", tmp_path / "out", Chunk()
    films.mkdir()
    out.mkdir()
    client = Client(tmp_path / "log")
    try:
        for number in range(60):
            each = mutant(number, sources)
            (films / each.name).write_bytes(each.data)
            request = {"repair": [str(films / each.name), str(out / each.name), 0.1]}
            reply = client.ask(request, seconds=60)
            assert not reply.hung
            assert reply.died is None, (each.name, reply)
            assert reply.peak_mb < 2048
            assert (out / each.name).exists() == (reply.status == 0), each.name
    finally:
        client.close()
    assert {path.name for path in out.iterdir()} <= {path.name for path in films.iterdir()}
    assert len(list(out.iterdir())) >= 10
    _check_written(films, out, "sync", chunk)
    assert not chunk.faults


def test_a_process_that_dies_or_hangs_is_told_and_replaced(tmp_path: Path) -> None:
    client = Client(tmp_path / "log")
    try:
        assert client.ask({"words": ["--version"]}, seconds=60).status == 0
        assert client._process is not None
        os.kill(client._process.pid, signal.SIGSTOP)
        assert client.ask({"words": ["--version"]}, seconds=0.2).hung
        assert client.ask({"words": ["nonsense"]}, seconds=60).status == 2
        assert client._process is not None
        os.kill(client._process.pid, signal.SIGSEGV)
        assert client.ask({"words": ["--version"]}, seconds=60).died == signal.SIGSEGV
        assert "KeyError" in client.ask({"neither": 1}, seconds=60).exception
    finally:
        client.close()


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(status=0, peak_mb=100), None),
        (Reply(status=3, peak_mb=100), None),
        (Reply(status=2), "exit status 2"),
        (Reply(died=11), "ended by signal 11"),
        (Reply(hung=True, seconds=61), "no answer in 61 s"),
        (Reply(status=0, peak_mb=3000), "3000 MB held"),
        (Reply(exception="Traceback\nValueError: x"), "exception: ValueError: x"),
    ],
)
def test_what_must_not_be_of_a_commands_end(reply: Reply, words: str | None) -> None:
    chunk = Chunk()
    _noted(chunk, "sync", "a.mp4", reply, allowed=(0, 3))
    assert [words in fault.words for fault in chunk.faults if words] == ([True] if words else [])
    assert bool(chunk.faults) == bool(words)


def test_a_file_that_is_left_or_lacks_packets_is_a_fault(sources: list[Path], tmp_path: Path) -> None:
    films, out, chunk = tmp_path / "films", tmp_path / "out", Chunk()
    films.mkdir()
    out.mkdir()
    data = sources[1].read_bytes()
    (films / "b.mkv").write_bytes(data)
    (out / "b.mkv").write_bytes(data[: len(data) // 2])
    (out / ".b.part.mkv").write_bytes(b"")
    _check_written(films, out, "repair", chunk)
    assert chunk.faults[0].words == "left behind"
    assert any("packets before" in fault.words for fault in chunk.faults)


def test_a_file_in_the_container_that_a_repair_falls_back_to_is_no_fault(sources: list[Path], tmp_path: Path) -> None:
    films, out, chunk = tmp_path / "films", tmp_path / "out", Chunk()
    films.mkdir()
    out.mkdir()
    (films / "b.avi").write_bytes(sources[1].read_bytes())
    (out / "b.mkv").write_bytes(sources[1].read_bytes())
    _check_written(films, out, "sync", chunk)
    assert not chunk.faults
    assert chunk.counts["sync: read back"] == 1


def test_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    nursery = Nursery(tmp_path / "log", ["avts.cli.ingest", "avts.offset.repair"])
    try:
        taken = kill_ingest(nursery, tmp_path / "ingest", 2, films=2, on_kill=lambda _: None)
        moved = kill_repair(nursery, tmp_path / "repair", 2, seconds=8.0, on_kill=lambda _: None)
    finally:
        nursery.close()
    assert (taken.kills, taken.faults) == (2, [])
    assert taken.whole >= 1
    assert moved.kills == 2
    assert not [fault for fault in moved.faults if "not whole" in fault or "changed" in fault]


def test_a_journal_goes_on_after_a_torn_line_and_counts_faults(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    journal = Journal(path)
    fault = {"step": "sync", "file": "x.mp4", "words": "exit status 1"}
    journal.add({"kind": "damaged", "first": 24, "files": 24, "counts": {"sync: refused": 3}, "faults": [fault],
                 "peak_mb": 300.0, "seconds": 9.0})  # fmt: skip
    journal.add({"kind": "kills", "what": "repair", "kills": 10, "whole": 4, "left": 0, "faults": []})
    with path.open("a") as file:
        file.write(json.dumps({"kind": "damaged"})[:9])
    again = Journal(path)
    assert again.chunks() == {24}
    assert again.kills("repair") == 10
    assert num_faults(again.lines) == 1
    assert "1 x sync: exit status 1" in summary(again.lines)
