"""Text that comes from outside (names of files, tags, reasons with names in them) made harmless where it is shown.

Input: any text. Output: text for one line of a terminal, or a cell of a spreadsheet. HTML is escaped by `page`.
"""

from __future__ import annotations

from avts.jobs.refusal import safe_row as safe_row


def one_line(text: str) -> str:
    """A text as it can be printed: line breaks, terminal codes and bytes that are not UTF-8 are escaped."""
    return "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text)
