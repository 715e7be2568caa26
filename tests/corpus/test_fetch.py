import importlib
import io
import re
import sys
import tomllib
from pathlib import Path
from typing import Any, BinaryIO

import fsspec
import pytest

from avts.corpus.corpus import Corpus
from avts.corpus.fetch import PACKAGES, REMOTE_EXTRA, FetchError, check_protocol, ending_of, fetched, name_of, open_url
from avts.corpus.item import Media, Member
from avts.corpus.transcode import Task, transcode
from avts.errors import UsageError
from avts.jobs.refusal import Refusal, plain


def bring(media: Media, folder: Path) -> tuple[str, bytes]:
    with fetched(media, folder / "7", lambda: None) as path:
        return path.name, path.read_bytes()


def test_a_path_stays_and_all_else_is_copied_for_as_long_as_it_is_read(tmp_path: Path) -> None:
    (tmp_path / "in.bin").write_bytes(b"0123456789")
    fsspec.filesystem("memory").pipe("/of-fetch/x.MP4", b"abc")
    assert bring(tmp_path / "in.bin", tmp_path) == ("in.bin", b"0123456789")
    assert bring("memory://of-fetch/x.MP4", tmp_path) == ("7.source.mp4", b"abc")
    assert bring(Member(tmp_path / "in.bin", 2, 5, "../../y.mkv"), tmp_path) == ("7.source.mkv", b"23456")
    assert bring(lambda: io.BytesIO(b"opened"), tmp_path) == ("7.source", b"opened")
    assert [path.name for path in tmp_path.iterdir()] == ["in.bin"]


def test_only_a_short_plain_ending_of_a_name_is_kept() -> None:
    names = ["a.mp4", "a.MKV?token=/../x", "a./../b", "a.mp4/..", ".." + "." * 50, "a.abcdefghi", "a"]
    assert [ending_of(name) for name in names] == [".mp4", ".mkv", "", "", "", "", ""]
    assert name_of("https://x/y/a.mp4") == "a.mp4"


class Breaking(io.BytesIO):
    def read(self, *_: Any) -> bytes:
        raise RuntimeError("connection reset")


def test_what_cannot_be_brought(tmp_path: Path) -> None:
    def closed() -> BinaryIO:
        raise PermissionError(13, "Permission denied")

    def breaking() -> BinaryIO:
        return Breaking()

    (tmp_path / "cut.tar").write_bytes(b"0123")
    for media, message in (
        (f"local://{tmp_path}/gone.mp4", r"gone.mp4: cannot be opened \(No such file"),
        (closed, r"closed: cannot be opened \(Permission denied\)"),
        (breaking, r"breaking: could not be read completely \(connection reset\). Run the same command again"),
        (Member(tmp_path / "cut.tar", 2, 5, "a/b.mp4"), r"b.mp4: its tar is truncated, 3 bytes are missing"),
    ):
        with pytest.raises(FetchError, match=message):
            bring(media, tmp_path)
    with pytest.raises(FetchError, match=r"gone: cannot be opened"):
        open_url(tmp_path / "gone")
    with pytest.raises(UsageError, match=r"nosuch://x: nosuch:// cannot be opened"):
        check_protocol("nosuch://x")


@pytest.mark.parametrize(
    ("protocol", "package", "message"),
    [
        ("http", "aiohttp", r"^http://host/x: http:// needs aiohttp, not installed here\. Install.*'\.\[remote\]'$"),
        ("https", "aiohttp", r"https:// needs aiohttp, not installed here\. Install.*'\.\[remote\]'$"),
        ("s3", "s3fs", r"^s3://host/x: s3:// needs s3fs, not installed here\. Install it: pip install s3fs$"),
        ("gs", "gcsfs", r"gs:// needs gcsfs, not installed here\. Install it: pip install gcsfs$"),
        ("dropbox", "dropboxdrivefs", r"dropbox:// needs a package that is not installed here: .*dropboxdrivefs"),
    ],
)
def test_a_protocol_without_its_package_names_what_to_install(
    protocol: str, package: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.delitem(sys.modules, "fsspec.implementations.http", raising=False)
    registry = importlib.import_module("fsspec.registry")
    monkeypatch.setattr(registry, "registry", {})
    monkeypatch.setattr(registry, "_registry", {})
    with pytest.raises(UsageError, match=message):
        check_protocol(f"{protocol}://host/x")
    with pytest.raises(UsageError, match=message):
        Corpus.open(f"{protocol}://host/x")


def test_the_extra_of_remote_stores_is_that_of_the_project() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    declared = [re.match(r"[\w-]+", each) for each in project["optional-dependencies"]["remote"]]
    assert tuple(found[0] for found in declared if found) == REMOTE_EXTRA
    assert set(REMOTE_EXTRA) <= set(PACKAGES.values())


def test_a_copys_refusal_names_the_file_as_its_owner_does(tmp_path: Path) -> None:
    fsspec.filesystem("memory").pipe("/of-fetch/talk.mp4", b"no film")
    for url, reason, message in (
        ("memory://of-fetch/talk.mp4", "unreadable", "talk.mp4: not a readable media file"),
        ("memory://of-fetch/gone.mp4", "missing", "memory://of-fetch/gone.mp4: cannot be opened"),
    ):
        made: Any = transcode(Task(url, "x", tmp_path / "0", 16))
        assert isinstance(made, Refusal)
        assert made.reason == reason
        assert made.message.startswith(message)


def test_names_that_would_move_the_cursor_are_shown_as_escapes() -> None:
    assert plain("a\x1b[31m\nb 日本") == "a\\x1b[31m\\nb 日本"
