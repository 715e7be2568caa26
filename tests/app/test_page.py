"""The page in a browser whose network is closed: films chosen at once, players, a narrow and a dark screen; its end."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from avts.app.answer import Repaired
from avts.app.films import Film
from avts.app.lane import Job
from avts.app.page import part_html
from avts.app.work import Task
from avts.media.standard import read_standard
from avts.media.writer import write_video
from avts.offset.film import FileFilm
from avts.offset.measure import measure
from avts.offset.repair import repair
from avts.world import write_world
from conftest import CountingFilm

EARLY_SECONDS = 0.25
COMMAND = [sys.executable, "-c", "from avts.cli import main; main()", "app", "--method", "motion"]


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film with early sound, the same in a codec that browsers lack, and a text in a film's clothes."""
    place = tmp_path_factory.mktemp("films")
    write_world(place / "world", videos=1, seed=5, size=64, seconds=8, kinds=["mouth"], workers=1)
    (good,) = (place / "world").glob("*.mp4")
    repair(good, place / "early & loud.mp4", offset_seconds=-EARLY_SECONDS)
    clip = read_standard(place / "early & loud.mp4")
    write_video(place / "old.mp4", clip.planes, clip.samples, video_codec="mpeg2video")
    (place / "letter.mp4").write_text("Dear reader, this is not a film.")
    return place


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film that takes a while: of few frames, so that it is made sooner than it is measured."""
    film = CountingFilm(seconds=400, frames_per_second=Fraction(4), sample_rate=8_000, width=64, height=32)
    return film.write(tmp_path_factory.mktemp("long") / "long.mp4")


@contextmanager
def app(place: Path) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The page and its address, served by `avts app` as a person would start it."""
    environment = {**os.environ, "TMPDIR": str(place), "OMP_NUM_THREADS": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(COMMAND, text=True, env=environment, **pipes) as process:  # type: ignore[call-overload]
        assert process.stdout is not None
        assert process.stderr is not None
        try:
            yield process, process.stdout.readline().strip() or pytest.fail(process.stderr.read())
        finally:
            process.kill()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with app(tmp_path_factory.mktemp("page")) as (_, found):
        yield found


def fetch(url: str) -> bytes:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=20) as reply:
        return bytes(reply.read())


def shot(browser: Any, name: str) -> None:
    """Keep a picture of the page where AVTS_SCREENSHOTS says."""
    if "AVTS_SCREENSHOTS" in os.environ:
        browser.screenshot(Path(os.environ["AVTS_SCREENSHOTS"]) / f"{name}.png")


@pytest.fixture
def opened(browser: Any, address: str) -> Iterator[Any]:
    """The browser with an empty page; films are taken off it afterwards."""
    browser.open(address)
    browser.wait("return document.querySelector('input[type=file]')")
    yield browser
    browser.run("for (const each of document.querySelectorAll('.film .head button')) each.click()")
    browser.wait("return !document.querySelector('.film')")


def seen(selector: str) -> str:
    """A script: the video of a player has a picture, as wide as this says."""
    return f"const v = document.querySelector('{selector} video'); return v && v.readyState > 0 && v.videoWidth"


def test_a_film_is_measured_shown_and_repaired(opened: Any, address: str, films: Path, tmp_path: Path) -> None:
    opened.choose_files(films / "early & loud.mp4")
    opened.wait("return document.querySelector('.verdict')")
    assert re.fullmatch(r"[sS]ound 2[0-9]{2} ms early, confidence 0\.[0-9]{2}", opened.text(".verdict"))
    assert opened.wait(seen(".measure")) == 64, "the one film is shown at once"
    times = opened.run("return [...document.querySelectorAll('.strip figcaption')].map(each => each.innerText)")
    assert times == ["0.7 s", "2.0 s", "3.3 s", "4.7 s", "6.0 s", "7.3 s"]
    assert opened.run("return document.querySelector('.measure .player .note').hidden"), "it is no preview"
    opened.run("document.querySelector('[data-begin=repair]').click()")
    assert opened.wait(seen(".repair"))
    shot(opened, "found")
    taken = tmp_path / "taken.mp4"
    taken.write_bytes(fetch(opened.run("return document.querySelector('.repair a').href")))
    assert measure(FileFilm(taken), None).offset_seconds == pytest.approx(0, abs=0.05)

    # a page that loads something from elsewhere fails here, and would be refused by the browser
    host = address.split("/", 3)[2]
    allowed = (f"http://{host}/", "data:", "blob:", "chrome")
    assert not [url for url in opened.asked_for() if not url.startswith(allowed)]
    assert not [entry["message"] for entry in opened.log("browser")]


def test_several_films_are_chosen_at_once_and_one_bad_file_is_said_in_its_place(opened: Any, films: Path) -> None:
    opened.choose_files(films / "letter.mp4", films / "early & loud.mp4", films / "old.mp4")
    opened.wait("return document.querySelectorAll('.verdict').length == 3")
    names = opened.run("return [...document.querySelectorAll('.film h3')].map(each => each.innerText)")
    assert names == ["letter.mp4", "early & loud.mp4", "old.mp4"]
    assert opened.text(".verdict.bad") == "This file cannot be used"
    assert opened.text("#summary") == "3 films: 2 with a known offset, 1 cannot be used"
    assert opened.run("return document.querySelectorAll('details[open], video[src]').length") == 0, "loaded unseen"
    assert "Traceback" not in opened.text()
    shot(opened, "several")


