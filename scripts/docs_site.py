"""What the documentation site takes from the program while it is built (a hook of MkDocs, see mkdocs.yml).

`<!-- commands -->` becomes the help of every command, `<!-- settings -->` a table of every key of a recipe,
`<!-- notebook NAME -->` the cells of a notebook in docs/notebooks. A block of ```math is drawn as an SVG, so that a
page needs no script to show an equation. A page that would load anything from elsewhere is refused.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import Any

import click
from mkdocs.exceptions import PluginError

COMMANDS_MARK, SETTINGS_MARK = "<!-- commands -->", "<!-- settings -->"

NOTEBOOKS = Path(__file__).parents[1] / "docs" / "notebooks"
NOTEBOOK_MARK = re.compile(r"<!-- notebook (\S+) -->")

MATH = re.compile(r"^```math\n(.*?)\n```$", re.DOTALL | re.MULTILINE)

FROM_ELSEWHERE = re.compile(
    r"""<(?:script|img|iframe|source|video|audio)\b[^>]*\bsrc=["']?(?:https?:)?//[^"'> ]*"""
    r"""|<link\b[^>]*\brel=["']?(?:stylesheet|preconnect|icon|preload)\b[^>]*\bhref=["']?(?:https?:)?//[^"'> ]*"""
    r"""|<link\b[^>]*\bhref=["']?(?:https?:)?//[^"'> ]*["']?[^>]*\brel=["']?(?:stylesheet|preconnect|icon|preload)""",
    re.IGNORECASE,
)
"""What makes a browser fetch from another host: not a link that a reader may follow."""


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Fill in what is made by code."""
    if COMMANDS_MARK in markdown:
        markdown = markdown.replace(COMMANDS_MARK, commands_text())
    if SETTINGS_MARK in markdown:
        markdown = markdown.replace(SETTINGS_MARK, settings_text())
    markdown = NOTEBOOK_MARK.sub(lambda found: notebook_text(NOTEBOOKS / found.group(1)), markdown)
    return MATH.sub(lambda found: equation(found.group(1)), markdown)


def on_post_page(output: str, *, page: Any, **_: Any) -> str:
    """Refuse a page that needs a network."""
    refuse_what_is_fetched(output, page.file.src_uri)
    return output


def on_post_template(output_content: str, *, template_name: str, **_: Any) -> str:
    """The same of a page that is made of no Markdown."""
    refuse_what_is_fetched(output_content, template_name)
    return output_content


def refuse_what_is_fetched(html: str, name: str) -> None:
    """Raise PluginError if a browser would fetch something from another host to show the page."""
    found = FROM_ELSEWHERE.search(html)
    if found:
        raise PluginError(
            f"{name}: loads from elsewhere: {found.group()!r}. Put the file under docs/ and name it there"
        )


def notebook_text(path: Path) -> str:
    """The cells of a notebook as Markdown, code in fences; without outputs."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    texts = [("".join(cell["source"]), cell["cell_type"]) for cell in cells]
    return "\n\n".join(f"```python\n{text}\n```" if kind == "code" else text for text, kind in texts)


def commands_text() -> str:
    """Every command with its help, as the program prints it."""
    from avts.cli import group

    context = click.Context(group, info_name="avts", terminal_width=100, max_content_width=100)
    parts = []
    for names, command in _commands(group, context, ()):
        title = "#" * min(len(names) + 1, 3)
        inner = click.Context(command, info_name=" ".join(("avts", *names)), terminal_width=96, max_content_width=96)
        parts.append(f"{title} avts {' '.join(names)}\n\n```text\n{command.get_help(inner)}\n```\n")
    return "\n".join(parts)


def _commands(
    group: click.Group, context: click.Context, names: tuple[str, ...]
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*names, name), command
        if isinstance(command, click.Group):
            yield from _commands(command, context, (*names, name))


def settings_text() -> str:
    """Every key of a recipe of `avts train`: values, default, meaning; one table for each table of the TOML."""
    from avts.settings import Recipe
    from avts.settings.explained import tables_of

    parts = []
    for name, kind, is_list in tables_of(Recipe):
        parts += [f"## {f'[[{name}]]' if is_list else f'[{name}]'}\n", str(kind.__doc__).strip() + "\n"]
        parts += ["| key | values | default | meaning |", "|---|---|---|---|"]
        parts += [_row(key, inner) for key, inner in kind.model_fields.items()]
        parts.append("")
    return "\n".join(parts)


def _row(key: str, field: Any) -> str:
    from avts.settings.explained import default_of, values_of

    default = default_of(field)
    said = default if default in ("required", "not set") else f"`{default}`"
    values = re.sub(r'"[^"]*"', r"`\g<0>`", values_of(field))
    return f"| `{key}` | {values} | {said} | {field.description} |"


def equation(text: str) -> str:
    """Lines of TeX, as far as matplotlib's mathtext knows it, as one SVG in the colour of the text around it."""
    import matplotlib
    from matplotlib.figure import Figure

    lines = [line.strip() for line in text.strip().splitlines()]
    with matplotlib.rc_context({"mathtext.fontset": "cm", "svg.fonttype": "path", "svg.hashsalt": text}):
        figure = Figure(figsize=(0.1, 0.1))
        for number, line in enumerate(lines):
            figure.text(0, -5.2 * number, f"${line}$", fontsize=14)
        buffer = io.StringIO()
        figure.savefig(
            buffer, format="svg", transparent=True, bbox_inches="tight", pad_inches=0.04, metadata={"Date": None}
        )
    svg = buffer.getvalue()
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r"\s+", " ", svg).replace("<svg ", f'<svg role="img" aria-label="{escape(text)}" ', 1)
    return f'<div class="equation">{svg}</div>'
