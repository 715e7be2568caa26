"""What the worker process does with one task, here in this process: failures in words, and the model's own answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avts.app import work as work_module
from avts.app.work import LOAD, Failure, Kind, Loaded, Setup, Task, Work
from avts.errors import UsageError
from avts.offset.distance_map import OffsetScan
from avts.offset.estimate import OffsetEstimate
from avts.offset.measure import SyncResult
from avts.offset.timeline import Segment


def known(offset_seconds: float) -> SyncResult:
    """A result whose offset is certain, without a measurement."""
    scan = OffsetScan(np.arange(1.0), np.array([0.0]), np.zeros((1, 1), np.float32), 1.0)
    best = OffsetEstimate(offset_seconds, 0.99, np.zeros(1), 1)
    return SyncResult("film", scan, best, (Segment(0.0, 4.0, offset_seconds, 0.99),))


def task(source: Path, folder: Path, *, kind: Kind = "measure", result: SyncResult | None = None) -> Task:
    return Task(kind, source, "the name", folder, 2.0, result)


def test_a_failure_names_the_film_and_not_its_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    work = Work(Setup(method="motion"))
    missing = tmp_path / "copy.mp4"

    def broken(path: Path, **_: Any) -> None:
        raise (UsageError(f"{path}: no such file.") if path == missing else KeyError("pts"))

    monkeypatch.setattr(work_module, "measured", broken)
    assert work(task(missing, tmp_path), lambda: None) == Failure("the name: no such file.")
    other = work(task(tmp_path / "b.mp4", tmp_path), lambda: None)
    assert other == Failure("the name: could not be measured (KeyError: 'pts'). Re-encode it.")


def test_the_baseline_loads_nothing_and_a_missing_run_raises(tmp_path: Path) -> None:
    assert Work(Setup(method="motion"))(LOAD, lambda: None) == Loaded("none, motion against loudness", ())
    with pytest.raises(UsageError, match="none: no such model folder"):
        Work(Setup(run=tmp_path / "none"))(LOAD, lambda: None)


def test_the_model_shows_where_the_sound_comes_from(tmp_path: Path, films: Any) -> None:
    film = films.write("talk.mp4", seconds=4.0)
    found = Work(Setup(device="cpu"))(task(film, tmp_path, kind="where", result=known(0.0)), lambda: None)
    assert found == tmp_path / "talk.where.png"
    assert found.read_bytes().startswith(b"\x89PNG")
