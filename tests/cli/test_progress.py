"""Progress: a bar on a terminal, at most one line a minute elsewhere."""

import io
import sys

import pytest

from avts.cli import progress
from avts.cli.progress import progress_bar, progress_bars


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time, to be set."""
    now = [1000.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_a_short_run_without_a_terminal_says_nothing(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("sync", "files") as on_progress:
        for done in range(60):
            clock[0] += 0.99
            on_progress(done, 60)
    assert capsys.readouterr().err == ""


def test_a_long_run_without_a_terminal_says_one_line_a_minute_for_all_its_stages(
    clock: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with progress_bar("sync", "files") as on_files, progress_bar("this film", "s") as on_seconds:
        on_files(3, 40)
        for second in range(130):
            clock[0] += 1
            on_seconds(second, 600)
    lines = capsys.readouterr().err.splitlines()
    assert lines == ["sync: 3 of 40 files, this film: 59 of 600 s", "sync: 3 of 40 files, this film: 119 of 600 s"]


def test_a_stage_that_has_ended_is_no_longer_told(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("sync", "files") as on_files:
        with progress_bar("this film", "s") as on_seconds:
            on_seconds(1, 2)
        clock[0] += 61
        on_files(1, 2)
    assert capsys.readouterr().err == "sync: 1 of 2 files\n"


def test_a_stage_ends_where_the_next_begins(clock: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bars("clips") as stage:
        stage("first")(9, 9)
        on_progress = stage("second")
        clock[0] += 61
        on_progress(1, 7)
    assert capsys.readouterr().err == "second: 1 of 7 clips\n"
    assert not progress._stages


def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stderr", Terminal())
    with progress_bar("sync", "files") as on_progress:
        on_progress(1, 2)
        on_progress(2, 2)
    assert "sync: 100%" in sys.stderr.getvalue()  # type: ignore[attr-defined]
