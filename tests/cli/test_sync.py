"""`avts sync` with a made model and made distance maps: what it prints, writes, refuses and returns."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from avts.cli import main
from avts.errors import CheckpointError, MediaError
from avts.offset import glimpse as glimpse_module
from avts.offset import measure as measure_module
from avts.offset import model as model_module
from avts.offset import repair as repair_module
from avts.offset import retime as retime_module
from avts.offset.distance_map import OffsetScan
from avts.offset.estimate import estimate
from avts.offset.film import FileFilm
from avts.offset.measure import SyncResult, told

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


def made_result(path: Path) -> SyncResult:
    """The file's name says what is found in it; what stands in a repaired file says what its offset has become."""
    if path.stem == "broken":
        raise MediaError(f"{path.name}: no audio stream (it has: video h264). Nothing to synchronise.")
    written = path.read_text()
    if written.startswith("repaired "):
        scan = made_scan(float(written.split()[1]))
    elif path.stem == "drifting":
        scan = drifting_scan(0.01)
    else:
        scan = made_scan({"early": 0.25, "late": -0.4, "stubborn": 0.2}.get(path.stem))
    return told(str(path), scan, estimate(scan))


@pytest.fixture(autouse=True)
def made_model(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Stand-ins for the model and for measuring."""
    asked: dict[str, object] = {}

    def measure(film: FileFilm, model: object, *, range_seconds: float) -> SyncResult:
        asked.update(model=model, range_seconds=range_seconds)
        return made_result(film.path)

    monkeypatch.setattr(model_module, "load_sync_model", lambda run: f"model of {run}")
    monkeypatch.setattr(measure_module, "measure", measure)
    monkeypatch.setattr(glimpse_module, "glimpse", lambda *_: None)
    return asked


@pytest.fixture
def repaired(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, float]]:
    """The calls of repair and retime, which write a mark instead of a film."""
    calls: list[tuple[Path, float]] = []

    def repair(source: Path, target: Path, *, offset_seconds: float, overwrite: bool = False) -> tuple[str, ...]:
        calls.append((target, offset_seconds))
        target.write_text("repaired 0.5" if source.stem == "stubborn" else "repaired 0.01")
        return ("a warning",)

    def retime(
        source: Path, target: Path, *, segments: object, drift_ms_per_minute: float, overwrite: bool = False
    ) -> tuple[str, ...]:
        calls.append((target, drift_ms_per_minute))
        target.write_text("repaired 0.01")
        return ()

    monkeypatch.setattr(repair_module, "repair", repair)
    monkeypatch.setattr(retime_module, "retime", retime)
    return calls


def files(folder: Path, *names: str) -> list[str]:
    for name in names:
        (folder / name).write_text("film")
    return [str(folder / name) for name in names]


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["sync", "--model", "run", *map(str, arguments)])
    assert isinstance(stop.value.code, int)
    return stop.value.code


def test_a_line_says_the_sign_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*files(tmp_path, "early.mp4")) == 0
    assert capsys.readouterr().out == f"{tmp_path}/early.mp4: sound 250 ms early, confidence 0.99\n"


def test_the_model_and_the_range_are_handed_on(tmp_path: Path, made_model: dict[str, object]) -> None:
    run(*files(tmp_path, "early.mp4"), "--range", "1.5")
    assert made_model == {"model": "model of run", "range_seconds": 1.5}


def test_without_a_model_the_one_in_the_box_is_taken(tmp_path: Path, made_model: dict[str, object]) -> None:
    with pytest.raises(SystemExit):
        main(["sync", *files(tmp_path, "early.mp4")])
    assert made_model["model"] == "model of None"


def test_without_any_model_the_error_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(run: Path | None) -> None:
        raise CheckpointError("no model given, and this installation has none in the box")

    monkeypatch.setattr(model_module, "load_sync_model", load)
    assert run(*files(tmp_path, "early.mp4", "late.mp4")) == 3
    assert capsys.readouterr().err.count("none in the box") == 1


def test_the_motion_baseline_needs_no_model(tmp_path: Path, made_model: dict[str, object]) -> None:
    assert run(*files(tmp_path, "early.mp4"), "--method", "motion") == 0
    assert made_model["model"] is None


def test_json_is_one_object_a_line_with_the_curve(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*files(tmp_path, "early.mp4", "late.mp4"), "--json") == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["offset_seconds"] == pytest.approx(0.25, abs=0.005)
    assert second["in_words"] == "sound 400 ms late"
    assert len(first["curve"]["distances"]) == len(first["curve"]["offsets_seconds"]) == len(OFFSETS)


@pytest.mark.parametrize("as_json", [False, True])
def test_one_broken_file_costs_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    status = run(*files(tmp_path, "early.mp4", "broken.mp4", "late.mp4"), *(["--json"] if as_json else []))
    out, err = capsys.readouterr()
    assert status == 3
    assert err.count("avts: broken.mp4: no audio stream") == 1
    assert len(out.splitlines()) == (3 if as_json else 2)
    if as_json:
        assert json.loads(out.splitlines()[1])["error"].startswith("broken.mp4: no audio stream")


def test_a_file_that_cannot_be_told_is_an_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(*files(tmp_path, "silent.mp4")) == 0
    assert capsys.readouterr().out.endswith("silent.mp4: cannot tell (silent: no window has sound)\n")


def test_plot_writes_a_png_or_one_a_file_into_a_folder(tmp_path: Path) -> None:
    several = files(tmp_path, "early.mp4", "late.mp4")
    (tmp_path / "plots").mkdir()
    assert run(several[0], "--plot", tmp_path / "one.png") == 0
    assert run(*several, "--plot", tmp_path / "plots") == 0
    written = [tmp_path / "one.png", tmp_path / "plots" / "early.png", tmp_path / "plots" / "late.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written)


def test_repair_moves_the_sound_by_the_offset(
    tmp_path: Path, repaired: list[tuple[Path, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "out").mkdir()
    assert run(*files(tmp_path, "early.mp4", "late.mkv"), "--repair", tmp_path / "out") == 0
    assert [target for target, _ in repaired] == [tmp_path / "out" / "early.mp4", tmp_path / "out" / "late.mkv"]
    assert [offset for _, offset in repaired] == pytest.approx([0.25, -0.4], abs=0.01)
    assert capsys.readouterr().err.count("avts: a warning") == 2


def test_a_file_that_cannot_be_told_is_not_repaired(
    tmp_path: Path, repaired: list[tuple[Path, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*files(tmp_path, "silent.mp4"), "--repair", tmp_path / "out.mp4") == 3
    assert not repaired
    err = capsys.readouterr().err
    assert "silent.mp4: not repaired, for the offset cannot be told (silent: no window has sound)" in err


def test_a_repaired_file_is_measured_again(
    tmp_path: Path, repaired: list[tuple[Path, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*files(tmp_path, "early.mp4"), "--repair", tmp_path / "out.mp4", "--json") == 0
    out, err = capsys.readouterr()
    assert f"{tmp_path}/out.mp4: written with the sound moved by +250 ms; before: sound 250 ms early" in err
    assert "measured again: sound 10 ms early" in err
    assert json.loads(out)["repaired"]["offset_seconds"] == pytest.approx(0.01, abs=0.002)


def test_a_repaired_file_that_measures_worse_is_a_failure(
    tmp_path: Path, repaired: list[tuple[Path, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*files(tmp_path, "stubborn.mp4"), "--repair", tmp_path / "out.mp4") == 3
    assert "out.mp4: measures worse than before. Do not use it" in capsys.readouterr().err


def test_sound_that_drifts_is_resampled(
    tmp_path: Path, repaired: list[tuple[Path, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*files(tmp_path, "drifting.mp4"), "--repair", tmp_path / "out.mp4", "--json") == 0
    out, err = capsys.readouterr()
    assert repaired == [(tmp_path / "out.mp4", pytest.approx(600, abs=10))]
    record = json.loads(out)
    assert record["drift_ms_per_minute"] == pytest.approx(600, abs=10)
    assert len(record["segments"]) == 1
    assert "written with the sound resampled" in err


@pytest.mark.parametrize(
    ("name", "limits", "status", "message"),
    [
        ("early.mp4", ["--max-early", "0.045"], 4, "early.mp4: sound 250 ms early; --max-early allows 45 ms"),
        ("early.mp4", ["--max-early", "0.3"], 0, ""),
        ("early.mp4", ["--max-late", "0.125"], 0, ""),
        ("late.mp4", ["--max-late", "0.125"], 4, "late.mp4: sound 400 ms late; --max-late allows 125 ms"),
        ("silent.mp4", ["--max-early", "0.045", "--max-late", "0.125"], 0, ""),
        ("drifting.mp4", ["--max-early", "0.5"], 4, "ms early; --max-early allows 500 ms"),  # 0.6 s at its end
    ],
)
def test_a_limit_exceeded_ends_with_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, limits: list[str], status: int, message: str
) -> None:
    assert run(*files(tmp_path, name, "in.mp4")[:1], *limits, "--json") == status
    out, err = capsys.readouterr()
    assert message in err
    told = json.loads(out)
    assert told["within_limits"] is (None if name == "silent.mp4" else status == 0)


def test_a_limit_exceeded_outweighs_a_broken_file(tmp_path: Path) -> None:
    assert run(*files(tmp_path, "early.mp4", "broken.mp4"), "--max-early", "0.1") == 4


def test_a_folder_stands_for_its_videos_and_a_pattern_for_what_it_matches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "more").mkdir()
    files(tmp_path, "early.mp4", "late.mkv", "notes.txt", "more/silent.mov")
    assert run(tmp_path) == 0
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        f"{tmp_path}/early.mp4",
        f"{tmp_path}/late.mkv",
        f"{tmp_path}/more/silent.mov",
    ]
    assert run(tmp_path / "*.mp4", tmp_path / "early.mp4", tmp_path / "la*") == 0
    assert len(capsys.readouterr().out.splitlines()) == 2, "each file once"


def test_csv_has_a_row_for_every_file_failures_too(tmp_path: Path) -> None:
    assert run(*files(tmp_path, "early.mp4", "broken.mp4", "silent.mp4"), "--csv", tmp_path / "all.csv") == 3
    with (tmp_path / "all.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [Path(row["file"]).name for row in rows] == ["early.mp4", "broken.mp4", "silent.mp4"]
    assert float(rows[0]["offset_seconds"]) == pytest.approx(0.25, abs=0.005)
    assert rows[0]["num_segments"] == "1"
    assert rows[1]["error"].startswith("broken.mp4: no audio stream")
    assert (rows[2]["offset_seconds"], rows[2]["reason"]) == ("", "silent: no window has sound")


def test_html_is_one_page_with_every_file_and_nothing_from_outside(tmp_path: Path) -> None:
    names = files(tmp_path, "early.mp4", "broken.mp4", "drifting.mp4")
    assert run(*names, "--html", tmp_path / "all.html") == 3
    page = (tmp_path / "all.html").read_text()
    assert all(name in page for name in names)
    assert page.count("<svg ") == 2
    assert "sound 250 ms early" in page
    assert "600." in page or "599." in page or "601." in page
    outside = page.replace("http://www.w3.org", "").replace("https://www.w3.org", "")
    assert "http://" not in outside
    assert "https://" not in outside


def test_overwriting_has_to_be_allowed(
    tmp_path: Path, repaired: list[tuple[Path, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    source, there = files(tmp_path, "early.mp4", "there.mp4")
    assert run(source, "--repair", there) == 2
    assert "there.mp4: exists already. Add --overwrite" in capsys.readouterr().err
    assert run(source, "--repair", there, "--overwrite") == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gone.mp4"], "gone.mp4: no such file"),
        (["folder"], "folder: a folder with no video file in it"),
        (["*.gone"], "*.gone: no such file"),
        (["early.mp4", "--csv", "folder"], "--csv folder: a folder"),
        (
            ["early.mp4", "--html", "nowhere/x.html"],
            "--html nowhere/x.html: a folder, or in a folder that is not there",
        ),
        (["early.mp4", "late.mp4", "--plot", "x.png"], "--plot x.png: not a folder, but there are 2 files"),
        (["early.mp4", "late.mp4", "--repair", "x.mp4"], "--repair x.mp4: not a folder, but there are 2 files"),
        (["early.mp4", "--plot", "nowhere/x.png"], "--plot nowhere/x.png: there is no folder nowhere"),
        (["early.mp4", "early.mkv", "--plot", "folder"], "two files would be written as 'early'"),
        (["early.mp4", "--repair", "early.mp4", "--overwrite"], "--repair early.mp4: would replace its source"),
        (["early.mp4", "--range", "0"], "Invalid value for '--range'"),
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
    files(tmp_path, "early.mp4", "late.mp4", "early.mkv")
    (tmp_path / "folder").mkdir()
    assert run(*arguments) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert not out
    assert not made_model
