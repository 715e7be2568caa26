import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avts.corpus import taking
from avts.corpus.corpus import Corpus
from avts.corpus.ingest import IngestSummary, ingest
from avts.corpus.manifest import CORPUS_NAME, JOURNAL_NAME, MANIFEST_NAME
from avts.errors import CorpusError, UsageError

SMALL: dict[str, Any] = {"seconds": 1.5, "clicks_seconds": (0.4, 0.9), "width": 64, "height": 32, "audio_codec": "aac"}


def take(folder: Path, out: Path, **arguments: Any) -> IngestSummary:
    return ingest(folder, out, short_side=32, workers=2, **arguments)


def content_of(corpus: Path) -> dict[str, bytes]:
    """Everything a reader of the corpus can see, by file name; the journal is the writer's own."""
    return {path.name: path.read_bytes() for path in sorted(corpus.iterdir()) if path.name != JOURNAL_NAME}


RUN = "import sys; from pathlib import Path; from avts.corpus.ingest import ingest\n"
RUN += "if __name__ == '__main__': ingest(Path(sys.argv[1]), Path(sys.argv[2]), short_side=32, workers=2)"


def test_killed_at_any_moment_the_next_run_loses_and_doubles_nothing(films: Any, tmp_path: Path) -> None:
    for index in range(10):
        films.write(f"{index}.mp4", **{**SMALL, "clicks_seconds": (0.3 + index / 10,)})
    shutil.copy(films.folder / "3.mp4", films.folder / "copy.mp4")
    expected = take(films.folder, tmp_path / "whole")
    out, rng = tmp_path / "killed", np.random.default_rng(0)
    kills = 0
    script = tmp_path / "run.py"
    script.write_text(RUN)
    for wanted in (1, 3, 6, 9):
        run = subprocess.Popen([sys.executable, str(script), str(films.folder), str(out)])
        while run.poll() is None and num_lines(out / JOURNAL_NAME) < 1 + wanted:
            time.sleep(0.002)
        time.sleep(float(rng.uniform(0, 0.02)))
        run.send_signal(signal.SIGKILL)
        run.wait()
        if not (out / CORPUS_NAME).exists():
            kills += 1
            with pytest.raises(CorpusError, match=r"killed: its ingest did not finish. Run the same"):
                Corpus.open(out)
    assert kills >= 3
    summary = take(films.folder, out)
    assert summary.taken + summary.reused == expected.taken == 10
    assert summary.refused == expected.refused
    assert content_of(out) == content_of(tmp_path / "whole")


def num_lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def test_a_torn_journal_line_and_half_a_clip_are_cut_off(films: Any, tmp_path: Path) -> None:
    for index in range(3):
        films.write(f"{index}.mp4", **{**SMALL, "clicks_seconds": (0.3 + index / 10,)})
    out = tmp_path / "corpus"
    take(films.folder, out)
    whole = content_of(out)
    journal, shard = out / JOURNAL_NAME, out / "shard-000000.tar"
    lines = journal.read_bytes().splitlines(keepends=True)
    for name in (CORPUS_NAME, MANIFEST_NAME):
        (out / name).unlink()
    journal.write_bytes(b"".join(lines[:-1]) + lines[-1][:40])
    shard.write_bytes(shard.read_bytes()[:-2000])
    assert take(films.folder, out).taken == 1
    assert content_of(out) == whole
    assert take(films.folder, out).reused == 3


def test_half_a_clip_is_cut_off_even_if_nothing_follows(films: Any, tmp_path: Path) -> None:
    for index in range(2):
        films.write(f"{index}.mp4", **{**SMALL, "clicks_seconds": (0.3 + index / 10,)})
    out = tmp_path / "corpus"
    take(films.folder, out)
    whole = content_of(out)
    with (out / "shard-000000.tar").open("ab") as shard:
        shard.write(b"half a clip" * 500)
    (films.folder / "bad.mp4").write_text("no film")
    take(films.folder, out)
    assert content_of(out)["shard-000000.tar"] == whole["shard-000000.tar"]


def test_clips_whose_shard_was_lost_are_taken_again(films: Any, tmp_path: Path) -> None:
    films.write("a.mp4", **SMALL)
    take(films.folder, tmp_path / "corpus")
    whole = content_of(tmp_path / "corpus")
    (tmp_path / "corpus" / "shard-000000.tar").unlink()
    assert take(films.folder, tmp_path / "corpus").taken == 1
    assert content_of(tmp_path / "corpus") == whole


def test_a_crashing_decoder_costs_its_file_only(films: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for index, name in enumerate(["a", "crash_1", "b", "c", "crash_2", "d"]):
        films.write(f"{name}.mp4", **{**SMALL, "clicks_seconds": (0.3 + index / 10,)})
    script = tmp_path / "crashing.py"
    script.write_text(CRASHING)
    done = subprocess.run(
        [sys.executable, str(script), str(films.folder), str(tmp_path / "corpus")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert [clip.key for clip in Corpus.open(tmp_path / "corpus").clips] == ["a", "b", "c", "d"]
    assert json.loads(done.stdout) == [["crash_1.mp4", "crashed"], ["crash_2.mp4", "crashed"]]
    assert take(films.folder, tmp_path / "corpus").taken == 2  # a crash may have been chance: tried again


CRASHING = """
import json, os, signal, sys
from pathlib import Path
import avts.corpus.ingest as module
from avts.corpus.transcode import transcode

def crash_or_transcode(task, alive):
    if "crash" in task.source:
        os.kill(os.getpid(), signal.SIGKILL)
    return transcode(task, alive)

if __name__ == "__main__":
    module.transcode = crash_or_transcode
    summary = module.ingest(Path(sys.argv[1]), Path(sys.argv[2]), short_side=32, workers=2)
    print(json.dumps([[refusal.source, refusal.reason] for refusal in summary.refused]))
"""


def test_two_ingests_into_one_corpus_are_refused(films: Any, tmp_path: Path) -> None:
    films.write("a.mp4", **SMALL)
    inner: list[str] = []

    def second(done: int, total: int) -> None:
        if not inner:
            with pytest.raises(UsageError, match=r"corpus: another ingest is writing to it"):
                take(films.folder, tmp_path / "corpus")
            inner.append("refused")

    assert take(films.folder, tmp_path / "corpus", on_progress=second).taken == 1
    assert inner == ["refused"]


def test_a_disk_that_cannot_be_written_is_said(films: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    films.write("a.mp4", **SMALL)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(taking, "write_manifest", full)
    with pytest.raises(CorpusError, match=r"corpus: cannot be written \(No space left on device\)"):
        take(films.folder, tmp_path / "corpus")
    monkeypatch.undo()
    assert take(films.folder, tmp_path / "corpus").reused == 1


def test_worker_processes_that_cannot_start_are_said(films: Any, tmp_path: Path) -> None:
    films.write("a.mp4", **SMALL)
    script = tmp_path / "unguarded.py"
    script.write_text(RUN.replace("if __name__ == '__main__': ", ""))
    done = subprocess.run(
        [sys.executable, str(script), str(films.folder), str(tmp_path / "corpus")], capture_output=True, text=True
    )
    assert "UsageError: worker processes cannot start" in done.stderr
    assert not (tmp_path / "corpus").exists()
