import json
import pickle
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from avts.corpus.corpus import Corpus
from avts.corpus.ingest import ingest
from avts.corpus.manifest import CORPUS_NAME, MANIFEST_NAME
from avts.errors import CorpusError
from avts.media.reader import read_windows
from avts.media.writer import pcm_of, write_video
from avts.timebase import Span

SECONDS = 74 / 24
"""49,333.3 samples: a length at which the roundings of both edges of a span may add up to one too many."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of two clips of random sound; not to be written to."""
    folder = tmp_path_factory.mktemp("corpus")
    rng = np.random.default_rng(0)
    for name in ("train/a.mkv", "test/b.mkv"):
        (folder / "films" / name).parent.mkdir(parents=True)
        frames = rng.integers(0, 255, (round(SECONDS * 24), 16, 24, 3), np.uint8).repeat(4, 1).repeat(4, 2)
        samples = rng.uniform(-0.9, 0.9, round(SECONDS * 16_000)).astype(np.float32)
        write_video(folder / "films" / name, frames, samples, audio_codec="pcm_s16le")
        np.save(folder / f"{Path(name).stem}.npy", samples)
    ingest(folder / "films", folder / "corpus", short_side=64, workers=1)
    return folder / "corpus"


@pytest.fixture
def copy(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "corpus"))


def test_select_by_split_and_use(made: Path) -> None:
    corpus = Corpus.open(made)
    assert [clip.source for clip in corpus.select("train")] == ["train/a.mkv"]
    assert corpus.select("validation") == ()
    assert len(corpus.select()) == 2
    with pytest.raises(CorpusError, match=r"no split 'trian'. The splits are train, validation and test"):
        corpus.select("trian")


def test_sound_is_the_sources_samples_exactly(made: Path) -> None:
    corpus = Corpus.open(made)
    clip = corpus.select("train")[0]
    source = np.load(made.parent / "a.npy")
    expected = pcm_of(source).astype(np.float32) / 32768
    rng = np.random.default_rng(0)
    for _ in range(50):
        start = float(rng.uniform(0, SECONDS - 1))
        got = corpus.sound(clip, Span(start, start + 1.0))
        first = round(start * 16_000)
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got, expected[first : first + 16_000])


def test_a_span_up_to_the_end_has_its_full_length_whatever_the_rounding(made: Path) -> None:
    corpus = Corpus.open(made)
    clip = corpus.select("train")[0]
    samples = pcm_of(np.load(made.parent / "a.npy")).astype(np.float32) / 32768
    for length in (1.0, 2 / 3, 1.00003, SECONDS - 0.6 / 16_000):
        count = round(length * 16_000)
        np.testing.assert_array_equal(corpus.sound(clip, Span(SECONDS - length, SECONDS)), samples[-count:])
        assert corpus.frames(clip, Span(SECONDS - length, SECONDS)).num_frames == round(length * 24)


def test_frames_are_the_readers_windows(made: Path) -> None:
    corpus = Corpus.open(made)
    clip = corpus.select("test")[0]
    data = (made / clip.shard).read_bytes()[clip.video_offset :][: clip.video_size]
    spans = [Span(0.5, 1.5), Span(2.0, 3.0), Span(0.0, 0.25), Span(1.0, 2.0)]
    for span, planes in zip(spans, corpus.frames_many(clip, spans), strict=True):
        (expected,) = read_windows(data, [span.start_seconds], span.duration_seconds)
        np.testing.assert_array_equal(planes.y, expected.y)
        np.testing.assert_array_equal(planes.y, corpus.frames(clip, span).y)
    assert corpus.frames_many(clip, []) == []


def test_a_corpus_is_cheap_to_send_to_a_process(made: Path) -> None:
    corpus = Corpus.open(made)
    clip = corpus.clips[0]
    corpus.frames(clip, Span(0, 1))
    sent = pickle.dumps(corpus)
    assert len(sent) < 500
    there = pickle.loads(sent)
    np.testing.assert_array_equal(there.sound(clip, Span(0, 1)), corpus.sound(clip, Span(0, 1)))
    assert there.clips == corpus.clips


