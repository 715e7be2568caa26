"""Films that are measured and repaired without a model: their names say what is found in them."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from avts.cli import main
from avts.errors import MediaError
from avts.offset import fix as fix_module
from avts.offset import glimpse as glimpse_module
from avts.offset import measure as measure_module
from avts.offset import model as model_module
from avts.offset import repair as repair_module
from avts.offset import retime as retime_module
from avts.offset.calibration import LEAST_CONFIDENCE
from avts.offset.distance_map import OffsetScan
from avts.offset.estimate import estimate
from avts.offset.film import FileFilm
from avts.offset.measure import SyncResult, result_of
from avts.offset.model import SyncModel

OFFSETS = np.arange(-48, 49) / 24


def made_scan(offset_seconds: float | None) -> OffsetScan:
    """A clear dip at an offset, or no sound at all."""
    times = np.arange(0, 5, 0.25)
    dip = 0.6 - 0.3 * np.exp(-0.5 * ((OFFSETS - (offset_seconds or 0)) / 0.1) ** 2)
    row = np.full_like(dip, np.nan) if offset_seconds is None else dip
    return OffsetScan(times, OFFSETS, np.tile(row, (len(times), 1)).astype(np.float32), 1.0)


def drifting_scan(rate: float) -> OffsetScan:
    """A minute whose offset grows from 0 by a rate in seconds a second."""
    times = np.arange(0, 60, 0.25)
    dip = 0.6 - 0.3 * np.exp(-0.5 * ((OFFSETS - rate * (times[:, None] + 0.5)) / 0.1) ** 2)
    return OffsetScan(times, OFFSETS, dip.astype(np.float32), 1.0)


def made_result(path: Path, least_confidence: float | None) -> SyncResult:
    """The file's name says what is found in it; what stands in a repaired file says what its offset has become."""
    if path.stem == "broken":
        raise MediaError(f"{path.name}: no audio stream (it has: video h264). Nothing to synchronise.")
    written = path.read_text()
    if written.startswith("repaired "):
        scan = made_scan(float(written.split()[1]))
    elif path.stem == "drifting":
        scan = drifting_scan(0.01)
    else:
        scan = made_scan({"early": 0.25, "late": -0.4, "stubborn": 0.2, "doubtful": 0.475}.get(path.stem))
    answer = estimate(scan)
    if path.stem == "doubtful":
        answer = dataclasses.replace(answer, confidence=0.45)
    least = LEAST_CONFIDENCE if least_confidence is None else least_confidence
    return result_of(str(path), scan, answer, least_confidence=least)


@pytest.fixture
def made_model(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Stand-ins for the model and for measuring."""
    asked: dict[str, object] = {}

    def measure(film: FileFilm, model: object, *, range_seconds: float, least_confidence: float | None) -> SyncResult:
        asked.update(model=getattr(model, "name", None), range_seconds=range_seconds)
        asked.update(in_parts=getattr(model, "in_parts", None))
        return made_result(film.path, least_confidence)

    monkeypatch.setattr(model_module, "load_sync_model", lambda run, **_: SyncModel(None, 1.0, f"model of {run}"))  # type: ignore[arg-type]
    monkeypatch.setattr(measure_module, "measure", measure)
    monkeypatch.setattr(glimpse_module, "glimpse", lambda *_: None)
    return asked


@pytest.fixture
def repaired(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, float]]:
    """What repair and retime were asked for, by the name of the target; they write a mark instead of a film."""
    calls: list[tuple[str, float]] = []

    def repair(source: Path, target: Path, *, offset_seconds: float, overwrite: bool = False) -> tuple[str, ...]:
        if target.suffix == ".mxf":
            raise MediaError(f"{target.name}: a .mxf file cannot hold audio aac. Name a .mkv, which holds it.")
        calls.append((target.name, offset_seconds))
        target.write_text("repaired 0.5" if source.stem == "stubborn" else "repaired 0.01")
        return (f"{target.name}: a warning",)

    def retime(
        source: Path, target: Path, *, segments: object, drift_ms_per_minute: float, overwrite: bool = False
    ) -> tuple[str, ...]:
        calls.append((target.name, drift_ms_per_minute))
        target.write_text("repaired 0.01")
        return ()

    monkeypatch.setattr(repair_module, "repair", repair)
    monkeypatch.setattr(retime_module, "retime", retime)
    monkeypatch.setattr(fix_module, "stream_changes", lambda *_, **__: ())
    return calls


def files(folder: Path, *names: str) -> list[str]:
    """Stand-ins for films; their names say what is found in them."""
    for name in names:
        (folder / name).write_text("film")
    return [str(folder / name) for name in names]


def run(*arguments: object, command: str = "sync") -> int:
    """The exit status of a command."""
    with pytest.raises(SystemExit) as stop:
        main([command, *map(str, arguments)])
    assert isinstance(stop.value.code, int)
    return stop.value.code
