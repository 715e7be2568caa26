"""`avts eval clips` with made clips: which are measured, what is printed, what is refused."""

import json
from pathlib import Path

import pytest

from avts.cli import main
from avts.errors import CheckpointError, MediaError
from avts.offset import clips as clips_module
from avts.offset import model as model_module
from avts.offset.clips import ClipOffset


@pytest.fixture(autouse=True)
def made_offsets(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str, object]]:
    """Stands for measuring: 'good' clips are found by both, 'bad' ones by the model only."""
    asked: list[tuple[str, str, object]] = []

    def clip_offsets(
        path: Path, kind: str, model: object, *, seed: int, source: str, cue: str, offset_seconds: float
    ) -> list[ClipOffset]:
        asked.append((path.name, kind, model))
        if path.stem == "broken":
            raise MediaError("broken.mp4: no audio stream")
        if path.stem == "short":
            return []
        motion = 0.0 if path.stem.startswith("good") else 0.9
        found = {"motion": motion} if model is None else {"model": 0.1, "motion": motion}
        return [
            ClipOffset(
                path,
                kind,
                shift,
                {way: at + shift for way, at in found.items()},
                dict.fromkeys(found, 0.9),
                dict.fromkeys(found, "uncertain: made" if path.stem == "bad" else None),
                source,
                cue,
                offset_seconds,
            )
            for shift in (0.0, 0.4)
        ]

    monkeypatch.setattr(clips_module, "clip_offsets", clip_offsets)
    monkeypatch.setattr(model_module, "load_sync_model", lambda run, **_: type("M", (), {"name": str(run)})())
    return asked


