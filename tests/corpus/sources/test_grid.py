from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from avts.corpus.corpus import Corpus
from avts.corpus.ingest import ingest
from avts.corpus.sources import source_of
from avts.corpus.sources.grid import SENTENCE, Grid, splits_of
from avts.errors import UsageError
from avts.world import write_world


def test_a_speaker_is_a_group_and_the_code_a_label(tree: Any) -> None:
    folder = tree(
        "s1/bbaf2n.mpg",
        "s1/audio/bbaf2n.wav",
        "s2/video/mpg_6000/lgwz9a.mpg",
        "s2/mpg_vcd/lgwz9a.mpg",
        "s10.mpg_6000.part1/s10/video/mpg_6000/sbiazp.mpg",
        "s10/align/sbiazp.align",
        "readme.mpg",
        "s3/preview.mpg",
    )
    items = list(Grid(folder).items())
    assert [(item.source, item.labels, item.group) for item in items] == [
        ("s1/bbaf2n.mpg", ("bbaf2n",), "s1"),
        ("s2/video/mpg_6000/lgwz9a.mpg", ("lgwz9a",), "s2"),  # once, in the larger size
        ("s10.mpg_6000.part1/s10/video/mpg_6000/sbiazp.mpg", ("sbiazp",), "s10"),
    ]
    assert sorted(str(item.split) for item in items) == ["test", "train", "validation"]
    assert {item.wants for item in items} == {"both"}


def test_a_single_speaker_is_split_by_sentence(tree: Any) -> None:
    folder = tree("s7/bbaf2n.mpg", "s7/bbaf3s.mpg")
    for where in (folder, folder / "s7"):
        items = list(source_of(where, layout="grid").items())
        assert [(item.labels, item.split, item.group) for item in items] == [
            (("bbaf2n",), None, None),
            (("bbaf3s",), None, None),
        ]


def test_a_folder_may_name_its_speaker_after_a_word_of_its_own(tree: Any) -> None:
    items = Grid(tree("grid_s1/bbaf2n.mp4", "Grid-S12/bbaf3s.mp4", "clips2/bbaf4p.mp4")).items()
    assert [item.group for item in items] == ["s1", "s12"]


def test_whole_speakers_are_held_out() -> None:
    speakers = {f"s{number}" for number in range(1, 35) if number != 21}  # s21 has no pictures
    found = list(splits_of(speakers).values())
    assert [found.count(split) for split in ("train", "validation", "test")] == [27, 3, 3]
    assert splits_of(speakers) == splits_of(set(sorted(speakers, reverse=True)))
    assert sorted(splits_of({"s1", "s2"}).values()) == ["test", "train"]
    assert sorted(splits_of({"s1", "s2", "s3"}).values()) == ["test", "train", "validation"]


def test_codes_are_sentences_of_the_grammar() -> None:
    # bin blue at f two now; set white with z zero soon; place green in c nine again
    assert all(SENTENCE.fullmatch(code) for code in ("bbaf2n", "swwzzs", "pgic9a"))
    # no letter w, no digit 0, no seventh word
    assert not any(SENTENCE.fullmatch(code) for code in ("bbaw2n", "bbaf0n", "bbaf2nn", "preview"))


def test_another_folder(tree: Any) -> None:
    with pytest.raises(UsageError, match=r"set: contains no video of the GRID corpus \(s1/bbaf2n.mpg"):
        Grid(tree("s1/film.mpg", "bbaf2n.mpg"))


def test_a_tree_of_mpg_becomes_a_corpus(tmp_path: Path) -> None:
    write_world(tmp_path / "made", videos=2, seed=1, size=64, seconds=3.0, kinds=["mouth"], workers=1)
    films = sorted((tmp_path / "made").glob("*.mp4"))
    for film, place in zip(films, ("s1/video/mpg_6000/bbaf2n.mpg", "s2/video/mpg_6000/lgwz9a.mpg"), strict=True):
        (tmp_path / "grid" / place).parent.mkdir(parents=True)
        as_mpg(film, tmp_path / "grid" / place)
    ingest(Grid(tmp_path / "grid"), tmp_path / "corpus", short_side=64, workers=1)
    clips = Corpus.open(tmp_path / "corpus").clips
    assert {(clip.label, clip.group, clip.flags) for clip in clips} == {("bbaf2n", "s1", ()), ("lgwz9a", "s2", ())}
    assert sorted(clip.split for clip in clips) == ["test", "train"]


def as_mpg(film: Path, path: Path) -> None:
    """Write a film as the corpus has them: MPEG-1 at 25 frames a second with MP2 sound in a programme stream."""
    with av.open(film) as source, av.open(path, "w", format="mpeg") as target:
        picture, sound = target.add_stream("mpeg1video", rate=25), target.add_stream("mp2", rate=44_100)
        picture.width, picture.height, picture.pix_fmt = 64, 64, "yuv420p"
        resampler = av.AudioResampler("s16", "stereo", 44_100)
        for number, frame in enumerate(source.decode(video=0)):
            frame.pts, frame.time_base = number, Fraction(1, 25)
            target.mux(picture.encode(frame))
        source.seek(0)
        for heard in source.decode(audio=0):
            for frame in resampler.resample(heard):
                target.mux(sound.encode(frame))
        for stream in (picture, sound):
            target.mux(stream.encode(None))
