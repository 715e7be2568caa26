"""A file or folder is written whole or not at all."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from avts.files import OLD_SECONDS, PREFIX, UNLOCKED_SECONDS, hidden_room, sweep, whole_file, whole_folder, write_whole


def test_a_file_takes_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "film.mp4"
    target.write_text("old")
    with whole_file(target) as path:
        path.write_text("new")
        assert target.read_text() == "old"
        assert (path.parent, path.suffix) == (tmp_path, ".mp4")
    assert target.read_text() == "new"
    assert list(tmp_path.iterdir()) == [target]


def test_a_text_is_written_in_utf_8_or_not_at_all(tmp_path: Path) -> None:
    target = tmp_path / "words.txt"
    write_whole(target, "grün")
    assert target.read_bytes() == b"gr\xc3\xbcn"
    with pytest.raises(UnicodeEncodeError):
        write_whole(target, "half\ud800")
    assert target.read_bytes() == b"gr\xc3\xbcn"
    assert list(tmp_path.iterdir()) == [target]


def test_a_failure_leaves_the_target_as_it_was_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "film.mp4"
    target.write_text("old")
    with pytest.raises(FileNotFoundError), whole_file(target) as path:
        path.with_name("gone").replace(path)
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_a_name_as_long_as_the_disk_allows_can_be_written(tmp_path: Path) -> None:
    target = tmp_path / ("ä" * 125 + ".mp4")
    assert len(os.fsencode(target.name)) == 254
    with whole_file(target) as path:
        path.write_text("x")
    assert target.read_text() == "x"


def test_a_written_file_has_the_rights_of_any_other(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("")
    with whole_file(tmp_path / "whole") as path:
        path.write_text("")
    assert (tmp_path / "whole").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_folder_takes_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "model"
    with whole_folder(target) as path:
        (path / "weights").write_text("w")
        assert not target.exists()
    assert [file.name for file in target.iterdir()] == ["weights"]
    with pytest.raises(FileNotFoundError), whole_folder(tmp_path / "other") as path:
        (path / "weights").write_text((path / "gone").read_text())
    assert list(tmp_path.iterdir()) == [target]


def test_a_folder_that_holds_something_is_not_replaced(tmp_path: Path) -> None:
    target = tmp_path / "model"
    target.mkdir()
    (target / "mine").write_text("")
    with pytest.raises(OSError, match="not empty"), whole_folder(target):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


WRITE_AND_WAIT = """
import sys, time
from pathlib import Path
from avts.files import hidden_room, whole_file
folder = Path(sys.argv[1])
with whole_file(folder / "film.mp4") as path, hidden_room(folder) as room:
    path.write_text("half")
    (room / "film.mp4").write_text("half")
    print("writing", flush=True)
    time.sleep(60)
"""


def test_what_a_killed_process_left_is_removed_and_what_a_living_one_writes_is_not(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", WRITE_AND_WAIT, str(tmp_path)], stdout=subprocess.PIPE) as writer:
        assert writer.stdout is not None
        writer.stdout.readline()
        left = list(tmp_path.iterdir())
        assert len(left) == 2
        assert all(path.name.startswith(PREFIX) for path in left)
        make_old(2 * OLD_SECONDS, *left)
        sweep(tmp_path)
        assert sorted(tmp_path.iterdir()) == sorted(left)
        writer.kill()
        writer.wait()
    with hidden_room(tmp_path) as room:
        assert list(tmp_path.iterdir()) == [room]
    assert not list(tmp_path.iterdir())


def make_old(seconds: float, *paths: Path) -> None:
    for path in paths:
        os.utime(path, (time.time() - seconds, time.time() - seconds))


def test_a_room_goes_with_all_that_is_left_in_it(tmp_path: Path) -> None:
    def fail(room: Path) -> None:
        (room / "film.mp4").write_text("half")
        raise ValueError("no film")

    with pytest.raises(ValueError, match="no film"), hidden_room(tmp_path) as room:
        fail(room)
    assert not list(tmp_path.iterdir())


def test_on_a_drive_without_locks_leftovers_go_after_a_day(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "no locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    young, old = tmp_path / f"{PREFIX}young", tmp_path / f"{PREFIX}old"
    for path in (young, old):
        path.mkdir()
    make_old(0.9 * UNLOCKED_SECONDS, young)
    make_old(1.1 * UNLOCKED_SECONDS, old)
    sweep(tmp_path)
    assert list(tmp_path.iterdir()) == [young]


def test_a_fresh_hidden_file_is_left_alone(tmp_path: Path) -> None:
    fresh = tmp_path / f"{PREFIX}0123.mp4"
    fresh.write_text("somebody has just made it and not locked it yet")
    sweep(tmp_path)
    assert fresh.exists()
