"""Files in a store that fsspec reads, whole or by ranges of bytes: one request each.

A request that fails for a reason that may pass is repeated after a short wait. Whatever a file system raises becomes
one error with the address, what was asked, and what to do. What is fetched when, and what is kept, is in store.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

import fsspec

from avts.corpus.fetch import check_protocol, reason_of
from avts.errors import CorpusError

ResultT = TypeVar("ResultT")

WAITS_SECONDS = (0.5, 1.0, 2.0)
"""Before each repetition of a request; a request is made once more than this has entries."""

FINAL = (
    FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, ImportError, NotImplementedError,
    TypeError, ValueError,
)  # fmt: skip
"""Errors that would be raised again: the request itself cannot be fulfilled."""

PASSING_STATUSES = frozenset({408, 425, 429})
"""HTTP statuses below 500 that ask for another attempt: timeout, too early, too many requests."""


class RemoteFiles:
    """The files at a URL.

    Attributes:
        url: where they are.
    """

    def __init__(self, url: str) -> None:
        """Request nothing yet.

        Raises:
            UsageError: no file system for such URLs, or its package is not installed.
            CorpusError: the file system refuses the address.
        """
        check_protocol(url)
        self.url = url
        try:
            self._files, self._root = fsspec.core.url_to_fs(url)
        except Exception as error:  # each file system has errors of its own
            raise CorpusError(f"{url}: cannot be opened ({reason_of(error)}). Check the address.") from error

    def whole(self, name: str) -> bytes | None:
        """A whole file; None if it does not exist.

        Raises:
            CorpusError: it cannot be read.
        """
        try:
            return self._answer(lambda: bytes(self._files.cat_file(self._at(name))))
        except FileNotFoundError:
            return None
        except Exception as error:
            raise CorpusError(
                f"{self.url}: its {name} cannot be read ({reason_of(error)}). Check the address and your permissions."
            ) from error

    def part(self, name: str, start: int, size: int) -> bytes:
        """Bytes [start, start + size) of a file; fewer if it ends before.

        A server that ignores the range sends the whole file; its part is cut out.

        Raises:
            CorpusError: it cannot be read, or other bytes were received than requested.
        """
        try:
            found = self._answer(lambda: bytes(self._files.cat_file(self._at(name), start=start, end=start + size)))
            if len(found) <= size:
                return found
            length = self._answer(lambda: int(self._files.size(self._at(name)) or 0))
        except Exception as error:
            raise CorpusError(
                f"{self.url}: its shard {name} cannot be read ({reason_of(error)}). Check the store, and try again."
            ) from error
        if len(found) != length:
            raise CorpusError(
                f"{self.url}: {size} bytes of {name} from {start} on were requested, {len(found)} of its {length} were "
                "received. The server must support requests of ranges (HTTP header Range): use another one."
            )
        return found[start : start + size]

    def _at(self, name: str) -> str:
        return f"{self._root}/{name}"

    def _answer(self, request: Callable[[], ResultT]) -> ResultT:
        """What a request gives; it is repeated if the reason of its failure may pass."""
        for wait_seconds in WAITS_SECONDS:
            try:
                return request()
            except Exception as error:
                if not may_pass(error):
                    raise
            time.sleep(wait_seconds)
        return request()


def may_pass(error: Exception) -> bool:
    """True if the same request may succeed later: no connection, a timeout, a server that is overloaded."""
    status = getattr(error, "status", None)  # of an answer by HTTP
    if isinstance(status, int) and 400 <= status < 500:
        return status in PASSING_STATUSES
    return not isinstance(error, FINAL)
