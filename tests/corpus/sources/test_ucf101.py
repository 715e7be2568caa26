from collections import Counter
from typing import Any

import pytest

from avts.corpus.sources.ucf101 import Ucf101
from avts.errors import CorpusError, UsageError

CLASSES = ("ApplyEyeMakeup", "HandstandPushups")


def file_of(label: str, group: int, clip: int) -> str:
    """The official name; one class is spelt otherwise in its files than in its folder."""
    return f"{label}/v_{label.replace('Handstand', 'HandStand')}_g{group:02}_c{clip:02}.avi"


def lists() -> dict[str, str]:
    """The official three splits: seven groups of 25 tested in each, the others trained on."""
    made = {}
    for number in (1, 2, 3):
        tested = range(7 * number - 6, 7 * number + 1)
        rows = [(c, g, k) for c in range(2) for g in range(1, 26) for k in (1, 2)]
        made[f"ucfTrainTestlist/testlist0{number}.txt"] = "".join(
            f"{file_of(CLASSES[c], g, k)}\r\n" for c, g, k in rows if g in tested
        )
        made[f"ucfTrainTestlist/trainlist0{number}.txt"] = "".join(
            f"{file_of(CLASSES[c], g, k)} {c + 1}\r\n" for c, g, k in rows if g not in tested
        )
    made["ucfTrainTestlist/classInd.txt"] = "1 ApplyEyeMakeup\n2 HandstandPushups\n"
    return made


def test_official_splits_with_whole_groups_for_validation(tree: Any) -> None:
    files = [file_of(label, g, k) for label in CLASSES for g in range(1, 26) for k in (1, 2)]
    folder = tree(*(f"UCF-101/{name}" for name in files[1:]), **lists())
    items = list(Ucf101(folder).items())
    assert len(items) == 100
    assert [item.source for item in items if item.media is None] == ["ApplyEyeMakeup/v_ApplyEyeMakeup_g01_c01.avi"]
    by_name = {item.source.rsplit("/", 1)[-1]: item for item in items}
    assert by_name["v_ApplyEyeMakeup_g01_c02.avi"].splits == ("test", "train", "train")
    assert by_name["v_HandStandPushups_g25_c01.avi"].splits == ("train", "train", "train")
    assert by_name["v_HandStandPushups_g25_c01.avi"].labels == ("HandstandPushups",)
    assert {item.wants for item in items} == {"picture"}
    # by hand: 14 of 50 clips of a class are tested; of 18 train groups 2 validate
    counts = Counter((item.labels[0], item.split) for item in items)
    for label in CLASSES:
        assert [counts[label, split] for split in ("train", "validation", "test")] == [32, 4, 14]
    assert all(len({item.split for item in items if item.group == group}) == 1 for group in {i.group for i in items})


def test_one_split_alone_is_enough(tree: Any) -> None:
    only = {name: text for name, text in lists().items() if "02" in name}
    items = {item.source: item for item in Ucf101(tree(**only)).items()}
    first = items["ApplyEyeMakeup/v_ApplyEyeMakeup_g08_c01.avi"]
    assert (first.split, first.splits) == ("test", ("", "test", ""))


def test_no_list_and_a_list_of_another_form(tree: Any) -> None:
    folder = tree("a.avi")
    with pytest.raises(UsageError, match=r"set: contains no list of UCF101 \(trainlist01.txt"):
        Ucf101(folder)
    (folder / "trainlist01.txt").write_text("v_ApplyEyeMakeup_g08_c01.avi\n")
    with pytest.raises(CorpusError, match=r"trainlist01.txt: row 'v_ApplyEyeMakeup_g08_c01.avi' is not CLASS/FILE.avi"):
        list(Ucf101(folder).items())
