"""A handful of damaged files through ingest, sync and repair, and what is then on the disk.

Input: mutants and one whole file. Output: counts, and Faults, each with the file that shows it.
"""

from __future__ import annotations

import csv
import shutil
import tarfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from avts.corpus.corpus import Corpus
from avts.corpus.folder import is_video_name
from benchmarks.endurance.client import Client, Reply
from benchmarks.endurance.mutate import Mutant
from benchmarks.formats.seen import packets_by_kind, see

MOST_MEGABYTES = 2048.0
FILE_SECONDS = 60.0
"""A file that takes longer than this hangs: the whole ones last 2.4 s."""

CONTROL = "whole.mp4"


@dataclass(frozen=True)
class Fault:
    """Something that must not happen: in which step, with which file ('' if it is not known), and what."""

    step: str
    file: str
    words: str


@dataclass
class Chunk:
    """What came of a handful of files: how many answers of each kind, faults, the highest memory and the time."""

    counts: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    peak_mb: float = 0.0
    seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        faults = [asdict(fault) for fault in self.faults]
        return {"counts": dict(self.counts), "faults": faults, "peak_mb": self.peak_mb, "seconds": self.seconds}


def run_chunk(client: Client, folder: Path, mutants: Sequence[Mutant], control: bytes, *, method: str) -> Chunk:
    """Put files into an empty folder and run every step on them."""
    shutil.rmtree(folder, ignore_errors=True)
    films, chunk = folder / "films", Chunk()
    films.mkdir(parents=True)
    for each in mutants:
        (films / each.name).write_bytes(each.data)
    (films / CONTROL).write_bytes(control)
    before = _content(films)
    _ingest(client, films, folder / "corpus", chunk)
    _sync(client, films, folder, method, chunk)
    _repair(client, films, folder / "repaired", mutants, chunk)
    if _content(films) != before:
        chunk.faults.append(Fault("any", "", "a source was changed"))
    return chunk


def _video_names(folder: Path) -> list[str]:
    """The files of a folder that a command on it takes."""
    return sorted(path.name for path in folder.iterdir() if is_video_name(path.name))


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _asked(client: Client, chunk: Chunk, step: str, name: str, words: Sequence[object], num_files: int) -> Reply:
    """Run a command; note what must not be of its end."""
    reply = client.ask({"words": [str(word) for word in words]}, seconds=FILE_SECONDS * (2 + num_files))
    _noted(chunk, step, name, reply, allowed=(0, 3))
    return reply


def _noted(chunk: Chunk, step: str, name: str, reply: Reply, *, allowed: Sequence[int]) -> None:
    chunk.peak_mb = max(chunk.peak_mb, reply.peak_mb)
    chunk.seconds += reply.seconds
    words = ""
    if reply.exception:
        words = f"exception: {reply.exception.strip().splitlines()[-1]}\n{reply.exception}"
    elif reply.hung:
        words = f"no answer in {reply.seconds:.0f} s"
    elif reply.died is not None:
        words = f"the process was ended by signal {reply.died}"
    elif reply.status not in allowed:
        words = f"exit status {reply.status}"
    elif reply.peak_mb > MOST_MEGABYTES:
        words = f"{reply.peak_mb:.0f} MB held"
    if words:
        chunk.faults.append(Fault(step, name, words))


def _failed(reply: Reply) -> bool:
    return bool(reply.exception or reply.hung or reply.died is not None or reply.status not in (0, 3))


def _ingest(client: Client, films: Path, corpus: Path, chunk: Chunk) -> None:
    names = _video_names(films)
    words = ["ingest", films, corpus, "--workers", "1", "--short-side", "32", "--timeout-seconds", "60"]
    reply = _asked(client, chunk, "ingest", "", words, len(names))
    if not _failed(reply) and not (corpus / "refused.csv").exists():
        chunk.faults.append(Fault("ingest", "", f"exit status {reply.status}, but no corpus: the batch was ended"))
    if _failed(reply) or not (corpus / "refused.csv").exists():
        _one_by_one(client, films, chunk, "ingest", lambda one, out: ["ingest", one, out / "c", *map(str, words[3:])])
        return
    taken = {clip.source for clip in Corpus.open(corpus).clips}
    with (corpus / "refused.csv").open(encoding="utf-8", newline="") as file:
        refused = {row["source"]: row["reason"] for row in csv.DictReader(file)}
    chunk.counts["ingest: taken"] += len(taken) - (CONTROL in taken)
    chunk.counts["ingest: refused"] += len(refused)
    chunk.faults += [
        Fault("ingest", name, "neither taken nor refused") for name in names if name not in taken | refused.keys()
    ]
    for reason in refused.values():
        if reason in {"crashed", "timed_out", "failed"}:
            chunk.counts[f"ingest: {reason}"] += 1
    if CONTROL not in taken:
        chunk.faults.append(Fault("ingest", "", "the whole file was not taken"))
    chunk.faults += [Fault("ingest", "", words) for words in _odd_in_corpus(corpus)]


