from typing import Any

import pytest

from avts.corpus.sources.soundnet import SoundNet
from avts.errors import UsageError

URLS = "https://www.flickr.com/photos/41894197009@N01/4940193149/\nhttp://flickr.com/photos/someone/5197340491\n\n"
URLS += "http://www.flickr.com/photos/41894197009@N01/4940193149/\nhttps://host.example/videos/1/4/14480531000.mp4\n"


def test_videos_are_found_by_the_number_of_their_url(tree: Any) -> None:
    folder = tree(
        "videos/1/9/5197340491.mp4",
        "videos/14480531000.mov",
        **{"urls_public.txt": URLS, "notes.txt": "no URL here, only 12345678\n"},
    )
    items = list(SoundNet(folder).items())
    assert [(item.source, item.media is None, item.labels, item.split) for item in items] == [
        ("4940193149.mp4", True, (), None),
        ("videos/1/9/5197340491.mp4", False, (), None),
        ("videos/14480531000.mov", False, (), None),
    ]
    assert items[1].group == "5197340491"


def test_the_name_of_a_list_says_the_split(tree: Any) -> None:
    folder = tree(**{"train_urls.txt": "http://x/photos/a/1111111\n", "val_urls.txt": "http://x/photos/a/2222222\n"})
    assert [item.split for item in SoundNet(folder).items()] == ["train", "validation"]


def test_no_list(tree: Any) -> None:
    with pytest.raises(UsageError, match=r"set: contains no list of SoundNet \(text files of URLs\)"):
        SoundNet(tree("a.mp4"))
