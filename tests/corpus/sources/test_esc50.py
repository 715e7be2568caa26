from typing import Any

import pytest

from avts.corpus.sources.esc10 import Esc10
from avts.corpus.sources.esc50 import Esc50
from avts.errors import CorpusError, UsageError

META = """filename,fold,target,category,esc10,src_file,take
1-100032-A-0.wav,1,0,dog,True,100032,A
4-100032-B-36.wav,4,36,vacuum_cleaner,False,100033,B
5-9999-A-0.wav,5,0,dog,True,9999,A
"""


def test_folds_recordings_and_missing_files(tree: Any) -> None:
    folder = tree("audio/1-100032-A-0.wav", "audio/4-100032-B-36.wav", **{"meta/esc50.csv": META})
    items = list(Esc50(folder).items())
    assert [(item.source, item.labels, item.fold, item.split, item.group) for item in items] == [
        ("audio/1-100032-A-0.wav", ("dog",), 1, "train", "100032"),
        ("audio/4-100032-B-36.wav", ("vacuum_cleaner",), 4, "validation", "100033"),
        ("audio/5-9999-A-0.wav", ("dog",), 5, "test", "9999"),
    ]
    assert [item.media is None for item in items] == [False, False, True]
    assert {item.wants for item in items} == {"sound"}


def test_esc10_is_the_marked_part_of_esc50(tree: Any) -> None:
    folder = tree("audio/1-100032-A-0.wav", **{"meta/esc50.csv": META})
    assert [item.source for item in Esc10(folder).items()] == ["audio/1-100032-A-0.wav", "audio/5-9999-A-0.wav"]


def test_no_list_and_a_list_of_another_form(tree: Any) -> None:
    folder = tree("a.wav")
    with pytest.raises(UsageError, match=r"set: contains no list of ESC-50 \(meta/esc50.csv\)"):
        Esc50(folder)
    (folder / "esc50.csv").write_text("filename,fold,category\na.wav,6,dog\n")
    with pytest.raises(CorpusError, match=r"esc50.csv: row 'a.wav,6,dog' is not a row with filename, fold 1 to 5"):
        list(Esc50(folder).items())
