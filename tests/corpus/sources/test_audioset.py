from typing import Any

import pytest

from avts.corpus.sources.audioset import AudioSet, stems_of
from avts.errors import CorpusError, UsageError

HEAD = "# Segments csv created Sun Mar  5 10:54:31 2017\n# num_ytids=4, num_segs=4\n"
HEAD += "# YTID, start_seconds, end_seconds, positive_labels\n"
TRAIN = HEAD + '--PJHxphWEs, 30.000, 40.000, "/m/09x0r,/t/dd00088"\n--aE2O5G5WE, 0.000, 9.500, "/m/03fwl"\n'
EVAL = HEAD + '-0RWZT-miFs, 420.000, 430.000, "/m/03v3yw,/m/0k4j"\n00000000000, 5.000, 15.000, "/m/03fwl"\n'
NAMES = 'index,mid,display_name\n0,/m/09x0r,"Speech"\n1,/m/03v3yw,"Keys jangling, clinking"\n2,/m/0k4j,Car\n'


def test_several_labels_with_their_display_names_and_missing_videos(tree: Any) -> None:
    folder = tree(
        "balanced_train_segments/--PJHxphWEs_30000_40000.mp4",
        "eval/Y-0RWZT-miFs.wav",
        "eval/00000000000_000005.mp4",
        **{
            "balanced_train_segments.csv": TRAIN,
            "eval_segments.csv": EVAL,
            "class_labels_indices.csv": NAMES,
        },
    )
    items = list(AudioSet(folder).items())
    assert [(item.source, item.labels, item.split, item.wants) for item in items] == [
        ("balanced_train_segments/--PJHxphWEs_30000_40000.mp4", ("Speech", "/t/dd00088"), "train", "both"),
        ("--aE2O5G5WE_0.000_9.500", ("/m/03fwl",), "train", "both"),
        ("eval/Y-0RWZT-miFs.wav", ("Keys jangling, clinking", "Car"), "test", "sound"),
        ("eval/00000000000_000005.mp4", ("/m/03fwl",), "test", "both"),
    ]
    assert [item.media is None for item in items] == [False, True, False, False]
    assert items[0].group == "--PJHxphWEs"


@pytest.mark.parametrize(
    "name",
    ["ID_30000_40000", "ID_30.000_40.000", "ID_30_40", "ID_000030_000040", "ID_30.0-40.0", "ID_000030", "ID_30", "ID"],
)
def test_names_of_the_usual_downloaders_are_found(tree: Any, name: str) -> None:
    assert name in stems_of("ID", 30.0, 40.0)
    folder = tree(f"{name}.mkv", **{"eval_segments.csv": HEAD + 'ID, 30.000, 40.000, "/m/1"\n'})
    assert [item.media for item in AudioSet(folder).items()] == [folder / f"{name}.mkv"]


def test_no_list_and_a_list_of_another_form(tree: Any) -> None:
    folder = tree("a.mp4")
    with pytest.raises(UsageError, match=r"set: contains no list of AudioSet \(\*segments.csv\)"):
        AudioSet(folder)
    (folder / "eval_segments.csv").write_text("a,b\n")
    with pytest.raises(CorpusError, match=r"eval_segments.csv: row 'a,b' is not YTID, start, end"):
        list(AudioSet(folder).items())
