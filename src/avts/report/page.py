"""Layout of an HTML page: one self-contained file with light and dark style, and no network access.

Input: titles and pieces of HTML. Output: HTML. The content of a page is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from avts.report.palette import ACCENT, BAD, DARK, GOOD, GRID, INK, MUTED, PANEL, variable

LONG_CELL = 40
"""Maximum number of characters of a cell that is kept on one line."""

STYLE = """
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);
  font:16px/1.55 system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
main{max-width:1080px;margin:0 auto;padding:40px 20px 72px}
h1{font-size:clamp(1.65rem,5vw,2.5rem);line-height:1.15;letter-spacing:-.02em;margin:0 0 .5em;text-wrap:balance}
h2{font-size:1.25rem;letter-spacing:-.01em;margin:2.6em 0 .3em}
h3{font-size:.98rem;margin:0 0 .5em;overflow-wrap:anywhere}
.card+.card{margin-top:14px}.pair .card,.tiles .card{margin-top:0}
p{margin:.3em 0 1em;max-width:44em}
.lead{font-size:1.08rem}.quiet{color:var(--muted);font-size:.9rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:1.6em 0}
.card{background:var(--panel);border:1px solid var(--line);border-radius:12px;padding:16px 18px;min-width:0}
.tile>b{display:block;font-size:1.5rem;white-space:nowrap;
  line-height:1.2;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
.tile span{color:var(--muted);font-size:.86rem}
.tile small{display:block;margin-top:.35em;font-size:.8rem;color:var(--muted)}
.pair{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,400px),1fr));gap:14px;margin:1em 0}
.scroll{overflow-x:auto}.card svg{display:block;width:100%;height:auto;margin-top:.4em}
.wide svg{min-width:620px}
.strip{display:flex;flex-wrap:wrap;gap:8px;margin:0 0 .7em}.strip figure{margin:0;min-width:0}
.strip img{display:block;max-width:100%;height:auto;border-radius:4px}
.strip figcaption{color:var(--muted);font-size:.8rem;font-variant-numeric:tabular-nums}
table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums;font-size:.94rem}
th,td{text-align:left;padding:.5em .9em .5em 0;border-bottom:1px solid var(--line);vertical-align:baseline}
th{color:var(--muted);font-weight:500;font-size:.85rem}tr:last-child td{border-bottom:0}
td:not(:first-child,.long){white-space:nowrap}.long{min-width:16em;overflow-wrap:anywhere}
td:first-child{min-width:9em}
.pass{color:var(--good);font-weight:600}.miss{color:var(--bad);font-weight:600}
.bar{display:flex;height:14px;border-radius:7px;overflow:hidden;gap:2px;margin:.4em 0 1em}
.bar i{display:block;min-width:2px}
.legend{display:flex;flex-wrap:wrap;gap:.3em 1.3em;font-size:.9rem}
.dot{display:inline-block;width:10px;height:10px;border-radius:3px;margin-right:.45em}
li{margin:.35em 0;max-width:44em}ul{padding-left:1.2em}
code{font:.88em ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
footer{margin-top:3.5em;color:var(--muted);font-size:.86rem}
@media print{.card{break-inside:avoid}}
"""


def html_page(title: str, body: Sequence[str]) -> str:
    """A whole page around pieces of HTML."""
    light = _variables({colour: colour for colour in DARK}, ground="#f5f6f8")
    dark = _variables(DARK, ground="#0f141c")
    return (
        "\n".join(
            [
                "<!doctype html>",
                '<html lang="en"><head><meta charset="utf-8">',
                '<meta name="viewport" content="width=device-width, initial-scale=1">',
                '<meta name="color-scheme" content="light dark">',
                f"<title>{escape(title)}</title>",
                f"<style>:root{{{light}}}@media (prefers-color-scheme:dark){{:root{{{dark}}}}}{STYLE}</style>",
                "</head><body><main>",
                *body,
                "</main></body></html>",
                "",
            ]
        )
        .encode("utf-8", "backslashreplace")
        .decode()
    )  # file names may not be UTF-8


def _variables(colours: dict[str, str], ground: str) -> str:
    """CSS variables: one for each colour of the figures, and page-level names for some of them."""
    names = {"ink": INK, "muted": MUTED, "line": GRID, "panel": PANEL, "accent": ACCENT, "good": GOOD, "bad": BAD}
    values = [f"{variable(colour)}:{shown}" for colour, shown in colours.items()]
    return ";".join([f"--ground:{ground}", *values, *(f"--{name}:{colours[of]}" for name, of in names.items())])


def table(headers: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of plain text; a cell 'pass' or 'miss' is coloured."""
    head = "".join(f"<th>{escape(header)}</th>" for header in headers)
    lines = ["".join(_cell(cell) for cell in row) for row in rows]
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'


def _cell(text: str) -> str:
    """One cell of a table; a long text may be broken into lines."""
    if text in {"pass", "miss"}:
        return f'<td class="{text}">{text}</td>'
    return f'<td class="long">{escape(text)}</td>' if len(text) > LONG_CELL else f"<td>{escape(text)}</td>"


def card(*pieces: str, title: str = "", wide: bool = False) -> str:
    """A panel; a wide one scrolls sideways on a phone instead of shrinking its figure."""
    head = f"<h3>{escape(title)}</h3>" if title else ""
    inner = "".join(pieces)
    return (
        f'<div class="card">{head}<div class="scroll wide">{inner}</div></div>'
        if wide
        else (f'<div class="card">{head}{inner}</div>')
    )


def pair(*cards: str) -> str:
    """Cards side by side where there is room."""
    return f'<div class="pair">{"".join(cards)}</div>'


def tile(value: str, name: str, note: str = "", mark: str = "") -> str:
    """One number, large, with a note below its name; a mark 'pass' or 'miss' before the note is coloured."""
    marked = f'<b class="{mark}">{mark}</b> ' if mark in {"pass", "miss"} else ""
    small = f"<small>{marked}{escape(note)}</small>" if marked or note else ""
    return f'<div class="card tile"><b>{escape(value)}</b><span>{escape(name)}</span>{small}</div>'


def shares_bar(parts: Sequence[tuple[str, float, str, str]]) -> str:
    """A stacked bar with a legend below it; parts are (name, size, words, colour)."""
    whole = sum(size for _, size, _, _ in parts) or 1.0
    bar = "".join(
        f'<i style="flex:{size / whole:.4f} 1 0;background:var({variable(colour)})"></i>'
        for _, size, _, colour in parts
    )
    names = "".join(
        f'<span><i class="dot" style="background:var({variable(colour)})"></i>{escape(name)} {escape(words)}</span>'
        for name, _, words, colour in parts
    )
    return f'<div class="bar">{bar}</div><div class="legend">{names}</div>'
