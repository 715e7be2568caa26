"""Make an item's file available on this machine while it is being read: all but local files are copied temporarily.

The copy gets a new name; no part of a name from a tar, a list or a URL becomes part of a path.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import fsspec

from avts.corpus.item import Media, Member
from avts.errors import InputError, UsageError, install_advice

BLOCK_BYTES = 2**20

LONGEST_ENDING = 8
"""Maximum length of a file suffix that the copy keeps; some demuxers need the suffix."""

PACKAGES = {
    "http": "aiohttp", "https": "aiohttp", "s3": "s3fs", "s3a": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "abfs": "adlfs",
    "az": "adlfs",
}  # fmt: skip
"""The package with which fsspec opens the URLs of a protocol, by the protocol's name."""

REMOTE_EXTRA = ("aiohttp",)
"""The packages of the extra 'remote' in pyproject.toml."""


class FetchError(InputError):
    """A file could not be fetched; another attempt may succeed."""


@contextmanager
def fetched(media: Media, place: Path, alive: Callable[[], None]) -> Iterator[Path]:
    """Yield a local path of an item's file; a copy is made at `place` plus its suffix, and removed afterwards.

    Raises:
        FetchError: it does not exist, or reading it failed.
        OSError: the copy cannot be written.
    """
    if isinstance(media, Path):
        yield media
        return
    copy = place.with_name(place.name + ".source" + ending_of(name_of(media)))
    try:
        _copy(media, copy, alive)
        yield copy
    finally:
        copy.unlink(missing_ok=True)


def name_of(media: Media) -> str:
    """The name of a file for messages: the last part of its path."""
    if isinstance(media, Path):
        return media.name
    if isinstance(media, Member):
        return media.name.rsplit("/", 1)[-1]
    return media.rsplit("/", 1)[-1] if isinstance(media, str) else getattr(media, "__name__", "opened file")


def ending_of(name: str) -> str:
    """The suffix of a name if it is plain and short, else ''."""
    found = re.search(rf"\.[A-Za-z0-9]{{1,{LONGEST_ENDING}}}$", name.split("?", 1)[0])
    return found[0].lower() if found else ""


def check_protocol(url: str) -> None:
    """Check early whether a kind of URL can be opened at all.

    Raises:
        UsageError: no file system for it is known, or its package is not installed.
    """
    protocol = url.split("::")[0].split("://")[0]
    try:
        fsspec.get_filesystem_class(protocol)
    except ImportError as error:
        package = PACKAGES.get(protocol)
        if package is None:
            raise UsageError(f"{url}: {protocol}:// needs a package that is not installed here: {error}.") from error
        advice = install_advice("remote") if package in REMOTE_EXTRA else f"Install it: pip install {package}"
        raise UsageError(f"{url}: {protocol}:// needs {package}, not installed here. {advice}") from error
    except ValueError as error:
        raise UsageError(
            f"{url}: {protocol}:// cannot be opened ({error}). Give a local path, or a URL such as https://HOST/NAME."
        ) from error


def open_url(url: Path | str) -> BinaryIO:
    """Open a local path or a URL for reading.

    Raises:
        FetchError: it does not exist or cannot be opened.
    """
    try:
        return url.open("rb") if isinstance(url, Path) else cast(BinaryIO, fsspec.open(url, "rb").open())
    except Exception as error:  # each file system has errors of its own
        raise FetchError(f"{url}: cannot be opened ({reason_of(error)}). Check that it exists.") from error


def _copy(media: str | Member | Callable[[], BinaryIO], copy: Path, alive: Callable[[], None]) -> None:
    with copy.open("wb") as target, _opened(media) as file:
        left = media.size if isinstance(media, Member) else None
        while left is None or left > 0:
            block = _read(file, BLOCK_BYTES if left is None else min(BLOCK_BYTES, left), name_of(media))
            if not block:
                if left:
                    raise FetchError(
                        f"{name_of(media)}: its tar is truncated, {left} bytes are missing. Copy it again."
                    )
                break
            target.write(block)
            left = None if left is None else left - len(block)
            alive()


def _opened(media: str | Member | Callable[[], BinaryIO]) -> BinaryIO:
    if isinstance(media, str):
        return open_url(media)
    if not isinstance(media, Member):
        try:
            return media()
        except Exception as error:  # the user's own function
            raise FetchError(
                f"{name_of(media)}: cannot be opened ({reason_of(error)}). Check that it exists."
            ) from error
    file = open_url(media.tar)
    file.seek(media.offset)
    return file


def _read(file: BinaryIO, size: int, name: str) -> bytes:
    try:
        return file.read(size)
    except Exception as error:  # each file system has errors of its own
        raise FetchError(
            f"{name}: could not be read completely ({reason_of(error)}). Run the same command again."
        ) from error


def reason_of(error: Exception) -> str:
    """Why a file system failed, in one phrase; some of its errors have no text."""
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