def test_spans_outside_the_clip(made: Path) -> None:
    corpus = Corpus.open(made)
    clip = corpus.select("train")[0]
    for read in (corpus.frames, corpus.sound):
        with pytest.raises(
            CorpusError, match=r"clip train__a\S*: 2.500 to 3.500 s was requested, but the clip has 0 to 3.083"
        ):
            read(clip, Span(2.5, 3.5))


def test_a_clip_gives_the_one_of_picture_and_sound_that_it_has(made: Path) -> None:
    corpus = Corpus.open(made)
    clip, span = corpus.clips[0], Span(0.5, 1.5)
    heard = replace(clip, num_frames=0, height=0, width=0, video_size=0, flags=("no_video",))
    assert np.array_equal(corpus.sound(heard, span), corpus.sound(clip, span))
    with pytest.raises(CorpusError, match=rf"clip {clip.key}: picture was requested, but it has none .flags: no_video"):
        corpus.frames(heard, span)
    mute = replace(clip, sound_size=0, flags=("no_audio",))
    with pytest.raises(CorpusError, match=rf"clip {clip.key}: sound was requested, but it has none .flags: no_audio"):
        corpus.sound(mute, span)


def test_what_is_no_corpus(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"gone: no such corpus. Make one with `avts ingest"):
        Corpus.open(tmp_path / "gone")
    with pytest.raises(CorpusError, match=r"not a corpus \(no corpus.json\)"):
        Corpus.open(tmp_path)


@pytest.mark.parametrize("content", ["{", "[]", '{"format": "avts-corpus"}', "\x00"])
def test_a_damaged_corpus_json(copy: Path, content: str) -> None:
    (copy / CORPUS_NAME).write_text(content)
    with pytest.raises(CorpusError, match=r"damaged: corpus.json cannot be read"):
        Corpus.open(copy)


def test_another_format_version(copy: Path) -> None:
    settings = json.loads((copy / CORPUS_NAME).read_text())
    (copy / CORPUS_NAME).write_text(json.dumps({**settings, "format_version": 7}))
    with pytest.raises(CorpusError, match=r"corpus of format version 7, this program reads up to 2"):
        Corpus.open(copy)
    (copy / CORPUS_NAME).write_text(json.dumps({**settings, "format": "other"}))
    with pytest.raises(CorpusError, match=r"corpus.json belongs to something else"):
        Corpus.open(copy)


def test_a_damaged_manifest(copy: Path) -> None:
    (copy / MANIFEST_NAME).write_bytes(b"PAR1 no longer")
    with pytest.raises(CorpusError, match=r"damaged: manifest.parquet cannot be read"):
        Corpus.open(copy)
    (copy / MANIFEST_NAME).unlink()
    with pytest.raises(CorpusError, match=r"damaged: manifest.parquet cannot be read"):
        Corpus.open(copy)


def test_a_lost_or_cut_or_damaged_shard(copy: Path) -> None:
    corpus = Corpus.open(copy)
    clip = corpus.clips[-1]
    shard = copy / clip.shard
    data = shard.read_bytes()
    shard.write_bytes(data[: clip.sound_offset + 100])
    said = rf"clip {clip.key}: {clip.shard} is truncated: it has {clip.sound_offset + 100} bytes"
    with pytest.raises(CorpusError, match=said):
        Corpus.open(copy).sound(clip, Span(0, 1))
    shard.write_bytes(data[: clip.video_offset] + bytes(len(data) - clip.video_offset))
    with pytest.raises(CorpusError, match=rf"clip {clip.key} in {clip.shard}: video: not a file of the standard form"):
        Corpus.open(copy).frames(clip, Span(0, 1))
    shard.unlink()
    with pytest.raises(CorpusError, match=rf"its shard {clip.shard} cannot be read"):
        Corpus.open(copy).frames(clip, Span(0, 1))
    with pytest.raises(CorpusError, match=r"its shard other.tar cannot be read"):
        Corpus.open(copy).frames(replace(clip, shard="other.tar"), Span(0, 1))


def test_opening_imports_no_torch(made: Path) -> None:
    import subprocess
    import sys

    code = "import sys; from avts.corpus.corpus import Corpus; from avts.corpus.ingest import ingest; "
    code += "from avts.media.probe import probe; Corpus.open(sys.argv[1]); sys.exit('torch' in sys.modules)"
    arguments: list[Any] = [sys.executable, "-c", code, str(made)]
    assert subprocess.run(arguments).returncode == 0
