"""Tables of features: what is in them, who can read them, and that nothing is done twice or lost."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from avts.corpus.corpus import Corpus
from avts.errors import CorpusError, UsageError
from avts.features import embedding
from avts.features.embedding import EmbedSummary, embed
from avts.features.extract import Embedded, Task, embed_recording
from avts.features.pooling import Pooling
from avts.features.recordings import recordings_of
from avts.features.towers import Plan
from avts.jobs.refusal import Refusal

PLAN = Plan(1.0, 12, ("conv5",), ("conv5",), Pooling(2, 1))


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Runs tasks here, not in processes; gives the names of the recordings that were embedded."""
    seen: list[str] = []

    class Here:
        def run(self, tasks: list[Task]) -> Any:
            for task in tasks:
                seen.append(task.recording.source)
                yield task, embed_recording(task)

        def close(self) -> None:
            pass

    monkeypatch.setattr(embedding, "_engine", lambda *_: Here())
    return seen


def run(folder: Path, out: Path, model: Path, **arguments: Any) -> EmbedSummary:
    return embed(recordings_of([str(folder)]), out, **{"model": model, "plan": PLAN, **arguments})


def test_each_window_has_a_row_with_the_towers_that_there_are(
    tmp_path: Path, tiny_run: Path, write_sound: Any, write_film: Any, in_process: list[str]
) -> None:
    write_film(tmp_path / "in" / "clap" / "both.mp4", seconds=2.0)
    write_film(tmp_path / "in" / "clap" / "mute.mp4", seconds=1.5, has_sound=False)
    write_sound(tmp_path / "in" / "rain" / "sound.wav", seconds=2.5)
    summary = run(tmp_path / "in", tmp_path / "f.parquet", tiny_run)
    assert (summary.embedded, summary.reused, summary.refused) == (3, 0, [])
    rows = pq.read_table(tmp_path / "f.parquet").to_pylist()
    # 12 frames are 0.5 s: windows of 1 s start at 0, 0.5, 1 in 2 s; at 0, 0.5 in 1.5 s; at 0 to 1.5 in 2.5 s
    assert [(row["file"], row["start_seconds"], row["stop_seconds"]) for row in rows] == [
        *[("clap/both.mp4", start, start + 1) for start in (0.0, 0.5, 1.0)],
        *[("clap/mute.mp4", start, start + 1) for start in (0.0, 0.5)],
        *[("rain/sound.wav", start, start + 1) for start in (0.0, 0.5, 1.0, 1.5)],
    ]
    assert [row["label"] for row in rows] == ["clap"] * 5 + ["rain"] * 4
    assert [row["picture"] is not None for row in rows] == [True] * 5 + [False] * 4
    assert [row["sound_conv5"] is not None for row in rows] == [True] * 3 + [False] * 2 + [True] * 4
    assert [row["loudness_db"] is not None for row in rows] == [True] * 3 + [False] * 2 + [True] * 4
    schema = pq.read_schema(tmp_path / "f.parquet")
    assert schema.field("picture").type == pa.list_(pa.float32(), 8)
    assert schema.field("sound_conv5").type == pa.list_(pa.float32(), 2 * 32)
    assert not (tmp_path / "f.parquet.parts").exists()


@pytest.mark.parametrize("half", [False, True])
def test_duckdb_polars_and_pandas_read_the_table_as_it_is(
    tmp_path: Path, tiny_run: Path, write_sound: Any, write_film: Any, in_process: list[str], half: bool
) -> None:
    duckdb, pandas, polars = (pytest.importorskip(name) for name in ("duckdb", "pandas", "polars"))
    write_film(tmp_path / "in" / "mute.mp4", has_sound=False)
    write_sound(tmp_path / "in" / "sound.wav")
    out = tmp_path / "f.parquet"
    run(tmp_path / "in", out, tiny_run, half=half)
    arrow = pq.read_table(out).to_pylist()
    numbers = np.array([row["sound"] for row in arrow if row["sound"] is not None], np.float32)
    asked = duckdb.sql(f"select sound from '{out}' where sound is not null").fetchall()
    assert np.array_equal(np.array([row[0] for row in asked], np.float32), numbers)
    frame = polars.read_parquet(out)
    assert str(frame.schema["sound"]).startswith("Array(Float16" if half else "Array(Float32")
    assert np.array_equal(np.array(frame["sound"].drop_nulls().to_list(), np.float32), numbers)
    assert np.array_equal(np.stack(pandas.read_parquet(out)["sound"].dropna()).astype(np.float32), numbers)


