import csv
import os
import shutil
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from avts.corpus.corpus import Corpus
from avts.corpus.ingest import IngestSummary, ingest
from avts.corpus.manifest import CORPUS_NAME, JOURNAL_NAME, MANIFEST_NAME
from avts.errors import CorpusError, UsageError
from avts.media.standard import read_standard
from avts.media.writer import write_video
from avts.timebase import Span

SMALL: dict[str, Any] = {"seconds": 1.5, "clicks_seconds": (0.4, 0.9), "width": 64, "height": 32, "audio_codec": "aac"}


def take(folder: Path, out: Path, **arguments: Any) -> IngestSummary:
    return ingest(folder, out, short_side=32, workers=2, **arguments)


def content_of(corpus: Path) -> dict[str, bytes]:
    """Everything a reader of the corpus can see, by file name; the journal is the writer's own."""
    return {path.name: path.read_bytes() for path in sorted(corpus.iterdir()) if path.name != JOURNAL_NAME}


def test_a_mixed_folder(films: Any, tmp_path: Path) -> None:
    """One of each kind: good ones are taken and described, the others refused for their own reason or flagged."""
    films.write("talk/a.mp4", **SMALL)
    films.write("talk/a b.mkv", **SMALL)
    films.write("talk/B.AVI", **{**SMALL, "video_codec": "mpeg4", "audio_codec": "pcm_s16le"})
    films.write("mute.mp4", **{**SMALL, "audio_codec": None})
    films.write("short.mp4", **{**SMALL, "seconds": 0.5, "clicks_seconds": ()})
    (films.folder / "text.mp4").write_text("not a film\n" * 50)
    (films.folder / "notes.txt").write_text("no film, and not named like one")
    (films.folder / ".hidden.mp4").write_text("hidden")
    shutil.copy(films.folder / "talk" / "a.mp4", films.folder / "talk" / "copy.mp4")
    frames = np.random.default_rng(0).integers(0, 255, (1, 32, 64, 3), np.uint8)
    noise = np.random.default_rng(0).normal(0, 0.1, 24_000).astype(np.float32)
    write_video(films.folder / "still.mp4", frames.repeat(36, 0), noise)
    flicker = np.random.default_rng(0).integers(0, 255, (36, 32, 64, 3), np.uint8)
    write_video(films.folder / "silent.mp4", flicker, noise * 1e-4)
    seen: list[tuple[int, int]] = []
    summary = take(films.folder, tmp_path / "corpus", on_progress=lambda done, total: seen.append((done, total)))

    assert (summary.taken, summary.reused, summary.flagged) == (5, 0, {"silent": 1, "still": 1})
    reasons = {refusal.source: refusal.reason for refusal in summary.refused}
    assert reasons == {
        "mute.mp4": "no_audio", "short.mp4": "too_short", "talk/copy.mp4": "duplicate", "text.mp4": "unreadable"
    }  # fmt: skip
    messages = {refusal.source: refusal.message for refusal in summary.refused}
    assert messages["mute.mp4"] == "mute.mp4: no audio stream (it has: video h264). Nothing to synchronise."
    assert messages["short.mp4"] == "short.mp4: lasts 0.50 s, less than 1 s. Too short for a window."
    assert messages["talk/copy.mp4"] == "copy.mp4: has the same bytes as clip talk__a. Taken once."
    assert seen[0] == (0, 9)
    assert seen[-1] == (9, 9)

    corpus = Corpus.open(tmp_path / "corpus")
    assert sorted(path.name for path in corpus.path.iterdir()) == sorted(
        ["refused.csv", "shard-000000.tar", CORPUS_NAME, JOURNAL_NAME, MANIFEST_NAME]
    )
    with (corpus.path / "refused.csv").open() as file:
        assert {row["source"]: row["reason"] for row in csv.DictReader(file)} == reasons
    clips = {clip.source: clip for clip in corpus.clips}
    assert list(clips) == ["silent.mp4", "still.mp4", "talk/B.AVI", "talk/a b.mkv", "talk/a.mp4"]
    first = clips["talk/a.mp4"]
    assert (first.key, first.label, first.num_frames, first.height, first.width) == ("talk__a", "talk", 36, 32, 64)
    assert (first.duration_seconds, first.source_sample_rate, first.flags) == (1.5, 48_000, ())
    assert first.source_frames_per_second == pytest.approx(25, abs=0.5)
    assert clips["silent.mp4"].flags == ("silent",)
    assert clips["silent.mp4"].loudness_db == pytest.approx(-100, abs=1)
    assert clips["still.mp4"].flags == ("still",)
    assert clips["still.mp4"].label is None
    assert len(corpus.select(usable=False)) == 5
    assert {clip.source for clip in corpus.select()} == {"talk/B.AVI", "talk/a b.mkv", "talk/a.mp4"}


