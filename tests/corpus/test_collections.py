"""Collections of all kinds, from their files to what a corpus says of them."""

import csv
import tarfile
import wave
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

import pytest

from avts.corpus.clip import Clip
from avts.corpus.corpus import Corpus
from avts.corpus.ingest import IngestSummary, ingest
from avts.corpus.item import Item, Media
from avts.corpus.sources import source_of
from avts.errors import CorpusError
from avts.media.limits import Limits

Put = Callable[..., Path]


def take(collection: Any, out: Path, **arguments: Any) -> IngestSummary:
    return ingest(collection, out, short_side=16, workers=2, **arguments)


def clips_of(corpus: Path) -> dict[str, Clip]:
    return {clip.source: clip for clip in Corpus.open(corpus).clips}


def test_ucf101_keeps_files_without_sound_for_actions_only(tmp_path: Path, put: Put) -> None:
    folder = tmp_path / "ucf"
    for name, kind in (("v_Dive_g01_c01", "mute"), ("v_Dive_g08_c01", "both"), ("v_Dive_g09_c01", "mute")):
        put(folder / "Dive" / f"{name}.avi", kind)
    (folder / "testlist01.txt").write_text("Dive/v_Dive_g01_c01.avi\nDive/v_Dive_g02_c01.avi\n")
    (folder / "trainlist01.txt").write_text("Dive/v_Dive_g08_c01.avi 1\nDive/v_Dive_g09_c01.avi 1\n")
    summary = take(source_of(folder, layout="ucf101"), tmp_path / "corpus")
    assert (summary.taken, len(summary.refused)) == (3, 0)
    assert [(missing.source, missing.reason) for missing in summary.missing] == [("Dive/v_Dive_g02_c01.avi", "missing")]
    with (tmp_path / "corpus" / "missing.csv").open() as file:
        assert [row["source"] for row in csv.DictReader(file)] == ["Dive/v_Dive_g02_c01.avi"]
    clips = clips_of(tmp_path / "corpus")
    mute = clips["Dive/v_Dive_g01_c01.avi"]
    assert (mute.flags, mute.split, mute.splits, mute.label) == (("no_audio",), "test", ("test", "", ""), "Dive")
    assert (mute.num_frames, mute.sound_size, mute.source_sample_rate) == (36, 0, 0)
    assert sorted(clip.split for clip in clips.values()) == ["test", "train", "validation"]
    assert [clip.source for clip in Corpus.open(tmp_path / "corpus").select()] == ["Dive/v_Dive_g08_c01.avi"]
    with tarfile.open(tmp_path / "corpus" / mute.shard) as tar:
        assert [name for name in tar.getnames() if name.startswith(mute.key)] == [f"{mute.key}.mp4", f"{mute.key}.json"]


def test_the_same_files_without_the_layout_are_refused_or_kept_as_asked(tmp_path: Path, put: Put) -> None:
    put(tmp_path / "films" / "a.avi", "mute")
    put(tmp_path / "films" / "b.mp4")
    assert [refusal.reason for refusal in take(tmp_path / "films", tmp_path / "one").refused] == ["no_audio"]
    assert take(source_of(tmp_path / "films", wants="picture"), tmp_path / "two").flagged == {"no_audio": 1}


def test_sound_alone_makes_clips_without_picture(tmp_path: Path, put: Put) -> None:
    folder = tmp_path / "esc10"
    for fold in (1, 5):
        put(folder / "001 - Dog bark" / f"{fold}-1000{fold}-A.wav", "sound")
    take(source_of(folder, layout="esc10"), tmp_path / "corpus")
    clips = clips_of(tmp_path / "corpus")
    clip = clips["001 - Dog bark/5-10005-A.wav"]
    assert (clip.flags, clip.split, clip.fold, clip.labels, clip.group) == (
        ("no_video",),
        "test",
        5,
        ("Dog bark",),
        "10005",
    )
    assert (clip.num_frames, clip.height, clip.video_size, clip.duration_seconds) == (0, 0, 0, 1.5)
    with tarfile.open(tmp_path / "corpus" / clip.shard) as tar:
        member = tar.extractfile(f"{clip.key}.wav")
        assert member is not None
        with wave.open(member) as sound, wave.open(str(folder / clip.source)) as original:
            assert sound.readframes(10**6) == original.readframes(10**6)
    assert Corpus.open(tmp_path / "corpus").select() == ()


