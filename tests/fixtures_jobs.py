"""Jobs for the tests of experiments/cells.py: another process has to find them by their module's name."""

from pathlib import Path


def leave(path: Path, needed: tuple[Path, ...]) -> str:
    assert all(each.exists() for each in needed), "what it needs is not there"
    assert not path.exists(), "made twice"
    path.write_text("made")
    return path.name


def fails() -> str:
    raise ValueError("no luck")
