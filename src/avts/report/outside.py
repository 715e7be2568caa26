"""Sanitise text from outside (file names, tags, reasons that contain names) before it is displayed.

Input: any text. Output: text for one line of a terminal, or a cell of a spreadsheet. HTML is escaped by `page`.
"""

from __future__ import annotations

from avts.jobs.refusal import safe_row as safe_row


def one_line(text: str) -> str:
    """A printable form of a text: line breaks, terminal codes and bytes that are not UTF-8 are escaped."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
