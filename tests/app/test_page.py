"""The page in a browser whose network is closed: a film dropped on it, its answer, and what can be taken away."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("gradio")

from avts.app.answer import Answer
from avts.app.page import answer_html
from avts.offset.film import FileFilm
from avts.offset.measure import measure
from avts.offset.repair import repair
from avts.world import write_world

EARLY_SECONDS = 0.25


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A film with early sound, and a text in a film's clothes."""
    place = tmp_path_factory.mktemp("films")
    write_world(place / "world", videos=1, seed=5, size=64, seconds=8, kinds=["mouth"], workers=1)
    (good,) = (place / "world").glob("*.mp4")
    repair(good, place / "early & loud.mp4", offset_seconds=-EARLY_SECONDS)
    (place / "letter.mp4").write_text("Dear reader, this is not a film.")
    return place


COMMAND = [sys.executable, "-c", "from avts.cli import main; main()", "app", "--method", "motion"]


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page, served by `avts app` as a person would start it."""
    place = tmp_path_factory.mktemp("page")
    environment = {**os.environ, "TMPDIR": str(place), "OMP_NUM_THREADS": "1"}
    with subprocess.Popen(COMMAND, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as app:
        assert app.stdout is not None
        assert app.stderr is not None
        yield app.stdout.readline().strip() or pytest.fail(app.stderr.read())
        app.terminate()
        assert app.wait(timeout=20) == 0
        assert not list(place.iterdir()), "films were left behind"


def link(browser: Any, words: str) -> str:
    script = f"return [...document.querySelectorAll('.take a')].find(a => a.innerText == {words!r}).href"
    return str(browser.run(script))


def fetch(url: str) -> bytes:
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=20) as reply:
        return bytes(reply.read())


def test_a_film_dropped_on_the_page_is_measured_shown_and_repaired(
    browser: Any, address: str, films: Path, tmp_path: Path
) -> None:
    browser.open(address)
    browser.wait("return document.querySelector('input[type=file]')")
    browser.choose_file(films / "early & loud.mp4")
    browser.wait("return document.querySelector('.avts .take')")
    headline = browser.text(".avts h2")
    assert re.fullmatch(r"Sound 2[0-9]{2} ms early, confidence 0\.[0-9]{2}", headline)
    assert browser.wait("let i = document.querySelector('.avts img'); return i.complete && i.naturalWidth") > 500
    ready = "return [...document.querySelectorAll('.avts video')].filter(v => v.readyState > 0).map(v => v.videoWidth)"
    assert len(browser.wait(f"let all = (() => {{{ready}}})(); return all.length == 2 && all")) == 2

    record = json.loads(fetch(link(browser, "Result as JSON")))
    assert record["file"] == "early & loud.mp4"
    assert record["offset_seconds"] == pytest.approx(EARLY_SECONDS, abs=0.05)
    taken = tmp_path / "taken.mp4"
    taken.write_bytes(fetch(link(browser, "Repaired file")))
    assert measure(FileFilm(taken), None).offset_seconds == pytest.approx(0, abs=0.05)
    if "AVTS_SCREENSHOTS" in os.environ:
        browser.screenshot(Path(os.environ["AVTS_SCREENSHOTS"]) / "found.png")

    # a page that loads something from elsewhere fails here, and would be refused by the browser
    with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(address, timeout=20) as reply:
        assert reply.headers["Content-Security-Policy"].startswith("default-src 'self' ")
    elsewhere = [url for url in browser.asked_for() if not url.startswith((address, "data:", "blob:", "chrome"))]
    assert not elsewhere
    assert not [entry["message"] for entry in browser.log("browser") if "Content Security Policy" in entry["message"]]


def test_a_file_that_is_no_film_is_refused_in_words(browser: Any, address: str, films: Path) -> None:
    browser.open(address)
    browser.wait("return document.querySelector('input[type=file]')")
    browser.choose_file(films / "letter.mp4")
    browser.wait("return document.querySelector('.avts .unusable')")
    words = browser.text(".avts .unusable")
    assert words.startswith("This file cannot be used\n")
    assert "letter.mp4: " in words
    assert "Traceback" not in browser.text()
    if "AVTS_SCREENSHOTS" in os.environ:
        browser.screenshot(Path(os.environ["AVTS_SCREENSHOTS"]) / "unusable.png")


def test_what_a_film_says_about_itself_is_not_taken_for_html() -> None:
    html = answer_html(Answer("<b>bold</b>", ("<script>1</script>",), "found", record=Path('/x/<i>"a".json')))
    assert not [tag for tag in ("<b>", "<script>", "<i>") if tag in html]
    assert "<h2>&lt;b&gt;bold&lt;/b&gt;</h2>" in html
    assert 'download="&lt;i&gt;&quot;a&quot;.json"' in html
