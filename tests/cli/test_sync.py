"""`avts sync` with a made model and made distance maps: what it prints, writes, refuses and returns."""

import csv
import json
from pathlib import Path

import pytest

from avts.cli import main
from avts.errors import CheckpointError
from avts.offset import model as model_module
from fixtures_sync import OFFSETS, files, run

pytestmark = pytest.mark.usefixtures("made_model")


def run_sync(*arguments: object) -> int:
    return run("--model", "run", *arguments)


def test_a_line_says_the_sign_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_sync(*files(tmp_path, "early.mp4")) == 0
    assert capsys.readouterr().out == f"{tmp_path}/early.mp4: sound 250 ms early, confidence 0.99\n"


@pytest.mark.parametrize("whole", [False, True])
def test_the_model_and_how_to_search_are_handed_on(tmp_path: Path, made_model: dict[str, object], whole: bool) -> None:
    run_sync(*files(tmp_path, "early.mp4"), "--range", "1.5", *(["--whole"] if whole else []))
    assert made_model == {"model": "model of run", "range_seconds": 1.5, "in_parts": not whole}


def test_without_a_model_the_one_in_the_box_is_taken(tmp_path: Path, made_model: dict[str, object]) -> None:
    with pytest.raises(SystemExit):
        main(["sync", *files(tmp_path, "early.mp4")])
    assert made_model["model"] == "model of None"


def test_without_any_model_the_error_is_said_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(run: Path | None, **_: object) -> None:
        raise CheckpointError("no model given, and this installation contains none")

    monkeypatch.setattr(model_module, "load_sync_model", load)
    assert run_sync(*files(tmp_path, "early.mp4", "late.mp4")) == 3
    assert capsys.readouterr().err.count("installation contains none") == 1


def test_the_motion_baseline_needs_no_model(tmp_path: Path, made_model: dict[str, object]) -> None:
    assert run_sync(*files(tmp_path, "early.mp4"), "--method", "motion") == 0
    assert made_model["model"] is None


