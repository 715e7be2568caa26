import tarfile
from pathlib import Path
from typing import Any

import pytest

from avts.corpus.folder import FolderSource
from avts.corpus.item import Source
from avts.corpus.listing import ListSource
from avts.corpus.sources import LAYOUTS, source_of
from avts.corpus.tars import TarSource
from avts.errors import UsageError


def test_what_is_there_decides(tree: Any, tmp_path: Path) -> None:
    assert isinstance(source_of(tree("a.mp4", "b.tar")), FolderSource)
    with tarfile.open(tmp_path / "x.tar", "w"):
        pass
    assert isinstance(source_of(tmp_path / "x.tar"), TarSource)
    assert isinstance(source_of(str(tmp_path / "x.tar")), TarSource)
    (tmp_path / "shards").mkdir()
    (tmp_path / "x.tar").rename(tmp_path / "shards" / "x.tar")
    assert isinstance(source_of(tmp_path / "shards"), TarSource)
    (tmp_path / "list.csv").write_text("path\n")
    assert isinstance(source_of(tmp_path / "list.csv"), ListSource)
    assert isinstance(source_of(f"local://{tmp_path}/list.csv"), ListSource)
    assert isinstance(source_of(f"local://{tmp_path}/shards/x.tar"), TarSource)


def test_a_list_given_for_a_folder_has_its_paths_there(tree: Any, tmp_path: Path) -> None:
    folder = tree("a.mp4")
    (tmp_path / "list.csv").write_text("path\na.mp4\n")
    assert [item.media for item in source_of(folder, lists=[tmp_path / "list.csv"]).items()] == [folder / "a.mp4"]


def test_every_layout_is_a_source() -> None:
    assert all(hasattr(layout, "items") for layout in LAYOUTS.values())
    assert set(LAYOUTS) == {
        "kinetics", "audioset", "soundnet", "vggsound", "ucf101", "hmdb51", "grid", "esc50", "esc10", "dcase2014",
        "kitchen20",
    }  # fmt: skip


def test_a_source_of_ones_own_needs_items_only() -> None:
    class Own:
        def items(self) -> list[Any]:
            return []

    assert isinstance(Own(), Source)


def test_wrong_calls(tree: Any, tmp_path: Path) -> None:
    folder = tree("a.mp4")
    with pytest.raises(UsageError, match=r"no layout 'imagenet'. The layouts are kinetics, audioset"):
        source_of(folder, layout="imagenet")
    with pytest.raises(UsageError, match=r"gone: no such folder. Give the folder that holds the data set"):
        source_of(tmp_path / "gone", layout="kinetics")
    with pytest.raises(UsageError, match=r"2 lists without a layout"):
        source_of(folder, lists=[folder / "a.csv", folder / "b.csv"])
    with pytest.raises(UsageError, match=r"memory://films: neither a list \(.csv, .parquet\) nor a tar"):
        source_of("memory://films")
    with pytest.raises(UsageError, match=r"memory://x.csv: a layout needs a local folder"):
        source_of("memory://x.csv", layout="kinetics")