def test_split_folders_and_labels_tables(films: Any, tmp_path: Path) -> None:
    for index, name in enumerate(["train/one.mp4", "val/two.mp4", "test/ball/three.mp4"]):
        films.write(name, **{**SMALL, "clicks_seconds": (0.3 + index / 10,)})
    (films.folder / "train" / "labels.csv").write_text("file,kind,seed\none.mp4,hammer,1\n")
    take(films.folder, tmp_path / "corpus")
    clips = Corpus.open(tmp_path / "corpus").clips
    assert {(clip.key, clip.split, clip.label) for clip in clips} == {
        ("train__one", "train", "hammer"), ("val__two", "validation", None), ("test__ball__three", "test", "ball")
    }  # fmt: skip


def test_a_second_run_takes_only_what_is_new_and_a_third_nothing(films: Any, tmp_path: Path) -> None:
    out = tmp_path / "corpus"
    films.write("b.mp4", **SMALL)
    (films.folder / "bad.mp4").write_text("no film")
    assert take(films.folder, out).taken == 1
    before = Corpus.open(out).clips
    films.write("a.mp4", **{**SMALL, "clicks_seconds": (1.2,)})
    second = take(films.folder, out)
    assert (second.taken, second.reused, len(second.refused)) == (1, 1, 1)
    assert [clip.key for clip in Corpus.open(out).clips] == ["b", "a"]
    assert Corpus.open(out).clips[:1] == before
    whole = content_of(out)
    third = take(films.folder, out)
    assert (third.taken, third.reused, len(third.refused)) == (0, 2, 1)
    assert content_of(out) == whole


def test_touched_files_are_known_and_changed_files_are_said(films: Any, tmp_path: Path) -> None:
    films.write("a.mp4", **SMALL)
    films.write("b.mp4", **{**SMALL, "clicks_seconds": (1.2,)})
    take(films.folder, tmp_path / "corpus")
    os.utime(films.folder / "a.mp4", (1, 1))
    films.write("b.mp4", **{**SMALL, "clicks_seconds": (0.7,)})
    summary = take(films.folder, tmp_path / "corpus")
    assert (summary.taken, summary.reused) == (0, 1)
    assert [(refusal.source, refusal.reason) for refusal in summary.refused] == [("b.mp4", "changed")]
    assert "b.mp4: changed since it was ingested" in summary.refused[0].message


@pytest.mark.parametrize("workers", [1, 3])
def test_any_number_of_workers_makes_the_same_corpus(films: Any, tmp_path: Path, workers: int) -> None:
    for index in range(4):
        films.write(f"{index}.mp4", **{**SMALL, "clicks_seconds": (0.3 + index / 10,)})
    ingest(films.folder, tmp_path / "a", short_side=32, workers=2)
    ingest(films.folder, tmp_path / "b", short_side=32, workers=workers)
    assert content_of(tmp_path / "a") == content_of(tmp_path / "b")


