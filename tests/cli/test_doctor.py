import json
from pathlib import Path

import pytest

from avts.cli import main
from avts.corpus.corpus import Corpus
from fixtures_training import TINY_TOML


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as ended:
        main(words)
    out, err = capsys.readouterr()
    return int(ended.value.code or 0), out, err


def write_films(folder: Path, *, faulty: bool) -> Path:
    import numpy as np

    from avts.media.writer import write_video

    folder.mkdir()
    rng = np.random.default_rng(0)
    for name in ("a", "b"):
        frames = rng.integers(30, 220, (60, 32, 48, 3), np.uint8)
        write_video(folder / f"{name}.mp4", frames, rng.uniform(-0.3, 0.3, 40_000).astype(np.float32))
    if faulty:
        (folder / "text.mp4").write_text("no film")
    return folder


def test_a_good_folder_is_status_0_and_a_bad_one_3(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, out, _ = run(capsys, "doctor", str(write_films(tmp_path / "good", faulty=False)))
    assert (status, out.splitlines()[-1]) == (0, "No problems found.")
    status, out, _ = run(capsys, "doctor", "--json", str(write_films(tmp_path / "bad", faulty=True)))
    record = json.loads(out)
    assert status == 3
    assert record["faults"][0]["name"] == "text.mp4"
    assert record["windows"]["hard"]["clips"] == 2


def test_a_corpus_is_told_and_a_clip_of_it_drawn(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    from avts.corpus.ingest import ingest

    ingest(write_films(tmp_path / "films", faulty=False), tmp_path / "corpus", short_side=32, workers=1)
    status, out, _ = run(capsys, "doctor", "--json", str(tmp_path / "corpus"))
    record = json.loads(out)
    assert (status, record["kind"], record["items"], record["decoded"]) == (0, "corpus", 2, 2)
    assert record["loader_windows_per_second_and_core"] > 0
    assert record["alignment"]["clips"] == 2
    png = tmp_path / "a.png"
    status, out, _ = run(capsys, "show", str(tmp_path / "corpus"), "a", "--out", str(png), "--json", "--seconds", "2")
    windows = {window["kind"]: window for window in json.loads(out)["windows"]}
    assert png.read_bytes().startswith(b"\x89PNG")
    assert list(windows) == ["positive", "super_hard"]  # 2 s are too short for a hard pair of 1 + 0.5 + 1
    assert windows["positive"]["picture_seconds"] == windows["positive"]["sound_seconds"]
    assert 0.2 <= abs(windows["super_hard"]["picture_seconds"] - windows["super_hard"]["sound_seconds"]) < 1
    status, _, err = run(capsys, "show", str(tmp_path / "corpus"), "aa")
    assert status == 2
    assert "aa: no such clip among 2. Similar keys: a" in err
    status, _, err = run(capsys, "show", str(tmp_path / "corpus"), "a", "--start", "9")
    assert "--start 9: clip a is 2.50 s long" in err


def test_a_corpus_is_held_against_a_recipe(
    capsys: pytest.CaptureFixture[str], small_corpus: Corpus, tmp_path: Path
) -> None:
    few = tmp_path / "few.toml"
    few.write_text(TINY_TOML)
    status, out, _ = run(capsys, "doctor", str(small_corpus.path), "--recipe", str(few))
    assert (
        "  steps: 8 in total (easy 4, 75/25 4); 8 training clips give 2 per epoch\n  warning: 8 steps are few: " in out
    )
    assert (status, out.splitlines()[-1]) == (0, f"{few} trains for few steps on this corpus: see the warning above.")
    few.write_text(TINY_TOML.replace("epochs = 2", "steps = 50"))
    status, out, _ = run(capsys, "doctor", str(small_corpus.path), "--recipe", str(few))
    assert (status, out.splitlines()[-1]) == (0, "No problems found.")
    few.write_text(TINY_TOML.replace("batch_size = 4", "batch_size = 9"))
    status, out, _ = run(capsys, "doctor", str(small_corpus.path), "--recipe", str(few))
    assert "8 training clips of at least 2.5 s; a step of batch_size = 9 needs 9. Lower it to 8 or less" in out
    assert (status, out.splitlines()[-1]) == (3, f"{few} cannot be trained on this corpus: see above.")
    status, out, _ = run(capsys, "doctor", "--json", str(small_corpus.path), "--recipe", str(few))
    assert json.loads(out)["training"]["clips"] == 8


def test_no_such_folder(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    status, _, err = run(capsys, "doctor", str(tmp_path / "gone"))
    assert status == 2
    assert "gone: no such folder. Give a folder of videos, or a corpus." in err


def test_the_course_of_a_run_is_drawn(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    rows = [{"step": step, "stage": 0, "stage_name": "easy", "loss": 0.2} for step in range(3)]
    (tmp_path / "log.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"step": 3, "lo')
    assert run(capsys, "show", str(tmp_path))[:2] == (0, f"{tmp_path / 'training.png'}\n")
    assert (tmp_path / "training.png").read_bytes().startswith(b"\x89PNG")
    status, _, err = run(capsys, "show", str(tmp_path / "gone"))
    assert status == 2
    assert "gone: contains no training log. Give a run, or a corpus and the KEY of a clip in it." in err
