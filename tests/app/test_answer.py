"""Answers to films, without a page: which files are made, and what is said when something is not."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avts.app.answer import KEPT_ANSWERS, Answer, answer
from avts.errors import MediaError
from avts.media.probe import probe
from avts.offset import repair as repair_module
from avts.offset import retime as retime_module
from avts.offset.distance_map import OffsetScan
from avts.offset.estimate import estimate
from avts.offset.measure import SyncResult, result_of
from avts.offset.timeline import Segment

OFFSETS = np.arange(-48, 49) / 24


def made(offset_seconds: float | None) -> SyncResult:
    """A clear dip at an offset, or no sound at all."""
    dip = 0.6 - 0.3 * np.exp(-0.5 * ((OFFSETS - (offset_seconds or 0)) / 0.1) ** 2)
    row = np.full_like(dip, np.nan) if offset_seconds is None else dip
    times = np.arange(0, 5, 0.25)
    scan = OffsetScan(times, OFFSETS, np.tile(row, (len(times), 1)).astype(np.float32), 1.0)
    return result_of("film", scan, estimate(scan))


def ask(path: Path, folder: Path, offset_seconds: float | None) -> Answer:
    folder.mkdir(exist_ok=True)
    return answer(path, folder=folder, measure=lambda *_: made(offset_seconds), range_seconds=2.0)


def test_the_range_is_handed_on(tmp_path: Path, films: Any) -> None:
    asked: list[float] = []

    def measure(path: Path, range_seconds: float) -> SyncResult:
        asked.append(range_seconds)
        return made(None)

    answer(films.write("film.mp4", seconds=1.0), folder=tmp_path, measure=measure, range_seconds=5.0)
    assert asked == [5.0]


def test_an_offset_gives_all_files_and_the_sign_in_words(tmp_path: Path, films: Any) -> None:
    found = ask(films.write("talk.mp4", seconds=2.0), tmp_path / "answers", -0.25)
    assert found.headline == "Sound 250 ms late, confidence 0.99"
    assert "Repaired: sound moved 250 ms earlier, by stream copy." in found.detail
    assert found.plot is not None
    assert found.plot.read_bytes().startswith(b"\x89PNG")
    assert found.record is not None
    assert json.loads(found.record.read_text())["file"] == "talk.mp4"
    assert found.repaired == found.after
    assert found.repaired is not None
    assert found.repaired.name == "talk.repaired.mp4"


def test_a_film_that_browsers_do_not_play_is_shown_as_mp4_and_repaired_as_it_is(tmp_path: Path, films: Any) -> None:
    found = ask(films.write("talk.mkv", seconds=2.0), tmp_path / "answers", 0.25)
    assert (found.before, found.after) == (found.plot.parent / "before.mp4", found.plot.parent / "after.mp4")  # type: ignore[union-attr]
    assert found.repaired is not None
    assert found.repaired.name == "talk.repaired.mkv"
    assert probe(found.after).video is not None  # type: ignore[arg-type]


def test_a_container_that_cannot_hold_the_shift_becomes_matroska(
    tmp_path: Path, films: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = repair_module.repair

    def repair(source: Path, target: Path, *, offset_seconds: float, overwrite: bool = False) -> tuple[str, ...]:
        if target.suffix == ".mp4" and offset_seconds:
            raise MediaError(f"{target.name}: cannot say when a stream starts. Name a .mkv.")
        return original(source, target, offset_seconds=offset_seconds, overwrite=overwrite)

    monkeypatch.setattr(repair_module, "repair", repair)
    found = ask(films.write("talk.mp4", seconds=2.0), tmp_path / "answers", 0.25)
    assert found.repaired is not None
    assert found.repaired.name == "talk.repaired.mkv"
    assert any(words.startswith("Written as talk.repaired.mkv, a Matroska file, because: ") for words in found.detail)


def test_a_film_that_cannot_be_told_or_is_in_sync_is_not_repaired(tmp_path: Path, films: Any) -> None:
    film = films.write("talk.mp4", seconds=2.0)
    unknown, fine = ask(film, tmp_path / "answers", None), ask(film, tmp_path / "answers", 0.0)
    assert unknown.headline == "Cannot tell: silent: no window has sound"
    assert (unknown.tone, unknown.repaired, unknown.after) == ("unknown", None, None)
    assert fine.headline == "In sync, confidence 0.99"
    assert "There is nothing to repair." in fine.detail
    assert (fine.tone, fine.repaired, fine.after) == ("found", None, None)


def test_an_offset_that_jumps_is_told_by_stretch_and_retimed(
    tmp_path: Path, films: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    segments = (Segment(0.0, 65.0, -0.25, 0.9), Segment(65.0, 90.0, 0.5, 0.8))
    asked: list[Any] = []

    def retime(source: Path, target: Path, **how: Any) -> tuple[str, ...]:
        asked.append(how)
        target.write_bytes(source.read_bytes())
        return ("the sound was encoded again",)

    monkeypatch.setattr(retime_module, "retime", retime)
    results = [dataclasses.replace(made(-0.25), segments=segments), made(0.0)]
    film = films.write("talk.mp4", seconds=2.0)
    found = answer(film, folder=tmp_path, measure=lambda *_: results.pop(0), range_seconds=2.0)
    assert found.headline == "Sound 250 ms late, confidence 0.80, jumps 1 time"
    assert found.detail[1:] == (
        "From 0:00 to 1:05: sound 250 ms late.",
        "From 1:05 to 1:30: sound 500 ms early.",
        "Repaired: sound of 2 segments moved, each by its own offset, and encoded again.",
        "The sound was encoded again",
        "Measured again with the same model: in sync, confidence 0.99 (this is a consistency check, not proof).",
    )
    assert asked == [{"segments": segments, "drift_ms_per_minute": None}]


def test_an_uncertain_offset_is_said_as_such_and_no_repair_is_offered(tmp_path: Path, films: Any) -> None:
    def measure(*_: Any) -> SyncResult:
        sure = made(0.25)
        doubtful = dataclasses.replace(sure.estimate, confidence=0.46)
        return result_of("film", sure.scan, doubtful)

    found = answer(films.write("talk.mp4", seconds=1.0), folder=tmp_path, measure=measure, range_seconds=2.0)
    assert found.headline.startswith("Sound about 250 ms early (uncertain), confidence 0.46: ")
    assert (found.tone, found.repaired, found.after) == ("unknown", None, None)
    assert "too uncertain to act on, so nothing was repaired" in found.detail[-1]
    assert found.record is not None
    assert json.loads(found.record.read_text())["certain"] is False


def test_an_unusable_film_is_an_answer(tmp_path: Path) -> None:
    def measure(path: Path, range_seconds: float) -> SyncResult:
        raise MediaError(f"{path.name}: no audio stream (it has: video h264). Nothing to synchronise.")

    found = answer(tmp_path / "mute.mp4", folder=tmp_path, measure=measure, range_seconds=2.0)
    assert found.tone == "unusable"
    assert found.detail == ("mute.mp4: no audio stream (it has: video h264). Nothing to synchronise.",)


def test_only_the_newest_answers_keep_their_files(tmp_path: Path) -> None:
    def measure(path: Path, range_seconds: float) -> SyncResult:
        raise MediaError("no")

    for _ in range(KEPT_ANSWERS + 3):
        answer(tmp_path / "film.mp4", folder=tmp_path, measure=measure, range_seconds=2.0)
    assert len(list(tmp_path.iterdir())) == KEPT_ANSWERS


def test_a_repair_that_measures_worse_is_not_offered(tmp_path: Path, films: Any) -> None:
    found = iter([made(0.25), made(-0.5)])
    (tmp_path / "answers").mkdir()
    path = films.write("talk.mp4", seconds=2.0)
    answered = answer(path, folder=tmp_path / "answers", measure=lambda *_: next(found), range_seconds=2.0)
    assert (answered.tone, answered.repaired, answered.after) == ("unknown", None, None)
    assert "not written, because the repaired film measures sound 500 ms late" in answered.detail[-1]
