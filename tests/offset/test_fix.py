"""The policy of a repair: what may be acted on, what is written, what is judged, and what is left behind."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avts.errors import InputError, MediaError, UsageError
from avts.offset import repair as repair_module
from avts.offset import retime as retime_module
from avts.offset.calibration import LEAST_CONFIDENCE
from avts.offset.distance_map import OffsetScan
from avts.offset.estimate import SILENT, UNCERTAIN, OffsetEstimate
from avts.offset.fix import (
    Correction,
    confidence_of,
    fix,
    given_correction,
    measured_correction,
)
from avts.offset.measure import SyncResult, result_of
from avts.offset.repair import repair
from avts.offset.timeline import Segment

SCAN = OffsetScan(np.array([0.0]), np.array([-0.5, 0.0, 0.5]), np.array([[0.6, 0.2, 0.5]], np.float32), 1.0)


def made(offset_seconds: float, confidence: float, *segments: Segment, reason: str | None = None) -> SyncResult:
    whole = () if reason else (Segment(0.0, 4.0, offset_seconds, confidence),)
    return SyncResult(
        "a.mp4", SCAN, OffsetEstimate(offset_seconds, confidence, np.zeros(3), 1, reason), segments or whole
    )


def shifted(seconds: float) -> Correction:
    return Correction((Segment(0.0, 4.0, seconds, 1.0),))


def test_an_offset_is_acted_on_from_the_least_confidence_on() -> None:
    below = OffsetEstimate(0.0, np.nextafter(LEAST_CONFIDENCE, 0), np.zeros(3), 1)
    with pytest.raises(InputError, match="not repaired, because the offset is uncertain"):
        measured_correction(result_of("a.mp4", SCAN, below))
    assert measured_correction(result_of("a.mp4", SCAN, below, least_confidence=0.6)).moved_seconds == 0.0
    assert measured_correction(made(0.2, LEAST_CONFIDENCE)).moved_seconds == 0.2


def test_the_least_certain_stretch_decides() -> None:
    stretches = (Segment(0, 60, 0.2, 0.99), Segment(60, 65, -0.4, 0.3))
    result = made(0.2, 0.99, *stretches)
    assert confidence_of(result) == 0.3
    doubted = dataclasses.replace(result, estimate=dataclasses.replace(result.estimate, reason=f"{UNCERTAIN}why"))
    with pytest.raises(InputError, match=r"uncertain \(sound about 200 ms early, confidence 0\.30\)"):
        measured_correction(doubted)
    assert measured_correction(result).segments == stretches


def test_what_cannot_be_told_is_never_acted_on() -> None:
    with pytest.raises(InputError, match=r"a\.mp4: not repaired, .* is unknown \(silent: no window has sound\)"):
        measured_correction(made(0.0, 1.0, reason=SILENT))


def test_a_given_drift_is_the_offset_at_the_start_growing(films: Any) -> None:
    film = films.write("a.mkv", seconds=4.0)
    correction = given_correction(film, 0.1, 600.0)
    (segment,) = correction.segments
    assert segment.stop_seconds == pytest.approx(4.0, abs=0.1)
    # 10 ms a second, so in the middle of 4 s it has grown by 20 ms
    assert correction.moved_seconds == pytest.approx(0.12, abs=0.001)
    assert not correction.is_constant
    assert given_correction(film, 0.1, 0.0).is_constant


@pytest.mark.parametrize(
    ("offset", "drift", "message"),
    [
        (float("inf"), None, "offset_seconds is inf"),
        (0.0, 7000.0, "drift_ms_per_minute is 7000. Give at most 6000"),
        (0.0, float("nan"), "drift_ms_per_minute is nan"),
        (5.0, None, r"an offset of 5 s, but the file is 2\.0 s long"),
        (-5.0, None, r"an offset of -5 s, but the file is 2\.0 s long"),
    ],
)
def test_an_offset_that_no_file_can_have_is_refused(
    films: Any, offset: float, drift: float | None, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        given_correction(films.write("a.mp4", seconds=2.0), offset, drift)


def test_a_repair_reports_the_file_the_shift_and_the_streams(films: Any) -> None:
    film = films.write("a.mkv", seconds=2.0, audio_codec="pcm_s16le")
    target = film.parent / "deep" / "er" / "b.mkv"
    done = fix(film, target, shifted(0.12))
    assert (done.path, done.moved_seconds, done.before, done.after) == (target, 0.12, None, None)
    assert target.is_file()
    moved = {each.kind: each.new_start_seconds - each.start_seconds for each in done.streams}  # type: ignore[operator]
    assert moved == {"video": pytest.approx(0, abs=1e-3), "audio": pytest.approx(0.12, abs=1e-3)}
    assert [path.name for path in target.parent.iterdir()] == ["b.mkv"]


def test_the_second_measurement_reads_the_file_that_was_written(films: Any) -> None:
    film, seen = films.write("a.mp4", seconds=2.0), []

    def measure(path: Path) -> SyncResult:
        seen.append(path.read_bytes())
        return dataclasses.replace(made(0.01, 0.9), name=str(path))

    done = fix(film, film.parent / "b.mp4", shifted(0.2), before=made(0.2, 0.9), measure=measure)
    assert seen == [done.path.read_bytes()]
    assert done.after is not None
    assert done.after.name == str(done.path), "the name of a temporary file got out"


def test_a_film_that_reads_worse_leaves_nothing_and_keeps_what_was_there(films: Any) -> None:
    film = films.write("a.mp4", seconds=2.0)
    there = film.parent / "there.mp4"
    there.write_bytes(b"an earlier repair")
    before, worse = made(0.2, 0.9), lambda _: made(-0.4, 0.9)
    with pytest.raises(
        InputError, match=r"there\.mp4: not written, .* measures sound 400 ms late after sound 200 ms early"
    ):
        fix(film, there, shifted(0.2), before=before, measure=worse, overwrite=True)
    with pytest.raises(InputError, match="not written"):
        fix(film, film.parent / "new" / "b.mp4", shifted(0.2), before=before, measure=worse)
    assert there.read_bytes() == b"an earlier repair"
    assert sorted(path.name for path in film.parent.iterdir()) == ["a.mp4", "there.mp4"]


def refusing(monkeypatch: pytest.MonkeyPatch, *endings: str) -> None:
    """Let repair refuse containers."""

    def partly(source: Path, target: Path, **how: Any) -> tuple[str, ...]:
        if target.suffix in endings:
            raise MediaError(f"{target.name}: a {target.suffix} file cannot hold the shift. Name a .mkv.")
        return repair(source, target, **how)

    monkeypatch.setattr(repair_module, "repair", partly)


def test_a_container_that_cannot_hold_the_shift_becomes_matroska_with_a_word(
    films: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing(monkeypatch, ".mp4")
    film = films.write("a.mp4", seconds=1.0)
    done = fix(film, film.parent / "b.mp4", shifted(0.1))
    assert done.path == film.parent / "b.mkv"
    assert done.path.is_file()
    assert not (film.parent / "b.mp4").exists()
    assert "written as b.mkv, a Matroska file, because: b.mp4: a .mp4 file cannot hold the shift" in done.warnings[0]
    named = fix(film, film.parent / "c.mp4", shifted(0.1), fallback=film.parent / "c.mp4.mkv")
    assert named.path == film.parent / "c.mp4.mkv"


def test_the_fallback_replaces_neither_the_source_nor_what_is_there(
    films: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing(monkeypatch, ".mp4")
    film = films.write("a.mkv", seconds=1.0)
    whole = film.read_bytes()
    with pytest.raises(UsageError, match=r"a\.mkv: the repaired file would replace its source"):
        fix(film, film.parent / "a.mp4", shifted(0.1), overwrite=True)
    (film.parent / "b.mkv").write_bytes(b"another film")
    with pytest.raises(UsageError, match=r"b\.mkv: exists already"):
        fix(film, film.parent / "b.mp4", shifted(0.1))
    assert film.read_bytes() == whole
    assert (film.parent / "b.mkv").read_bytes() == b"another film"


def test_both_reasons_are_given_if_matroska_cannot_hold_it_either(films: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    refusing(monkeypatch, ".mp4", ".mkv")
    film = films.write("a.mp4", seconds=1.0)
    with pytest.raises(MediaError, match=r"b\.mp4: a \.mp4 file .* Tried \.mkv too: b\.mkv: a \.mkv file"):
        fix(film, film.parent / "b.mp4", shifted(0.1))
    assert [path.name for path in film.parent.iterdir()] == ["a.mp4"]


def test_a_dry_run_measures_nothing_and_leaves_nothing(films: Any) -> None:
    film = films.write("a.mp4", seconds=1.0)

    def measure(_: Path) -> SyncResult:
        raise AssertionError("a dry run was measured")

    target = film.parent / "new" / "b.mp4"
    done = fix(film, target, shifted(0.1), before=made(0.1, 0.9), measure=measure, dry_run=True)
    assert (done.path, done.after) == (target, None)
    assert len(done.streams) == 2
    assert [path.name for path in film.parent.iterdir()] == ["a.mp4"]


def test_sound_that_jumps_is_retimed_by_its_stretches(films: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def retime(source: Path, target: Path, **how: Any) -> tuple[str, ...]:
        asked.append(how)
        return repair(source, target, offset_seconds=0.0)

    monkeypatch.setattr(retime_module, "retime", retime)
    film = films.write("a.mp4", seconds=1.0)
    stretches = (Segment(0, 0.7, 0.2, 0.9), Segment(0.7, 1.0, -0.4, 0.9))
    done = fix(film, film.parent / "b.mp4", Correction(stretches))
    assert asked == [{"segments": stretches, "drift_ms_per_minute": None}]
    assert done.moved_seconds == 0.2, "of the longest stretch"


@pytest.mark.parametrize("name", ["gone.mp4", "there.mp4", "folder"])
def test_a_target_that_may_not_be_written_is_refused(films: Any, name: str) -> None:
    film = films.write("a.mp4", seconds=1.0)
    (film.parent / "there.mp4").write_bytes(b"film")
    (film.parent / "folder").mkdir()
    words = {"gone.mp4": "no such file", "there.mp4": "exists already", "folder": "is a folder"}
    source, target = (film.parent / name, film.parent / "b.mp4") if name == "gone.mp4" else (film, film.parent / name)
    with pytest.raises(UsageError, match=f"{name}: {words[name]}"):
        fix(source, target, shifted(0.1))
