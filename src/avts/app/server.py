"""The page over HTTP, for the browsers of those who were given its address.

Input: requests. Output: the page, the state of its films as JSON, and their files. Every address begins with a random
key, so neither another web site nor another user of the machine can guess one; requests that a browser sends on
behalf of another site are refused besides. No request names a file by its path but the one that measures in place,
and that one is answered on the loopback interface only.
"""

from __future__ import annotations

import hmac
import ipaddress
import re
import secrets
import shutil
import socket
import socketserver
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, cast
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from avts.app.exchange import Exchange, Refused, safe_name
from avts.app.films import DOING, ROLES, Film, Films
from avts.app.page import ASSETS, page_html, part_html
from avts.app.preview import Form
from avts.app.work import Kind
from avts.errors import AvtsError, UsageError
from avts.jobs.refusal import plain

FIRST_PORT, NUM_PORTS = 7860, 100
"""Where a free port is looked for if none is asked for."""

Query = dict[str, str]
"""The values behind the question mark of an address."""

FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")
"""Headers of a proxy: its request comes from elsewhere, whatever its address says."""


class PageServer(ThreadingHTTPServer):
    """The server of one page; `serve_forever` and `shutdown` begin and end it.

    Args:
        films: of the page.
        find: the media files that a path stands for: a file, a folder or a pattern.
        host: address to listen on.
        port: port to listen on; None takes the first free one from FIRST_PORT on.

    Raises:
        UsageError: the port cannot be listened on.
    """

    daemon_threads = True

    def __init__(self, films: Films, find: Callable[[Path], Sequence[Path]], *, host: str, port: int | None) -> None:
        self.films, self.find = films, find
        self.key = secrets.token_urlsafe(16)
        self.is_loopback = _is_loopback(host)
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        ports = range(FIRST_PORT, FIRST_PORT + NUM_PORTS) if port is None else [port]
        for each in ports:
            try:
                super().__init__((host, each), _Handler)
            except OSError as error:
                if each == ports[-1]:
                    raise UsageError(
                        f"port {each} on {host} cannot be had ({error.strerror}). Name another --port."
                    ) from None
            else:
                break
        name = f"[{host}]" if ":" in host else host
        self.address = f"http://{name}:{self.server_address[1]}/{self.key}/"

    def server_bind(self) -> None:
        """Listen; the base class would ask the network for the host's name besides."""
        socketserver.TCPServer.server_bind(self)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that goes away in the middle of an answer is no news."""


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class _Handler(Exchange):
    """Answers one connection."""

    routes: ClassVar[dict[str, list[tuple[re.Pattern[str], Callable[..., None]]]]] = {}

    def do_GET(self) -> None:
        self._answer("GET")

    def do_HEAD(self) -> None:
        self._answer("GET")

    def do_POST(self) -> None:
        self._answer("POST")

    def _answer(self, method: str) -> None:
        """Check where a request comes from, find who answers it, and say what goes wrong."""
        url = urlsplit(self.path)
        try:
            self._check_origin()
            inside = self._inside(url)
            for pattern, answer in self.routes[method]:
                if match := pattern.fullmatch(inside):
                    answer(self, _query(url), *match.groups())
                    return
            raise Refused(HTTPStatus.NOT_FOUND, f"{inside}: no such address on this page.")
        except Refused as refused:
            self.refuse(refused.status, str(refused))
        except AvtsError as error:
            self.refuse(HTTPStatus.BAD_REQUEST, str(error))

    def _check_origin(self) -> None:
        """Raise Refused for a request that a browser sends on behalf of another site."""
        host = self.headers.get("Host", "")
        name = urlsplit(f"//{host}").hostname or ""
        page = cast(PageServer, self.server)
        if page.is_loopback and not _is_loopback(name):
            raise Refused(HTTPStatus.FORBIDDEN, f"asked for as {name}. Open the address that 'avts app' printed.")
        site, origin = self.headers.get("Sec-Fetch-Site"), self.headers.get("Origin")
        foreign = origin not in (None, f"http://{host}", f"https://{host}") if site is None else None
        if foreign or site not in (None, "same-origin", "none"):
            raise Refused(HTTPStatus.FORBIDDEN, "asked for by another site. Open the address that 'avts app' printed.")

    def _inside(self, url: SplitResult) -> str:
        """The address without the key."""
        key, slash, inside = url.path.lstrip("/").partition("/")
        if not slash or not hmac.compare_digest(key.encode(), cast(PageServer, self.server).key.encode()):
            raise Refused(
                HTTPStatus.NOT_FOUND, "no such page. Open the whole address that 'avts app' printed, with its key."
            )
        return inside

    # Answers

    def _page(self, _: Query) -> None:
        html = page_html(paths=self._paths_refused() is None)
        self.send(html.encode(), ".html")

    def _asset(self, _: Query, name: str) -> None:
        self.send(ASSETS[name].read_bytes(), ASSETS[name].suffix)

    def _state(self, _: Query) -> None:
        self.send_json({"summary": self._films.summary(), "films": self._films.state()})

    def _part(self, _: Query, key: str, kind: str) -> None:
        """What is known from one job of a film, as HTML."""
        film = self._film(key)
        html = part_html(film, cast(Kind, kind), where=self._films.has_model)
        self.send(html.encode("utf-8", "backslashreplace"), ".html")

    def _file(self, query: Query, key: str, role: str) -> None:
        path = self._film(key).file(role)
        if path is None or not path.is_file():
            raise Refused(HTTPStatus.NOT_FOUND, f"{role}: not there, or not yet.")
        self.send_file(path, as_download="download" in query)

    def _upload(self, query: Query) -> None:
        """Take in a film that is sent whole."""
        name, length = query.get("name", ""), self.length()
        seconds = _seconds(query.get("range_seconds", "2"))
        key, folder = room = self._films.room()
        target = folder / safe_name(name)
        try:
            if length > shutil.disk_usage(folder).free:
                raise Refused(
                    HTTPStatus.INSUFFICIENT_STORAGE,
                    f"{plain(name)}: {length} bytes do not fit on the disk of this machine. Measure it in place.",
                )
            self.receive(target, length)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        self._films.add(target, name=plain(target.name), range_seconds=seconds, room=room)
        self.send_json({"keys": [key]}, HTTPStatus.CREATED)

    def _in_place(self, _: Query) -> None:
        """Take in what a path on this machine stands for."""
        if why := self._paths_refused():
            raise Refused(HTTPStatus.FORBIDDEN, why)
        asked = self.json()
        seconds = _seconds(str(asked.get("range_seconds", 2)))
        given = str(asked.get("path", "")).strip().strip("'\"")
        if not given or "\0" in given:
            raise UsageError("asked to measure in place, but no path was given. Type the path of a file or folder")
        path = Path(unquote(urlsplit(given).path) if given.startswith("file://") else given).expanduser()
        found = cast(PageServer, self.server).find(path)
        films = [self._films.add(each, name=plain(str(each)), range_seconds=seconds) for each in found]
        self.send_json({"keys": [film.key for film in films]}, HTTPStatus.CREATED)

    def _begin(self, query: Query, key: str, kind: str) -> None:
        seconds = _seconds(query["range_seconds"]) if "range_seconds" in query else None
        film = self._film(key)
        form: Form = "webm" if query.get("form") == "webm" else "mp4"
        self._films.begin(film, cast(Kind, kind), range_seconds=seconds, form=form)
        self.send_json({}, HTTPStatus.ACCEPTED)

    def _cancel(self, _: Query, key: str, kind: str) -> None:
        self._films.cancel(self._film(key), cast(Kind, kind))
        self.send_json({})

    def _remove(self, _: Query, key: str) -> None:
        self._films.remove(self._film(key))
        self.send_json({})

    # Their parts

    @property
    def _films(self) -> Films:
        return cast(PageServer, self.server).films

    def _film(self, key: str) -> Film:
        film = self._films.get(key)
        if film is None:
            raise Refused(HTTPStatus.NOT_FOUND, "this film is not on the page any more. Choose it again.")
        return film

    def _paths_refused(self) -> str | None:
        """Why no film is measured in place for this request; None if it may be."""
        here = cast(PageServer, self.server).is_loopback and _is_loopback(str(self.client_address[0]))
        if here and not any(name in self.headers for name in FORWARDED):
            return None
        return "files of this machine are measured in place only for a browser on it. Upload the film instead."


def _query(url: SplitResult) -> dict[str, str]:
    """The values behind the question mark."""
    return {name: values[-1] for name, values in parse_qs(url.query, keep_blank_values=True).items()}


def _seconds(words: str) -> float:
    """A search range, checked here, for it is an error of the request and not of the film."""
    from avts.offset.estimate import WIDEST_RANGE_SECONDS

    try:
        seconds = float(words)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= WIDEST_RANGE_SECONDS:
        raise UsageError(f"a search range of {words!r} s. Give more than 0 and at most {WIDEST_RANGE_SECONDS:g}")
    return seconds


_KINDS, _ROLES = "|".join(DOING), "|".join(ROLES)
_Handler.routes = {
    "GET": [
        (re.compile(""), _Handler._page),
        (re.compile(f"({'|'.join(map(re.escape, ASSETS))})"), _Handler._asset),
        (re.compile("films"), _Handler._state),
        (re.compile(f"films/([0-9a-f]+)/parts/({_KINDS})"), _Handler._part),
        (re.compile(f"films/([0-9a-f]+)/files/({_ROLES})"), _Handler._file),
    ],
    "POST": [
        (re.compile("films"), _Handler._upload),
        (re.compile("paths"), _Handler._in_place),
        (re.compile("films/([0-9a-f]+)/remove"), _Handler._remove),
        (re.compile(f"films/([0-9a-f]+)/({_KINDS})"), _Handler._begin),
        (re.compile(f"films/([0-9a-f]+)/({_KINDS})/cancel"), _Handler._cancel),
    ],
}
