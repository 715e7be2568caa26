from typing import Any

import pytest

from avts.corpus.sources.esc10 import Esc10
from avts.errors import UsageError


def test_folders_of_classes(tree: Any) -> None:
    folder = tree(
        "001 - Dog bark/1-30226-A.ogg", "001 - Dog bark/5-40000-B.ogg", "010 - Fire crackling/4-1-A.ogg", "x.ogg"
    )
    items = list(Esc10(folder).items())
    assert [(item.source, item.labels, item.fold, item.split, item.group) for item in items] == [
        ("001 - Dog bark/1-30226-A.ogg", ("Dog bark",), 1, "train", "30226"),
        ("001 - Dog bark/5-40000-B.ogg", ("Dog bark",), 5, "test", "40000"),
        ("010 - Fire crackling/4-1-A.ogg", ("Fire crackling",), 4, "validation", "1"),
    ]
    assert {item.wants for item in items} == {"sound"}


def test_another_folder(tree: Any) -> None:
    with pytest.raises(UsageError, match=r"set: contains neither CLASS/FOLD-ID-TAKE.ogg nor meta/esc50.csv"):
        Esc10(tree("a.ogg"))
