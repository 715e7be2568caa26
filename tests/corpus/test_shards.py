import gc
import io
import json
import tarfile
import wave
from pathlib import Path
from typing import Any

import pytest

from avts.corpus import ingest as ingest_module
from avts.corpus.corpus import Corpus
from avts.corpus.ingest import IngestSummary, ingest

SMALL: dict[str, Any] = {"seconds": 1.5, "clicks_seconds": (0.4, 0.9), "width": 64, "height": 32, "audio_codec": "aac"}


def take(folder: Path, out: Path, **arguments: Any) -> IngestSummary:
    return ingest(folder, out, short_side=32, workers=2, **arguments)


@pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
def test_webdataset_reads_a_shard_as_it_is(films: Any, tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    for index in range(3):
        films.write(f"{index}.mp4", **{**SMALL, "clicks_seconds": (0.3 + index / 10,)})
    take(films.folder, tmp_path / "corpus")
    corpus = Corpus.open(tmp_path / "corpus")
    shard = tmp_path / "corpus" / corpus.clips[0].shard
    samples = list(webdataset.WebDataset(str(shard), shardshuffle=False))
    gc.collect()  # webdataset leaves the shard open, whose warning belongs to this test
    assert [sample["__key__"] for sample in samples] == ["0", "1", "2"]
    for sample, clip in zip(samples, corpus.clips, strict=True):
        assert sample["mp4"] == shard.read_bytes()[clip.video_offset :][: clip.video_size]
        about = json.loads(sample["json"])
        assert (about["key"], about["content_hash"], about["num_frames"]) == (clip.key, clip.content_hash, 36)
        with wave.open(io.BytesIO(sample["wav"])) as sound:
            assert (sound.getframerate(), sound.getnchannels(), sound.getsampwidth()) == (16_000, 1, 2)
            assert sound.getnframes() == 24_000


def test_shards_are_closed_at_their_size_and_are_whole_tar_files(
    films: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for index in range(4):
        films.write(f"{index}.mp4", **{**SMALL, "clicks_seconds": (0.3 + index / 10,)})
    monkeypatch.setattr(ingest_module, "SHARD_BYTES", 100_000)  # two clips of about 57 kB
    take(films.folder, tmp_path / "corpus")
    corpus = Corpus.open(tmp_path / "corpus")
    assert [clip.shard for clip in corpus.clips] == ["shard-000000.tar"] * 2 + ["shard-000001.tar"] * 2
    for clip in corpus.clips:
        with tarfile.open(corpus.path / clip.shard) as tar:
            member = tar.getmember(f"{clip.key}.mp4")
            assert (member.offset_data, member.size) == (clip.video_offset, clip.video_size)
            member = tar.getmember(f"{clip.key}.wav")
            assert (member.offset_data, member.size) == (clip.sound_offset, clip.sound_size)
