"""Make every file and ask avts for everything, each request in a process that may die.

Input: cases. Output: a Row for each request.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import av

from avts.jobs.pool import Alive, Crashed, OrderedPool, TimedOut
from benchmarks.formats.cases import Case, matrix
from benchmarks.formats.film import Truth
from benchmarks.formats.judge import Verdict, judge_made, judge_read, judge_repair, judge_retime
from benchmarks.formats.seen import Seen, see
from benchmarks.formats.structures import structures

Action = Literal["made", "read", "moved", "into", "resampled"]

INTO_OFFSET_SECONDS = -0.04
RESAMPLED_OFFSET_SECONDS = 0.05
RESAMPLED_MS_PER_MINUTE = 300.0
LONGEST_SECONDS = 60.0
"""A request that takes longer hangs: the films last 2.4 s."""

NOT_A_CASE = "no such file: "
"""How a file that cannot be made, or that FFmpeg itself cannot read back, is told from one that avts refuses."""


@dataclass(frozen=True)
class Request:
    """One thing to ask of one file; target: the ending to write."""

    case: str
    action: Action
    folder: str
    offset_seconds: float = 0.0
    target: str = ""
    truth: Truth | None = None


@dataclass(frozen=True)
class Row:
    """A request and what came of it."""

    case: str
    group: str
    about: str
    ending: str
    action: Action
    offset_seconds: float
    target: str
    verdict: Verdict

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@lru_cache(maxsize=1)
def cases() -> dict[str, Case]:
    """All cases by name."""
    return {case.name: case for case in (*structures(), *matrix())}


def run(folder: Path, names: Sequence[str], workers: int = 1) -> Iterator[Row]:
    """Rows of the cases with some names; files are made in a folder and removed again."""
    pool: OrderedPool[Request, Verdict | tuple[Verdict, Truth]] = OrderedPool(
        answer, workers, timeout_seconds=LONGEST_SECONDS
    )
    try:
        for name in names:
            yield from _rows(pool, name, folder / f"{abs(hash(name))}")
    finally:
        pool.close()


def _rows(pool: OrderedPool[Request, Any], name: str, folder: Path) -> Iterator[Row]:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    case = cases()[name]
    ((_, made),) = pool.run([Request(name, "made", str(folder))])
    if isinstance(made, Crashed | TimedOut):
        yield _row(case, Request(name, "made", ""), Verdict("refused", words=f"{NOT_A_CASE}the encoder died"))
    else:
        yield _row(case, Request(name, "made", ""), made[0])
        if not made[0].words.startswith(NOT_A_CASE):
            for request, result in pool.run(_requests(case, folder, made[1])):
                yield _row(case, request, _verdict(result))
    shutil.rmtree(folder, ignore_errors=True)


def _requests(case: Case, folder: Path, truth: Truth) -> list[Request]:
    """Everything to ask of a file; of one that cannot be used, one request of each kind."""
    name, where = case.name, str(folder)
    other = ".mkv" if case.ending != ".mkv" else ".mp4"
    into = [Request(name, "into", where, INTO_OFFSET_SECONDS, other, truth)] if case.into_another else []
    return [
        Request(name, "read", where, truth=truth),
        *(Request(name, "moved", where, offset, case.ending, truth) for offset in case.offsets),
        *into,
        Request(name, "resampled", where, RESAMPLED_OFFSET_SECONDS, case.ending, truth),
    ]


def _verdict(result: Any) -> Verdict:
    if isinstance(result, Crashed):
        return Verdict("failed", words="the process died")
    if isinstance(result, TimedOut):
        return Verdict("failed", words=f"no answer in {LONGEST_SECONDS:.0f} s")
    assert isinstance(result, Verdict)
    return result


def _row(case: Case, request: Request, verdict: Verdict) -> Row:
    return Row(
        case.name, case.group, case.about, case.ending, request.action, request.offset_seconds, request.target, verdict
    )


def answer(request: Request, alive: Alive) -> Verdict | tuple[Verdict, Truth]:
    """Answer one request; runs in a worker process."""
    av.logging.set_level(None)
    os.environ["SVT_LOG"] = "0"
    alive()
    case, folder = cases()[request.case], Path(request.folder)
    source = folder / (case.file_name or f"film{case.ending}")
    if request.action == "made":
        return _made(case, source)
    assert request.truth is not None
    seen = _seen(source) if case.refused is None else Seen()
    if request.action == "read":
        return judge_read(source, request.truth, seen, quarter_turns=case.quarter_turns)
    target = folder / "out" / (case.file_name or f"out{request.target}")
    target = target.with_suffix(request.target) if request.action == "into" else target
    shutil.rmtree(target.parent, ignore_errors=True)
    target.parent.mkdir()
    try:
        if request.action == "resampled":
            return judge_retime(source, target, seen, request.offset_seconds, RESAMPLED_MS_PER_MINUTE)
        return judge_repair(source, target, seen, request.offset_seconds)
    finally:
        shutil.rmtree(target.parent, ignore_errors=True)


@lru_cache(maxsize=1)
def _seen(source: Path) -> Seen:
    return see(source)


MOST_APART = 60.0
"""Milliseconds between sound and picture that a container may add; a file with more is not what was to be made."""


def _made(case: Case, source: Path) -> tuple[Verdict, Truth]:
    """Write a file and look whether it holds the film: what FFmpeg itself cannot read back is no case."""
    try:
        truth = case.make(source)
    except (ValueError, OSError, KeyError, av.FFmpegError) as error:
        return Verdict("refused", words=f"{NOT_A_CASE}{error}"), Truth((), ())
    if case.refused is not None:
        return Verdict("right"), truth
    words = judge_made(see(source), truth)
    apart = words.endswith("between sound and picture") and float(words.split()[0]) <= MOST_APART
    if words and not apart:
        return Verdict("refused", words=f"{NOT_A_CASE}{words}"), truth
    return Verdict("right", words=words), truth
