"""Where a corpus is: a folder, or a URL that fsspec knows."""

from __future__ import annotations

import re
from pathlib import Path

from avts.errors import UsageError

LOCAL = "file://"
"""URLs with this prefix are paths."""

_URL = re.compile(r"(?:[a-z][a-z0-9+.-]*::)*[a-z][a-z0-9+.-]*://", re.IGNORECASE)

_ONE_SLASH = re.compile(r"([a-z][a-z0-9+.-]+):/(?=[^/])", re.IGNORECASE)
"""What a URL becomes when it is taken for a path."""

_HOST_AND_PORT = re.compile(r"[\w.-]+:\d+(?:/|$)")


def place_of(place: Path | str) -> Path | str:
    """The place that a user named, as a path or as a URL without a slash at its end.

    Raises:
        UsageError: it is neither, but looks like a URL.
    """
    text = str(place)
    if isinstance(place, str) and text.startswith(LOCAL):
        return Path(text.removeprefix(LOCAL))
    if isinstance(place, str) and (found := _URL.match(text)):
        if not text[found.end() :].strip("/"):
            raise UsageError(f"{text}: a URL without a place. Give one such as {found[0]}HOST/FOLDER.")
        return text.rstrip("/")
    path = Path(text)
    if path.exists():
        return path
    if found := _ONE_SLASH.match(text):
        raise UsageError(f"{text}: neither a folder nor a URL. Give {found[1]}://{text[found.end() :]}, as text.")
    if _HOST_AND_PORT.match(text):
        raise UsageError(f"{text}: neither a folder nor a URL. A URL begins with its protocol: http://{text}.")
    return path
