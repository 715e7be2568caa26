"""Requests to a store over HTTP: what is repeated, what is an error, and a server that ignores ranges."""

import time
from pathlib import Path
from typing import Any

import fsspec
import pytest

from avts.corpus import remote as module
from avts.corpus.remote import RemoteFiles
from avts.errors import CorpusError
from fixtures_http import CUT, DROPPED, TWO_MORE, Serve, Served

CONTENT = bytes(range(200))


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The waits between requests, which cost no time here."""
    waits: list[float] = []
    monkeypatch.setattr(module.time, "sleep", waits.append)
    return waits


@pytest.fixture
def served(tmp_path: Path, serve: Serve) -> Served:
    (tmp_path / "shard").write_bytes(CONTENT)
    return serve(tmp_path)


@pytest.fixture
def files(served: Served) -> RemoteFiles:
    return RemoteFiles(served.url)


def test_files_come_whole_and_by_ranges(files: RemoteFiles, served: Served) -> None:
    assert files.whole("shard") == CONTENT
    assert files.part("shard", 20, 5) == CONTENT[20:25]
    assert files.part("shard", 190, 50) == CONTENT[190:]
    assert files.whole("gone") is None
    assert served.asked == [("shard", None), ("shard", "bytes=20-24"), ("shard", "bytes=190-239"), ("gone", None)]


@pytest.mark.parametrize("fault", [500, 503, 429, 408, CUT])
def test_what_may_pass_is_asked_again_after_waits_that_grow(
    fault: int | str, files: RemoteFiles, served: Served, waited: list[float]
) -> None:
    served.faults[:] = [fault] * 3
    assert files.part("shard", 20, 5) == CONTENT[20:25]
    served.faults[:] = [fault] * 2
    assert files.whole("shard") == CONTENT
    assert waited == [0.5, 1.0, 2.0, 0.5, 1.0]


@pytest.mark.parametrize(
    ("fault", "reason"),
    [(503, "503, message='Service Unavailable'"), (CUT, "Response payload is not completed")],
)
def test_what_does_not_pass_is_one_error(
    fault: int | str, reason: str, files: RemoteFiles, served: Served, waited: list[float]
) -> None:
    served.faults[:] = [fault] * 8
    with pytest.raises(CorpusError) as raised:
        files.part("shard", 20, 5)
    assert str(raised.value).startswith(f"{served.url}: its shard shard cannot be read ({reason}")
    assert str(raised.value).endswith("). Check the store, and try again.")
    with pytest.raises(CorpusError) as raised:
        files.whole("shard")
    assert str(raised.value).startswith(f"{served.url}: its shard cannot be read ({reason}")
    assert str(raised.value).endswith("). Check the address and your permissions.")
    assert len(served.asked) == 8
    assert not served.faults


def test_a_connection_that_ends_without_an_answer_is_made_again(
    files: RemoteFiles, served: Served, waited: list[float]
) -> None:
    served.faults[:] = [DROPPED] * 3  # aiohttp repeats some of these itself
    assert files.part("shard", 20, 5) == CONTENT[20:25]
    assert waited
    served.faults[:] = [DROPPED] * 50
    with pytest.raises(CorpusError, match=r"its shard shard cannot be read \(Server disconnected\)"):
        files.part("shard", 20, 5)


@pytest.mark.parametrize("status", [401, 403, 410])
def test_what_is_refused_for_good_is_asked_once(
    status: int, files: RemoteFiles, served: Served, waited: list[float]
) -> None:
    served.faults[:] = [status]
    with pytest.raises(CorpusError, match=rf"shard shard cannot be read \({status}, message="):
        files.part("shard", 0, 5)
    with pytest.raises(CorpusError, match=r"its shard gone cannot be read \(http://127.0.0.1:\d+/gone\)"):
        files.part("gone", 0, 5)
    with pytest.raises(CorpusError, match=r"its shard shard cannot be read \(416, message="):
        files.part("shard", 200, 5)
    assert len(served.asked) == 3
    assert not waited


def test_a_timeout_which_has_no_text_is_named(
    files: RemoteFiles, served: Served, waited: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    def late(*_: Any, **__: Any) -> bytes:
        raise TimeoutError

    monkeypatch.setattr(files._files, "cat_file", late)
    with pytest.raises(CorpusError, match=r"its shard shard cannot be read \(TimeoutError\)"):
        files.part("shard", 0, 5)
    assert len(waited) == 3


def test_nobody_at_the_address_is_one_error(waited: list[float]) -> None:
    with pytest.raises(CorpusError, match=r"127.0.0.1:9/c: its corpus.json cannot be read \(Connect call failed"):
        RemoteFiles("http://127.0.0.1:9/c").whole("corpus.json")
    assert len(waited) == 3


def test_an_address_that_a_file_system_refuses_is_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> None:
        raise RuntimeError("no bucket")

    monkeypatch.setattr(fsspec.core, "url_to_fs", refuse)
    with pytest.raises(CorpusError, match=r"^memory://x: cannot be opened \(no bucket\). Check the address"):
        RemoteFiles("memory://x")


def test_of_a_server_that_ignores_ranges_the_part_is_cut_out(files: RemoteFiles, served: Served) -> None:
    served.ranges = False
    assert files.part("shard", 20, 5) == CONTENT[20:25]
    assert files.part("shard", 0, 5) == CONTENT[:5]
    assert files.part("shard", 190, 50) == CONTENT[190:]


def test_other_bytes_than_requested_are_an_error(files: RemoteFiles, served: Served) -> None:
    served.faults[:] = [TWO_MORE]
    with pytest.raises(CorpusError, match=r"5 bytes of shard from 20 on were requested, 7 of its 200 were received\."):
        files.part("shard", 20, 5)


def test_the_waits_are_real(files: RemoteFiles, served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITS_SECONDS", (0.2,))
    served.faults[:] = [503]
    begun = time.monotonic()
    assert files.whole("shard") == CONTENT
    assert 0.2 <= time.monotonic() - begun < 5