def test_a_list_takes_parts_of_files_from_anywhere(tmp_path: Path, put: Put) -> None:
    put(tmp_path / "far" / "a.mp4")
    put(tmp_path / "near" / "b.mp4")
    text = f"path,labels,split,start_seconds,end_seconds\nb.mp4,x|y,train,0.25,1.4\nlocal://{tmp_path}/far/a.mp4,,,,\n"
    text += f"gone.mp4,,,,\nlocal://{tmp_path}/gone.mp4,,,,\nb.mp4,,test,0,1.1\n"
    (tmp_path / "near" / "list.csv").write_text(text)
    summary = take(tmp_path / "near" / "list.csv", tmp_path / "corpus")
    clips = clips_of(tmp_path / "corpus")
    assert {source: clip.num_frames for source, clip in clips.items()} == {
        "b.mp4#0.000-1.100": 26, f"local://{tmp_path}/far/a.mp4": 36
    }  # fmt: skip
    assert sorted(missing.source for missing in summary.missing) == ["gone.mp4", f"local://{tmp_path}/gone.mp4"]
    assert [(refusal.reason, refusal.message) for refusal in summary.refused] == [
        ("straddles", "b.mp4#0.250-1.400: listed for train, but others of b.mp4 are in test.")
    ]
    again = take(tmp_path / "near" / "list.csv", tmp_path / "corpus")
    assert (again.taken, again.reused, len(again.missing), len(again.refused)) == (0, 2, 2, 1)


def test_clips_of_one_group_share_a_split_that_nothing_else_says(tmp_path: Path, put: Put) -> None:
    rows = [(f"{group}{n}.mp4", group) for group in "pqr" for n in range(3)]
    for name, _ in rows:
        put(tmp_path / "films" / name)
    (tmp_path / "films" / "list.csv").write_text("path,group\n" + "".join(f"{name},{group}\n" for name, group in rows))
    take(tmp_path / "films" / "list.csv", tmp_path / "corpus")
    clips = clips_of(tmp_path / "corpus").values()
    assert len(clips) == 9
    assert all(len({clip.split for clip in clips if clip.group == group}) == 1 for group in "pqr")


def test_every_label_of_a_small_folder_is_in_the_test(tmp_path: Path, put: Put) -> None:
    for label in ("cat", "dog"):
        for n in range(5):
            put(tmp_path / "films" / label / f"{n}.mp4")
    summary = take(tmp_path / "films", tmp_path / "corpus")
    assert summary.labels_split == 2
    assert summary.splits == {"train": 6, "validation": 2, "test": 2}
    clips = clips_of(tmp_path / "corpus").values()
    assert sorted(clip.label or "" for clip in clips if clip.split == "test") == ["cat", "dog"]
    before = {clip.key: clip.split for clip in clips}
    put(tmp_path / "films" / "dog" / "5.mp4")
    assert take(tmp_path / "films", tmp_path / "corpus").taken == 1
    after = {clip.key: clip.split for clip in clips_of(tmp_path / "corpus").values()}
    assert {key: after[key] for key in before} == before
    assert after["dog__5"] == "train"


class Opener:
    """Opens a file, or tells that it cannot."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.__name__ = path.name

    def __call__(self) -> BinaryIO:
        return self.path.open("rb")


class Own:
    """A source as a user writes it."""

    def __init__(self, *items: Item) -> None:
        self._items = items

    def items(self) -> Iterator[Item]:
        yield from self._items


def test_a_source_of_ones_own(tmp_path: Path, put: Put) -> None:
    path = put(tmp_path / "x.mp4")
    media: list[Media] = [path, f"local://{put(tmp_path / 'y.mp4')}"]
    items = [Item(f"own/{n}.mp4", place, ("dog",), split="test") for n, place in enumerate(media)]
    summary = take(Own(*items), tmp_path / "corpus")
    assert (summary.taken, summary.splits) == (2, {"test": 2})
    assert [clip.key for clip in Corpus.open(tmp_path / "corpus").clips] == ["own__0", "own__1"]


def test_a_collection_of_nothing_and_one_of_missing_files(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match=r"is empty. Nothing to ingest"):
        take(Own(), tmp_path / "corpus")
    with pytest.raises(CorpusError, match=r"(?s)none of 1 files.*  a.mp4: listed, but does not exist"):
        take(Own(Item("a.mp4", None)), tmp_path / "corpus")
    assert not (tmp_path / "corpus").exists()


def test_files_beyond_the_limits_are_refused_and_taken_when_these_are_raised(tmp_path: Path, put: Put) -> None:
    put(tmp_path / "films" / "a.mp4")
    put(tmp_path / "films" / "s.mp4")
    text = "path,end_seconds\na.mp4,1.0\ns.mp4,\n"
    (tmp_path / "films" / "list.csv").write_text(text)
    limited = take(tmp_path / "films" / "list.csv", tmp_path / "corpus", limits=Limits(max_duration_seconds=1.2))
    assert [(refusal.reason, refusal.message) for refusal in limited.refused] == [
        ("limit", "s.mp4: lasts 2 s, more than the 1 allowed. Cut it into parts, or raise the limit.")
    ]
    assert take(tmp_path / "films" / "list.csv", tmp_path / "corpus").taken == 1
