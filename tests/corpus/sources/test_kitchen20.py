from typing import Any

import pytest

from avts.corpus.sources.kitchen20 import Kitchen20
from avts.errors import UsageError


def test_the_group_is_the_author_whatever_the_name(tree: Any) -> None:
    folder = tree(
        "book/1-181617-0-181617-C-2.ogg",
        "fridge/4-J-frigo.aac-3-J-frigo.aac-A-2.ogg",
        "juicer/6-B D CJ-30 (x).wav-5-B D CJ-30 (x).wav-A-9.wav",
        "book/1-100032-A.ogg",
    )
    items = list(Kitchen20(folder).items())
    assert [(item.source, item.labels, item.fold, item.split, item.group) for item in items] == [
        ("book/1-181617-0-181617-C-2.ogg", ("book",), 1, "train", "181617"),
        ("fridge/4-J-frigo.aac-3-J-frigo.aac-A-2.ogg", ("fridge",), 4, "validation", "J-frigo.aac"),
        ("juicer/6-B D CJ-30 (x).wav-5-B D CJ-30 (x).wav-A-9.wav", ("juicer",), 6, "test", "B D CJ-30 (x).wav"),
    ]
    assert {item.wants for item in items} == {"sound"}


def test_another_folder(tree: Any) -> None:
    with pytest.raises(UsageError, match=r"set: contains no CLASS/FOLD-AUTHOR-N-AUTHOR-TAKE-CLASS.ogg"):
        Kitchen20(tree("dog/1-100032-A.ogg"))
