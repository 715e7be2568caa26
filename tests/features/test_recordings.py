from pathlib import Path
from typing import Any

import pytest

from avts.errors import CorpusError, UsageError
from avts.features.recordings import recordings_of


def test_a_folder_of_classes_gives_its_sounds_and_films_with_their_labels(
    tmp_path: Path, write_sound: Any, write_film: Any
) -> None:
    write_sound(tmp_path / "in" / "rain" / "b.wav")
    write_film(tmp_path / "in" / "clap" / "a.mp4")
    (tmp_path / "in" / "notes.txt").write_text("no recording")
    found = recordings_of([str(tmp_path / "in")])
    assert [(each.source, each.label) for each in found] == [("clap/a.mp4", "clap"), ("rain/b.wav", "rain")]


def test_a_layout_gives_folds_and_groups(tmp_path: Path, write_sound: Any) -> None:
    write_sound(tmp_path / "in" / "001 - Dog bark" / "3-10-A.ogg")
    write_sound(tmp_path / "in" / "002 - Rain" / "1-11-A.ogg")
    found = recordings_of([str(tmp_path / "in")], layout="esc10")
    assert [(each.label, each.fold, each.group) for each in found] == [("Dog bark", 3, "10"), ("Rain", 1, "11")]


def test_what_is_not_there_or_empty_or_double_is_said(tmp_path: Path, write_sound: Any) -> None:
    with pytest.raises(UsageError, match=r"nowhere: no such file or folder"):
        recordings_of([str(tmp_path / "nowhere")])
    path = str(write_sound(tmp_path / "a.wav"))
    with pytest.raises(UsageError, match=r"a.wav: given twice"):
        recordings_of([path, path])
    (tmp_path / "empty").mkdir()
    with pytest.raises(CorpusError, match=r"no video"):
        recordings_of([str(tmp_path / "empty")])
