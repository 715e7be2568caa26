"""The one way to write a file or a folder: whole, or not at all.

What is written grows under a hidden name beside the target and takes the target's name at the end, in one step. A
process that is killed leaves only the hidden name behind; the next write into that folder removes it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform != "win32":  # Windows has no flock
    import fcntl

PREFIX = ".avts-"
"""Begin of the hidden names, which are short however long the target's name is."""

LONGEST_ENDING = 16
"""Bytes of the target's ending that the hidden name keeps: programs choose a format by it."""

OLD_SECONDS = 10.0
"""A hidden file that nobody holds is removed when it is older than this."""

UNLOCKED_SECONDS = 86_400.0
"""The same where nothing says whether somebody holds it: Windows, and network drives without locks."""


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """Give a path to write to; at the end of the block the file there replaces the target in one step.

    The path lies in the target's folder and has its ending. If the block raises, the target stays as it was and
    nothing is left behind.

    Raises:
        OSError: the folder cannot be written, or the block left no file.

    Example:
        >>> import tempfile
        >>> target = Path(tempfile.mkdtemp()) / "words.txt"
        >>> with whole_file(target) as path:
        ...     _ = path.write_text("all of them")
        >>> target.read_text()
        'all of them'
    """
    sweep(target.parent)
    path = _hidden(target)
    path.touch(exist_ok=False)
    with _held(path):
        try:
            yield path
            os.replace(path, target)
        finally:
            path.unlink(missing_ok=True)


def write_whole(target: Path, text: str) -> None:
    """Write a text file, UTF-8: no reader ever sees half of it."""
    with whole_file(target) as path:
        path.write_text(text, encoding="utf-8")


@contextmanager
def whole_folder(target: Path) -> Iterator[Path]:
    """Give an empty folder to fill; at the end of the block it takes the target's name.

    Raises:
        OSError: the target exists and is not an empty folder, or its parent cannot be written.
    """
    with hidden_room(target.parent) as path:
        yield path
        os.replace(path, target)


@contextmanager
def hidden_room(folder: Path) -> Iterator[Path]:
    """Give an empty hidden folder inside another; it and what is left in it are removed at the end of the block.

    What killed processes left in the folder is removed first.

    Raises:
        OSError: the folder cannot be written.
    """
    sweep(folder)
    path = _hidden(folder / "room")
    path.mkdir()
    with _held(path):
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)


def sweep(folder: Path) -> None:
    """Remove hidden files and folders that killed processes left in a folder."""
    for path in folder.glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            age = time.time() - path.lstat().st_mtime
            if age > OLD_SECONDS and _is_free(path, age):
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def _hidden(target: Path) -> Path:
    """A name nobody has, in the target's folder and with its ending."""
    ending = target.suffix if len(os.fsencode(target.suffix)) <= LONGEST_ENDING else ""
    return target.with_name(f"{PREFIX}{secrets.token_hex(6)}{ending}")


@contextmanager
def _held(path: Path) -> Iterator[None]:
    """Mark what is being written, for as long as this process lives."""
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network drives have no locks
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    finally:
        os.close(descriptor)


def _is_free(path: Path, age_seconds: float) -> bool:
    """True if no living process holds a file or folder; where there are no locks, if it is old."""
    if sys.platform == "win32":
        return age_seconds > UNLOCKED_SECONDS
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return age_seconds > UNLOCKED_SECONDS
    finally:
        os.close(descriptor)
    return True
