"""The page itself, in Gradio: one place to drop a film on, one answer below it.

Input: the function that answers. Output: a page that is served until it is closed. The browser must load nothing
from elsewhere, and Gradio's own reports and fonts are off, so it works without a network and tells nobody anything.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from avts.app.answer import Answer
from avts.errors import UsageError
from avts.model.extras import need_extra

if TYPE_CHECKING:
    from gradio import Blocks

RANGES_SECONDS = (1.0, 2.0, 5.0, 15.0)
"""How far to search either way; the choices."""

USUAL_RANGE_SECONDS = 2.0

POLICY = (
    "default-src 'self' 'unsafe-inline' 'unsafe-eval' data: blob:; connect-src 'self' data: blob:; object-src 'none'"
)
"""What the browser may load: this server's own files only."""

STYLE = """
.gradio-container{max-width:920px!important;margin:0 auto!important;padding:28px 20px 64px!important}
#avts-head h1{font-size:1.9rem;letter-spacing:-.02em;margin:0 0 .25em}
#avts-head p{margin:0;font-size:1rem;color:var(--body-text-color)}
#avts-head,#avts-result,#avts-head .html-container,#avts-result .html-container{padding:0!important}
.avts{font-size:1rem;line-height:1.55}
.avts h2{font-size:1.5rem;line-height:1.25;letter-spacing:-.01em;margin:0 0 .3em}
.avts p{margin:.15em 0;max-width:46em}
.avts .card{background:var(--block-background-fill);border:1px solid var(--border-color-primary);border-radius:12px;
  padding:20px 22px 20px 26px;margin:0 0 16px;box-shadow:inset 5px 0 0 var(--avts-tone)}
.avts .found{--avts-tone:#2563a8}.avts .unknown{--avts-tone:#d08a1d}.avts .unusable{--avts-tone:#b8433f}
.avts .films{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,320px),1fr));gap:16px;margin:0 0 16px}
.avts figure{margin:0}.avts figcaption{font-weight:600;margin:0 0 .35em}
.avts video{width:100%;max-height:420px;background:#000;border-radius:10px;display:block}
.avts img{width:100%;border-radius:10px;border:1px solid var(--border-color-primary);background:#fff;margin:0}
.avts .take{display:flex;flex-wrap:wrap;gap:10px;margin-top:14px}
.avts .take a{padding:.5em 1.05em;border-radius:8px;text-decoration:none;font-weight:600;
  border:1px solid var(--border-color-primary);color:var(--body-text-color)}
.avts .take a.main{background:#2563a8;border-color:#2563a8;color:#fff}
.avts .quiet{color:var(--body-text-color);opacity:.75;font-size:.92rem;margin:.5em 0 1.2em}
"""

INTRODUCTION = """<h1>Is the sound in sync?</h1>
<p>Drop a film below. It stays on the machine that serves this page, and is deleted with it.</p>"""


def build_page(answer: Callable[[Path, float], Answer], *, folder: Path) -> Blocks:
    """The page.

    Args:
        answer: answers a film; the number is how far to search either way, in seconds.
        folder: keeps what is dropped on the page.

    Raises:
        UsageError: Gradio is not installed.
    """
    need_extra("app", "avts app")
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported
    os.environ["GRADIO_TEMP_DIR"] = str(folder / "uploads")
    import gradio as gr

    def respond(path: str | None, range_seconds: float) -> str:
        return answer_html(answer(Path(path), float(range_seconds))) if path else ""

    choices = [(f"± {seconds:g} s", seconds) for seconds in RANGES_SECONDS]
    page: Blocks = gr.Blocks(title="avts: is the sound in sync?", analytics_enabled=False)
    with page:
        gr.HTML(INTRODUCTION, elem_id="avts-head", padding=False)
        film = gr.File(label="Film", show_label=False, file_count="single", type="filepath", height=150)
        reach = gr.Radio(choices, value=USUAL_RANGE_SECONDS, label="Search for offsets within", elem_id="avts-range")
        result = gr.HTML(elem_id="avts-result", min_height=80, padding=False)
        gr.on([film.change, reach.change], respond, [film, reach], result, concurrency_limit=1, api_name=False)
    return page


