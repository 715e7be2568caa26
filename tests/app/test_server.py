"""The page over HTTP: many films at once, in place and uploaded, cancelled, repaired; and who is answered at all."""

from __future__ import annotations

import http.client
import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest

from avts.app import server as server_module
from avts.app.films import Films
from avts.app.server import PageServer
from avts.app.work import Setup
from avts.cli import main
from avts.cli.app import _found
from avts.errors import UsageError
from avts.media.probe import probe
from avts.offset.film import FileFilm
from avts.offset.measure import measure
from avts.offset.repair import repair
from avts.world import write_world
from conftest import CountingFilm

EARLY_SECONDS = 0.25
LONG_SECONDS = 400


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an early film, one in a codec that browsers lack, a text in a film's clothes; a long film apart."""
    place = tmp_path_factory.mktemp("shelf")
    (place / "films").mkdir()
    write_world(place / "world", videos=1, seed=5, size=64, seconds=8, kinds=["mouth"], workers=1)
    (good,) = (place / "world").glob("*.mp4")
    repair(good, place / "films" / "early & <loud>.mp4", offset_seconds=-EARLY_SECONDS)
    CountingFilm(video_codec="mpeg2video", audio_codec="mp2", seconds=3.0).write(place / "films" / "old.mkv")
    (place / "films" / "letter.mp4").write_text("Dear reader, this is not a film.")
    CountingFilm(seconds=LONG_SECONDS, frames_per_second=Fraction(4), sample_rate=8_000, width=64, height=32).write(
        place / "long.mp4"
    )
    return place


