"""`avts repair`: an offset that is given or measured, a folder, a dry run, the ffmpeg command, what is refused."""

import json
import shlex
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from avts.offset.film import FileFilm
from avts.offset.measure import measure
from fixtures_sync import files, run


def run_repair(*arguments: object) -> int:
    return run(*arguments, command="repair")


def sound_lead(path: Path) -> float:
    """Seconds from the first packet of picture to the first of sound."""
    with av.open(str(path)) as container:
        first: dict[str, float] = {}
        for packet in container.demux():
            if packet.pts is not None:
                first.setdefault(packet.stream.type, float(packet.pts * packet.time_base))
    return first["audio"] - first["video"]


def test_a_given_offset_moves_the_sound_by_that_much_and_needs_no_model(
    tmp_path: Path, films: Any, made_model: dict[str, object], capsys: pytest.CaptureFixture[str]
) -> None:
    film, out = films.write("talk.mp4", seconds=2.0), tmp_path / "new" / "out.mp4"
    assert run_repair(film, out, "--offset", "0.12") == 0
    assert sound_lead(out) - sound_lead(film) == pytest.approx(0.12, abs=0.001)
    assert not made_model
    assert capsys.readouterr().out == f"{film} -> {out}: sound moved 120 ms later, by stream copy\n"


def test_late_sound_comes_earlier(tmp_path: Path, films: Any) -> None:
    film, out = films.write("talk.mkv", seconds=2.0), tmp_path / "out.mkv"
    assert run_repair(film, out, "--offset", "-0.2") == 0
    assert sound_lead(out) - sound_lead(film) == pytest.approx(-0.2, abs=0.002)


def test_a_given_drift_is_taken_out_from_the_first_frame_on(tmp_path: Path, films: Any) -> None:
    clicks = (0.5, 2.0, 5.5, 9.0)
    early = tuple(click - (0.1 + 0.01 * click) for click in clicks)  # early by 0.1 s, and by 10 ms more each second
    film = films.write("talk.mkv", seconds=10.0, clicks_seconds=early, audio_codec="pcm_s16le")
    out = tmp_path / "out.mkv"
    assert run_repair(film, out, "--offset", "0.1", "--drift", "600") == 0
    read = FileFilm(out)
    list(read.pictures())
    samples = np.concatenate(list(read.sounds()))
    assert films.click_errors_seconds(clicks, samples) == pytest.approx([0, 0, 0, 0], abs=0.001)


