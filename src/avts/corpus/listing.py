"""A list of files as a collection: CSV or Parquet, one row per clip, local paths or fsspec URLs."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet

from avts.corpus.clip import SPLIT_FOLDERS, Split
from avts.corpus.fetch import FetchError, check_protocol, open_url
from avts.corpus.folder import is_sound_name
from avts.corpus.item import Item, Media, Wants
from avts.errors import CorpusError, UsageError
from avts.timebase import Span

COLUMNS = ("path", "label", "labels", "split", "start_seconds", "end_seconds", "fold", "group")
"""Columns that are read; all but path are optional, and others are ignored."""

LIST_ENDINGS = (".csv", ".parquet")

LABEL_SEPARATOR = "|"
"""Separator of several labels in one cell of a CSV."""


class ListSource:
    """The files that a table names. A relative path is relative to `base`, by default the table's own folder."""

    def __init__(self, table: Path | str, *, base: Path | str | None = None, wants: Wants = "both") -> None:
        if isinstance(table, str):
            check_protocol(table)
        elif not table.is_file():
            raise UsageError(f"{table}: no such list. Give a CSV or Parquet file with a column 'path'.")
        self._table = table
        self._base = base if base is not None else _folder_of(table)
        self._wants: Wants = wants

    def items(self) -> Iterator[Item]:
        """One clip per row, in the order of the rows.

        Raises:
            CorpusError: the table cannot be read, has no column path, or a value is not valid for its column.
            UsageError: no file system for a path's URLs.
        """
        checked: set[str] = set()
        for number, row in enumerate(self._rows(), start=1):
            path = row["path"]
            if "://" in path and (protocol := path.split("://")[0]) not in checked:
                check_protocol(path)
                checked.add(protocol)
            yield self._item(path, row, f"{self._table}: row {number}")

    def _item(self, path: str, row: dict[str, Any], where: str) -> Item:
        part = _part(row, where)
        source = path if part is None else f"{path}#{part.start_seconds:.3f}-{part.stop_seconds:.3f}"
        wants: Wants = "sound" if is_sound_name(path) else self._wants
        return Item(
            source,
            self._media(path),
            labels_of(row),
            split=_split(row.get("split"), where),
            fold=_fold(row.get("fold"), where),
            part=part,
            group=str(row["group"]) if row.get("group") else (None if part is None else path),
            wants=wants,
        )

    def _media(self, path: str) -> Media | None:
        if "://" in path:
            return path
        if isinstance(self._base, str):
            return f"{self._base}/{path}"
        local = self._base / path
        return local if local.exists() else None

    def _rows(self) -> Iterator[dict[str, Any]]:
        try:
            with open_url(self._table) as file:
                data = file.read()
            rows = _parquet_rows(data) if str(self._table).endswith(".parquet") else _csv_rows(data)
        except (FetchError, UnicodeDecodeError, csv.Error, pa.ArrowException) as error:
            raise CorpusError(f"{self._table}: cannot be read as a list ({error}). Repair it.") from error
        if rows and "path" not in rows[0]:
            raise CorpusError(
                f"{self._table}: no column 'path' (it has: {', '.join(rows[0])}). Rename the column of paths."
            )
        return (row for row in rows if row["path"])


def labels_of(row: dict[str, Any]) -> tuple[str, ...]:
    """Labels of a row: its list or '|'-separated cell `labels`, else its one `label`."""
    several = row.get("labels")
    if several is None or several == "":
        return (str(row["label"]),) if row.get("label") not in (None, "") else ()
    if isinstance(several, str):
        several = several.split(LABEL_SEPARATOR)
    return tuple(str(label).strip() for label in several if str(label).strip())


def _csv_rows(data: bytes) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def _parquet_rows(data: bytes) -> list[dict[str, Any]]:
    file = parquet.ParquetFile(io.BytesIO(data))
    columns = [name for name in file.schema_arrow.names if name in COLUMNS]
    rows: list[dict[str, Any]] = file.read(columns=columns or None).to_pylist()
    return rows


def _split(value: Any, where: str) -> Split | None:
    if value in (None, ""):
        return None
    split = SPLIT_FOLDERS.get(str(value).lower())
    if split is None:
        raise CorpusError(f"{where}: split {value!r} must be one of train, validation and test.")
    return split


def _fold(value: Any, where: str) -> int | None:
    if value in (None, ""):
        return None
    try:
        return int(value)
    except ValueError as error:
        raise CorpusError(f"{where}: fold {value!r} is not an integer.") from error


def _part(row: dict[str, Any], where: str) -> Span | None:
    start, end = row.get("start_seconds"), row.get("end_seconds")
    if start in (None, "") and end in (None, ""):
        return None
    try:
        part = Span(float(start or 0), float(end))  # type: ignore[arg-type]
    except (TypeError, ValueError) as error:
        raise CorpusError(f"{where}: from {start!r} to {end!r} s: give two numbers, or none.") from error
    if not 0 <= part.start_seconds < part.stop_seconds < float("inf"):
        raise CorpusError(f"{where}: from {start} to {end} s: the end must be after the start, and both at least 0.")
    return part


def _folder_of(table: Path | str) -> Path | str:
    return table.parent if isinstance(table, Path) else table.rsplit("/", 1)[0]