def test_a_codec_that_the_browser_lacks_is_shown_as_a_preview_and_said_to_be_one(opened: Any, films: Path) -> None:
    opened.choose_files(films / "old.mp4")
    opened.wait("const v = document.querySelector('.measure video'); return v && v.src.includes('/files/preview')")
    assert opened.wait(seen(".measure")) == 128
    assert opened.text(".player .note").startswith("This is a preview (a proxy): a small copy, encoded again, because")
    shot(opened, "preview")


def test_a_path_is_measured_in_place_and_a_wrong_one_is_said(opened: Any, films: Path) -> None:
    submit = "document.getElementById('path').value = {!r}; document.querySelector('#path-form button').click()"
    opened.run(submit.format(str(films / "none.mp4")))
    opened.wait("return !document.getElementById('message').hidden")
    assert opened.text("#message").startswith(f"{films / 'none.mp4'}: no such file.")
    opened.run(submit.format(str(films / "early & loud.mp4")))
    opened.wait("return document.querySelector('.verdict')")
    assert opened.text(".film h3") == str(films / "early & loud.mp4")
    assert opened.run("return document.getElementById('message').hidden")


def test_a_running_film_is_cancelled_from_the_page(opened: Any, long: Path) -> None:
    opened.choose_files(long)
    opened.wait("return /Measuring: [0-9]+ of 400 s of film/.test(document.querySelector('.job .words')?.innerText)")
    shot(opened, "running")
    opened.run("document.querySelector('.job button').click()")
    opened.wait(
        "return document.querySelector('.part.measure')?.innerText.includes('Cancelled before it was measured')"
    )


def test_the_page_fits_a_narrow_screen_and_follows_a_dark_scheme(opened: Any, films: Path) -> None:
    opened.choose_files(films / "early & loud.mp4")
    opened.wait("return document.querySelector('.verdict')")
    light = "return getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).map(Number)"
    try:
        assert min(opened.run(light)) > 220
        dark = [{"name": "prefers-color-scheme", "value": "dark"}]
        opened.devtools("Emulation.setEmulatedMedia", features=dark)
        opened.devtools("Emulation.setDeviceMetricsOverride", width=360, height=1800, deviceScaleFactor=1, mobile=True)
        opened.wait("return innerWidth == 360")
        assert opened.run("return document.documentElement.scrollWidth") == 360
        assert max(opened.run(light)) < 40
        for what in ("h1", ".verdict", ".measure > p", "button", ".note", "#path"):
            ink = f"return getComputedStyle(document.querySelector({what!r})).color.match(/[0-9]+/g).map(Number)"
            assert min(opened.run(ink)) > 140, f"{what} is dark on dark"
        shot(opened, "narrow-dark")
    finally:
        opened.devtools("Emulation.clearDeviceMetricsOverride")
        opened.devtools("Emulation.setEmulatedMedia", features=[])


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT], ids=lambda each: each.name)
def test_a_signal_ends_the_page_its_work_and_its_files(ending: signal.Signals, long: Path, tmp_path: Path) -> None:
    with app(tmp_path) as (process, address):
        request = urllib.request.Request(f"{address}films?name=long.mp4", long.read_bytes(), method="POST")
        urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=20).close()
        give_up = time.monotonic() + 60
        while b"s of film" not in fetch(f"{address}films"):
            assert time.monotonic() < give_up
            time.sleep(0.05)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        assert children
        assert list(tmp_path.rglob("long.mp4"))
        process.send_signal(ending)
        assert process.wait(timeout=30) == 0
        assert not list(tmp_path.iterdir()), "films were left behind"
        give_up = time.monotonic() + 20
        while any(Path(f"/proc/{pid}/exe").exists() for pid in children):
            assert time.monotonic() < give_up, "work goes on"
            time.sleep(0.05)
        assert process.stderr is not None
        assert process.stderr.read().splitlines()[-1] == "avts: page closed"


def test_what_a_film_says_about_itself_is_not_taken_for_html() -> None:
    film = Film("0" * 16, "<i>x</i>.mp4", Path("<i>x</i>.mp4"), Path(), 2.0)
    task = Task("repair", film.source, film.name, film.folder, 2.0)
    film.jobs["repair"] = Job(task, film.name, "done", outcome=Repaired(("<script>1</script>",), Path("a.mp4")))
    film.jobs["measure"] = Job(task, film.name, "failed", error="<i>x</i>.mp4: is <b>bold</b>")
    html = "".join(part_html(film, kind, where=True) for kind in ("measure", "repair"))
    assert not [tag for tag in ("<b>", "<script>", "<i>") if tag in html]
    assert "<p>Is &lt;b&gt;bold&lt;/b&gt;</p>" in html
    assert "<p>&lt;script&gt;1&lt;/script&gt;</p>" in html
