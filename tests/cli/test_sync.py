"""`avts sync` with a made model and made distance maps: what it prints, writes, refuses and returns."""

import json
import sys
import types
from pathlib import Path

import numpy as np
import pytest

from avts.cli import main
from avts.errors import MediaError
from avts.sync import repair as repair_module
from avts.sync import scan as scan_module
from avts.sync.scan import OffsetScan

OFFSETS = np.arange(-48, 49) / 24


def made_scan(offset_seconds: float | None) -> OffsetScan:
    """A clear dip at an offset, or no sound at all."""
    times = np.arange(0, 5, 0.25)
    dip = 0.6 - 0.3 * np.exp(-0.5 * ((OFFSETS - (offset_seconds or 0)) / 0.1) ** 2)
    row = np.full_like(dip, np.nan) if offset_seconds is None else dip
    return OffsetScan(times, OFFSETS, np.tile(row, (len(times), 1)).astype(np.float32), 1.0)


@pytest.fixture(autouse=True)
def made_model(monkeypatch: pytest.MonkeyPatch) -> dict[str, object]:
    """Stand-ins for the model and the scan; the file's name says what is found in it."""
    asked: dict[str, object] = {}

    def scan(path: Path, model: object, *, range_seconds: float = 2.0) -> OffsetScan:
        asked.update(model=model, range_seconds=range_seconds)
        if path.stem == "broken":
            raise MediaError(f"{path.name}: no audio stream (it has: video h264). Nothing to synchronise.")
        return made_scan({"early": 0.25, "late": -0.4}.get(path.stem))

    checkpoint = types.ModuleType("avts.model.checkpoint")
    checkpoint.load_model = lambda run: f"model of {run}"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "avts.model.checkpoint", checkpoint)
    monkeypatch.setattr(scan_module, "scan", scan)
    return asked


@pytest.fixture
def repaired(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Path, float]]:
    """The calls of repair, which writes a mark instead of a film."""
    calls: list[tuple[Path, float]] = []

    def repair(source: Path, target: Path, *, offset_seconds: float, overwrite: bool = False) -> tuple[str, ...]:
        calls.append((target, offset_seconds))
        target.write_text("repaired")
        return ("a warning",)

    monkeypatch.setattr(repair_module, "repair", repair)
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
    assert "avts: a warning" in capsys.readouterr().err


def test_a_file_that_cannot_be_told_is_not_repaired(
    tmp_path: Path, repaired: list[tuple[Path, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(*files(tmp_path, "silent.mp4"), "--repair", tmp_path / "out.mp4") == 3
    assert not repaired
    err = capsys.readouterr().err
    assert "silent.mp4: not repaired, for the offset cannot be told (silent: no window has sound)" in err


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
        (["folder"], "folder: a folder"),
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
