"""Text in figures: lines that fit, and letters of any script, with the fonts that matplotlib brings and no other."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from matplotlib.font_manager import fontManager

from avts.report import letters
from avts.report.letters import FONT, legible, wrapped
from avts.report.palette import drawing, new_figure, write_png


@pytest.fixture(autouse=True)
def bundled_fonts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The fonts that are part of matplotlib alone, so that no font of the machine counts."""
    bundled = [font for font in fontManager.ttflist if "mpl-data" in font.fname]
    monkeypatch.setattr(fontManager, "ttflist", bundled)
    letters._fonts_with.cache_clear()
    yield
    letters._fonts_with.cache_clear()


def test_a_text_is_broken_between_words_and_a_long_word_inside() -> None:
    assert wrapped("one two three", 100, 10) == "one two three"
    assert wrapped("", 1, 10) == ""
    lines = wrapped("one two three", 0.6, 10).split("\n")
    assert lines == ["one two", "three"]
    assert "".join(wrapped("W" * 50, 1, 10).split("\n")) == "W" * 50
    assert {len(line) for line in wrapped("W" * 50, 1, 10).split("\n")[:-1]} == {7}  # W is 0.989 of 10 points wide


def test_letters_that_the_font_has_are_left_alone() -> None:
    assert legible("Größe $1: ленты, ταινίες") == ("Größe $1: ленты, ταινίες", [FONT])


def test_letters_that_another_installed_font_has_are_drawn_by_it() -> None:
    drawn, fonts = legible("a ᴕ b")  # a Latin letter OU, which DejaVu Sans lacks and DejaVu Serif has
    assert drawn == "a ᴕ b"
    assert fonts[0] == FONT
    assert fonts[1].startswith("DejaVu Serif")


def test_letters_that_no_font_has_are_escaped_and_never_drawn_as_boxes(tmp_path: Path) -> None:
    assert legible("映画 1.mp4") == (r"\u6620\u753b 1.mp4", [FONT])
    with drawing("x"):
        figure = new_figure(4, 2)
        figure.suptitle("영화 映画\nfilm")
        axes = figure.subplots()
        axes.set_xlabel("фильм 🎬")
        write_png(figure, tmp_path / "x.png")  # a letter without a glyph would be a warning, which is an error here
    assert figure.get_suptitle() == "\\uc601\\ud654 \\u6620\\u753b\nfilm"
    assert axes.get_xlabel() == r"фильм \U0001f3ac"


def test_escaped_letters_count_when_a_text_is_broken_into_lines() -> None:
    lines = wrapped("映画" * 10, 1, 10).split("\n")
    assert "".join(lines) == r"\u6620\u753b" * 10
    assert len(lines) > 5
