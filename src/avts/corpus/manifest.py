"""The two files that make a folder of shards a corpus: manifest.parquet (one row per clip) and corpus.json (settings).

Both are written atomically, corpus.json last, so that a folder with corpus.json is always a corpus.
"""

from __future__ import annotations

import dataclasses
import json
import os
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as compute
import pyarrow.parquet as parquet

from avts.corpus.clip import Clip
from avts.errors import CorpusError
from avts.timebase import FRAME_RATE, SAMPLE_RATE

FORMAT = "avts-corpus"
FORMAT_VERSION = 2
"""Incremented when a corpus written by older code could be misread. 2: clips may lack picture or sound; labels,
folds, official splits and groups."""

READABLE_VERSIONS = (1, 2)
"""Versions that this program reads and extends; an extended corpus gets the current version."""

MANIFEST_NAME = "manifest.parquet"
CORPUS_NAME = "corpus.json"
JOURNAL_NAME = "ingest.journal.jsonl"

SCHEMA = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("label", pa.string()),
        pa.field("duration_seconds", pa.float64(), nullable=False),
        pa.field("num_frames", pa.int64(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("shard", pa.string(), nullable=False),
        pa.field("video_offset", pa.int64(), nullable=False),
        pa.field("video_size", pa.int64(), nullable=False),
        pa.field("sound_offset", pa.int64(), nullable=False),
        pa.field("sound_size", pa.int64(), nullable=False),
        pa.field("source_frames_per_second", pa.float64(), nullable=False),
        pa.field("source_sample_rate", pa.int32(), nullable=False),
        pa.field("loudness_db", pa.float64(), nullable=False),
        pa.field("motion", pa.float64(), nullable=False),
        pa.field("flags", pa.list_(pa.string()), nullable=False),
        pa.field("content_hash", pa.string(), nullable=False),
        pa.field("labels", pa.list_(pa.string())),
        pa.field("splits", pa.list_(pa.string())),
        pa.field("fold", pa.int32()),
        pa.field("group", pa.string()),
    ]
)


def settings_of(short_side: int) -> dict[str, Any]:
    """The content of corpus.json: the format and the settings that all clips of the corpus share."""
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "short_side": short_side,
        "frames_per_second": FRAME_RATE,
        "sample_rate": SAMPLE_RATE,
    }


def write_manifest(folder: Path, clips: Iterable[Clip], settings: dict[str, Any]) -> None:
    """Make a folder of shards a corpus, or update its manifest; atomic."""
    table = pa.Table.from_pylist([dataclasses.asdict(clip) for clip in clips], schema=SCHEMA)
    waiting = folder / f".{MANIFEST_NAME}.part"
    parquet.write_table(table, waiting)
    _put(waiting, folder / MANIFEST_NAME)
    waiting = folder / f".{CORPUS_NAME}.part"
    waiting.write_text(json.dumps(settings, indent=2) + "\n", encoding="utf-8")
    _put(waiting, folder / CORPUS_NAME)


def _put(waiting: Path, target: Path) -> None:
    with waiting.open("rb") as file:
        os.fsync(file.fileno())
    os.replace(waiting, target)


def read_settings(folder: Path) -> dict[str, Any]:
    """Read corpus.json.

    Raises:
        CorpusError: the folder is missing, not a corpus, unfinished, damaged, or of another format version.
    """
    if folder.is_file():
        raise CorpusError(f"{folder}: is a file; a corpus is a folder or a URL. Give that of its {CORPUS_NAME}.")
    if not folder.is_dir():
        raise CorpusError(f"{folder}: no such corpus. Make one with `avts ingest FOLDER {folder}`.")
    path = folder / CORPUS_NAME
    if not path.is_file():
        if (folder / JOURNAL_NAME).is_file():
            raise CorpusError(f"{folder}: its ingest did not finish. Run the same `avts ingest` again to resume it.")
        raise CorpusError(f"{folder}: not a corpus (no {CORPUS_NAME}). Make one with `avts ingest FOLDER CORPUS`.")
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
        kind, version = settings["format"], settings["format_version"]
    except (OSError, ValueError, LookupError, TypeError) as error:
        raise CorpusError(
            f"{folder}: damaged: {CORPUS_NAME} cannot be read. Ingest again into a new folder."
        ) from error
    if kind != FORMAT:
        raise CorpusError(f"{folder}: its {CORPUS_NAME} belongs to something else ({kind}). Give another folder.")
    if version not in READABLE_VERSIONS:
        raise CorpusError(
            f"{folder}: corpus of format version {version}, this program reads up to {FORMAT_VERSION}. "
            "Ingest its videos again into a new folder, or use the version of avts that wrote it."
        )
    return dict(settings)


def read_manifest(folder: Path) -> tuple[Clip, ...]:
    """Read the clips in the order they were taken.

    Raises:
        CorpusError: the manifest is missing or damaged.
    """
    path = folder / MANIFEST_NAME
    try:
        table = parquet.read_table(path, schema=SCHEMA)  # columns missing in version 1 are null
    except (OSError, pa.ArrowException) as error:
        raise CorpusError(
            f"{folder}: damaged: {MANIFEST_NAME} cannot be read. Run the same `avts ingest` again."
        ) from error
    columns = {name: _values(table.column(name)) for name in SCHEMA.names}
    columns["labels"] = [
        labels or (() if label is None else (label,))
        for labels, label in zip(columns["labels"], columns["label"], strict=True)
    ]
    del table
    pa.default_memory_pool().release_unused()  # 100 MB of 240,000 clips
    # by position, which is twice as fast: test_columns_are_the_fields_of_a_clip_in_their_order
    return tuple(Clip(*row) for row in zip(*columns.values(), strict=True))


def _values(column: pa.ChunkedArray) -> list[Any]:
    """The values of a column; rows with the same value share one object, of which a large corpus has few."""
    if pa.types.is_list(column.type):
        return _tuples(column)
    if pa.types.is_int64(column.type):  # offsets and sizes: hardly two are alike, and none is missing
        return list(column.to_numpy().tolist())
    known = column.combine_chunks().dictionary_encode()
    values = [*known.dictionary.to_pylist(), None]
    return [values[index] for index in known.indices.fill_null(-1).to_numpy().tolist()]


def _tuples(column: pa.ChunkedArray) -> list[tuple[Any, ...]]:
    """The lists of a column as tuples, a missing one as an empty one."""
    known: dict[tuple[Any, ...], tuple[Any, ...]] = {}
    values = iter(column.combine_chunks().flatten().to_pylist())
    lengths = compute.fill_null(compute.list_value_length(column), 0).to_numpy().tolist()
    found = (tuple(islice(values, length)) for length in lengths)
    return [known.setdefault(each, each) for each in found]


def clip_of(row: dict[str, Any]) -> Clip:
    """A clip from a row of the manifest or a line of the journal, also of version 1."""
    lists = {name: tuple(row.get(name) or ()) for name in ("flags", "labels", "splits")}
    if not lists["labels"] and row["label"] is not None:
        lists["labels"] = (row["label"],)
    return Clip(**{**row, **lists})
