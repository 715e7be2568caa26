"""A corpus in a slow store: the same windows, few requests, and their latency hidden by fetching ahead."""

import pickle
import threading
import time
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pytest
from fsspec.implementations.local import LocalFileSystem

from avts.corpus import remote as remote_module
from avts.corpus import store as module
from avts.corpus.corpus import Corpus
from avts.corpus.ingest import ingest
from avts.corpus.store import RemoteStore, comes_whole
from avts.errors import CorpusError
from avts.media.writer import write_video
from avts.pairs.loader import StepDataset, load_steps
from avts.pairs.negatives import POSITIVE, StepPlan, Window
from avts.timebase import Span
from fixtures_http import CUT, Serve

LATENCY_SECONDS = 0.05


class SlowFiles(LocalFileSystem):
    """Files of this machine, as far away as a store on another continent."""

    protocol = "slow"
    cachable = False
    requests: list[tuple[str, int]] = []  # noqa: RUF012
    lock = threading.Lock()

    def cat_file(self, path: str, start: int | None = None, end: int | None = None, **_: Any) -> bytes:
        time.sleep(LATENCY_SECONDS)
        content = super().cat_file(path, start=start, end=end)
        with self.lock:
            self.requests.append((Path(path).name, len(content)))
        return content


fsspec.register_implementation("slow", SlowFiles, clobber=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("store")
    (made / "films" / "train").mkdir(parents=True)
    rng = np.random.default_rng(0)
    for index in range(6):
        frames = rng.integers(0, 255, (96, 8, 12, 3), np.uint8).repeat(4, 1).repeat(4, 2)
        samples = rng.uniform(-0.5, 0.5, 64_000).astype(np.float32)
        write_video(made / "films" / "train" / f"{index}.mp4", frames, samples, options={"preset": "ultrafast"})
    ingest(made / "films", made / "corpus", short_side=32, workers=1)
    return made / "corpus"


@pytest.fixture
def remote(folder: Path) -> Corpus:
    SlowFiles.requests.clear()
    return Corpus.open(f"slow://{folder}")


@pytest.fixture
def long_clips(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every clip counts as long: fetched by ranges."""
    monkeypatch.setattr(module, "WHOLE_CLIP_BYTES", 0)
    monkeypatch.setattr(module, "HEAD_BYTES", 64)


def assert_same_windows(one: Corpus, other: Corpus) -> None:
    for clip in one.clips[:3]:
        for start in (0.0, 1.25, 2.5):
            span = Span(start, start + 1)
            np.testing.assert_array_equal(one.frames(clip, span).y, other.frames(clip, span).y)
            np.testing.assert_array_equal(one.sound(clip, span), other.sound(clip, span))


def test_windows_are_those_of_the_disk(folder: Path, remote: Corpus) -> None:
    assert remote.clips == Corpus.open(folder).clips
    assert remote.settings == Corpus.open(f"file://{folder}").settings
    assert_same_windows(Corpus.open(folder), remote)


@pytest.mark.parametrize("ranges", [True, False])
def test_windows_over_http_are_those_of_the_disk(
    ranges: bool, folder: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also from a server that ignores ranges and sends whole shards, and of clips that are fetched by ranges."""
    served = serve(folder)
    served.ranges = ranges
    for whole_clip_bytes in (module.WHOLE_CLIP_BYTES, 0):
        monkeypatch.setattr(module, "WHOLE_CLIP_BYTES", whole_clip_bytes)
        assert_same_windows(Corpus.open(folder), Corpus.open(served.url))
    assert {name for name, wanted in served.asked if wanted} == {"shard-000000.tar"}


def test_a_short_clip_costs_one_request(remote: Corpus) -> None:
    clip = remote.clips[0]
    assert comes_whole(clip)
    SlowFiles.requests.clear()
    for start in (0.0, 1.0, 2.0):
        remote.frames(clip, Span(start, start + 1))
        remote.sound(clip, Span(start, start + 1))
    assert len(SlowFiles.requests) == 1


@pytest.mark.usefixtures("long_clips")
def test_of_a_long_clip_only_the_stretches_wanted_come(folder: Path, remote: Corpus) -> None:
    clip = remote.clips[0]
    SlowFiles.requests.clear()
    remote.frames(clip, Span(1.5, 2.0))
    # first bytes, tables, and frames 36 to 48: one stretch from a key frame on
    assert len(SlowFiles.requests) == 3
    assert sum(size for _, size in SlowFiles.requests) < 0.4 * clip.video_size
    remote.frames(clip, Span(1.5, 2.0))
    assert len(SlowFiles.requests) == 3
    assert_same_windows(Corpus.open(folder), remote)


def test_it_is_sent_to_a_process_as_an_address(remote: Corpus) -> None:
    remote.frames(remote.clips[0], Span(0, 1))
    sent = pickle.dumps(remote)
    assert len(sent) < 500
    there = pickle.loads(sent)
    assert (there.url, there.clips) == (remote.url, remote.clips)


def test_what_was_used_longest_ago_is_let_go(remote: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = remote.clips[:3]
    monkeypatch.setattr(module, "KEPT_BYTES", int(1.5 * (first.video_size + first.sound_size)))
    SlowFiles.requests.clear()
    for clip in (first, second, third, third, first):
        remote.frames(clip, Span(0, 1))
    assert len(SlowFiles.requests) == 4


def plan_of(step: int) -> StepPlan:
    if step >= 12:
        raise IndexError(step)
    rng = np.random.default_rng(step)
    windows = tuple(Window(int(clip), int(rng.integers(72)) / 24) for clip in rng.permutation(6)[:4])
    return StepPlan(windows, windows, tuple((index, index, POSITIVE) for index in range(4)))


@pytest.mark.usefixtures("long_clips")
def test_fetching_ahead_hides_the_latency(folder: Path, remote: Corpus) -> None:
    """By at least two thirds, though with every clip fetched by ranges each window has requests of its own."""
    seconds = {}
    for corpus in (Corpus.open(folder), remote):
        dataset = StepDataset(corpus, corpus.clips, plan_of, clip_seconds=1.0, silence_dbfs=-90.0, colour=True)
        SlowFiles.requests.clear()
        started = time.perf_counter()
        assert len(list(load_steps(dataset, range(12), workers=0))) == 12
        seconds[corpus.url is None] = time.perf_counter() - started
    one_by_one = LATENCY_SECONDS * len(SlowFiles.requests)
    assert len(SlowFiles.requests) > 60
    assert seconds[False] - seconds[True] < one_by_one / 3


def test_a_store_without_a_corpus(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=rf"slow://{tmp_path}: not a corpus \(no corpus.json\). Check the address"):
        Corpus.open(f"slow://{tmp_path}")


def test_a_damaged_description_is_told_with_the_address(tmp_path: Path) -> None:
    (tmp_path / "corpus.json").write_text("{")
    (tmp_path / "manifest.parquet").write_bytes(b"")
    with pytest.raises(CorpusError, match=rf"slow://{tmp_path}: damaged: corpus.json cannot be read"):
        Corpus.open(f"slow://{tmp_path}")


def test_a_store_that_fails_for_a_moment_is_not_noticed(
    folder: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote_module, "WAITS_SECONDS", (0.0, 0.0, 0.0))
    served = serve(folder)
    served.faults[:] = [503, CUT, 503]
    opened = Corpus.open(served.url)
    served.faults[:] = [CUT, 429, CUT]
    span = Span(0, 1)
    clip = opened.clips[1]
    np.testing.assert_array_equal(opened.frames(clip, span).y, Corpus.open(folder).frames(clip, span).y)
    assert not served.faults


def test_a_store_that_fails_is_one_error_and_asked_again_later(remote: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = remote.clips[1]

    def refuse(*_: Any, **__: Any) -> bytes:
        raise PermissionError("no rights")

    with monkeypatch.context() as patch:
        patch.setattr(SlowFiles, "cat_file", refuse)
        with pytest.raises(CorpusError, match=rf"its shard {clip.shard} cannot be read \(no rights\)"):
            remote.frames(clip, Span(0, 1))
        with pytest.raises(CorpusError, match=r"cannot be read \(no rights\). Check the address and your permissions"):
            RemoteStore(str(remote.url)).file("corpus.json")
    assert remote.frames(clip, Span(0, 1)).num_frames == 24


def test_a_cut_shard_in_a_store(folder: Path, remote: Corpus, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = remote.clips[2]
    monkeypatch.setattr(SlowFiles, "cat_file", lambda *_, **__: b"few")
    with pytest.raises(CorpusError, match=rf"clip {clip.key}: {clip.shard} is truncated: 3 of \d+ bytes were received"):
        remote.frames(clip, Span(0, 1))
