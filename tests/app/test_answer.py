"""What is made of one film, without a page: which files, and what is said when something is not."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avts.app.answer import Measured, Measuring, Repaired, measured, repaired, sound_places
from avts.errors import InputError, MediaError
from avts.offset import repair as repair_module
from avts.offset import retime as retime_module
from avts.offset.distance_map import OffsetScan
from avts.offset.estimate import estimate
from avts.offset.measure import SyncResult, result_of
from avts.offset.timeline import Segment
from avts.report.sync_text import verdict

OFFSETS = np.arange(-48, 49) / 24


def made(offset_seconds: float | None, *, confidence: float | None = None) -> SyncResult:
    """A clear dip at an offset, or no sound at all."""
    dip = 0.6 - 0.3 * np.exp(-0.5 * ((OFFSETS - (offset_seconds or 0)) / 0.1) ** 2)
    row = np.full_like(dip, np.nan) if offset_seconds is None else dip
    times = np.arange(0, 5, 0.25)
    scan = OffsetScan(times, OFFSETS, np.tile(row, (len(times), 1)).astype(np.float32), 1.0)
    best = estimate(scan)
    return result_of("film", scan, best if confidence is None else dataclasses.replace(best, confidence=confidence))


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> list[SyncResult]:
    """What measuring finds, one after the other; the last is found for ever."""
    results: list[SyncResult] = []
    monkeypatch.setattr(Measuring, "of", lambda *_, **__: results.pop(0) if len(results) > 1 else results[0])
    return results


def ask(path: Path, folder: Path) -> Measured:
    folder.mkdir(exist_ok=True)
    return measured(path, name="a name", folder=folder, measuring=Measuring(None))


def put_right(path: Path, folder: Path, before: SyncResult) -> Repaired:
    return repaired(path, folder=folder, before=before, measuring=Measuring(None))


def test_a_film_is_measured_as_asked_with_progress_and_thumbnails(tmp_path: Path, films: Any) -> None:
    told: list[tuple[int, int]] = []
    film = films.write("film.mp4", seconds=4.0)
    answer = measured(
        film,
        name="the film",
        folder=tmp_path,
        measuring=Measuring(None, 1.0, 0.9),
        on_progress=lambda *seconds: told.append(seconds),
    )
    assert told == [(2, 4), (4, 4)]
    assert answer.strip is not None
    assert answer.strip.count("<figure>") == 6
    assert (answer.result.least_confidence, answer.sound_codec) == (0.9, "aac")
    assert answer.result.scan.offsets_seconds[-1] == pytest.approx(1.0, abs=0.05)
    assert json.loads(answer.record.read_text())["file"] == "the film"


def test_an_offset_gives_all_files_and_the_words_of_the_command(
    tmp_path: Path, films: Any, found: list[SyncResult]
) -> None:
    found += [made(-0.25), made(0.0)]
    film = films.write("talk.mp4", seconds=2.0)
    answer = ask(film, tmp_path / "answers")
    assert answer.verdict == verdict(answer.result) == "sound 250 ms late, confidence 0.99"
    assert (answer.tone, answer.can_repair) == ("found", True)
    assert answer.plot.read_bytes().startswith(b"\x89PNG")
    assert answer.figure.startswith("<svg")
    done = put_right(film, tmp_path / "answers", answer.result)
    assert done.path.name == "talk.repaired.mp4"
    assert done.detail == (
        "Repaired: sound moved 250 ms earlier, by stream copy.",
        "Measured again with the same method: in sync, confidence 0.99 (this is a consistency check, not proof).",
    )


def test_a_container_that_cannot_hold_the_shift_becomes_matroska(
    tmp_path: Path, films: Any, monkeypatch: pytest.MonkeyPatch, found: list[SyncResult]
) -> None:
    original = repair_module.repair

    def repair(source: Path, target: Path, *, offset_seconds: float, overwrite: bool = False) -> tuple[str, ...]:
        if target.suffix == ".mp4":
            raise MediaError(f"{target.name}: cannot say when a stream starts. Name a .mkv.")
        return original(source, target, offset_seconds=offset_seconds, overwrite=overwrite)

    monkeypatch.setattr(repair_module, "repair", repair)
    found.append(made(0.0))
    done = put_right(films.write("talk.mp4", seconds=2.0), tmp_path, made(0.25))
    assert done.path.name == "talk.repaired.mkv"
    assert any(words.startswith("Written as talk.repaired.mkv, a Matroska file, because: ") for words in done.detail)


def test_a_film_that_cannot_be_told_or_is_in_sync_is_not_to_be_repaired(
    tmp_path: Path, films: Any, found: list[SyncResult]
) -> None:
    film = films.write("talk.mp4", seconds=2.0)
    found += [made(None), made(0.0)]
    unknown, fine = ask(film, tmp_path / "answers"), ask(film, tmp_path / "answers")
    assert unknown.verdict == "cannot tell: silent: no window has sound"
    assert (unknown.tone, unknown.can_repair) == ("unknown", False)
    assert fine.verdict == "in sync, confidence 0.99"
    assert "There is nothing to repair." in fine.detail
    assert (fine.tone, fine.can_repair) == ("found", False)


def test_an_offset_that_jumps_is_told_by_stretch_and_retimed(
    tmp_path: Path, films: Any, monkeypatch: pytest.MonkeyPatch, found: list[SyncResult]
) -> None:
    segments = (Segment(0.0, 65.0, -0.25, 0.9), Segment(65.0, 90.0, 0.5, 0.8))
    asked: list[Any] = []

    def retime(source: Path, target: Path, **how: Any) -> tuple[str, ...]:
        asked.append(how)
        target.write_bytes(source.read_bytes())
        return ("the sound was encoded again",)

    monkeypatch.setattr(retime_module, "retime", retime)
    found += [dataclasses.replace(made(-0.25), segments=segments), made(0.0)]
    film = films.write("talk.mp4", seconds=2.0)
    answer = ask(film, tmp_path / "answers")
    assert answer.verdict == "sound 250 ms late, confidence 0.80, jumps 1 time"
    assert answer.detail[1:] == ("From 0:00 to 1:05: sound 250 ms late.", "From 1:05 to 1:30: sound 500 ms early.")
    done = put_right(film, tmp_path / "answers", answer.result)
    assert done.detail[:2] == (
        "Repaired: sound of 2 segments moved, each by its own offset, and encoded again.",
        "The sound was encoded again",
    )
    assert asked == [{"segments": segments, "drift_ms_per_minute": None}]


def test_an_uncertain_offset_is_said_as_such_and_is_not_repaired(
    tmp_path: Path, films: Any, found: list[SyncResult]
) -> None:
    found.append(made(0.25, confidence=0.46))
    film = films.write("talk.mp4", seconds=1.0)
    answer = ask(film, tmp_path / "answers")
    assert answer.verdict.startswith("sound about 250 ms early (uncertain), confidence 0.46: ")
    assert (answer.tone, answer.can_repair) == ("unknown", False)
    assert answer.detail[0].endswith("this is right to within 0.1 s; at least 0.7 is required.")
    assert "too uncertain to act on, so no repair is offered" in answer.detail[-1]
    assert json.loads(answer.record.read_text())["certain"] is False
    with pytest.raises(InputError, match="not repaired, because the offset is uncertain"):
        put_right(film, tmp_path, answer.result)


def test_a_repair_that_measures_worse_is_not_offered(tmp_path: Path, films: Any, found: list[SyncResult]) -> None:
    found.append(made(-0.5))
    with pytest.raises(InputError, match="not written, because the repaired film measures sound 500 ms late"):
        put_right(films.write("talk.mp4", seconds=2.0), tmp_path / "answers", made(0.25))
    assert not list((tmp_path / "answers").glob("*")), "a repaired film was left behind"


def test_where_the_sound_comes_from_needs_a_model_and_an_offset(tmp_path: Path, films: Any) -> None:
    film = films.write("talk.mp4", seconds=1.0)
    with pytest.raises(MediaError, match="talk: where the sound comes from is shown by a model, for a film whose offs"):
        sound_places(film, name="talk", folder=tmp_path, result=made(0.25), model=None)