def run(*words: object) -> int:
    with pytest.raises(SystemExit) as stop:
        main(["eval", "clips", *map(str, words)])
    assert isinstance(stop.value.code, int)
    return stop.value.code


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three clips in a table of kinds, and a file that it does not name."""
    for name in ("good1.mp4", "good2.mp4", "bad.avi", "unnamed.mp4", "notes.txt"):
        (tmp_path / name).write_text("clip")
    table = "note,path,kind\nx,good1.mp4,speech\nx,good2.mp4,impact\nx,bad.avi,impact\n"
    (tmp_path / "clips.csv").write_text(table)
    return tmp_path


def test_model_and_baseline_are_printed_side_by_side_by_kind(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "--model", "run") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert lines[0][:5] == ["model", "clips", "0.2", "s", "0.1"]

    # within 0.2, 0.1, 0.045 s as they are and shifted, answered, of these right
    def cells(line: list[str]) -> str:
        return " ".join(cell for cell in line if cell != "%")

    assert cells(lines[2]) == "all 3 100.0 100.0 0.0 100.0 100.0 0.0 66.7 100.0"
    assert cells(lines[3]) == "impact 2 100.0 100.0 0.0 100.0 100.0 0.0 50.0 100.0"
    motion = next(index for index, line in enumerate(lines) if line[:2] == ["motion", "clips"])
    assert cells(lines[motion + 2]) == "all 3 66.7 66.7 66.7 66.7 66.7 66.7 66.7 100.0"


def test_figures_come_by_source_and_cue_and_sources_can_be_skipped(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = ["path,kind,source,cue,offset_seconds", "good1.mp4,speech,lab,strong,0", "good2.mp4,impact,web,none,-0.3"]
    (folder / "clips.csv").write_text("\n".join([*rows, "bad.avi,impact,tv,weak,", ""]))
    assert run(folder, "--model", "run", "--json", "--without", "tv") == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["sources"]) == {"lab", "web"}
    assert found["cues"]["strong"]["within"] == {
        "0.2": {"model": 1.0, "motion": 1.0},
        "0.1": {"model": 1.0, "motion": 1.0},
        "0.045": {"model": 0.0, "motion": 1.0},
    }
    assert found["cues"]["none"]["within"]["0.2"] == {"model": 0.0, "motion": 0.0}, "0.4 s from a truth of -0.3 s"
    assert found["offsets"][-1]["true_seconds"] == pytest.approx(0.1)
    assert run(folder, "--model", "run", "--without", "nobody") == 2
    assert "no clip has this source. Sources: lab, tv, web" in capsys.readouterr().err
    assert run(folder, "--model", "run", *(f"--without={source}" for source in ("lab", "tv", "web"))) == 2
    assert "no clip is left" in capsys.readouterr().err


def test_another_table_names_the_clips_of_the_folder(
    folder: Path, tmp_path: Path, made_offsets: list[tuple[str, str, object]], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "mine.csv").write_text("path,kind\ngood2.mp4,other\n")
    assert run(folder, "--method", "motion", "--table", tmp_path / "mine.csv") == 0
    assert [each[:2] for each in made_offsets] == [("good2.mp4", "other")]
    assert run(folder, "--table", tmp_path / "gone.csv") == 2
    assert "gone.csv: no such file" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("good1.mp4,speech,loud,0", "cue is 'loud' for good1.mp4. It must be one of strong, weak, none"),
        ("good1.mp4,speech,weak,soon", "offset_seconds is 'soon' for good1.mp4"),
    ],
)
def test_a_value_that_is_not_understood_is_named(
    folder: Path, capsys: pytest.CaptureFixture[str], row: str, message: str
) -> None:
    (folder / "clips.csv").write_text(f"path,kind,cue,offset_seconds\n{row}\n")
    assert run(folder, "--model", "run") == 2
    assert message in capsys.readouterr().err


def test_json_holds_shares_and_every_offset(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(folder, "--model", "run", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["model"], found["num_clips"], found["chance"]) == ("run", 3, 0.2)
    assert found["all"]["as_they_are"] == {"model": 1.0, "motion": pytest.approx(2 / 3)}
    assert found["kinds"]["impact"]["shifted"]["motion"] == 0.5
    assert len(found["offsets"]) == 6
    assert found["offsets"][1] == {
        "file": str(folder / "good1.mp4"),
        "kind": "speech",
        "source": None,
        "cue": None,
        "shift_seconds": 0.4,
        "true_seconds": 0.4,
        "model": 0.5,
        "motion": 0.4,
        "confidence": 0.9,
        "reason": None,
        "confidences": {"model": 0.9, "motion": 0.9},
        "reasons": {"model": None, "motion": None},
    }
    assert found["offsets"][-1]["reason"] == "uncertain: made"
    assert found["all"]["answered"] == {"model": pytest.approx(2 / 3), "motion": pytest.approx(2 / 3)}
    assert found["confidence"]["motion"]["auc"] == 0.5, "the same confidence for right and wrong"


def test_without_a_table_every_video_counts(
    folder: Path, made_offsets: list[tuple[str, str, object]], capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "clips.csv").write_text("other,columns\n1,2\n")
    assert run(folder, "--method", "motion") == 0
    assert [(name, kind, model) for name, kind, model in made_offsets] == [
        ("bad.avi", "", None),
        ("good1.mp4", "", None),
        ("good2.mp4", "", None),
        ("unnamed.mp4", "", None),
    ]
    assert "model" not in capsys.readouterr().out.splitlines()[0]


def test_without_a_model_in_the_box_the_baseline_is_measured_alone(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(run: Path | None, **_: object) -> None:
        raise CheckpointError("none in the box" if run is None else f"{run}: none there")

    monkeypatch.setattr(model_module, "load_sync_model", load)
    assert run(folder) == 0
    assert "avts: measuring with the motion baseline only: installation contains none" in capsys.readouterr().err
    assert run(folder, "--model", "gone") == 3
    assert "gone: none there" in capsys.readouterr().err


def test_a_broken_clip_costs_one_line_and_status_3(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "clips.csv").write_text("path,kind\ngood1.mp4,\nbroken.mp4,\nshort.mp4,\n")
    assert run(folder, "--model", "run", "--json") == 3
    out, err = capsys.readouterr()
    assert err.count("avts: broken.mp4: no audio stream") == 1
    found = json.loads(out)
    assert (found["num_clips"], found["num_failed"], found["num_short"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("table", "status", "message"),
    [
        ("path,kind\nshort.mp4,\n", 3, "none of its 1 clips can be measured (1 too short)"),
        (b"path,kind\n\xff\xfe,x\n", 3, "clips.csv: cannot be read as a table"),
    ],
)
def test_clips_that_give_nothing_are_refused(
    folder: Path, capsys: pytest.CaptureFixture[str], table: str | bytes, status: int, message: str
) -> None:
    (folder / "clips.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
    assert run(folder, "--model", "run") == status
    assert message in capsys.readouterr().err


def test_a_folder_that_is_not_there_or_empty_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path / "gone") == 2
    assert "gone: no such folder" in capsys.readouterr().err
    assert run(tmp_path) == 2
    assert "contains no video file" in capsys.readouterr().err


def test_eval_of_a_run_still_asks_for_its_corpus(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main(["eval", "run"])
    assert stop.value.code == 2
    assert "--data" in capsys.readouterr().err
    assert run("--help") == 0
    assert "Usage: avts eval clips [OPTIONS] FOLDER" in capsys.readouterr().out
