from pathlib import Path

import pytest

from avts.corpus.folder import video_files
from avts.errors import CorpusError


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_videos_are_found_in_a_stable_order_and_hidden_files_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "b.MP4", "a/z.webm", "a/.hidden.mp4", ".git/c.mp4", "a/notes.txt", "a/labels.json", "c.mpg", "mp4")
    assert [file.source for file in video_files(tmp_path)] == ["a/z.webm", "b.MP4", "c.mpg"]
    assert [file.size for file in video_files(tmp_path)] == [1, 1, 1]


def test_labels_come_from_the_table_then_the_folder(tmp_path: Path) -> None:
    touch(tmp_path, "top.mp4", "ball/a.mp4", "ball/b.mp4", "train/c.mp4", "train/bell/d.mp4")
    table = "file,kind,more\na.mp4, bouncing ball ,1\nb.mp4,,2\n"
    (tmp_path / "ball" / "labels.csv").write_text(table, encoding="utf-8-sig")
    assert {file.source: file.label for file in video_files(tmp_path)} == {
        "top.mp4": None, "ball/a.mp4": "bouncing ball", "ball/b.mp4": "ball", "train/c.mp4": None,
        "train/bell/d.mp4": "bell",
    }  # fmt: skip


def test_a_table_of_something_else_is_ignored(tmp_path: Path) -> None:
    touch(tmp_path, "ball/a.mp4")
    (tmp_path / "ball" / "labels.csv").write_text("path;class\na.mp4;x\n")
    assert [file.label for file in video_files(tmp_path)] == ["ball"]


def test_a_table_that_is_no_text_is_said(tmp_path: Path) -> None:
    touch(tmp_path, "a.mp4")
    (tmp_path / "labels.csv").write_bytes(b"file,kind\n\xff\xfe\x00")
    with pytest.raises(CorpusError, match=r"labels.csv: cannot be read as a table of labels"):
        video_files(tmp_path)


def test_names_that_are_no_text_and_links_to_nowhere_are_still_files(tmp_path: Path) -> None:
    (tmp_path / "gone.mp4").symlink_to(tmp_path / "nowhere")
    (tmp_path / b"caf\xe9.mp4".decode("utf-8", "surrogateescape")).touch()
    assert [(file.source, file.size) for file in video_files(tmp_path)] == [("caf\\xe9.mp4", 0), ("gone.mp4", -1)]
