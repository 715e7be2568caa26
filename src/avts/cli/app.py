"""`avts app`: a local web page that measures and repairs uploaded films."""

from __future__ import annotations

import signal
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import click

from avts.cli.device import device_option
from avts.cli.progress import tell
from avts.errors import UsageError

if TYPE_CHECKING:
    from avts.app.answer import Answer, Measure
    from avts.offset.measure import Method


@click.command(name="app")
@click.option(
    "--model",
    "run",
    type=click.Path(path_type=Path),
    metavar="RUN",
    help="A trained run.  [default: the model in the box]",
)
@click.option(
    "--method", type=click.Choice(["model", "motion"]), default="model", show_default=True, help="Measuring method."
)
@device_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 lets others in.")
@click.option("--port", type=click.IntRange(1, 65_535), help="Port; the first free one from 7860 on if not given.")
def command(*, run: Path | None, method: Method, device: str, host: str, port: int | None) -> int:
    """Serve a page that tells how far the sound of a film is off, and repairs it. Ctrl-C ends it.

    It needs no network; films stay on this machine and are deleted when the server stops.
    """
    from avts.app.answer import answer
    from avts.app.page import build_page, check_port, open_page
    from avts.model.extras import need_extra

    need_extra("app", "avts app")
    if port is not None:
        check_port(host, port)
    measure = _measure_with(run, method, device)
    with tempfile.TemporaryDirectory(prefix="avts-app-", ignore_cleanup_errors=True) as place:
        folder = Path(place).resolve()
        answers = folder / "answers"
        answers.mkdir()

        def respond(path: Path, range_seconds: float) -> Answer:
            return answer(path, folder=answers, measure=measure, range_seconds=range_seconds)

        page = build_page(respond, folder=folder)
        try:
            click.echo(open_page(page, folder=folder, host=host, port=port))
            wait()
        except KeyboardInterrupt:
            click.echo("avts: page closed", err=True)
        finally:
            page.close(verbose=False)
    return 0


def wait() -> None:
    """Block until SIGTERM; Ctrl-C raises KeyboardInterrupt as usual."""
    asked = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: asked.set())
    asked.wait()


def _measure_with(run: Path | None, method: Method, device: str) -> Measure:
    """Load a model once; gives the function that measures a film with it."""
    from avts.offset.film import FileFilm
    from avts.offset.measure import measure
    from avts.offset.model import load_sync_model

    if method == "motion" and run is not None:
        raise UsageError(f"--model {run} with --method motion, which uses no model. Leave one of them out.")
    model = None if method == "motion" else load_sync_model(run, device=device, say=tell)
    click.echo(f"model: {model.name if model else 'none, motion against loudness'}", err=True)

    return lambda path, range_seconds: measure(FileFilm(path), model, range_seconds=range_seconds)
