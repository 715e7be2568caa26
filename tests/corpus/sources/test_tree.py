from pathlib import Path
from typing import Any

import pytest

from avts.corpus.sources.held_out import held_out
from avts.corpus.sources.tree import Tree, csv_rows, text_lines
from avts.errors import CorpusError


def test_the_first_file_of_a_name_counts_and_hidden_folders_do_not(tree: Any) -> None:
    folder = tree("b/x.mp4", "a/x.mkv", ".trash/y.mp4")
    found = Tree(folder)
    assert found.find(["none", "x"]) == folder / "a" / "x.mkv"
    assert found.find(["y"]) is None


@pytest.mark.parametrize("read", [csv_rows, text_lines])
def test_a_list_that_is_no_text(tmp_path: Path, read: Any) -> None:
    (tmp_path / "list.csv").write_bytes(b"a,\xff\xfe\x00\n")
    with pytest.raises(CorpusError, match=r"list.csv: cannot be read as a list"):
        list(read(tmp_path / "list.csv"))


def test_held_out_groups_are_a_tenth_of_each_label_and_none_of_a_lone_one() -> None:
    pairs = [(label, f"{label}{g}") for label, n in (("a", 30), ("b", 2), ("c", 1)) for g in range(n)]
    chosen = held_out(pairs)
    assert [sum(group.startswith(label) for group in chosen) for label in "abc"] == [3, 1, 0]
    assert chosen == held_out(reversed(pairs))
