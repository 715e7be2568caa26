from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fsspec
import pytest

from avts.corpus.corpus import Corpus
from avts.corpus.ingest import ingest
from avts.errors import CorpusError, UsageError
from fixtures_http import Serve

STORE = "memory://test-of-target/corpus"


@pytest.fixture
def store() -> Iterator[Any]:
    files = fsspec.filesystem("memory")
    yield files
    if files.exists("/test-of-target"):
        files.rm("/test-of-target", recursive=True)


@pytest.fixture
def films(tmp_path: Path, put: Callable[..., Path]) -> Path:
    for index in range(4):
        put(tmp_path / "films" / f"{index}.mp4")
    return tmp_path / "films"


def take(films: Path, out: Path | str, **arguments: Any) -> Any:
    return ingest(films, out, short_side=16, workers=2, **arguments)


def brought(files: Any, folder: Path) -> Path:
    """A remote corpus on this machine."""
    folder.mkdir()
    for name in files.ls("/test-of-target/corpus", detail=False):
        files.get_file(name, str(folder / name.rsplit("/", 1)[-1]))
    return folder


def sounds_and_pictures(corpus: Path) -> dict[str, tuple[bytes, bytes]]:
    opened = Corpus.open(corpus)
    found = {}
    for clip in opened.clips:
        shard = (corpus / clip.shard).read_bytes()
        video = shard[clip.video_offset : clip.video_offset + clip.video_size]
        found[clip.key] = video, shard[clip.sound_offset : clip.sound_offset + clip.sound_size]
    return found


def test_a_remote_corpus_is_the_local_one(films: Path, tmp_path: Path, store: Any) -> None:
    take(films, tmp_path / "local", shard_bytes=100_000)
    summary = take(films, STORE, shard_bytes=100_000)
    assert (summary.taken, summary.corpus) == (4, STORE)
    local = {path.name: path.read_bytes() for path in (tmp_path / "local").iterdir()}
    remote = {path.name: path.read_bytes() for path in brought(store, tmp_path / "remote").iterdir()}
    assert len([name for name in local if name.startswith("shard")]) > 1
    for name in local.keys() - {"ingest.journal.jsonl"}:
        assert remote[name] == local[name], name


def test_a_remote_run_that_broke_off_goes_on_and_doubles_nothing(
    films: Path, tmp_path: Path, store: Any, put: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []

    def stop(done: int, total: int) -> None:
        seen.append(done)
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        take(films, STORE, shard_bytes=1, on_progress=stop)  # a shard a clip
    names = [name.rsplit("/", 1)[-1] for name in store.ls("/test-of-target/corpus", detail=False)]
    assert sorted(names) == ["ingest.journal.jsonl", "shard-000000.tar", "shard-000001.tar"]
    summary = take(films, STORE, shard_bytes=1)
    assert (summary.reused, summary.taken) == (2, 2)
    assert take(films, STORE, shard_bytes=1).reused == 4
    put(films / "new.mp4")
    assert take(films, STORE, shard_bytes=1).taken == 1
    take(films, tmp_path / "local", shard_bytes=1)
    remote = sounds_and_pictures(brought(store, tmp_path / "remote"))
    assert remote == sounds_and_pictures(tmp_path / "local")


def test_a_url_of_this_machine_is_a_folder(films: Path, tmp_path: Path) -> None:
    summary = take(films, f"file://{tmp_path}/corpus")
    assert summary.corpus == tmp_path / "corpus"
    assert len(Corpus.open(tmp_path / "corpus").clips) == 4


def test_places_that_cannot_be_written(films: Path, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match=r"nosuch://corpus: nosuch:// cannot be opened"):
        take(films, "nosuch://corpus")
    store.pipe("/test-of-target/corpus/letter.txt", b"dear")
    with pytest.raises(UsageError, match=r"memory://test-of-target/corpus: not empty and not a corpus"):
        take(films, STORE)
    store.rm("/test-of-target", recursive=True)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(store), "put_file", full)
    with pytest.raises(CorpusError, match=r"memory://test-of-target/corpus: cannot be written \(No space left"):
        take(films, STORE)
    assert not store.exists("/test-of-target/corpus/corpus.json")


def test_a_connection_that_breaks_is_not_for_want_of_space(
    films: Path, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that refuses a shard may close before all of it was sent."""

    def broken(*_: Any, **__: Any) -> None:
        raise BrokenPipeError(32, "Broken pipe")

    monkeypatch.setattr(type(store), "put_file", broken)
    with pytest.raises(
        CorpusError, match=r"cannot be written \(Broken pipe\)\. Check the address and your permissions"
    ):
        take(films, STORE)


def test_a_place_that_can_only_be_read_is_one_error(films: Path, tmp_path: Path, serve: Serve) -> None:
    """fsspec's HTTP raises errors that are no OSError, some before the first shard, some when it is sent."""
    (tmp_path / "served").mkdir()
    url = serve(tmp_path / "served").url
    with pytest.raises(CorpusError, match=rf"^{url}/corpus: cannot be written \(.+\)\. Check the address and your"):
        take(films, f"{url}/corpus")
