"""The ffmpeg command of a repair: its structure, its arithmetic, and, where ffmpeg is installed, its output."""

from __future__ import annotations

import re
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avts.offset.film import FileFilm
from avts.offset.fix import Correction, RepairResult, fix, given_correction
from avts.offset.stream_changes import StreamChange
from avts.offset.timeline import Segment
from avts.report.ffmpeg_command import ffmpeg_command

JUMP = Correction((Segment(0.0, 2.0, 0.3, 1.0), Segment(2.0, 4.0, -0.2, 1.0)))


def shifted(path: Path, seconds: float, *streams: StreamChange) -> RepairResult:
    correction = Correction((Segment(0.0, 4.0, seconds, 1.0),))
    return RepairResult(path, seconds, None, None, (), streams, correction)


def copied(kind: str, start: float | None = None) -> StreamChange:
    return StreamChange(kind, "codec", "codec", "copied", start, start)


def test_early_sound_is_delayed_and_late_sound_delays_the_picture_by_what_is_missing() -> None:
    out, streams = Path("out.mp4"), (copied("video", 0.0), copied("audio", 0.05))
    early = ffmpeg_command(Path("in.mp4"), shifted(out, 0.12, *streams))
    assert early.line == "ffmpeg -i in.mp4 -itsoffset 0.12 -i in.mp4 -map 0:v -map 1:a -c copy out.mp4"
    late = ffmpeg_command(Path("in.mp4"), shifted(out, -0.2, *streams)).words
    assert late[1:9] == ("-itsoffset", "0.15", "-i", "in.mp4", "-itsoffset", "-0.05", "-i", "in.mp4")
    little = ffmpeg_command(Path("in.mp4"), shifted(out, -0.05, *streams)).words
    assert little[1:6] == ("-i", "in.mp4", "-itsoffset", "-0.05", "-i")


def test_names_are_taken_for_neither_options_nor_protocols() -> None:
    words = ffmpeg_command(Path("talk: part 1.avi"), shifted(Path("-o.mkv"), 0.1, copied("video", 0.0))).words
    assert words[:5] == ("ffmpeg", "-fflags", "+genpts", "-i", "file:talk: part 1.avi")
    assert words[-1] == "file:-o.mkv"


def test_other_streams_are_mapped_as_far_as_they_were_kept() -> None:
    kept = (copied("video", 0.0), copied("audio", 0.0), copied("subtitle"), copied("data"))
    command = ffmpeg_command(Path("in.mkv"), shifted(Path("out.mkv"), 0.1, *kept))
    assert command.words[-5:] == ("-map", "0:s", "-c", "copy", "out.mkv")
    assert "data tracks" in command.notes[0]
    dropped = (*kept[:2], StreamChange("subtitle", "subrip", "", "left out"))
    assert "0:s" not in ffmpeg_command(Path("in.mkv"), shifted(Path("out.mp4"), 0.1, *dropped)).words


def test_a_drift_becomes_a_ratio_of_rates_that_is_exact_over_hours(films: Any) -> None:
    film = films.write("a.mkv", seconds=1.0, audio_codec="pcm_s16le")
    command = ffmpeg_command(film, fix(film, film.with_name("b.mkv"), given_correction(film, 0.1, 12.3456)))
    graph = command.words[command.words.index("-af") + 1]
    high, low, rate = map(int, re.findall(r"rate=(\d+)|resample=(\d+)", graph) and re.findall(r"=(\d{4,})", graph))
    assert abs(Fraction(low, high) - (1 - Fraction("12.3456") / 60_000)) < 1e-9  # 0.01 ms in three hours
    assert rate == 48_000
    assert command.words[command.words.index("-c:a") + 1] == "pcm_s16le"
    assert "samples differ slightly" in command.notes[0]


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="no ffmpeg on this machine")
@pytest.mark.parametrize("case", ["early", "late", "drift", "jump"])
@pytest.mark.parametrize("picture_start", [0.0, 0.2])
def test_the_command_puts_the_sound_where_the_repair_does(films: Any, case: str, picture_start: float) -> None:
    clicks = (0.6, 1.4, 2.6, 3.4)
    film = films.write(
        "a.mkv", seconds=4.0, clicks_seconds=clicks, audio_codec="pcm_s16le", video_start_seconds=picture_start
    )
    correction = {
        "early": given_correction(film, 0.12),
        "late": given_correction(film, -0.25),
        "drift": given_correction(film, -0.05, 900.0),
        "jump": JUMP,
    }[case]
    done = fix(film, film.with_name("ours.mkv"), correction)
    theirs = film.with_name("theirs.mkv")
    words = [*ffmpeg_command(film, done).words[:-1], str(theirs)]
    subprocess.run([*words[:1], "-v", "error", *words[1:]], check=True)
    ours, found = (places_of_clicks(path) for path in (done.path, theirs))
    assert len(ours) >= 3
    assert found == pytest.approx(ours, abs=0.001)


def places_of_clicks(path: Path) -> list[float]:
    """Times of the loudest samples, on the picture's clock, 0.1 s or more apart."""
    read = FileFilm(path)
    list(read.pictures())
    samples = np.abs(np.concatenate(list(read.sounds())))
    places: list[float] = []
    while samples.max() > 0.2:
        at = int(samples.argmax())
        places.append(at / 16_000)
        samples[max(at - 800, 0) : at + 800] = 0
    return sorted(places)
