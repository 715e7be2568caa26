"""Files that are not in the corpus, and why: one line each, never the end of the run."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

REFUSED_NAME = "refused.csv"
MISSING_NAME = "missing.csv"

TRIED_AGAIN = frozenset({"crashed", "timed_out", "limit", "missing", "fetch"})
"""Reasons that may be gone at the next run; files refused for others are not looked at again until they change."""


@dataclass(frozen=True)
class Refusal:
    """A file that was not taken in: its relative path, a word for the reason, and the sentence for the user.

    reason: unreadable, no_video, no_audio, undecodable, too_short, limit, duplicate, straddles, changed, crashed,
    timed_out, fetch, missing or failed.
    """

    source: str
    reason: str
    message: str


def plain(text: str) -> str:
    """A name as it can be shown and written on one line: what does not print becomes an escape."""
    signs = writable(text)
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in signs)


def writable(text: str) -> str:
    r"""A text as it can be encoded: bytes of a name that are not UTF-8 become escapes, such as \xff."""
    if text.isascii():
        return text
    try:
        return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    except UnicodeEncodeError:  # halves of pairs, which stand for no byte
        return text.encode("utf-8", "backslashreplace").decode("utf-8")


def write_refusals(path: Path, refusals: Iterable[Refusal]) -> None:
    """Write a table of refusals; atomic."""
    waiting = path.with_name(f".{path.name}.part")
    with waiting.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["source", "reason", "message"])
        rows.writerows((refusal.source, refusal.reason, refusal.message) for refusal in refusals)
    os.replace(waiting, path)
