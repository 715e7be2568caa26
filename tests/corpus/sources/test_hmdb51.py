from typing import Any

import pytest

from avts.corpus.sources.hmdb51 import Hmdb51
from avts.errors import CorpusError, UsageError

NAMES = [
    "April_09_brush_hair_u_nm_np1_ba_goo_0.avi",
    "April_09_brush_hair_u_nm_np1_ba_goo_1.avi",
    "#20_Rhythm_brush_hair_u_nm_np1_fr_goo_0.avi",
    "Film_(2)_&_[3]!_brush_hair_h_cm_np1_le_goo_0.avi",
    "Unused_brush_hair_h_cm_np1_le_goo_0.avi",
]


def lists(*marks: tuple[int, ...]) -> dict[str, str]:
    """Official lists: a name, its mark and a blank a line."""
    return {
        f"testTrainMulti_7030_splits/brush_hair_test_split{number}.txt": "".join(
            f"{name} {mark} \n" for name, mark in zip(NAMES, split, strict=True)
        )
        for number, split in enumerate(marks, start=1)
    }


def test_marks_names_with_odd_signs_and_clips_of_one_film(tree: Any) -> None:
    folder = tree(
        *(f"brush_hair/{name}" for name in NAMES[:3]), **lists((1, 1, 2, 0, 0), (2, 2, 1, 1, 0), (0, 0, 0, 1, 0))
    )
    items = list(Hmdb51(folder).items())
    assert {item.source: item.splits for item in items} == {
        f"brush_hair/{NAMES[0]}": ("train", "test", ""),
        f"brush_hair/{NAMES[1]}": ("train", "test", ""),
        f"brush_hair/{NAMES[2]}": ("test", "train", ""),
        f"brush_hair/{NAMES[3]}": ("", "train", "train"),
    }
    assert [item.source for item in items if item.media is None] == [f"brush_hair/{NAMES[3]}"]
    groups = {item.source: item.group for item in items}
    assert groups[f"brush_hair/{NAMES[0]}"] == groups[f"brush_hair/{NAMES[1]}"] == "brush_hair/April_09"
    splits = {item.source: item.split for item in items}
    assert splits[f"brush_hair/{NAMES[2]}"] == "test"
    assert splits[f"brush_hair/{NAMES[3]}"] == "train"
    assert {item.wants for item in items} == {"picture"}
    assert {item.labels for item in items} == {("brush_hair",)}


def test_no_list_and_a_list_of_another_form(tree: Any) -> None:
    folder = tree("a.avi")
    with pytest.raises(UsageError, match=r"set: contains no list of HMDB51 \(CLASS_test_split1.txt\)"):
        Hmdb51(folder)
    (folder / "wave_test_split1.txt").write_text("film.avi 3\n")
    with pytest.raises(CorpusError, match=r"wave_test_split1.txt: row 'film.avi 3' is not FILE.avi and 0, 1 or 2"):
        list(Hmdb51(folder).items())
