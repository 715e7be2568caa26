"""Many recordings into one table of features: resumable, on processes of this machine or a Ray cluster.

OUT.parts/ holds what is done, a table a recording, joined to larger ones as they grow in number; at the end all become
OUT at once. Run again, only what is new or has changed is embedded.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Generator, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from avts.corpus.clip import hash_of
from avts.errors import CorpusError
from avts.features.extract import Embedded, Task, embed_recording
from avts.features.parts import Parts
from avts.features.recordings import Recording
from avts.features.towers import Plan
from avts.jobs.pool import TIMEOUT_SECONDS, EngineName, Lost, OrderedPool, TimedOut, check_no_address, in_words
from avts.jobs.refusal import Refusal
from avts.model.checkpoint import read_header

FORMAT_VERSION = 1

DONE_BEFORE_JOIN = 200
"""Tables of single recordings that are joined to one."""

OnProgress = Callable[[int, int], None]


class Engine(Protocol):
    """Runs tasks and gives each with its result, in order."""

    def run(self, tasks: Iterable[Task]) -> Generator[tuple[Task, Embedded | Refusal | Lost]]:
        """Run the tasks."""

    def close(self) -> None:
        """End what runs."""


@dataclass
class EmbedSummary:
    """What became of a run.

    Attributes:
        out: the table.
        num_windows: rows of it.
        columns: names and types of its vectors.
        embedded: recordings that were embedded now.
        reused: that were there.
        refused: that could not be.
    """

    out: Path
    num_windows: int = 0
    columns: dict[str, str] = field(default_factory=dict)
    embedded: int = 0
    reused: int = 0
    refused: list[Refusal] = field(default_factory=list)


def embed(
    recordings: Sequence[Recording],
    out: Path,
    *,
    model: Path,
    plan: Plan,
    name: str | None = None,
    half: bool = False,
    workers: int = 1,
    device: str = "cpu",
    threads: int | None = None,
    engine: EngineName = "local",
    address: str | None = None,
    timeout_seconds: float = TIMEOUT_SECONDS,
    on_progress: OnProgress | None = None,
) -> EmbedSummary:
    """Embed recordings into a Parquet table.

    Starts processes: in a script, call it under `if __name__ == "__main__":`.

    Args:
        recordings: what to embed.
        out: the table; one that is there is added to.
        model: folder of a trained model.
        plan: what to read out of the towers.
        name: of the model, for the table's metadata; its path if None.
        half: numbers of 16 bits.
        workers: processes.
        device: where the towers run.
        threads: of each process; None leaves them alone.
        engine: processes of this machine, or a Ray cluster.
        address: of the Ray cluster; None for one on this machine.
        timeout_seconds: a recording that gives nothing for so long is stopped, and refused.
        on_progress: called with (recordings done, recordings in all).

    Raises:
        UsageError: the table that is there was made with other settings or is none of ours, or no such cluster.
        CheckpointError: no model in the folder.
        CorpusError: every recording was refused.
    """
    settings = settings_of(model, plan, name=name, half=half)
    parts = Parts(out, settings)
    todo = parts.missing(recordings)
    summary = EmbedSummary(out, reused=len(recordings) - len(todo))
    tell = on_progress or (lambda _done, _total: None)
    tell(summary.reused, len(recordings))
    if todo:
        parts.folder.mkdir(parents=True, exist_ok=True)
        tasks = [
            Task(each, parts.folder / hash_of(each.source), model, plan, half, device, threads, parts.metadata(each))
            for each in todo
        ]
        runs = _engine(engine, min(workers, len(tasks)), address, timeout_seconds)
        try:
            _run(tasks, runs, parts, summary, lambda: tell(_num_done(summary), len(recordings)))
        finally:
            runs.close()
    if summary.embedded + summary.reused == 0:
        shutil.rmtree(parts.folder, ignore_errors=True)
        raise CorpusError(f"{out}: all {len(recordings)} recordings were refused, first: {summary.refused[0].message}")
    summary.num_windows, summary.columns = parts.join(recordings)
    return summary


def settings_of(model: Path, plan: Plan, *, name: str | None, half: bool) -> dict[str, Any]:
    """How features are made, as the table's metadata say it; two tables fit together if these are equal.

    Raises:
        UsageError: no such folder.
        CheckpointError: no model in it.
    """
    recipe, progress = read_header(model)
    described = json.dumps(recipe.model_dump(), sort_keys=True).encode()
    return {
        "format_version": FORMAT_VERSION,
        "model": name or str(model),
        "recipe_digest": hashlib.blake2b(described, digest_size=16).hexdigest(),
        "weights_digest": weights_digest(model),
        "steps_trained": progress.get("step"),
        "window_seconds": plan.window_seconds,
        "hop_seconds": plan.hop_seconds,
        "picture_stages": list(plan.picture_stages),
        "sound_stages": list(plan.sound_stages),
        "pooling": str(plan.pooling),
        "numbers": "float16" if half else "float32",
    }


def weights_digest(model: Path) -> str:
    """What tells the weights of one model from those of another."""
    return hashlib.blake2b((model / "model.safetensors").read_bytes(), digest_size=16).hexdigest()


def _engine(name: EngineName, workers: int, address: str | None, timeout_seconds: float) -> Engine:
    if name == "ray":
        from avts.jobs.ray_engine import RayEngine

        return RayEngine(workers, address=address, timeout_seconds=timeout_seconds, function=embed_recording)
    check_no_address(address)
    return OrderedPool(embed_recording, workers, timeout_seconds=timeout_seconds)


def _run(tasks: list[Task], engine: Engine, parts: Parts, summary: EmbedSummary, tell: Callable[[], None]) -> None:
    """Run the tasks; what is done is on the disk at once."""
    waiting: list[Path] = []
    for task, result in engine.run(tasks):
        if isinstance(result, Embedded):
            summary.embedded += 1
            waiting.append(task.path)
        else:
            refusal = result if isinstance(result, Refusal) else _lost(task, result)
            summary.refused.append(refusal)
        if len(waiting) == DONE_BEFORE_JOIN:
            parts.gather(waiting)
            waiting.clear()
        tell()


def _num_done(summary: EmbedSummary) -> int:
    return summary.embedded + summary.reused + len(summary.refused)


def _lost(task: Task, result: Lost) -> Refusal:
    source = task.recording.source
    reason = "timed_out" if isinstance(result, TimedOut) else "crashed"
    return Refusal(source, reason, f"{source}: {in_words(result)}")
