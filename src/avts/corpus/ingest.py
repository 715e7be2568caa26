"""Convert any collection of video files to a corpus: resumable, safe to kill at any moment.

This file has the arguments, the target and the engine; the processing of the items is in taking.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from avts.corpus.item import Item, Source
from avts.corpus.journal import Journal
from avts.corpus.manifest import CORPUS_NAME, JOURNAL_NAME, MANIFEST_NAME, settings_of
from avts.corpus.shards import SHARD_BYTES
from avts.corpus.sources import source_of
from avts.corpus.taking import STAGING_NAME, Engine, Form, IngestSummary, OnProgress, Taking
from avts.corpus.target import FolderTarget, target_of
from avts.corpus.transcode import transcode
from avts.errors import CorpusError, UsageError
from avts.jobs.pool import TIMEOUT_SECONDS, EngineName, OrderedPool, check_no_address
from avts.jobs.refusal import MISSING_NAME, REFUSED_NAME
from avts.media.limits import Limits
from avts.media.standard import SHORT_SIDE

__all__ = ["IngestSummary", "ingest"]


def ingest(
    collection: Path | str | Source,
    out: Path | str,
    *,
    short_side: int = SHORT_SIDE,
    workers: int | None = None,
    shard_bytes: int | None = None,
    limits: Limits | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
    engine: EngineName = "local",
    address: str | None = None,
    on_progress: OnProgress | None = None,
) -> IngestSummary:
    """Convert a collection of files to a corpus; a second run takes only new files.

    Starts processes: in a script, call it under `if __name__ == "__main__":`.

    Args:
        collection: a folder, searched with its sub-folders; a CSV or Parquet list; tar shards; or any Source.
        out: the corpus, created if missing: a folder, or a URL that fsspec can write to.
        short_side: short side of the pictures, pixels, even.
        workers: number of processes; None for one per core.
        shard_bytes: size at which a shard is closed.
        limits: files beyond these limits are refused.
        timeout_seconds: a decoder that returns nothing for this long is stopped, and its file refused.
        engine: processes of this machine, or a Ray cluster.
        address: address of the Ray cluster; None starts one on this machine.
        on_progress: called with (files done, total files).

    Raises:
        UsageError: no such collection, out is something else, its settings differ, or another ingest writes to it.
        CorpusError: the collection is empty, every file was refused, or out cannot be written.
    """
    size = SHARD_BYTES if shard_bytes is None else shard_bytes
    form = Form(short_side, size, limits or Limits(), timeout_seconds)
    _check_form(form, workers)
    target = target_of(out)
    source = collection if isinstance(collection, Source) else source_of(collection)
    _check_target(target)
    items = list(source.items())
    if not items:
        raise CorpusError(f"{collection}: is empty. Nothing to ingest.")
    try:
        with target:
            runs = _ray(workers, form, address) if engine == "ray" else _local(workers, len(items), form, address)
            return _run(target, items, form, runs, on_progress)
    except OSError as error:
        reason = error.strerror or error
        raise CorpusError(
            f"{target.name}: cannot be written ({reason}). Free space and run the same command again."
        ) from error


def num_cores() -> int:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _run(
    target: FolderTarget, items: list[Item], form: Form, engine: Engine, on_progress: OnProgress | None
) -> IngestSummary:
    try:
        target.folder.mkdir(parents=True, exist_ok=True)
        journal = Journal(target.folder, settings_of(form.short_side), target.stored)
        try:
            return Taking(target, journal, form).run(items, engine, on_progress or _no_progress)
        finally:
            journal.close()
            _tidy(target.folder, has_clips=any(True for _ in journal.clips))
    finally:
        engine.close()


def _local(workers: int | None, num_items: int, form: Form, address: str | None) -> Engine:
    check_no_address(address)
    return OrderedPool(transcode, min(workers or num_cores(), num_items), timeout_seconds=form.timeout_seconds)


def _ray(workers: int | None, form: Form, address: str | None) -> Engine:
    from avts.jobs.ray_engine import RayEngine

    return RayEngine(workers, address=address, timeout_seconds=form.timeout_seconds, function=transcode)


def _check_form(form: Form, workers: int | None) -> None:
    if form.short_side < 16 or form.short_side % 2:
        raise UsageError(f"short side of {form.short_side} pixels: must be an even number of at least 16.")
    if workers is not None and workers < 1:
        raise UsageError(f"{workers} workers: must be at least 1.")
    if form.shard_bytes < 1:
        raise UsageError(f"shards of {form.shard_bytes} bytes: must be at least 1.")
    if form.timeout_seconds <= 0:
        raise UsageError(f"timeout of {form.timeout_seconds:g} s: must be more than 0.")


def _check_target(target: FolderTarget) -> None:
    if not target.is_remote and target.folder.exists() and not target.folder.is_dir():
        raise UsageError(f"{target.name}: is a file. Give a folder for the corpus.")
    names = target.names()
    if names and JOURNAL_NAME not in names:
        if not names.isdisjoint({CORPUS_NAME, MANIFEST_NAME, STAGING_NAME}):
            raise UsageError(
                f"{target.name}: a corpus without {JOURNAL_NAME}, so nothing can be added. Give another folder."
            )
        raise UsageError(f"{target.name}: not empty and not a corpus. Give a new or empty folder for the corpus.")


def _tidy(out: Path, *, has_clips: bool) -> None:
    """Remove the staging folder; where no clip was ever taken in, everything that was begun."""
    shutil.rmtree(out / STAGING_NAME, ignore_errors=True)
    if has_clips:
        return
    for path in [out / JOURNAL_NAME, out / REFUSED_NAME, out / MISSING_NAME, *out.glob("shard-*.tar")]:
        path.unlink(missing_ok=True)
    if not any(out.iterdir()):
        out.rmdir()


def _no_progress(done: int, total: int) -> None:
    pass
