"""A folder served over HTTP on the loopback interface, as object stores do it, and with their faults when asked."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

DROPPED = "dropped"
"""A fault: the connection ends without an answer."""

CUT = "cut"
"""A fault: the connection ends in the middle of the content."""

TWO_MORE = "two more"
"""A fault: an answer to a range has two bytes too many."""


@dataclass
class Served:
    """A server, what it was asked, and how it is to answer.

    Attributes:
        url: of the folder.
        asked: name and range of every GET, in order.
        faults: what to answer the next requests with, one each: an HTTP status, DROPPED, CUT or TWO_MORE.
        ranges: False to ignore the header Range and send whole files.
    """

    url: str
    folder: Path
    asked: list[tuple[str, str | None]] = field(default_factory=list)
    faults: list[int | str] = field(default_factory=list)
    ranges: bool = True
    lock: threading.Lock = field(default_factory=threading.Lock)


Serve = Callable[[Path], Served]


class _Handler(BaseHTTPRequestHandler):
    """Answers HEAD and GET for one folder."""

    served: Served

    def do_HEAD(self) -> None:
        path = self._path()
        if path is not None:
            self._begin(200, path.stat().st_size)

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        with self.served.lock:
            self.served.asked.append((self.path.lstrip("/"), wanted))
            fault = self.served.faults.pop(0) if self.served.faults else None
        if fault == DROPPED:
            return
        if isinstance(fault, int):
            self.send_error(fault)
            return
        path = self._path()
        if path is None:
            return
        content, status = path.read_bytes(), 200
        if wanted and self.served.ranges:
            first, last = map(int, re.fullmatch(r"bytes=(\d+)-(\d+)", wanted).groups())  # type: ignore[union-attr]
            if first >= len(content):
                self.send_error(416)
                return
            content, status = content[first : last + 1 + 2 * (fault == TWO_MORE)], 206
        self._begin(status, len(content))
        self.wfile.write(content[: len(content) // 2] if fault == CUT else content)

    def _path(self) -> Path | None:
        path = self.served.folder / self.path.lstrip("/")
        if path.is_file():
            return path
        self.send_error(404)
        return None

    def _begin(self, status: int, length: int) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture(scope="session")
def serve() -> Iterator[Serve]:
    """Serve a folder until the end of the session."""
    servers: list[ThreadingHTTPServer] = []

    def start(folder: Path) -> Served:
        handler = type("Handler", (_Handler,), {})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        handler.served = Served(f"http://127.0.0.1:{server.server_port}", folder)  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        servers.append(server)
        return handler.served  # type: ignore[attr-defined, no-any-return]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
