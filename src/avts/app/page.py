"""The page as HTML: the frame that is loaded once, and the parts that are put in for each film when they are known.

Input: a film with its jobs. Output: HTML; whatever a file says of itself is escaped. page.js asks for the parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path

from avts.app.answer import Measured, Repaired
from avts.app.films import Film
from avts.app.work import Kind
from avts.report.page import html_page

ASSETS = {name: Path(__file__).with_name(name) for name in ("page.css", "page.js")}
"""Files that the page loads besides itself."""

RANGES_SECONDS = (1.0, 2.0, 5.0, 15.0)
"""How far to search either way; the choices."""

USUAL_RANGE_SECONDS = 2.0

TITLE = "Is the sound in sync?"

MAP_WORDS = (
    "Left: how badly picture and sound fit at each offset. Right: the same for each moment of the film. "
    "Dark is where they fit; one straight dark column is one offset throughout."
)

WHERE_WORDS = (
    "The brighter a place, the more it adds to the fit of picture and sound. The map is coarse, and nothing was "
    "trained for it."
)


def page_html(*, paths: bool) -> str:
    """The whole page, without films; `paths` offers to measure files of this machine in place."""
    options = "".join(
        f'<option value="{seconds:g}"{" selected" if seconds == USUAL_RANGE_SECONDS else ""}>± {seconds:g} s</option>'
        for seconds in RANGES_SECONDS
    )
    in_place = (
        '<form id="path-form"><label for="path">Or a file or folder on this machine, measured where it is:</label>'
        '<div class="row"><input id="path" name="path" autocomplete="off" spellcheck="false" '
        'placeholder="/films/talk.mov"><button>Measure</button></div></form>'
    )
    body = [
        '<link rel="stylesheet" href="page.css">',
        f"<h1>{TITLE}</h1>",
        '<p class="lead">Films stay on the machine that serves this page. Copies and repaired films are deleted when '
        "it stops.</p>",
        '<section id="drop" class="card" aria-label="Choose films">',
        '<div class="row"><label class="button main">Choose films'
        '<input id="files" type="file" multiple accept="video/*,.mkv,.mxf,.avi,.ts,.mts,.m2ts,.vob"></label>'
        '<span class="hint">or drop them here, many at once</span></div>',
        in_place if paths else "",
        f'<label class="range">Search for offsets within <select id="range">{options}</select></label>',
        '<p id="message" role="alert" hidden></p></section>',
        '<noscript><p class="card">This page needs JavaScript. The command avts sync does the same.</p></noscript>',
        '<p id="summary" class="note" role="status"></p><section id="films" aria-label="Films"></section>',
        '<script src="page.js"></script>',
    ]
    return html_page(f"avts: {TITLE.lower()}", body)


def part_html(film: Film, kind: Kind, *, where: bool) -> str:
    """What came of one job of a film; '' if there is nothing to show.

    Args:
        film: the film.
        kind: of the job.
        where: offer to show where the sound comes from.
    """
    job = film.jobs.get(kind)
    if job is None or job.state == "waiting" or job.state == "running":
        return ""
    if job.state == "cancelled":
        return _cancelled_html(kind)
    if job.error is not None:
        return _failed_html(film, kind, job.error)
    if isinstance(job.outcome, Measured):
        return _measured_html(film, job.outcome, where=where)
    if isinstance(job.outcome, Repaired):
        return _repaired_html(film, job.outcome)
    return _where_html(film) if kind == "where" else ""


def _cancelled_html(kind: Kind) -> str:
    words = {"measure": "Cancelled before it was measured.", "repair": "The repair was cancelled."}
    again = {"measure": "Measure it", "repair": "Repair the sound", "where": "Show where the sound comes from"}
    if kind not in again:
        return '<p class="note">The preview was cancelled.</p>'
    said = words.get(kind, "Cancelled.")
    return f'<p class="note">{said}</p>{_buttons([(kind, again[kind])])}'


def _failed_html(film: Film, kind: Kind, message: str) -> str:
    heads = {"measure": "This file cannot be used", "repair": "It could not be repaired"}
    head = f'<p class="verdict bad">{heads[kind]}</p>' if kind in heads else ""
    shown = message.removeprefix(f"{film.name}: ").removeprefix(f"{Path(film.name).name}: ")
    return f"{head}<p>{escape(shown[:1].upper() + shown[1:])}</p>"


def _measured_html(film: Film, found: Measured, *, where: bool) -> str:
    """Verdict, thumbnails, player, figure, and what can be done next."""
    begin: list[tuple[Kind, str]] = []
    if found.can_repair:
        begin.append(("repair", "Repair the sound"))
    if where and found.tone == "found":
        begin.append(("where", "Show where the sound comes from"))
    begin.append(("measure", "Measure again"))
    links = _links(film, [("plot", "Plot as PNG"), ("record", "Result as JSON")])
    return "".join(
        [
            f'<p class="verdict {found.tone}">{escape(found.verdict)}</p>',
            _paragraphs(found.detail),
            found.strip or "",
            _buttons(begin, links),
            '<details class="evidence"><summary>Watch it, and see the evidence</summary>',
            _player(film, "original", "preview", "The film as it is"),
            f'<div class="scroll wide">{found.figure}</div><p class="note">{MAP_WORDS}</p></details>',
        ]
    )


def _repaired_html(film: Film, done: Repaired) -> str:
    links = _links(film, [("repaired", "Take the repaired film")], main=True)
    return (
        f"{_paragraphs(done.detail)}{_player(film, 'repaired', 'preview-repaired', 'The repaired film')}"
        f"{_buttons([], links)}"
    )


def _where_html(film: Film) -> str:
    alt = f"Map of where in {Path(film.name).name} the sound comes from"
    return f'<img class="map" src="{_address(film, "where")}" alt="{escape(alt)}"><p class="note">{WHERE_WORDS}</p>'


def _player(film: Film, role: str, preview: Kind, words: str) -> str:
    """A film to watch; page.js loads it when it is seen, and asks for a preview where the browser cannot play it."""
    sound = film.measured.sound_codec if film.measured else ""
    return (
        f'<figure class="player" data-preview="{preview}" data-sound="{escape(sound)}"><figcaption>{words}</figcaption>'
        f'<video controls preload="metadata" playsinline data-src="{_address(film, role)}"></video>'
        '<p class="note" role="status" hidden></p></figure>'
    )


def _paragraphs(lines: Sequence[str]) -> str:
    return "".join(f"<p>{escape(line)}</p>" for line in lines)


def _buttons(begin: Sequence[tuple[Kind, str]], links: str = "") -> str:
    """Buttons that begin jobs, the first being what is mostly wanted, and links."""
    buttons = [f'<button data-begin="{kind}">{words}</button>' for kind, words in begin]
    return f'<div class="row actions">{"".join(buttons)}{links}</div>'


def _links(film: Film, roles: Sequence[tuple[str, str]], *, main: bool = False) -> str:
    kind = "button main" if main else "button"
    return "".join(
        f'<a class="{kind}" href="{_address(film, role)}?download" download>{words}</a>' for role, words in roles
    )


def _address(film: Film, role: str) -> str:
    """Where the page finds a file; relative, so that it holds behind a proxy too."""
    return f"films/{film.key}/files/{role}"