def test_what_is_done_is_not_done_again_and_what_changed_or_left_is(
    tmp_path: Path, tiny_run: Path, write_sound: Any, in_process: list[str]
) -> None:
    for name in "abc":
        write_sound(tmp_path / "in" / f"{name}.wav", seconds=1.5)
    out = tmp_path / "f.parquet"
    run(tmp_path / "in", out, tiny_run)
    in_process.clear()
    before = out.read_bytes()
    again = run(tmp_path / "in", out, tiny_run)
    assert (in_process, again.embedded, again.reused, out.read_bytes() == before) == ([], 0, 3, True)
    write_sound(tmp_path / "in" / "b.wav", seconds=3.0)
    (tmp_path / "in" / "c.wav").unlink()
    write_sound(tmp_path / "in" / "d.wav", seconds=1.0)
    later = run(tmp_path / "in", out, tiny_run)
    assert (in_process, later.embedded, later.reused) == (["b.wav", "d.wav"], 2, 1)
    files = pq.read_table(out)["file"].to_pylist()
    assert {name: files.count(name) for name in files} == {"a.wav": 2, "b.wav": 5, "d.wav": 1}


@pytest.mark.parametrize("before_join", [1, 2, 200])
def test_a_run_that_is_cut_off_goes_on_and_gives_the_same_table(
    tmp_path: Path, tiny_run: Path, write_sound: Any, in_process: list[str], monkeypatch: Any, before_join: int
) -> None:
    for name in "abcde":
        write_sound(tmp_path / "in" / f"{name}.wav", seconds=1.5)
    run(tmp_path / "in", tmp_path / "whole.parquet", tiny_run)
    monkeypatch.setattr(embedding, "DONE_BEFORE_JOIN", before_join)
    in_process.clear()
    calls = iter(range(99))

    def stop(done: int, total: int) -> None:
        if next(calls) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "in", tmp_path / "cut.parquet", tiny_run, on_progress=stop)
    assert in_process == ["a.wav", "b.wav", "c.wav"]
    assert not (tmp_path / "cut.parquet").exists()
    summary = run(tmp_path / "in", tmp_path / "cut.parquet", tiny_run)
    assert (in_process[3:], summary.reused) == (["d.wav", "e.wav"], 3)
    assert pq.read_table(tmp_path / "cut.parquet").equals(pq.read_table(tmp_path / "whole.parquet"))


def test_a_bad_file_costs_one_line_and_the_rest_is_embedded(
    tmp_path: Path, tiny_run: Path, write_sound: Any, in_process: list[str]
) -> None:
    write_sound(tmp_path / "in" / "good.wav")
    write_sound(tmp_path / "in" / "short.wav", seconds=0.5)
    (tmp_path / "in" / "bad.mp4").write_text("no film")
    summary = run(tmp_path / "in", tmp_path / "f.parquet", tiny_run)
    assert [(each.source, each.reason) for each in summary.refused] == [
        ("bad.mp4", "unreadable"),
        ("short.wav", "too_short"),
    ]
    assert "short.wav: shorter than a window of 1 s" in summary.refused[1].message
    assert set(pq.read_table(tmp_path / "f.parquet")["file"].to_pylist()) == {"good.wav"}
    (tmp_path / "in" / "good.wav").unlink()
    with pytest.raises(CorpusError, match=r"all 2 recordings were refused, first: bad.mp4"):
        run(tmp_path / "in", tmp_path / "none.parquet", tiny_run)
    assert not list(tmp_path.glob("none.parquet*"))


