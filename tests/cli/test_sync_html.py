"""The page of `avts sync --html` for real films: thumbnails, names that are markup, films that cannot be read."""

import os
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from fixtures_sync import run

MARKUP = 'a"><img src=x onerror=alert(1)><script>alert(1)<b>.mp4'


class Elements(HTMLParser):
    """The sources of a page's images, and the names of its elements and attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.sources: list[str] = []
        self.names: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names |= {tag, *(name for name, _ in attrs)}
        if tag == "img":
            self.sources.append(dict(attrs)["src"] or "")


def page_of(folder: Path, *options: object, status: int) -> tuple[str, Elements]:
    target = folder.parent / "page.html"
    assert run(folder, "--method", "motion", "--html", target, *options) == status
    page = target.read_text("utf-8")
    return page, Elements(page)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_film_that_cannot_be_read_costs_its_own_line_and_others_have_thumbnails(films: Any, jobs: int) -> None:
    path: Path = films.write("a.mp4", seconds=2.0, clicks_seconds=(0.5, 1.5))
    films.write("mute.mp4", seconds=2.0, audio_codec=None)
    (films.folder / "text.mp4").write_text("not a film")
    (films.folder / "cut.mp4").write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    page, found = page_of(films.folder, "--jobs", jobs, status=3)
    assert re.findall("<h3>.*/(.*?)</h3>", page) == ["a.mp4", "mute.mp4"]
    assert len(found.sources) == 12
    assert all(source.startswith("data:image/jpeg;base64,") for source in found.sources)
    assert page.count("cannot be used: ") == 3
    assert "Cannot be used: no audio stream" in page


def test_a_name_that_is_markup_or_not_utf_8_remains_text(films: Any) -> None:
    path: Path = films.write("a.mp4", seconds=2.0, clicks_seconds=(0.5, 1.5))
    for name in (os.fsencode(MARKUP), b"caf\xe9.mp4"):
        Path(os.fsdecode(os.fsencode(films.folder) + b"/" + name)).write_bytes(path.read_bytes())
    page, found = page_of(films.folder, status=0)
    assert not found.names & {"script", "onerror", "b>"}
    assert len(found.sources) == 18
    assert all(source.startswith("data:image/jpeg;base64,") for source in found.sources)
    assert "&lt;script&gt;" in page
    assert "caf\\xe9.mp4" in page


def test_frames_are_kept_for_a_page_only(films: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("no page was asked for")

    monkeypatch.setenv("AVTS_ONE_PROCESS", "1")
    monkeypatch.setattr("avts.offset.kept_frames.KeptFrames.see", refuse)
    path: Path = films.write("a.mp4", seconds=2.0, clicks_seconds=(0.5, 1.5))
    assert run(path, "--method", "motion") == 0
    assert run(path, "--method", "motion", "--html", films.folder / "page.html") == 3