def check_port(host: str, port: int) -> None:
    """Raise UsageError if a port cannot be listened on; cheaper to know before a model is loaded."""
    try:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that was just left is free
            probe.bind((host, port))
    except OSError as error:
        raise UsageError(
            f"port {port} on {host} cannot be had ({error.strerror}). Name another --port, or leave it out."
        ) from None


def open_page(page: Blocks, *, folder: Path, host: str, port: int | None) -> str:
    """Serve the page, in threads of its own; returns its address.

    Args:
        page: from `build_page`.
        folder: whose files the page may show.
        host: address to listen on.
        port: port to listen on; None takes the first free one from 7860 on.
    """
    import gradio as gr
    from starlette.middleware import Middleware

    fonts = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
    theme = gr.themes.Default(font=fonts, font_mono=["ui-monospace", "Menlo", "monospace"], primary_hue="blue")
    _, address, _ = page.launch(
        server_name=host,
        server_port=port,
        prevent_thread_lock=True,
        quiet=True,
        share=False,
        inbrowser=False,
        show_error=True,
        enable_monitoring=False,
        run_history=False,
        footer_links=[],
        ssr_mode=False,
        pwa=False,
        mcp_server=False,
        allowed_paths=[str(folder)],
        theme=theme,
        css=STYLE,
        app_kwargs={"middleware": [Middleware(OwnFilesOnly)]},
    )
    return str(address)


class OwnFilesOnly:
    """Tells the browser to load nothing but this server's own files."""

    def __init__(self, app: Callable[..., Awaitable[None]]) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Callable[[Any], Awaitable[None]]) -> None:
        """Pass a request on and add the policy to what comes back."""

        async def send_with_policy(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], (b"content-security-policy", POLICY.encode())]
            await send(message)

        await self.app(scope, receive, send_with_policy)


def answer_html(answer: Answer) -> str:
    """An answer as HTML."""
    lines = "".join(f"<p>{escape(line)}</p>" for line in answer.detail)
    main = f'<div class="card {answer.tone}"><h2>{escape(answer.headline)}</h2>{lines}{_take_away(answer)}</div>'
    return f'<div class="avts">{main}{_films(answer)}{_map(answer)}</div>'


def _address(path: Path) -> str:
    """Where the page finds a file; relative, so that it holds behind a proxy too."""
    return escape(f"gradio_api/file={quote(str(path))}")


def _take_away(answer: Answer) -> str:
    links = []
    if answer.repaired:
        links.append((answer.repaired, "Repaired file", "main"))
    if answer.record:
        links.append((answer.record, "Result as JSON", "more"))
    items = [
        f'<a class="{kind}" href="{_address(path)}" download="{escape(path.name)}">{words}</a>'
        for path, words, kind in links
    ]
    return f'<div class="take">{"".join(items)}</div>' if items else ""


def _films(answer: Answer) -> str:
    if answer.tone == "unusable":
        return ""
    shown = [(answer.before, "As it is"), (answer.after, "Repaired")]
    figures = [
        f'<figure><figcaption>{words}</figcaption><video controls preload="metadata" src="{_address(path)}" '
        'onerror="this.nextElementSibling.hidden=false"></video>'
        '<p class="quiet" hidden>This browser cannot play this kind of film.</p></figure>'
        for path, words in shown
        if path
    ]
    if not figures:
        return '<p class="quiet">Browsers cannot play this kind of film; the files to take away are whole.</p>'
    return f'<div class="films">{"".join(figures)}</div>'


def _map(answer: Answer) -> str:
    if answer.plot is None:
        return ""
    words = "First: how badly picture and sound fit at each offset. Then the same for each moment of the film."
    return (
        f'<img src="{_address(answer.plot)}" alt="Distance map: {escape(answer.headline)}">'
        f'<p class="quiet">{words} Dark is where they fit; one straight dark column is one offset throughout.</p>'
    )