def test_a_table_made_otherwise_is_not_added_to(
    tmp_path: Path, tiny_run: Path, write_sound: Any, in_process: list[str]
) -> None:
    write_sound(tmp_path / "in" / "a.wav")
    run(tmp_path / "in", tmp_path / "f.parquet", tiny_run)
    with pytest.raises(UsageError, match=r"other settings \(hop_seconds 0.5 instead of 1.0.*Use these settings"):
        run(
            tmp_path / "in", tmp_path / "f.parquet", tiny_run, plan=Plan(1.0, 24, ("conv5",), ("conv5",), Pooling(2, 1))
        )
    pq.write_table(pa.table({"a": [1]}), tmp_path / "other.parquet")
    with pytest.raises(UsageError, match=r"other.parquet: a Parquet table, but not an output of 'avts embed'"):
        run(tmp_path / "in", tmp_path / "other.parquet", tiny_run)
    (tmp_path / "text.parquet").write_text("text")
    with pytest.raises(UsageError, match=r"text.parquet: not a Parquet table"):
        run(tmp_path / "in", tmp_path / "text.parquet", tiny_run)


def test_clips_of_a_corpus_give_what_they_know(
    tmp_path: Path, tiny_run: Path, small_corpus: Corpus, in_process: list[str]
) -> None:
    out = tmp_path / "f.parquet"
    embed(recordings_of([str(small_corpus.path)]), out, model=tiny_run, plan=Plan(1.0, 24))
    table = pq.read_table(out)
    first = small_corpus.clips[0]
    rows = [row for row in table.to_pylist() if row["file"] == first.source]
    assert len(rows) == 3
    assert (rows[0]["label"], rows[0]["split"]) == (first.label, first.split)
    assert {row["file"] for row in table.to_pylist()} == {clip.source for clip in small_corpus.clips}


def test_processes_give_the_table_that_one_process_gives(
    tmp_path: Path, tiny_run: Path, write_sound: Any, request: pytest.FixtureRequest
) -> None:
    for name in "abc":
        write_sound(tmp_path / "in" / f"{name}.wav", seconds=1.2)
    run(tmp_path / "in", tmp_path / "two.parquet", tiny_run, workers=2, threads=1)
    request.getfixturevalue("in_process")
    run(tmp_path / "in", tmp_path / "one.parquet", tiny_run)
    one, two = (pq.read_table(tmp_path / f"{name}.parquet") for name in ("one", "two"))
    assert one["file"].equals(two["file"])
    vectors = [np.array(table["sound"].to_pylist()) for table in (one, two)]
    assert np.abs(vectors[0] - vectors[1]).max() < 1e-4


def test_a_decoder_that_dies_or_hangs_costs_its_file(
    tmp_path: Path, tiny_run: Path, write_sound: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from avts.jobs.pool import CRASHED, TIMED_OUT

    for name in "abc":
        write_sound(tmp_path / "in" / f"{name}.wav")

    class Losing:
        def run(self, tasks: list[Task]) -> Any:
            yield tasks[0], CRASHED
            yield tasks[1], TIMED_OUT
            yield tasks[2], embed_recording(tasks[2])

        def close(self) -> None:
            pass

    monkeypatch.setattr(embedding, "_engine", lambda *_: Losing())
    summary = run(tmp_path / "in", tmp_path / "f.parquet", tiny_run)
    assert [(each.source, each.reason) for each in summary.refused] == [("a.wav", "crashed"), ("b.wav", "timed_out")]


def test_an_address_without_ray_is_refused(tmp_path: Path, tiny_run: Path, write_sound: Any) -> None:
    write_sound(tmp_path / "in" / "a.wav")
    with pytest.raises(UsageError, match=r"address '10.0.0.1:1' needs a Ray cluster, but the engine is 'local'"):
        run(tmp_path / "in", tmp_path / "f.parquet", tiny_run, address="10.0.0.1:1")


def test_a_full_disk_stops_the_run(
    tmp_path: Path, tiny_run: Path, write_sound: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_sound(tmp_path / "in" / "a.wav")
    (recording,) = recordings_of([str(path)])
    task = Task(recording, tmp_path / "staged", tiny_run, Plan(1.0, 12), False, "cpu", None, {})
    assert isinstance(embed_recording(task), Embedded)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("avts.features.extract.pq.write_table", full)
    with pytest.raises(OSError, match="no space left on the disk"):
        embed_recording(task)

    def broken(*_: Any) -> None:
        raise OSError(5, "input output")

    monkeypatch.setattr("avts.features.extract.pq.write_table", broken)
    assert isinstance(embed_recording(task), Refusal)
