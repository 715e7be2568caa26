"""One recording into a table of features, in a worker process: a row a window, a column a tower or stage.

Never raises for a bad file: it gives a Refusal, so that one file costs one line.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import torch
from numpy.typing import NDArray

from avts.errors import AvtsError, MediaError
from avts.features.loudness import Loudness
from avts.features.recordings import Recording, Streams, streams_of
from avts.features.towers import Columns, Plan, picture_columns, sound_columns
from avts.files import whole_file
from avts.jobs.refusal import Refusal, plain
from avts.model.checkpoint import load_model
from avts.model.two_stream import TwoStream

SETTINGS_KEY, FILES_KEY = b"avts.features", b"avts.files"
"""Metadata of the table's schema, JSON: how the features were made; the stamp of each file in it."""

ChunkT = TypeVar("ChunkT")


@dataclass(frozen=True)
class Task:
    """A recording to embed, and where its table goes: staged + '.parquet'.

    Attributes:
        recording: what to embed.
        staged: path without ending.
        model: folder of a trained model.
        plan: what to read out.
        half: numbers of 16 bits.
        device: where the towers run.
        threads: of a process that runs on the CPU; None leaves them alone.
        metadata: of the schema of each table.
    """

    recording: Recording
    staged: Path
    model: Path
    plan: Plan
    half: bool
    device: str
    threads: int | None
    metadata: dict[bytes, bytes]

    @property
    def path(self) -> Path:
        """The table."""
        return self.staged.with_suffix(".parquet")


@dataclass(frozen=True)
class Embedded:
    """A recording that was embedded: how many windows it gave."""

    num_windows: int


def embed_recording(task: Task, alive: Callable[[], None] = lambda: None) -> Embedded | Refusal:
    """Embed one recording and write its table.

    Args:
        task: the recording.
        alive: called whenever something was read or encoded.

    Raises:
        OSError: the disk is full; nothing else.
        CheckpointError: the model cannot be read.
    """
    recording, model = task.recording, _loaded(task.model, task.device, task.threads)
    try:
        with streams_of(recording, task.staged, alive) as streams:
            columns, loudness = _columns(model, streams, task.plan, alive)
        count = min((len(column) for column in columns.values()), default=0)
        if count == 0:
            message = f"shorter than a window of {task.plan.window_seconds:g} s. Nothing to embed."
            return Refusal(recording.source, "too_short", f"{recording.source}: {message}")
        table = _table(task, {name: column[:count] for name, column in columns.items()}, loudness)
        with whole_file(task.path) as waiting:
            pq.write_table(table, waiting)
        return Embedded(count)
    except AvtsError as error:
        return Refusal(recording.source, "unreadable", plain(str(error)))
    except Exception as error:  # one file costs one line
        if isinstance(error, OSError) and error.errno == errno.ENOSPC:
            raise OSError(errno.ENOSPC, "no space left on the disk") from error
        reason = plain(f"cannot be read ({type(error).__name__}: {error}). Check the file.")
        return Refusal(recording.source, "failed", f"{recording.source}: {reason}")


@lru_cache(maxsize=1)
def _loaded(folder: Path, device: str, threads: int | None) -> TwoStream:
    """The model, once a process."""
    if threads is not None:
        torch.set_num_threads(threads)
    return load_model(folder, device=device)


def _columns(
    model: TwoStream, streams: Streams, plan: Plan, alive: Callable[[], None]
) -> tuple[Columns, Loudness | None]:
    columns: Columns = {}
    if streams.pictures is not None:
        columns |= picture_columns(model, _telling(streams.pictures(), alive), plan)
    if streams.sounds is None:
        return columns, None
    meter = Loudness()
    columns |= sound_columns(model, _telling(streams.sounds(), alive), plan, meter=meter)
    return columns, meter


def _telling(chunks: Iterable[ChunkT], alive: Callable[[], None]) -> Iterator[ChunkT]:
    for chunk in chunks:
        alive()
        yield chunk


def _table(task: Task, columns: Columns, loudness: Loudness | None) -> pa.Table:
    """A row a window: which file, what is known of it, when, and the vectors."""
    recording, plan = task.recording, task.plan
    count = len(next(iter(columns.values())))
    starts = plan.starts_seconds(count)
    known: dict[str, Any] = {
        "file": pa.array([recording.source] * count, pa.string()),
        "label": pa.array([recording.label] * count, pa.string()),
        "split": pa.array([recording.split] * count, pa.string()),
        "fold": pa.array([recording.fold] * count, pa.int32()),
        "start_seconds": pa.array(starts, pa.float64()),
        "stop_seconds": pa.array(starts + plan.window_seconds, pa.float64()),
    }
    if loudness is not None:
        known["loudness_db"] = pa.array(loudness.of_windows(starts, plan.window_seconds), pa.float32())
    vectors = {name: fixed_size_lists(column, half=task.half) for name, column in columns.items()}
    return pa.table(known | vectors).replace_schema_metadata(task.metadata)


def fixed_size_lists(vectors: NDArray[np.float32], *, half: bool) -> pa.FixedSizeListArray:
    """Vectors [W, F] as an Arrow array of lists of F numbers."""
    flat = np.ascontiguousarray(vectors, np.float16 if half else np.float32).reshape(-1)
    return pa.FixedSizeListArray.from_arrays(pa.array(flat), vectors.shape[1])


def vectors_of(table: pa.Table, column: str) -> NDArray[np.float32]:
    """A column of lists as vectors [W, F].

    Raises:
        MediaError: a window has no vector there.
    """
    values = table.column(column).combine_chunks()
    if values.null_count:
        raise MediaError(f"column '{column}': {values.null_count} windows have no vector. Remove them first.")
    size = len(values[0]) if len(values) else 0
    flat: NDArray[np.float32] = values.flatten().to_numpy(zero_copy_only=False).astype(np.float32)
    return flat.reshape(len(values), size)