def test_without_an_offset_the_measured_one_is_taken_and_measured_again(
    tmp_path: Path,
    made_model: dict[str, object],
    repaired: list[tuple[str, float]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    (film,) = files(tmp_path, "early.mp4")
    assert run_repair(film, tmp_path / "out.mp4", "--range", "1.5", "--json") == 0
    assert made_model == {"model": "model of None", "range_seconds": 1.5, "in_parts": True}
    assert repaired == [("out.mp4", pytest.approx(0.25, abs=0.005))]
    out, err = capsys.readouterr()
    record = json.loads(out)
    assert record["offset_seconds"] == pytest.approx(0.25, abs=0.005)
    assert record["repaired"]["offset_seconds"] == pytest.approx(0.01, abs=0.002)
    assert record["model"] == "model of None"
    assert "measured again with the same model: sound 10 ms early" in err
    assert "consistency check, not proof" in err


def test_an_uncertain_offset_repairs_nothing(
    tmp_path: Path, made_model: object, repaired: list[tuple[str, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    (film,) = files(tmp_path, "doubtful.mp4")
    assert run_repair(film, tmp_path / "out.mp4") == 3
    assert not repaired
    out, err = capsys.readouterr()
    assert not out
    assert "doubtful.mp4: not repaired, because the offset is uncertain" in err
    assert run_repair(film, tmp_path / "out.mp4", "--least-confidence", "0.45") == 0


def test_a_folder_is_repaired_into_a_folder_and_one_bad_file_costs_one_line(
    tmp_path: Path, made_model: object, repaired: list[tuple[str, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    films = tmp_path / "films"
    (films / "a").mkdir(parents=True)
    files(films, "broken.mp4", "early.mp4", "a/early.mp4")
    assert run_repair(films, tmp_path / "out") == 3
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert "broken.mp4: no audio stream" in err
    written = {str(path.relative_to(tmp_path / "out")) for path in (tmp_path / "out").rglob("*.*")}
    assert written == {"early.mp4", "a/early.mp4"}


def test_outputs_of_an_earlier_run_are_not_repaired_again(
    tmp_path: Path, made_model: object, repaired: list[tuple[str, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    files(tmp_path, "early.mp4")
    assert run_repair(tmp_path, tmp_path / "fixed") == 0
    assert run_repair(tmp_path, tmp_path / "fixed", "--overwrite") == 0
    assert len(repaired) == 2


def test_a_dry_run_says_what_becomes_of_each_stream_and_leaves_nothing(
    tmp_path: Path, films: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    film = films.write("talk.mkv", seconds=2.0, audio_codec="pcm_s16le")
    before = sorted(tmp_path.rglob("*"))
    assert run_repair(film, tmp_path / "new" / "out.mkv", "--offset", "0.12", "--dry-run") == 0
    assert sorted(tmp_path.rglob("*")) == before
    assert capsys.readouterr().out.splitlines() == [
        f"{film} -> {tmp_path}/new/out.mkv: dry run, not written; sound moved 120 ms later, by stream copy",
        "  container .mkv",
        "  video h264: copied, starts at 0.000 s",
        "  audio pcm_s16le: copied, starts at 0.120 s instead of 0.000 s (+120 ms)",
    ]
    assert run_repair(film, tmp_path / "out.mkv", "--offset", "0", "--drift", "600", "--dry-run", "--json") == 0
    told = json.loads(capsys.readouterr().out)["would_write"]
    assert [stream["fate"] for stream in told["streams"]] == ["copied", "encoded again"]
    assert "encoded again" in " ".join(told["warnings"])


def test_explain_prints_a_command_that_a_shell_takes_whole(
    tmp_path: Path, films: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    film, out = films.write("it's a talk.mp4", seconds=1.0), tmp_path / "out $HOME.mp4"
    assert run_repair(film, out, "--offset", "0.12", "--explain", "--dry-run") == 0
    words = shlex.split(capsys.readouterr().out.splitlines()[-1])
    assert words == [
        *["ffmpeg", "-i", str(film), "-itsoffset", "0.12", "-i", str(film)],
        *["-map", "0:v", "-map", "1:a", "-c", "copy", str(out)],
    ]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone.mp4", "out.mp4"], "gone.mp4: no such file"),
        (["early.mp4", "out.mp4", "--drift", "60"], "a drift of 60 ms per minute without an offset"),
        (["early.mp4", "out.mp4", "--offset", "nan"], "offset_seconds is nan"),
        (["early.mp4", "out.mp4", "--offset", "0", "--drift", "6001"], "drift_ms_per_minute is 6001"),
        (["early.mp4", "early.mp4", "--overwrite"], "OUT early.mp4: the repaired file would replace its source"),
        (["early.mp4", "late.mp4"], "OUT late.mp4: exists already"),
        (["folder", "late.mp4"], "OUT late.mp4: not a folder, but there are 2 files"),
    ],
)
def test_a_wrong_call_is_refused_before_any_work(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    made_model: dict[str, object],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    files(tmp_path, "early.mp4", "late.mp4", "folder/a.mp4", "folder/b.mp4")
    assert run_repair(*arguments) == 2
    assert message in capsys.readouterr().err
    assert not made_model


def test_an_offset_longer_than_the_film_is_refused(
    tmp_path: Path, films: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    film = films.write("talk.mp4", seconds=2.0)
    assert run_repair(film, tmp_path / "out.mp4", "--offset", "120") == 3
    assert "an offset of 120 s, but the file is 2.0 s long" in capsys.readouterr().err


def test_a_real_film_is_measured_moved_and_reads_in_sync(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from avts.offset.repair import repair
    from avts.world import write_world

    write_world(tmp_path / "world", videos=1, seed=5, size=64, seconds=8, kinds=["mouth"], workers=1)
    (film,) = (tmp_path / "world").glob("*.mp4")
    repair(film, tmp_path / "early.mp4", offset_seconds=-0.25)
    assert run_repair(tmp_path / "early.mp4", tmp_path / "out.mp4", "--method", "motion") == 0
    assert measure(FileFilm(tmp_path / "out.mp4"), None).offset_seconds == pytest.approx(0, abs=0.02)
    assert sound_lead(tmp_path / "out.mp4") == pytest.approx(sound_lead(film), abs=0.05)
