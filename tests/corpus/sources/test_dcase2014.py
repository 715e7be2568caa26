from typing import Any

import pytest

from avts.corpus.sources.dcase2014 import Dcase2014
from avts.errors import UsageError


def test_scenes_of_both_sets_with_folds(tree: Any) -> None:
    folder = tree(
        "scenes_stereo/bus01.wav",
        "scenes_stereo/openairmarket10.wav",
        "scenes_stereo_testset/bus01.wav",
        **{
            "evaluation_setup/fold1_test.txt": "scenes_stereo/bus01.wav\tbus\nscenes_stereo/tube09.wav\ttube\n",
            "evaluation_setup/fold2_test.txt": "scenes_stereo/openairmarket10.wav\topenairmarket\n",
            "evaluation_setup/fold1_train.txt": "scenes_stereo/openairmarket10.wav\topenairmarket\n",
        },
    )
    items = list(Dcase2014(folder).items())
    assert [(item.source, item.labels, item.fold, item.split) for item in items] == [
        ("scenes_stereo/bus01.wav", ("bus",), 1, "train"),
        ("scenes_stereo/openairmarket10.wav", ("openairmarket",), 2, "train"),
        ("scenes_stereo_testset/bus01.wav", ("bus",), None, "test"),
        ("scenes_stereo/tube09.wav", (), None, None),
    ]
    assert [item.media is None for item in items] == [False, False, False, True]


def test_another_folder(tree: Any) -> None:
    with pytest.raises(UsageError, match=r"set: contains no scene like bus01.wav"):
        Dcase2014(tree("scene.wav"))
