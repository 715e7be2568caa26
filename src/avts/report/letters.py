"""Text in figures: broken into lines that fit, in letters that some font has.

Input: names from outside, in any script. Output: text, and fonts for it. No font ships with the project but the one of
matplotlib, which has no Chinese, Japanese or Korean letters: those come from a font of the machine, or are escaped.
"""

from __future__ import annotations

from functools import cache

from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font
from matplotlib.text import Text

FONT = "DejaVu Sans"
"""The font of the figures, part of matplotlib."""

NO_LETTERS = ("Last Resort", "Adobe Blank")
"""Beginnings of the names of fonts that draw a box, or nothing, for any letter."""


def wrapped(text: str, width_inches: float, font_points: float, *, bold: bool = False) -> str:
    """A text on as many lines as it needs to fit a width; a longer word, such as a file name, is cut.

    Letters that no font has are escaped, see `legible`.
    """
    room = width_inches * 72 / font_points
    lines, used = [""], 0.0
    for word in legible(text)[0].split():
        widths = [_letter_width(letter, bold) for letter in word]
        space = _letter_width(" ", bold) if lines[-1] else 0.0
        if used and used + space + sum(widths) > room:
            lines.append("")
            used = space = 0.0
        lines[-1] += " " if space else ""
        used += space
        for letter, width in zip(word, widths, strict=True):
            if used and used + width > room:
                lines.append("")
                used = 0.0
            lines[-1] += letter
            used += width
    return "\n".join(lines)


@cache
def _letter_width(letter: str, bold: bool) -> float:
    """Advance of a letter in the font of the figures; 1 is the size of the font."""
    font = get_font(findfont(FontProperties(family=FONT, weight="bold" if bold else "normal")))
    if not font.get_char_index(ord(letter)):
        return 1.0  # drawn by a font that may be as wide as high
    font.set_size(72, 72)
    return font.load_char(ord(letter)).linearHoriAdvance / 65536 / 72


def legible(text: str) -> tuple[str, list[str]]:
    r"""A text as it can be drawn, and the fonts that have its letters, the usual one first.

    A letter that no installed font has is escaped: '\u6f22' for the Chinese one.
    """
    lacking = frozenset(letter for letter in text if letter != "\n" and not _has(FONT, letter))
    fonts = _fonts_with(lacking) if lacking else ()
    nowhere = {letter for letter in lacking if not any(_has(font, letter) for font in fonts)}
    drawn = "".join(letter.encode("unicode_escape").decode() if letter in nowhere else letter for letter in text)
    return drawn, [FONT, *fonts]


def make_legible(figure: Figure) -> None:
    """Let every text of a figure be drawn in letters that can be read."""
    for text in figure.findobj(Text):
        assert isinstance(text, Text)
        drawn, fonts = legible(text.get_text())
        if len(fonts) > 1 or drawn != text.get_text():
            text.set_text(drawn)
            text.set_fontfamily(fonts)


@cache
def _fonts_with(letters: frozenset[str]) -> tuple[str, ...]:
    """Names of installed fonts that together have as many of some letters as any do, the most useful first."""
    names = sorted({font.name for font in fontManager.ttflist if not font.name.startswith(NO_LETTERS)} - {FONT})
    has = {name: {letter for letter in letters if _has(name, letter)} for name in names}
    chosen: list[str] = []
    wanted = set(letters)
    while has and (best := max(has, key=lambda name: len(has[name] & wanted))) and has[best] & wanted:
        chosen.append(best)
        wanted -= has[best]
    return tuple(chosen)


def _has(font: str, letter: str) -> bool:
    """Whether the regular form of an installed font has a letter."""
    return bool(get_font(findfont(FontProperties(family=font))).get_char_index(ord(letter)))
