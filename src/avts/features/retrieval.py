"""Sounds found by pictures and pictures by sounds in a table of features.

Exact search is one matrix product; FAISS is an optional approximate index for large collections. The smaller the
distance of two embeddings, the better they fit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from avts.errors import CorpusError, UsageError
from avts.features.extract import vectors_of
from avts.features.parts import features_schema
from avts.model.extras import need_extra

RANKS = (1, 5, 10)
QUERIES_AT_ONCE = 1024

IndexName = Literal["exact", "faiss"]
Vectors = NDArray[np.float32]
Search = Callable[[Vectors, int], tuple[NDArray[np.int64], Vectors]]
"""From queries [Q, D] and k to the places of the k nearest and their squared distances, [Q, k], nearest first."""


@dataclass(frozen=True)
class Recall:
    """How often the window that belongs to a query is among the k nearest.

    Attributes:
        asked: 'picture' or 'sound', what the query is.
        at: share of the queries, by k.
        chance: the same of a random order, by k.
        num_windows: searched.
    """

    asked: str
    at: dict[int, float]
    chance: dict[int, float]
    num_windows: int


def read_features(path: Path, columns: tuple[str, ...]) -> pa.Table:
    """Rows of a table of features that have all of some columns.

    Raises:
        UsageError: no such file, no table of features, or it lacks a column.
        CorpusError: no row has them.
    """
    has = features_schema(path).names
    missing = [column for column in columns if column not in has]
    if missing:
        raise UsageError(f"{path}: no column '{missing[0]}' (it has {', '.join(has)}). Embed files with it.")
    table = pq.read_table(path, columns=["file", "label", "start_seconds", "stop_seconds", *columns])
    for column in columns:
        table = table.filter(pc.is_valid(table[column]))
    if not len(table):
        raise CorpusError(f"{path}: no window has {' and '.join(columns)}. Embed files with them.")
    return table


def searcher(vectors: Vectors, index: IndexName) -> Search:
    """Make ready to search vectors [N, D].

    Raises:
        UsageError: index 'faiss' is asked for and not installed.
    """
    if index == "exact":
        return lambda queries, k: _exact(vectors, queries, k)
    need_extra("faiss", "index 'faiss'")
    import faiss

    graph = faiss.IndexHNSWFlat(vectors.shape[1], 32)
    graph.add(np.ascontiguousarray(vectors))

    def search(queries: Vectors, k: int) -> tuple[NDArray[np.int64], Vectors]:
        distances, places = graph.search(np.ascontiguousarray(queries), min(k, len(vectors)))
        return places, distances

    return search


def _exact(vectors: Vectors, queries: Vectors, k: int) -> tuple[NDArray[np.int64], Vectors]:
    squares = np.square(queries).sum(1)[:, None] + np.square(vectors).sum(1) - 2 * queries @ vectors.T
    places = np.argsort(squares, axis=1, kind="stable")[:, :k]
    return places, np.take_along_axis(squares, places, axis=1)


def recall(path: Path, *, index: IndexName = "exact") -> list[Recall]:
    """Recall over all windows that have picture and sound: sounds by pictures, then pictures by sounds.

    Raises:
        UsageError: no table of features, a tower is missing, or the index is not installed.
        CorpusError: no window has both.
    """
    table = read_features(path, ("picture", "sound"))
    towers = {name: vectors_of(table, name) for name in ("picture", "sound")}
    found = []
    for asked, searched in (("picture", "sound"), ("sound", "picture")):
        search, count = searcher(towers[searched], index), len(table)
        nearest = [
            search(towers[asked][first : first + QUERIES_AT_ONCE], max(RANKS))[0]
            for first in range(0, count, QUERIES_AT_ONCE)
        ]
        hits = np.concatenate(nearest) == np.arange(count)[:, None]
        at = {k: float(hits[:, :k].any(axis=1).mean()) for k in RANKS}
        found.append(Recall(asked, at, {k: min(k / count, 1.0) for k in RANKS}, count))
    return found


def nearest_files(
    table: pa.Table, column: str, queries: Vectors, k: int, *, index: IndexName
) -> list[dict[str, object]]:
    """The files whose windows fit best to any of some queries [Q, D], best first, each with its best window."""
    places, squares = searcher(vectors_of(table, column), index)(queries, len(table) if index == "exact" else 20 * k)
    best: dict[str, dict[str, object]] = {}
    for query, rank in zip(
        *np.unravel_index(np.argsort(squares, axis=None, kind="stable"), squares.shape), strict=True
    ):
        place = int(places[query, rank])
        row = table.slice(place, 1).select(["file", "label", "start_seconds", "stop_seconds"]).to_pylist()[0]
        if row["file"] not in best:
            distance = float(np.sqrt(max(float(squares[query, rank]), 0.0)))
            best[row["file"]] = {**row, "distance": distance, "query_window": int(query)}
        if len(best) == k:
            break
    return list(best.values())
