"""One HTTP exchange: read the body of a request, send values, pages and files, or refuse.

Input: a connection. Output: answers with the headers that keep a page to itself. What is asked and answered is decided
in `server`.
"""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import quote

from avts.jobs.refusal import plain

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; media-src 'self'; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
"""What the browser may load: this server's own files only; and no other page may show this one in a frame."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
}
"""Content types by ending; all else is bytes that no browser shows as a page."""

BLOCK_BYTES = 1 << 20
MOST_JSON_BYTES = 1 << 16
LONGEST_NAME = 180
"""Bytes of the name of an uploaded file that are kept; endings are added to it."""

IDLE_SECONDS = 60.0
"""A connection that says nothing for this long is closed."""


class Refused(Exception):
    """A request that is not done: the status, and a sentence."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class Exchange(BaseHTTPRequestHandler):
    """Answers requests of one connection."""

    protocol_version = "HTTP/1.1"
    server_version, sys_version = "avts", ""
    timeout = IDLE_SECONDS

    def log_message(self, format: str, *arguments: object) -> None:
        """Requests are not logged: they would name films."""

    def length(self) -> int:
        """Bytes of the body."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            self.close_connection = True
            raise Refused(HTTPStatus.LENGTH_REQUIRED, "sent without its length. Send a header Content-Length.")
        return int(length)

    def receive(self, target: Path, length: int) -> None:
        """Write the body to a file."""
        left = length
        with target.open("xb") as file:
            while left:
                block = self.rfile.read(min(left, BLOCK_BYTES))
                if not block:
                    raise ConnectionAbortedError(f"{left} bytes are missing")
                file.write(block)
                left -= len(block)

    def json(self) -> dict[str, Any]:
        """The body as a JSON object."""
        length = self.length()
        if length > MOST_JSON_BYTES:
            self.close_connection = True
            raise Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{length} bytes of JSON. Send a path.")
        try:
            found = json.loads(self.rfile.read(length))
        except ValueError as error:
            raise Refused(HTTPStatus.BAD_REQUEST, f"no JSON ({error}). Send an object.") from None
        if not isinstance(found, dict):
            raise Refused(HTTPStatus.BAD_REQUEST, f"JSON of type {type(found).__name__}. Send an object.")
        return found

    def refuse(self, status: HTTPStatus, message: str) -> None:
        """Say why a request is not done, and close the connection."""
        self.close_connection = True  # the body, if there is one, was not read
        self.send_json({"error": message}, status)

    def send_json(self, content: dict[str, Any], status: HTTPStatus = HTTPStatus.OK) -> None:
        """Send an object."""
        self.send(json.dumps(content).encode(), ".json", status)

    def send(self, content: bytes, ending: str, status: HTTPStatus = HTTPStatus.OK) -> None:
        """Send a whole content; its ending says what it is."""
        self.head(status, ending, len(content))
        if self.command != "HEAD":
            self.wfile.write(content)

    def head(self, status: HTTPStatus, ending: str, length: int, more: dict[str, str] | None = None) -> None:
        """Send the status and the headers."""
        self.send_response(status)
        headers = {"Content-Type": TYPES.get(ending, "application/octet-stream"), "Content-Length": str(length)}
        if self.close_connection:
            headers["Connection"] = "close"
        for name, value in (headers | HEADERS | (more or {})).items():
            self.send_header(name, value)
        self.end_headers()

    def send_file(self, path: Path, *, as_download: bool) -> None:
        """A file or the part of it that is asked for: players ask for parts."""
        more = {"Accept-Ranges": "bytes"}
        if as_download:
            more["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(plain(path.name), safe='')}"
        with path.open("rb") as file:
            size = path.stat().st_size
            first, stop = _part_of(self.headers.get("Range", ""), size)
            status = HTTPStatus.OK
            if (first, stop) != (0, size) or "Range" in self.headers:
                status = HTTPStatus.PARTIAL_CONTENT
                more["Content-Range"] = f"bytes {first}-{stop - 1}/{size}"
            self.head(status, path.suffix.lower(), stop - first, more)
            file.seek(first)
            left = 0 if self.command == "HEAD" else stop - first
            while left and (block := file.read(min(left, BLOCK_BYTES))):
                self.wfile.write(block)
                left -= len(block)


def _part_of(wanted: str, size: int) -> tuple[int, int]:
    """The bytes, first and behind the last, that a header Range asks for; all for one that asks for more than one part.

    Raises:
        Refused: nothing of it is in the file.
    """
    match = re.fullmatch(r"bytes=(\d*)-(\d*)", wanted.strip())
    if not match or match.groups() == ("", ""):
        return 0, size
    first, last = match.groups()
    if not first:
        first, last = str(max(0, size - int(last))), ""
    stop = min(size, int(last) + 1) if last else size
    if int(first) >= stop:
        raise Refused(HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE, f"{wanted} of a file of {size} bytes.")
    return int(first), stop


def safe_name(name: str) -> str:
    """The last part of a name, as a file can be called anywhere."""
    last = plain(re.split(r"[/\\]", name)[-1]).lstrip(". ") or "film"
    stem, dot, ending = last.rpartition(".")
    stem, ending = (stem, f".{ending}") if dot and len(ending) <= 16 else (last, "")
    return stem.encode()[: LONGEST_NAME - len(ending.encode())].decode(errors="ignore") + ending