def test_json_is_one_object_a_line_with_the_curve(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_sync(*files(tmp_path, "early.mp4", "late.mp4"), "--json") == 0
    first, second = map(json.loads, capsys.readouterr().out.splitlines())
    assert first["offset_seconds"] == pytest.approx(0.25, abs=0.005)
    assert second["in_words"] == "sound 400 ms late"
    assert len(first["curve"]["distances"]) == len(first["curve"]["offsets_seconds"]) == len(OFFSETS)


@pytest.mark.parametrize("as_json", [False, True])
def test_one_broken_file_costs_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    status = run_sync(*files(tmp_path, "early.mp4", "broken.mp4", "late.mp4"), *(["--json"] if as_json else []))
    out, err = capsys.readouterr()
    assert status == 3
    assert err.count("avts: broken.mp4: no audio stream") == 1
    assert len(out.splitlines()) == (3 if as_json else 2)
    if as_json:
        assert json.loads(out.splitlines()[1])["error"].startswith("broken.mp4: no audio stream")


def test_a_file_that_cannot_be_told_is_an_answer(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_sync(*files(tmp_path, "silent.mp4")) == 0
    assert capsys.readouterr().out.endswith("silent.mp4: cannot tell: silent: no window has sound\n")


def test_plot_writes_a_png_or_one_a_file_into_a_folder(tmp_path: Path) -> None:
    several = files(tmp_path, "early.mp4", "late.mp4")
    (tmp_path / "plots").mkdir()
    assert run_sync(several[0], "--plot", tmp_path / "one.png") == 0
    assert run_sync(*several, "--plot", tmp_path / "plots") == 0
    written = [tmp_path / "one.png", tmp_path / "plots" / "early.png", tmp_path / "plots" / "late.png"]
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in written)


@pytest.mark.parametrize(
    ("name", "limits", "status", "message"),
    [
        ("early.mp4", ["--max-early", "0.045"], 4, "early.mp4: sound 250 ms early; --max-early allows 45 ms"),
        ("early.mp4", ["--max-early", "0.3"], 0, ""),
        ("early.mp4", ["--max-late", "0.125"], 0, ""),
        ("late.mp4", ["--max-late", "0.125"], 4, "late.mp4: sound 400 ms late; --max-late allows 125 ms"),
        ("silent.mp4", ["--max-late", "0.125"], 4, "the limits cannot be checked, which counts as exceeded"),
        ("silent.mp4", ["--max-late", "0.125", "--unknown", "pass"], 0, "which counts as passed (--unknown pass)"),
        (
            "doubtful.mp4",
            ["--max-early", "2"],
            4,
            "(uncertain), confidence 0.45: a confidence of at least 0.7 is required; a longer excerpt may help; the "
            "limits cannot be checked",
        ),
        ("doubtful.mp4", ["--max-early", "0.1", "--unknown", "pass"], 0, "which counts as passed (--unknown pass)"),
        ("doubtful.mp4", ["--max-early", "2", "--least-confidence", "0.1"], 0, ""),
        ("silent.mp4", ["--unknown", "fail"], 0, ""),
        ("drifting.mp4", ["--max-early", "0.5"], 4, "ms early; --max-early allows 500 ms"),  # 0.6 s at its end
    ],
)
def test_a_limit_exceeded_ends_with_4(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, limits: list[str], status: int, message: str
) -> None:
    assert run_sync(*files(tmp_path, name, "in.mp4")[:1], *limits, "--json") == status
    out, err = capsys.readouterr()
    assert message in err
    unknown = "the limits cannot be checked" in err or name == "silent.mp4"
    assert json.loads(out)["within_limits"] is (None if unknown else status == 0)


def test_a_limit_exceeded_outweighs_a_broken_file(tmp_path: Path) -> None:
    assert run_sync(*files(tmp_path, "early.mp4", "broken.mp4"), "--max-early", "0.1") == 4


def test_a_folder_stands_for_its_videos_and_a_pattern_for_what_it_matches(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "more").mkdir()
    files(tmp_path, "early.mp4", "late.mkv", "notes.txt", "more/silent.mov")
    assert run_sync(tmp_path) == 0
    assert [line.split(":")[0] for line in capsys.readouterr().out.splitlines()] == [
        f"{tmp_path}/early.mp4",
        f"{tmp_path}/late.mkv",
        f"{tmp_path}/more/silent.mov",
    ]
    assert run_sync(tmp_path / "*.mp4", tmp_path / "early.mp4", tmp_path / "la*") == 0
    assert len(capsys.readouterr().out.splitlines()) == 2, "each file once"


def test_csv_has_a_row_for_every_file_failures_too(tmp_path: Path) -> None:
    assert run_sync(*files(tmp_path, "early.mp4", "broken.mp4", "silent.mp4"), "--csv", tmp_path / "all.csv") == 3
    with (tmp_path / "all.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [Path(row["file"]).name for row in rows] == ["early.mp4", "broken.mp4", "silent.mp4"]
    assert float(rows[0]["offset_seconds"]) == pytest.approx(0.25, abs=0.005)
    assert rows[0]["num_segments"] == "1"
    assert {row["model"] for row in rows} == {"model of run"}
    assert rows[1]["error"].startswith("broken.mp4: no audio stream")
    assert (rows[2]["offset_seconds"], rows[2]["reason"]) == ("", "silent: no window has sound")


def test_html_is_one_page_with_every_file_and_nothing_from_outside(tmp_path: Path) -> None:
    names = files(tmp_path, "early.mp4", "broken.mp4", "drifting.mp4")
    assert run_sync(*names, "--html", tmp_path / "all.html") == 3
    page = (tmp_path / "all.html").read_text()
    assert all(name in page for name in names)
    assert page.count("<svg ") == 2
    assert "sound 250 ms early" in page
    assert "600." in page or "599." in page or "601." in page
    outside = page.replace("http://www.w3.org", "").replace("https://www.w3.org", "")
    assert "http://" not in outside
    assert "https://" not in outside


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
        (
            ["early.mp4", "--repair", "early.mp4", "--overwrite"],
            "--repair early.mp4: the repaired file would replace its source",
        ),
        (["early.mp4", "late.mp4", "--repair", "."], "--repair early.mp4: the repaired file would replace its source"),
        (["early.mp4", "--least-confidence", "1.1"], "Invalid value for '--least-confidence'"),
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
    assert run_sync(*arguments) == 2
    out, err = capsys.readouterr()
    assert message in err
    assert not out
    assert not made_model
