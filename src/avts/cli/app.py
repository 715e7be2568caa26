"""`avts app`: a local web page that measures and repairs films."""

from __future__ import annotations

import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from avts.cli.batch import find_files
from avts.cli.device import device_option
from avts.errors import UsageError

if TYPE_CHECKING:
    from avts.app.server import PageServer
    from avts.offset.measure import Method

ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Signals that end the page: Ctrl-C, a polite kill, a terminal that is closed."""


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
@click.option(
    "--least-confidence",
    type=click.FloatRange(0, 1),
    metavar="P",
    help="Minimum confidence. Below it no repair is offered.  [default: 0.7, or that of the model's calibration]",
)
@device_option
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on; 0.0.0.0 lets others in.")
@click.option("--port", type=click.IntRange(1, 65_535), help="Port; the first free one from 7860 on if not given.")
def command(
    *, run: Path | None, method: Method, least_confidence: float | None, device: str, host: str, port: int | None
) -> int:
    """Serve a page that tells how far the sound of films is off, and repairs them. Ctrl-C ends it.

    The address that is printed has a key in it: only who has it can use the page. Many films can be given at once, and
    with a browser on this machine files and folders are measured where they are, by their path.

    It needs no network. Copies and repaired films are deleted when the server stops, by Ctrl-C or SIGTERM, with exit
    status 0.
    """
    from avts.app.films import Films
    from avts.app.server import PageServer
    from avts.app.work import Setup

    if method == "motion" and run is not None:
        raise UsageError(f"--model {run} with --method motion, which uses no model. Leave one of them out.")
    setup = Setup(run, method, device, least_confidence)
    with (
        _until_asked(),
        tempfile.TemporaryDirectory(prefix="avts-app-", ignore_cleanup_errors=True) as place,
        closing(Films(setup, Path(place).resolve())) as films,
        PageServer(films, _found, host=host, port=port) as server,
    ):
        loaded = films.start()
        for line in (*loaded.choices, f"model: {loaded.name}"):
            click.echo(line, err=True)
        with _serving(server):
            click.echo(server.address)
            threading.Event().wait()
    click.echo("avts: page closed", err=True)
    return 0


@contextmanager
def _until_asked() -> Iterator[None]:
    """Leave the block at the first signal that asks to end, by its clean-up, and ignore those that follow meanwhile."""

    def leave(number: int, frame: FrameType | None) -> None:  # noqa: ARG001
        for each in ENDING:
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {each: signal.signal(each, leave) for each in ENDING}
    try:
        with suppress(KeyboardInterrupt):
            yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextmanager
def _serving(server: PageServer) -> Iterator[None]:
    """Answer requests in a thread while the block runs."""
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1}, daemon=True).start()
    try:
        yield
    finally:
        server.shutdown()


def _found(path: Path) -> list[Path]:
    return [each.path for each in find_files([path])]
