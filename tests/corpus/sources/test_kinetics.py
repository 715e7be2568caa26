from pathlib import Path
from typing import Any

import pytest

from avts.corpus.sources.kinetics import Kinetics
from avts.errors import CorpusError, UsageError

TRAIN = """label,youtube_id,time_start,time_end,split
"baking, cookies",-abcDEF_123,7,17,train
playing drums,XYZxyz00000,123,133,train
gone for ever,QQQQQQQQQQQ,0,10,train
"""
VALIDATE = "label,youtube_id,time_start,time_end,split\nplaying drums,VVVVVVVVVVV,1,11,validate\n"
TEST = "youtube_id,time_start,time_end,split\nTTTTTTTTTTT,20,30,test\n"


def test_clips_are_found_in_folders_of_split_and_label_and_flat(tree: Any) -> None:
    folder = tree(
        "train/baking, cookies/-abcDEF_123_000007_000017.mp4",
        "train/playing drums/XYZxyz00000_000123_000133.mkv",
        "val/VVVVVVVVVVV_000001_000011.mp4",
        "TTTTTTTTTTT_000020_000030.mp4",
        "train/playing drums/notinlist00_000000_000010.mp4",
        **{"annotations/train.csv": TRAIN, "annotations/val.csv": VALIDATE, "annotations/test.csv": TEST},
    )
    items = {item.source: item for item in Kinetics(folder).items()}
    assert {source: (item.labels, item.split) for source, item in items.items()} == {
        "train/baking, cookies/-abcDEF_123_000007_000017.mp4": (("baking, cookies",), "train"),
        "train/playing drums/XYZxyz00000_000123_000133.mkv": (("playing drums",), "train"),
        "QQQQQQQQQQQ_000000_000010.mp4": (("gone for ever",), "train"),
        "val/VVVVVVVVVVV_000001_000011.mp4": (("playing drums",), "validation"),
        "TTTTTTTTTTT_000020_000030.mp4": ((), "test"),
    }
    assert items["QQQQQQQQQQQ_000000_000010.mp4"].media is None
    first = items["train/baking, cookies/-abcDEF_123_000007_000017.mp4"]
    assert (first.group, first.wants, first.part) == ("-abcDEF_123", "both", None)  # files hold the clip alone


def test_ids_differ_by_case_and_a_clip_of_two_lists_counts_once(tree: Any) -> None:
    rows = "youtube_id,time_start,time_end,split\nAAAAAAAAAAA,0,10,train\naaaaaaaaaaa,0,10,train\n"
    folder = tree("aaaaaaaaaaa_000000_000010.mp4", **{"a.csv": rows, "b.csv": rows})
    items = list(Kinetics(folder).items())
    assert [item.media is None for item in items] == [True, False]


def test_lists_elsewhere_bad_rows_and_no_list(tree: Any, tmp_path: Path) -> None:
    folder = tree("x_000000_000010.mp4", **{"other.csv": "a,b\n1,2\n"})
    with pytest.raises(UsageError, match=r"set: contains no list of Kinetics \(a CSV with the columns youtube"):
        Kinetics(folder)
    given = tmp_path / "k700.csv"
    given.write_text("youtube_id,time_start,time_end\nx,0,10\ny,zero,10\n")
    items = Kinetics(folder, [given]).items()
    assert next(iter(items)).media == folder / "x_000000_000010.mp4"
    with pytest.raises(CorpusError, match=r"k700.csv: row 'y,zero,10' is not youtube_id,time_start,time_end"):
        list(Kinetics(folder, [given]).items())
    with pytest.raises(UsageError, match=r"gone.csv: no such list"):
        Kinetics(folder, [tmp_path / "gone.csv"])
