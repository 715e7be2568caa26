import json
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import Any

import pytest

from avts.corpus import journal as journal_module
from avts.corpus import shards as shards_module
from avts.corpus.corpus import Corpus
from avts.corpus.ingest import ingest
from avts.corpus.journal import MARK, Journal
from avts.corpus.manifest import CORPUS_NAME, JOURNAL_NAME, MANIFEST_NAME, read_manifest, settings_of
from avts.errors import CorpusError


def take(folder: Path, out: Path, **arguments: Any) -> Any:
    return ingest(folder, out, short_side=16, workers=2, **arguments)


def content_of(corpus: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(corpus.iterdir()) if path.name != JOURNAL_NAME}


@pytest.fixture
def films(tmp_path: Path, put: Callable[..., Path]) -> Path:
    for index in range(3):
        put(tmp_path / "films" / f"{index}.mp4")
    return tmp_path / "films"


def test_after_a_power_failure_lines_without_their_bytes_do_not_count(films: Path, tmp_path: Path) -> None:
    """The disk kept the journal's lines and the shard's length, but not what was in the last clip."""
    out = tmp_path / "corpus"
    take(films, out)
    whole = content_of(out)
    last = list(read_manifest(out))[-1]
    for name in (CORPUS_NAME, MANIFEST_NAME):
        (out / name).unlink()
    with (out / last.shard).open("r+b") as shard:
        shard.seek(last.video_offset + 100)
        shard.write(bytes(200))
    journal = out / JOURNAL_NAME
    lines = journal.read_bytes().splitlines(keepends=True)
    assert lines[-1] == MARK
    journal.write_bytes(b"".join(line for line in lines if line != MARK))
    assert take(films, out).taken == 1
    assert content_of(out) == whole


def test_what_lies_before_a_mark_is_not_read_again(films: Path, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    take(films, out)
    first = read_manifest(out)[0]
    with (out / first.shard).open("r+b") as shard:
        shard.seek(first.video_offset)
        shard.write(b"x")
    assert take(films, out).reused == 3


@pytest.mark.parametrize("room", [1000, 70_000, 100_000, 123_456])
def test_a_full_disk_leaves_a_corpus_that_the_next_run_completes(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    """Writes succeed up to some byte of some clip or journal line, the last of them in part."""
    expected = take(films, tmp_path / "whole")
    left = [room]
    write_all = shards_module.write_all

    def write_while_there_is_room(file: FileIO, content: bytes) -> None:
        part = content[: max(0, left[0])]
        left[0] -= len(content)
        write_all(file, part)
        if len(part) < len(content):
            raise OSError(28, "No space left on device")

    for module in (shards_module, journal_module):
        monkeypatch.setattr(module, "write_all", write_while_there_is_room)
    with pytest.raises(CorpusError, match=r"corpus: cannot be written \(No space left on device\). Free space and run"):
        take(films, tmp_path / "corpus")
    monkeypatch.undo()
    again = take(films, tmp_path / "corpus")
    assert again.taken + again.reused == expected.taken == 3
    assert content_of(tmp_path / "corpus") == content_of(tmp_path / "whole")


def test_a_corpus_of_version_1_is_read_and_added_to(films: Path, tmp_path: Path, put: Callable[..., Path]) -> None:
    import pyarrow.parquet as parquet

    out = tmp_path / "corpus"
    take(films, out)
    new = ("labels", "splits", "fold", "group")
    table = parquet.read_table(out / MANIFEST_NAME)
    parquet.write_table(table.drop_columns(list(new)), out / MANIFEST_NAME)
    lines = [json.loads(line) for line in (out / JOURNAL_NAME).read_bytes().splitlines() if line + b"\n" != MARK]
    lines[0]["settings"]["format_version"] = 1
    for line in lines[1:]:
        for name in new:
            del line["clip"][name]
        del line["start"], line["checksum"]
    (out / JOURNAL_NAME).write_text("".join(json.dumps(line) + "\n" for line in lines))
    (out / CORPUS_NAME).write_text(json.dumps({**settings_of(16), "format_version": 1}))
    clips = Corpus.open(out).clips
    assert [(clip.labels, clip.fold, clip.group) for clip in clips] == [((), None, None)] * 3
    put(films / "named" / "new.mp4")
    summary = take(films, out)
    assert (summary.taken, summary.reused) == (1, 3)
    assert Corpus.open(out).settings["format_version"] == 2
    assert Corpus.open(out).clips[-1].labels == ("named",)


def test_a_journal_is_forced_to_the_disk_behind_the_shard(
    films: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every mark comes after the shard was forced to the disk, and is itself forced."""
    told: list[str] = []
    sync, mark = shards_module.ShardWriter.sync, Journal.mark
    monkeypatch.setattr("avts.corpus.taking.SAFE_SECONDS", 0.0)
    monkeypatch.setattr(shards_module.ShardWriter, "sync", lambda self: (told.append("shard"), sync(self))[1])
    monkeypatch.setattr(Journal, "mark", lambda self: (told.append("journal"), mark(self))[1])
    take(films, tmp_path / "corpus")
    assert told == ["shard", "journal"] * 4  # three clips, and the end
