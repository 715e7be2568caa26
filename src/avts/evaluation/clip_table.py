"""The clips of a test: which files, and what a table beside them says of each. Input: a folder. Output: Clips.

clips.csv has the columns path and kind; it may have source (where a clip comes from), cue (how well a person sees its
sync: strong, weak, none) and offset_seconds (by how much its sound comes early, where it is not in sync).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

from avts.corpus.folder import is_video_name
from avts.errors import AvtsError, UsageError

TABLE = "clips.csv"

CUES = ("strong", "weak", "none")


@dataclass(frozen=True)
class Clip:
    """A clip whose offset is known.

    Attributes:
        path: the file.
        kind: speech, music or whatever the table says; '' if it says nothing.
        source: where it comes from; '' if not known.
        cue: one of CUES; '' if nobody looked.
        offset_seconds: by how much its sound comes early.
    """

    path: Path
    kind: str = ""
    source: str = ""
    cue: str = ""
    offset_seconds: float = 0.0


def read_clips(folder: Path, table: Path | None = None) -> list[Clip]:
    """The clips of a folder, from its table or, without one, all its video files.

    Args:
        folder: of clips; paths in the table are relative to it.
        table: instead of the clips.csv in the folder.

    Raises:
        UsageError: no such folder or table, no clip, or an invalid value in the table.
        AvtsError: the table cannot be read.
    """
    if not folder.is_dir():
        raise UsageError(f"{folder}: no such folder. Give a folder of clips that are in sync")
    if table is not None and not table.is_file():
        raise UsageError(f"{table}: no such file. Give a table with the columns path and kind")
    named = table or folder / TABLE
    clips = _rows(named, folder, strict=table is not None) if named.is_file() else []
    if not clips:
        clips = [Clip(path) for path in sorted(folder.rglob("*")) if path.is_file() and is_video_name(path.name)]
    if not clips:
        raise UsageError(f"{folder}: contains no video file. Give a folder of clips that are in sync")
    return clips


def _rows(table: Path, folder: Path, *, strict: bool) -> list[Clip]:
    """The clips of a table; none if it has other columns, which is an error if it was asked for by name."""
    try:
        with table.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            columns = set(rows.fieldnames or ())
            if not {"path", "kind"} <= columns:
                if strict:
                    raise UsageError(f"{table}: has the columns {', '.join(sorted(columns))}. It needs path and kind")
                return []
            return [_clip(row, table, folder) for row in rows if row["path"]]
    except (UnicodeDecodeError, csv.Error) as error:
        raise AvtsError(f"{table}: cannot be read as a table ({error}). Repair or remove it") from error


def _clip(row: dict[str, str | None], table: Path, folder: Path) -> Clip:
    cue, offset = (row.get("cue") or "").strip(), (row.get("offset_seconds") or "").strip()
    if cue and cue not in CUES:
        raise UsageError(f"{table}: cue is {cue!r} for {row['path']}. It must be one of {', '.join(CUES)}, or empty")
    try:
        seconds = float(offset or 0)
    except ValueError:
        raise UsageError(f"{table}: offset_seconds is {offset!r} for {row['path']}. Give a number of seconds") from None
    return Clip(folder / (row["path"] or ""), row["kind"] or "", row.get("source") or "", cue, seconds)
