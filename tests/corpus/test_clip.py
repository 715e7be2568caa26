import hashlib
import re
from collections import Counter

import pytest

from avts.corpus.clip import folder_split, hash_split, key_of


def test_plain_names_are_their_own_keys() -> None:
    assert key_of("ball.mp4") == "ball"
    assert key_of("train/ball/0001-a_b.mp4") == "train__ball__0001-a_b"


@pytest.mark.parametrize(
    "names",
    [
        ["a b.mp4", "a_b.mp4", "a-b.mp4", "a.b.mp4", "a?b.mp4"],
        ["a/b.mp4", "a__b.mp4", "a_/b.mp4", "a/_b.mp4", "a___b.mp4"],
        ["x.mp4", "x.avi", "x.MP4", "x.mkv"],
        ["Ä.mp4", "Ö.mp4", "日本.mp4", ".mp4", "--.mp4"],
        ["y" * 200 + "1.mp4", "y" * 200 + "2.mp4"],
    ],
)
def test_different_paths_have_different_safe_keys(names: list[str]) -> None:
    keys = [key_of(name) for name in names]
    assert len(set(keys)) == len(names)
    for key in keys:
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]*", key)  # webdataset cuts a key at its first dot
        assert len(key) <= 80


def test_folders_say_the_split() -> None:
    for folder, split in (("train", "train"), ("val", "validation"), ("Valid", "validation"), ("TEST", "test")):
        assert folder_split(f"{folder}/ball/a.mp4") == split
    assert folder_split("balls/train/a.mp4") is None  # only the first folder counts
    assert folder_split("test.mp4") is None


def test_other_files_are_split_80_10_10_by_content() -> None:
    hashes = [hashlib.blake2b(str(index).encode(), digest_size=16).hexdigest() for index in range(5000)]
    counts = Counter(hash_split(content_hash) for content_hash in hashes)
    assert counts["train"] / 5000 == pytest.approx(0.8, abs=0.02)
    assert counts["validation"] / 5000 == pytest.approx(0.1, abs=0.015)
    assert counts["test"] / 5000 == pytest.approx(0.1, abs=0.015)
    assert (hash_split("0" * 32), hash_split("f" * 32)) == ("train", "test")