def _odd_in_corpus(corpus: Path) -> list[str]:
    """What in a corpus is not whole."""
    odd = [f"{path.name} was left" for path in corpus.iterdir() if path.name.startswith(".") or ".part" in path.name]
    for shard in corpus.glob("*.tar"):
        try:
            with tarfile.open(shard) as tar:
                members = tar.getmembers()
                if any(member.offset_data + member.size > shard.stat().st_size for member in members):
                    odd.append(f"{shard.name}: a member is cut off")
        except (tarfile.TarError, OSError) as error:
            odd.append(f"{shard.name}: {error}")
    return odd


def _sync(client: Client, films: Path, folder: Path, method: str, chunk: Chunk) -> None:
    out, table = folder / "synced", folder / "sync.csv"
    out.mkdir()
    names = set(_video_names(films))
    more = ["--method", method, "--range", "0.5"]
    words = ["sync", films, *more, "--csv", table, "--repair", out]
    reply = _asked(client, chunk, "sync", "", words, len(names))
    if not _failed(reply) and not table.exists():
        chunk.faults.append(Fault("sync", "", f"exit status {reply.status}, but no CSV: the batch was ended"))
    if _failed(reply) or not table.exists():
        _one_by_one(client, films, chunk, "sync", lambda one, out: ["sync", one, *more, "--repair", out])
        return
    with table.open(encoding="utf-8", newline="") as file:
        rows = {Path(row["file"]).name: row for row in csv.DictReader(file)}
    chunk.faults += [Fault("sync", name, "no row in the CSV") for name in names - rows.keys()]
    chunk.counts["sync: answered"] += sum(not row["error"] for row in rows.values()) - 1
    chunk.counts["sync: refused"] += sum(bool(row["error"]) for row in rows.values())
    if CONTROL in rows and rows[CONTROL]["error"]:
        chunk.faults.append(Fault("sync", "", f"the whole file: {rows[CONTROL]['error']}"))
    _check_written(films, out, "sync", chunk)


def _repair(client: Client, films: Path, out: Path, mutants: Sequence[Mutant], chunk: Chunk) -> None:
    out.mkdir()
    for each in mutants:
        offset = round(float(np.random.default_rng(each.number).uniform(-0.5, 0.5)), 3)
        request = {"repair": [str(films / each.name), str(out / each.name), offset]}
        reply = client.ask(request, seconds=FILE_SECONDS)
        _noted(chunk, "repair", each.name, reply, allowed=(0, 2, 3))
        if reply.status is not None:
            chunk.counts["repair: written" if reply.status == 0 else "repair: refused"] += 1
        if (reply.status == 0) != (out / each.name).exists():
            chunk.faults.append(Fault("repair", each.name, f"status {reply.status}, but the file is there or not"))
    _check_written(films, out, "repair", chunk)


def _check_written(films: Path, out: Path, step: str, chunk: Chunk) -> None:
    """Every file written is whole and holds the packets of its source, or of one that it falls back from; no other."""
    sources = {path.with_suffix(".mkv").name: path for path in films.iterdir()}
    sources |= {path.name: path for path in films.iterdir()}
    for path in sorted(out.iterdir()):
        if path.name not in sources:
            chunk.faults.append(Fault(step, path.name, "left behind"))
            continue
        try:
            old, new = (packets_by_kind(see(each, decode=False)) for each in (sources[path.name], path))
        except Exception as error:
            chunk.faults.append(Fault(step, path.name, f"what was written cannot be read: {error}"))
            continue
        chunk.counts[f"{step}: read back"] += 1
        for kind in ("video", "audio"):
            one, other = old.get(kind, [[]])[0], new.get(kind, [[]])[0]
            if len(other) < len(one) and step == "repair":
                chunk.faults.append(Fault(step, path.name, f"{len(one)} {kind} packets before, {len(other)} after"))


def _one_by_one(client: Client, films: Path, chunk: Chunk, step: str, words: object) -> None:
    """Find the file that ends a command: each alone."""
    assert callable(words)
    for path in sorted(films.iterdir()):
        out = films.parent / "alone"
        shutil.rmtree(out, ignore_errors=True)
        (out / "in").mkdir(parents=True)
        (out / "out").mkdir()
        shutil.copy(path, out / "in" / path.name)
        request = {"words": [str(word) for word in words(out / "in", out / "out")]}
        reply = client.ask(request, seconds=2 * FILE_SECONDS)
        if _failed(reply):
            _noted(chunk, step, path.name, reply, allowed=(0, 3))
        else:
            chunk.counts[f"{step}: alone"] += 1