@dataclass
class Page:
    """A page that is served, and its folder."""

    server: PageServer
    folder: Path

    def ask(
        self, method: str, address: str, body: bytes = b"", headers: dict[str, str] | None = None, *, key: str = ""
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and content; the address goes behind the key."""
        url = urlsplit(self.server.address)
        connection = http.client.HTTPConnection("127.0.0.1", self.server.server_address[1], timeout=60)
        with closing(connection):
            connection.request(method, f"/{key or url.path.strip('/')}/{address}", body, headers or {})
            reply = connection.getresponse()
            return reply.status, dict(reply.getheaders()), reply.read()

    def said(self, method: str, address: str, body: bytes = b"") -> Any:
        status, _, content = self.ask(method, address, body)
        found = json.loads(content)
        assert status < 300, found
        return found

    def in_place(self, path: Path) -> list[str]:
        found: list[str] = self.said("POST", "paths", json.dumps({"path": str(path)}).encode())["keys"]
        return found

    def upload(self, path: Path) -> str:
        (key,) = self.said("POST", f"films?name={quote(path.name)}", path.read_bytes())["keys"]
        return str(key)

    def job(self, key: str, kind: str = "measure") -> dict[str, Any]:
        (film,) = (film for film in self.said("GET", "films")["films"] if film["key"] == key)
        return next((job for job in film["jobs"] if job["kind"] == kind), {})

    def until(self, wanted: Callable[[dict[str, Any]], object], key: str, kind: str = "measure") -> dict[str, Any]:
        give_up = time.monotonic() + 120
        while not wanted(job := self.job(key, kind)):
            assert time.monotonic() < give_up, job
            time.sleep(0.05)
        return job

    def over(self, key: str, kind: str = "measure") -> dict[str, Any]:
        return self.until(lambda job: job and job["state"] not in ("waiting", "running"), key, kind)

    def part(self, key: str, kind: str = "measure") -> str:
        return self.ask("GET", f"films/{key}/parts/{kind}")[2].decode()


@contextmanager
def served(folder: Path, setup: Setup) -> Iterator[Page]:
    folder.mkdir()
    with closing(Films(setup, folder)) as films, PageServer(films, _found, host="127.0.0.1", port=None) as server:
        films.start()
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield Page(server, folder)
        server.shutdown()


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    with served(tmp_path_factory.mktemp("page") / "films", Setup(method="motion")) as found:
        yield found


@pytest.fixture
def idle(tmp_path: Path) -> Iterator[Page]:
    """A page that measures nothing, for requests that are refused."""
    with PageServer(Films(Setup(method="motion"), tmp_path), _found, host="127.0.0.1", port=None) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        yield Page(server, tmp_path)
        server.shutdown()


def by_command(path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    """What `avts sync` says of a film, without its name."""
    monkeypatch.setenv("AVTS_ONE_PROCESS", "1")
    with pytest.raises(SystemExit):
        main(["sync", "--method", "motion", str(path)])
    caught = capsys.readouterr()
    line = caught.out.strip() or caught.err.strip().removeprefix("avts: ")
    return line.removeprefix(f"{path}: ").removeprefix(f"{path.name}: ")


def test_a_folder_is_measured_in_place_in_the_words_of_the_command_and_one_bad_file_ends_nothing(
    page: Page, shelf: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = page.in_place(shelf / "films")
    assert len(keys) == 3
    early, letter, old = keys  # by name
    assert [page.over(key)["state"] for key in keys] == ["done", "failed", "done"]
    names = {film["key"]: film["name"] for film in page.said("GET", "films")["films"]}
    assert names[early] == str(shelf / "films" / "early & <loud>.mp4")
    for key, name in ((early, "early & <loud>.mp4"), (old, "old.mkv")):
        said = by_command(shelf / "films" / name, capsys, monkeypatch)
        assert f'">{said}</p>' in page.part(key)
    said = by_command(shelf / "films" / "letter.mp4", capsys, monkeypatch)
    assert page.job(letter)["words"].endswith(said)
    assert "This file cannot be used" in page.part(letter)
    assert "data-begin" not in page.part(letter)
    assert not list(page.folder.rglob("*.mkv")), "a film in place was copied"
    assert "1 cannot be used" in page.said("GET", "films")["summary"]
    page.said("POST", f"films/{old}/remove")
    assert (shelf / "films" / "old.mkv").is_file(), "a film in place is not ours to delete"
    assert not (page.folder / old).exists()


def test_an_uploaded_film_is_repaired_and_taken_home(page: Page, shelf: Path, tmp_path: Path) -> None:
    key = page.upload(shelf / "films" / "early & <loud>.mp4")
    assert page.over(key)["state"] == "done"
    assert page.part(key).count("<figcaption>") == 7, "six thumbnails and a player"
    assert 'data-begin="repair"' in page.part(key)
    assert "<loud>" not in page.part(key)
    _, headers, content = page.ask("GET", f"films/{key}/files/record?download")
    assert json.loads(content)["file"] == "early & <loud>.mp4"
    assert headers["Content-Disposition"].endswith("early%20%26%20%3Cloud%3E.sync.json")
    page.said("POST", f"films/{key}/repair")
    assert page.over(key, "repair")["state"] == "done"
    assert "Repaired: sound moved 2" in page.part(key, "repair")
    taken = tmp_path / "taken.mp4"
    taken.write_bytes(page.ask("GET", f"films/{key}/files/repaired")[2])
    assert measure(FileFilm(taken), None).offset_seconds == pytest.approx(0, abs=0.05)
    page.said("POST", f"films/{key}/remove")
    assert not (page.folder / key).exists()
    assert page.ask("GET", f"films/{key}/files/repaired")[0] == 404


def test_a_running_film_says_the_seconds_of_film_and_is_cancelled_and_so_is_a_waiting_one(
    page: Page, shelf: Path
) -> None:
    (running,), (waiting,) = page.in_place(shelf / "long.mp4"), page.in_place(shelf / "films" / "old.mkv")
    job = page.until(lambda job: job["done_seconds"], running)
    done = job["done_seconds"]
    assert job["words"] == f"Measuring: {done} of {LONG_SECONDS} s of film"
    assert (0 < done < LONG_SECONDS, job["seconds"]) == (True, LONG_SECONDS)
    assert page.job(waiting)["words"] == "Waiting for 1 other"
    page.said("POST", f"films/{waiting}/measure/cancel")
    page.said("POST", f"films/{running}/measure/cancel")
    assert (page.job(running)["state"], page.job(waiting)["state"]) == ("cancelled", "cancelled")
    assert 'data-begin="measure"' in page.part(running)
    page.said("POST", f"films/{waiting}/measure?range_seconds=1")
    assert page.over(waiting)["state"] == "done", "it can be measured after all"
    assert page.ask("GET", f"films/{waiting}/files/record")[2].count(b'"range_seconds": [\n  -1.0,\n  1.0\n ]') == 1


def test_a_preview_is_made_while_a_long_film_is_measured(page: Page, shelf: Path, tmp_path: Path) -> None:
    (old,) = page.in_place(shelf / "films" / "old.mkv")
    page.over(old)
    (long,) = page.in_place(shelf / "long.mp4")
    page.until(lambda job: job["done_seconds"], long)
    page.said("POST", f"films/{old}/preview?form=mp4")
    assert page.over(old, "preview")["state"] == "done"
    assert page.job(long)["state"] == "running"
    page.said("POST", f"films/{long}/remove")
    number = page.job(old, "preview")["number"]
    page.said("POST", f"films/{old}/preview?form=mp4")
    assert page.job(old, "preview")["number"] == number, "one that is there is not made again"
    status, headers, content = page.ask("GET", f"films/{old}/files/preview")
    assert (status, headers["Content-Type"]) == (200, "video/mp4")
    (tmp_path / "preview.mp4").write_bytes(content)
    found = probe(tmp_path / "preview.mp4")
    assert (found.video and found.video.codec, found.audio and found.audio.codec) == ("h264", "aac")


def test_players_get_the_parts_that_they_ask_for(page: Page, shelf: Path) -> None:
    film = shelf / "films" / "old.mkv"
    (key,), whole = page.in_place(film), film.read_bytes()
    for asked, part in (("bytes=0-99", whole[:100]), ("bytes=100-", whole[100:]), ("bytes=-7", whole[-7:])):
        status, headers, content = page.ask("GET", f"films/{key}/files/original", headers={"Range": asked})
        assert (status, content) == (206, part)
        assert headers["Content-Range"].endswith(f"/{len(whole)}")
    status, _, content = page.ask("GET", f"films/{key}/files/original", headers={"Range": f"bytes={len(whole)}-"})
    assert (status, f"of a file of {len(whole)} bytes" in content.decode()) == (416, True)
    assert page.ask("HEAD", f"films/{key}/files/original")[1]["Content-Length"] == str(len(whole))
    page.over(key)


def test_below_the_least_confidence_there_is_no_repair_and_the_reason_is_said(shelf: Path, tmp_path: Path) -> None:
    with served(tmp_path / "strict", Setup(method="motion", least_confidence=1.0)) as page:
        (key,) = page.in_place(shelf / "films" / "early & <loud>.mp4")
        assert page.over(key)["state"] == "done"
        part = page.part(key)
        assert "(uncertain), confidence 0." in part
        assert "a confidence of at least 1 is required; a longer excerpt may help</p>" in part
        assert 'data-begin="repair"' not in part
        status, _, content = page.ask("POST", f"films/{key}/repair")
        assert (status, "not repaired: sound about 2" in json.loads(content)["error"]) == (400, True)


@pytest.mark.parametrize(
    ("headers", "said"),
    [
        ({"Host": "evil.example"}, "asked for as evil.example. Open the address that 'avts app' printed."),
        ({"Sec-Fetch-Site": "cross-site"}, "asked for by another site"),
        ({"Sec-Fetch-Site": "same-site"}, "asked for by another site"),
        ({"Origin": "http://evil.example"}, "asked for by another site"),
        ({"Origin": "null"}, "asked for by another site"),
    ],
)
@pytest.mark.parametrize(("method", "address"), [("GET", "films"), ("POST", "paths"), ("POST", "films")])
def test_what_another_site_asks_for_is_refused(
    idle: Page, shelf: Path, method: str, address: str, headers: dict[str, str], said: str
) -> None:
    body = json.dumps({"path": str(shelf / "films")}).encode()
    status, _, content = idle.ask(method, address, body, headers)
    assert (status, said in json.loads(content)["error"]) == (403, True)
    assert not idle.server.films.all()


def test_the_page_itself_may_ask_and_whoever_lacks_the_key_may_not(idle: Page) -> None:
    host = f"127.0.0.1:{idle.server.server_address[1]}"
    own = {"Sec-Fetch-Site": "same-origin", "Origin": f"http://{host}"}
    assert idle.ask("GET", "films", headers=own)[0] == 200
    assert idle.ask("GET", "films", headers={"Origin": f"http://{host}"})[0] == 200
    for key in ("x" * 22, "films"):
        status, _, content = idle.ask("GET", "films", key=key)
        assert (status, "Open the whole address" in content.decode()) == (404, True)
    status, headers, content = idle.ask("GET", "")
    assert (status, b'id="path-form"' in content) == (200, True)
    assert headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"


def test_paths_are_taken_on_the_loopback_interface_only(idle: Page, shelf: Path, tmp_path: Path) -> None:
    body = json.dumps({"path": str(shelf / "films")}).encode()
    status, _, content = idle.ask("POST", "paths", body, {"X-Forwarded-For": "192.0.2.7"})
    assert (status, "only for a browser on it" in content.decode()) == (403, True)
    with PageServer(Films(Setup(method="motion"), tmp_path), _found, host="0.0.0.0", port=None) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        page = Page(server, tmp_path)
        assert page.ask("POST", "paths", body)[0] == 403
        assert b'id="path-form"' not in page.ask("GET", "")[2]
        server.shutdown()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/nowhere/x.mp4", "/nowhere/x.mp4: no such file. Give media files, a folder"),
        ("", "no path was given. Type the path of a file or folder"),
        ("a\0b", "no path was given"),
    ],
)
def test_a_path_that_is_none_is_refused_in_words(idle: Page, path: str, said: str) -> None:
    status, _, content = idle.ask("POST", "paths", json.dumps({"path": path}).encode())
    assert (status, said in json.loads(content)["error"]) == (400, True)


def test_a_path_may_be_quoted_or_an_address_of_a_file(idle: Page, tmp_path: Path) -> None:
    film = tmp_path / "my film.mp4"
    film.write_text("film")
    for given in (f'"{film}"', f"'{film}' ", f"file://{quote(str(film))}"):
        idle.said("POST", "paths", json.dumps({"path": given}).encode())
    assert [film.name for film in idle.server.films.all()] == [str(film)] * 3


def test_bad_requests_are_refused_in_words(idle: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(method: str, address: str, body: bytes = b"x") -> tuple[int, str]:
        status, _, content = idle.ask(method, address, body)
        return status, json.loads(content)["error"]

    assert refused("POST", "films?name=a.mp4&range_seconds=99") == (
        400,
        "a search range of '99' s. Give more than 0 and at most 15",
    )
    assert refused("POST", "paths", b"[1]") == (400, "JSON of type list. Send an object.")
    assert refused("POST", "paths", b"{")[1].startswith("no JSON (")
    assert refused("POST", "paths", b"x" * 70_000)[0] == 413
    assert refused("GET", "films/0123/parts/measure") == (
        404,
        "this film is not on the page any more. Choose it again.",
    )
    assert refused("GET", "etc/passwd") == (404, "etc/passwd: no such address on this page.")
    usage = type("Usage", (), {"free": 0})
    monkeypatch.setattr(server_module.shutil, "disk_usage", lambda _: usage)
    status, said = refused("POST", "films?name=a.mp4")
    assert (status, "a.mp4: 1 bytes do not fit on the disk" in said) == (507, True)
    assert not list(idle.folder.iterdir()), "a film that was refused was left behind"


@pytest.mark.parametrize(
    ("given", "kept"),
    [("../../etc/passwd", "passwd"), ("C:\\films\\talk.mp4", "talk.mp4"), ("..", "film"), ("a\nb.mp4", "a\\nb.mp4")],
)
def test_the_name_of_an_upload_is_no_path(idle: Page, given: str, kept: str) -> None:
    idle.said("POST", f"films?name={quote(given)}", b"film")
    (film,) = idle.server.films.all()
    assert (film.name, film.source.parent.parent) == (kept, idle.folder)
    assert film.source.read_bytes() == b"film"


def test_an_upload_that_breaks_off_leaves_nothing(idle: Page) -> None:
    url = urlsplit(idle.server.address)
    with closing(http.client.HTTPConnection("127.0.0.1", idle.server.server_address[1])) as connection:
        connection.putrequest("POST", f"{url.path}films?name=a.mp4")
        connection.putheader("Content-Length", "1000")
        connection.endheaders(b"half")
        assert connection.sock is not None
    give_up = time.monotonic() + 20
    while list(idle.folder.iterdir()):
        assert time.monotonic() < give_up
        time.sleep(0.05)
    assert not idle.server.films.all()


def test_a_port_that_is_taken_is_passed_over_or_refused(idle: Page, tmp_path: Path) -> None:
    port = idle.server.server_address[1]
    with PageServer(idle.server.films, _found, host="127.0.0.1", port=None) as other:
        assert other.server_address[1] > port
    with pytest.raises(UsageError, match=f"port {port} on 127.0.0.1 cannot be had \\(Address already in use\\)"):
        PageServer(idle.server.films, _found, host="127.0.0.1", port=port)


def test_closing_ends_what_runs_and_its_processes(shelf: Path, tmp_path: Path) -> None:
    with served(tmp_path / "films", Setup(method="motion")) as page:
        (key,) = page.in_place(shelf / "long.mp4")
        page.until(lambda job: job["done_seconds"], key)
        (film,) = page.server.films.all()
        (worker,) = page.server.films._measuring._pool._workers
    assert film.jobs["measure"].state == "cancelled"
    pid = worker._process.pid
    assert pid is not None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
