from typing import Any

import pytest

from avts.corpus.sources.vggsound import VggSound
from avts.errors import CorpusError, UsageError

LIST = '---g-f_I2yQ,1,people marching,train\n--0PQM4-hqg,30,"waterfall burbling, splashing",test\n'
LIST += "zzzzzzzzzzz,110,playing cymbal,train\n"


def test_labels_with_commas_ids_with_dashes_and_missing_videos(tree: Any) -> None:
    folder = tree("video/---g-f_I2yQ_000001.mp4", "video/--0PQM4-hqg_000030.mp4", **{"vggsound.csv": LIST})
    items = list(VggSound(folder).items())
    assert [(item.source, item.labels, item.split, item.group) for item in items] == [
        ("video/---g-f_I2yQ_000001.mp4", ("people marching",), "train", "---g-f_I2yQ"),
        ("video/--0PQM4-hqg_000030.mp4", ("waterfall burbling, splashing",), "test", "--0PQM4-hqg"),
        ("zzzzzzzzzzz_000110.mp4", ("playing cymbal",), "train", "zzzzzzzzzzz"),
    ]
    assert [item.media is None for item in items] == [False, False, True]


def test_no_list_and_a_list_of_another_form(tree: Any) -> None:
    folder = tree("a.mp4")
    with pytest.raises(UsageError, match=r"set: contains no list of VGGSound \(vggsound.csv\)"):
        VggSound(folder)
    (folder / "vggsound.csv").write_text("id,start,label,split\n")
    with pytest.raises(CorpusError, match=r"vggsound.csv: row 'id,start,label,split' is not id,start,label,train or"):
        list(VggSound(folder).items())
