from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from avts.corpus.listing import ListSource
from avts.errors import CorpusError, UsageError
from avts.timebase import Span


def listed(folder: Path, text: str) -> ListSource:
    folder.mkdir(exist_ok=True)
    (folder / "list.csv").write_text(text, encoding="utf-8-sig")
    return ListSource(folder / "list.csv")


def test_a_csv_with_all_columns(tree: Any) -> None:
    folder = tree("a, b.mp4", "sub/c.wav")
    text = "path,label,split,start_seconds,end_seconds,fold,group,more\n"
    text += f'"a, b.mp4","dog, barking",val,1.5,4,,,x\nsub/c.wav,,,,,3,rec,\n{folder}/a, b.mp4,,,,,,,\n'
    items = list(listed(folder, text.replace(f"{folder}/a, b.mp4", f'"{folder}/a, b.mp4"')).items())
    first, second, third = items
    assert (first.source, first.media, first.labels) == ("a, b.mp4#1.500-4.000", folder / "a, b.mp4", ("dog, barking",))
    assert (first.split, first.part, first.group) == ("validation", Span(1.5, 4.0), "a, b.mp4")
    assert (second.wants, second.fold, second.group, second.part) == ("sound", 3, "rec", None)
    assert third.media == folder / "a, b.mp4"


def test_a_parquet_list_with_lists_of_labels(tree: Any) -> None:
    folder = tree("a.mp4")
    table = pa.table({"path": ["a.mp4", "gone.mp4"], "labels": [["dog", "cat"], []], "end_seconds": [2.0, None]})
    parquet.write_table(table, folder / "list.parquet")
    first, second = ListSource(folder / "list.parquet").items()
    assert (first.labels, first.part) == (("dog", "cat"), Span(0.0, 2.0))
    assert (second.labels, second.media) == ((), None)


def test_several_labels_in_a_cell_and_urls(tmp_path: Path) -> None:
    first, second = listed(tmp_path, "path,labels\nmemory://a/b.mp4,dog | cat\nlocal:///x.mp4,\n").items()
    assert (first.media, first.labels) == ("memory://a/b.mp4", ("dog", "cat"))
    assert second.media == "local:///x.mp4"


def test_a_list_at_a_url_has_its_paths_beside_it(tmp_path: Path) -> None:
    listed(tmp_path, "path\na.mp4\n")
    (item,) = ListSource(f"local://{tmp_path}/list.csv").items()
    assert item.media == f"local://{tmp_path}/a.mp4"


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("a.mp4,dev,,,", r"list.csv: row 1: split 'dev' must be one of train, validation and test"),
        ("a.mp4,,5,2,", r"list.csv: row 1: from 5 to 2 s: the end must be after the start"),
        ("a.mp4,,-1,2,", r"list.csv: row 1: from -1 to 2 s"),
        ("a.mp4,,0,nan,", r"list.csv: row 1: from 0 to nan s"),
        ("a.mp4,,5,,", r"list.csv: row 1: from '5' to '' s: give two numbers"),
        ("a.mp4,,,,one", r"list.csv: row 1: fold 'one' is not an integer"),
    ],
)
def test_values_that_mean_nothing(tmp_path: Path, row: str, message: str) -> None:
    with pytest.raises(CorpusError, match=message):
        list(listed(tmp_path, f"path,split,start_seconds,end_seconds,fold\n{row}\n").items())


def test_lists_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"gone.csv: no such list"):
        ListSource(tmp_path / "gone.csv")
    with pytest.raises(UsageError, match=r"nosuch://x/list.csv: nosuch:// cannot be opened"):
        ListSource("nosuch://x/list.csv")
    with pytest.raises(UsageError, match=r"nosuch://a.mp4: nosuch:// cannot be opened"):
        list(listed(tmp_path, "path\nnosuch://a.mp4\n").items())
    with pytest.raises(CorpusError, match=r"list.csv: no column 'path' \(it has: file, label\)"):
        list(listed(tmp_path, "file,label\na,b\n").items())
    (tmp_path / "bad.parquet").write_bytes(b"PAR1")
    with pytest.raises(CorpusError, match=r"bad.parquet: cannot be read as a list"):
        list(ListSource(tmp_path / "bad.parquet").items())
