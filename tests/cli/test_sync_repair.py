"""`avts sync --repair`: what is repaired, what is not, where it goes and what is said of it."""

import csv
import json
from pathlib import Path

import pytest

from avts.cli import main
from avts.offset import repair as repair_module
from avts.offset.calibration import LEAST_CONFIDENCE
from fixtures_sync import files, run

pytestmark = pytest.mark.usefixtures("made_model")


def run_sync(*arguments: object) -> int:
    return run("--model", "run", *arguments)


def test_repair_moves_the_sound_by_the_offset(
    tmp_path: Path, repaired: list[tuple[str, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_sync(*files(tmp_path, "early.mp4", "late.mkv"), "--repair", tmp_path / "out") == 0
    assert repaired == [("early.mp4", pytest.approx(0.25, abs=0.01)), ("late.mkv", pytest.approx(-0.4, abs=0.01))]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["early.mp4", "late.mkv"]
    err = capsys.readouterr().err
    assert f"avts: {tmp_path}/out/early.mp4: a warning\n" in err
    assert f"avts: {tmp_path}/early.mp4 -> {tmp_path}/out/early.mp4: sound moved 250 ms later, by stream copy\n" in err


def test_repair_keeps_sub_folders_and_equal_names_in_them(
    tmp_path: Path, repaired: list[tuple[str, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("one", "two/deep"):
        (tmp_path / "films" / name).mkdir(parents=True)
        files(tmp_path / "films" / name, "early.mp4")
    out = tmp_path / "new" / "out"
    assert run_sync(tmp_path / "films", "--repair", out, "--plot", tmp_path / "plots") == 0
    written = [path.relative_to(out) for path in sorted(out.rglob("*")) if path.is_file()]
    assert written == [Path("one/early.mp4"), Path("two/deep/early.mp4")]
    assert (tmp_path / "plots" / "two" / "deep" / "early.png").is_file()


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("silent.mp4", "because the offset is unknown (silent: no window has sound)"),
        ("doubtful.mp4", "because the offset is uncertain (sound about 475 ms early, confidence 0.45)"),
    ],
)
def test_an_answer_that_is_not_sure_repairs_nothing(
    tmp_path: Path, repaired: list[tuple[str, float]], capsys: pytest.CaptureFixture[str], name: str, why: str
) -> None:
    assert run_sync(*files(tmp_path, name), "--repair", tmp_path / "new" / "out.mp4", "--json") == 3
    assert not repaired
    assert not (tmp_path / "new").exists()
    out, err = capsys.readouterr()
    assert f"{name}: not repaired, {why}" in err
    record = json.loads(out)
    assert record["repaired"] is None
    assert why in record["repair_error"]


def test_the_least_confidence_is_the_users_choice(tmp_path: Path, repaired: list[tuple[str, float]]) -> None:
    doubtful, early = files(tmp_path, "doubtful.mp4", "early.mp4")
    assert run_sync(doubtful, "--repair", tmp_path / "out.mp4", "--least-confidence", "0.1") == 0
    assert run_sync(early, "--repair", tmp_path / "not.mp4", "--least-confidence", "1") == 3
    assert [name for name, _ in repaired] == ["out.mp4"]


def test_help_tells_the_least_confidence(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("sync", "repair"):
        with pytest.raises(SystemExit):
            main([name, "--help"])
        assert f"[default: {LEAST_CONFIDENCE:g}, or that of the model's calibration]" in " ".join(
            capsys.readouterr().out.split()
        )


def test_a_repaired_file_is_measured_again_as_a_check_of_consistency(
    tmp_path: Path, repaired: list[tuple[str, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_sync(*files(tmp_path, "early.mp4"), "--repair", tmp_path / "out.mp4", "--json") == 0
    out, err = capsys.readouterr()
    assert (
        f"{tmp_path}/out.mp4: before: sound 250 ms early, confidence 0.99; measured again with the same model: "
        "sound 10 ms early, confidence 0.99 (this is a consistency check, not proof)"
    ) in err
    record = json.loads(out)
    assert record["repaired"]["file"] == str(tmp_path / "out.mp4")
    assert record["repaired"]["offset_seconds"] == pytest.approx(0.01, abs=0.002)
    assert record["repaired"]["moved_seconds"] == pytest.approx(0.25, abs=0.005)
    assert record["repair_error"] is None


def test_a_repair_that_measures_worse_is_not_kept(
    tmp_path: Path, repaired: list[tuple[str, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    stubborn, there = files(tmp_path, "stubborn.mp4", "there.mp4")
    assert run_sync(stubborn, "--repair", there, "--overwrite") == 3
    assert "there.mp4: not written, because the repaired film measures sound 500 ms early" in capsys.readouterr().err
    assert Path(there).read_text() == "film", "the file of an earlier run is lost"
    assert not list(tmp_path.glob(".*"))


def test_a_container_that_cannot_hold_the_film_becomes_matroska(
    tmp_path: Path, repaired: list[tuple[str, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_sync(*files(tmp_path, "early.mxf"), "--repair", tmp_path / "out", "--json") == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["repaired"]["file"] == str(tmp_path / "out" / "early.mkv")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["early.mkv"]
    assert "written as early.mkv, a Matroska file, because: early.mxf: a .mxf file cannot hold audio aac" in err


def test_falling_back_to_matroska_replaces_no_other_film(tmp_path: Path, repaired: list[tuple[str, float]]) -> None:
    assert run_sync(*files(tmp_path, "early.mxf", "early.mkv"), "--repair", tmp_path / "out") == 0
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["early.mkv", "early.mxf.mkv"]


def test_sound_that_drifts_is_resampled(
    tmp_path: Path, repaired: list[tuple[str, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_sync(*files(tmp_path, "drifting.mp4"), "--repair", tmp_path / "out.mp4", "--json") == 0
    out, err = capsys.readouterr()
    assert repaired == [("out.mp4", pytest.approx(600, abs=10))]
    record = json.loads(out)
    assert record["drift_ms_per_minute"] == pytest.approx(600, abs=10)
    assert len(record["segments"]) == 1
    assert "sound resampled and encoded again, " in err


def test_a_full_disk_costs_one_line_a_file(
    tmp_path: Path,
    repaired: list[tuple[str, float]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(repair_module, "repair", full)
    assert run_sync(*files(tmp_path, "early.mp4", "late.mp4"), "--repair", tmp_path / "out") == 3
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert err.count("No space left on device") == 2


def test_overwriting_has_to_be_allowed(
    tmp_path: Path, repaired: list[tuple[str, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    source, there = files(tmp_path, "early.mp4", "there.mp4")
    assert run_sync(source, "--repair", there) == 2
    assert "there.mp4: exists already. Allow overwriting (--overwrite)" in capsys.readouterr().err
    assert run_sync(source, "--repair", there, "--overwrite") == 0


def test_csv_says_what_was_repaired_and_what_not(tmp_path: Path, repaired: list[tuple[str, float]]) -> None:
    names = files(tmp_path, "early.mp4", "doubtful.mp4")
    limits = ["--max-early", "0.3", "--max-late", "0.3"]
    assert run_sync(*names, "--repair", tmp_path / "out", "--csv", tmp_path / "all.csv", *limits) == 4
    with (tmp_path / "all.csv").open(newline="") as file:
        first, second = csv.DictReader(file)
    assert (first["repaired"], first["within_limits"]) == (str(tmp_path / "out" / "early.mp4"), "True")
    assert float(first["moved_seconds"]) == pytest.approx(0.25, abs=0.005)
    assert (second["repaired"], second["within_limits"], second["certain"]) == ("", "", "False")
    assert "doubtful.mp4: not repaired, because the offset is uncertain" in second["repair_error"]


@pytest.mark.parametrize(("unknown", "status"), [("fail", 4), ("pass", 3)])
def test_json_and_csv_say_the_same_of_limits_repair_reason_and_model(
    tmp_path: Path,
    repaired: list[tuple[str, float]],
    capsys: pytest.CaptureFixture[str],
    unknown: str,
    status: int,
) -> None:
    names = files(tmp_path, "early.mp4", "stubborn.mp4", "doubtful.mp4", "silent.mp4", "broken.mp4")
    table, limits = tmp_path / "all.csv", ["--max-early", "0.3", "--max-late", "0.3", "--unknown", unknown]
    assert run_sync(*names, "--repair", tmp_path / "out", "--json", "--csv", table, *limits) == status
    records = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    with table.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(records) == len(rows) == len(names)
    for record, row in zip(records, rows, strict=True):
        for key in ("within_limits", "repair_error", "reason", "model", "error"):
            value = record.get(key)
            assert row[key] == ("" if value is None else str(value)), (record["file"], key)
        assert row["repaired"] == (record["repaired"]["file"] if record.get("repaired") else "")
    assert [row["within_limits"] for row in rows] == ["True", "True", "", "", ""]
    assert [bool(row["repaired"]) for row in rows] == [True, False, False, False, False]
    assert [bool(row["repair_error"]) for row in rows] == [False, True, True, True, False]
    assert [bool(row["reason"]) for row in rows] == [False, False, True, True, False]
    assert {row["model"] for row in rows} == {"model of run"}
    assert "no audio stream" in rows[4]["error"]