def test_wrong_calls_and_folders(films: Any, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone: no such folder"):
        take(tmp_path / "gone", tmp_path / "corpus")
    films.folder.mkdir()
    with pytest.raises(CorpusError, match=r"films: contains no video file"):
        take(films.folder, tmp_path / "corpus")
    assert not (tmp_path / "corpus").exists()
    films.write("a.mp4", **SMALL)
    with pytest.raises(UsageError, match=r"short side of 33 pixels"):
        ingest(films.folder, tmp_path / "corpus", short_side=33)
    with pytest.raises(UsageError, match=r"0 workers: must be at least 1"):
        ingest(films.folder, tmp_path / "corpus", workers=0)
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"file: is a file"):
        take(films.folder, tmp_path / "file")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "letter.txt").touch()
    with pytest.raises(UsageError, match=r"other: not empty and not a corpus"):
        take(films.folder, tmp_path / "other")
    take(films.folder, tmp_path / "corpus")
    with pytest.raises(UsageError, match=r"corpus: was made with other settings \(short_side 32 instead of 64\)"):
        ingest(films.folder, tmp_path / "corpus", short_side=64, workers=1)
    (tmp_path / "corpus" / JOURNAL_NAME).unlink()
    with pytest.raises(UsageError, match=rf"corpus: a corpus without {JOURNAL_NAME}"):
        take(films.folder, tmp_path / "corpus")


def test_every_file_refused_leaves_nothing_behind(tmp_path: Path) -> None:
    folder = tmp_path / "films"
    folder.mkdir()
    for index in range(22):
        (folder / f"{index:02}.mp4").write_text("no film")
    with pytest.raises(CorpusError, match=r"(?s)none of 22 files.*  00.mp4: not a readable media file.*  and 2 more"):
        take(folder, tmp_path / "corpus")
    assert not (tmp_path / "corpus").exists()


def test_ingest_keeps_sound_and_picture_together(films: Any, tmp_path: Path) -> None:
    """The whole way: from a 30 fps file with late sound to what a corpus gives back."""
    arguments = {
        "frames_per_second": Fraction(30),
        "seconds": 3.0,
        "sound_start_seconds": 0.3,
        "clicks_seconds": (0.8, 1.6, 2.4),
    }
    path = films.write("film.mp4", **arguments)
    take(films.folder, tmp_path / "corpus")
    corpus = Corpus.open(tmp_path / "corpus")
    clip = corpus.clips[0]
    direct = read_standard(path, short_side=32)
    planes = corpus.frames(clip, Span(0.0, clip.duration_seconds))
    assert np.abs(planes.y.astype(int) - direct.planes.y).mean() < 4  # once more encoded
    assert np.array_equal(films.shown_indices(planes.y), films.shown_indices(direct.planes.y))
    samples = corpus.sound(clip, Span(0.0, clip.duration_seconds))
    assert np.abs(samples - direct.samples).max() <= 0.5 / 32768 + 1e-7
    film = films.film(**arguments)
    assert np.abs(films.click_errors_seconds(film.clicks_seconds, samples)).max() <= 0.005
    assert abs(films.picture_error_seconds(film, planes.y).mean()) <= 0.005


def picture_seconds(path: Path) -> float:
    """From the first frame's time to the last one's end, by the packets alone."""
    with av.open(str(path)) as container:
        base = container.streams.video[0].time_base
        packets = [packet for packet in container.demux(video=0) if packet.size and not packet.is_discard]
        stamps = [packet.pts if packet.pts is not None else packet.dts for packet in packets]
        step = max(packet.duration or 0 for packet in packets)
        return float((max(stamps) - min(stamps) + step) * base)


def test_every_real_clip_is_taken_or_refused_for_a_true_reason(real_clips: Path, tmp_path: Path) -> None:
    summary = ingest(real_clips, tmp_path / "corpus", short_side=64)
    assert summary.refused == ()  # all are longer than 1 s and have sound
    clips = Corpus.open(tmp_path / "corpus").clips
    lists = [(real_clips / name).read_text(encoding="utf-8").splitlines() for name in ("clips.csv", "off.csv")]
    listed = [row["path"] for lines in lists for row in csv.DictReader(lines)]
    assert {clip.source for clip in clips} == set(listed)
    lengths = {clip.source: (clip.duration_seconds, picture_seconds(real_clips / clip.source)) for clip in clips}
    assert not {source: pair for source, pair in lengths.items() if abs(pair[0] - pair[1]) > 0.09}
    assert not [clip.source for clip in clips if "truncated" in clip.flags]
