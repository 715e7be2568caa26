from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avts.cli import main
from avts.media.writer import write_video

SMALL: dict[str, Any] = {"seconds": 1.5, "clicks_seconds": (0.4,), "width": 64, "height": 32}


def run(*words: object) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["ingest", *map(str, words)])
    return int(ended.value.code or 0)


def test_ingest_says_what_it_did(films: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    films.write("a.mp4", **SMALL)
    corpus = tmp_path / "corpus"
    assert run(films.folder, corpus, "--short-side", 32, "--workers", 1) == 0
    assert capsys.readouterr().out == f"{corpus}: 1 taken, 0 already there, 0 refused\n"
    (films.folder / "b.mp4").write_text("no film\n" * 100)
    assert run(films.folder, corpus, "--short-side", 32, "--workers", 1) == 3
    said = capsys.readouterr()
    assert said.out == f"{corpus}: 0 taken, 1 already there, 1 refused\n"
    assert "refused: b.mp4: not a readable media file" in said.err


def test_splits_by_label_are_told(films: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for n in range(5):
        films.write(f"dog/{n}.mp4", **{**SMALL, "clicks_seconds": (0.2 + 0.1 * n,)})
    assert run(films.folder, tmp_path / "corpus", "--short-side", 32, "--workers", 1) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[1] == (
        "splits: 3 train, 1 validation, 1 test; "
        "each of 1 label is split 80/10/10 separately, so that it is in the test split"
    )
    assert run(films.folder, tmp_path / "corpus", "--short-side", 32, "--workers", 1) == 0
    assert "80/10/10" not in capsys.readouterr().out, "nothing was split now"


def test_flags_are_counted(films: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frames = np.random.default_rng(0).integers(0, 255, (1, 32, 64, 3), np.uint8).repeat(36, 0)
    films.write("film.mp4", **SMALL)
    write_video(films.folder / "still.mp4", frames, np.zeros(24_000, np.float32))
    run(films.folder, tmp_path / "corpus", "--short-side", 32, "--workers", 1)
    last = capsys.readouterr().out.splitlines()[-1]
    assert last == "flagged: 1 silent, 1 still (kept but not used for pairs, except truncated and clock_breaks)"


def test_errors_end_with_their_status(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path / "gone", tmp_path / "corpus") == 2
    assert "gone: no such folder" in capsys.readouterr().err
    (tmp_path / "empty").mkdir()
    assert run(tmp_path / "empty", tmp_path / "corpus") == 3
    assert "empty: contains no video file" in capsys.readouterr().err
    assert run(tmp_path / "empty") == 2


def test_a_layout_from_the_command_line_counts_what_is_missing(
    films: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    films.write("---g-f_I2yQ_000001.mp4", **SMALL)
    (films.folder / "vggsound.csv").write_text('---g-f_I2yQ,1,"dog, barking",train\ngone,30,x,test\n')
    words = (films.folder, tmp_path / "corpus", "--layout", "vggsound", "--short-side", 32, "--workers", 1)
    assert run(*words) == 0
    said = capsys.readouterr()
    assert said.out == f"{tmp_path / 'corpus'}: 1 taken, 0 already there, 0 refused, 1 missing\n"
    assert "no clip in the split validation and test: folders train/" in said.err
    assert run(*words, "--list", films.folder / "none.csv") == 2
    assert "none.csv: no such list" in capsys.readouterr().err


def test_limits_of_the_command_line(films: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    films.write("a.mp4", **SMALL)
    films.write("b.mp4", **{**SMALL, "width": 128})
    words = (films.folder, tmp_path / "corpus", "--short-side", 32, "--workers", 1)
    assert run(*words, "--max-pixels", 64 * 32, "--shard-mib", 1) == 3
    assert "refused: b.mp4: 128 x 32 pixels, more than the 2048 allowed" in capsys.readouterr().err
    assert run(*words, "--timeout-seconds", 0) == 2
    assert "timeout of 0 s: must be more than 0" in capsys.readouterr().err
    assert run(*words, "--shard-mib", 0) == 2
    assert "shards of 0 bytes: must be at least 1" in capsys.readouterr().err
