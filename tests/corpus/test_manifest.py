"""The manifest's columns become clips: the same as row by row, with what repeats held once."""

from __future__ import annotations

import pickle
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from avts.corpus.clip import Clip
from avts.corpus.manifest import MANIFEST_NAME, SCHEMA, clip_of, read_manifest, settings_of, write_manifest

ONE = Clip(
    "a", "a.mp4", "train", "bell", 10.0, 240, 128, 170, "shard-0.tar", 512, 9000, 9600, 4096, 29.97, 44_100, -20.5, 2.5,
    ("still",), "0f" * 16, ("bell", "dog"), ("train", ""), 3, "film",
)  # fmt: skip
CLIPS = [
    ONE,
    replace(ONE, key="b", label=None, labels=(), flags=(), splits=(), fold=None, group=None, split="test"),
    replace(ONE, key="c", label="dog", labels=("dog",), flags=("still", "no_audio"), fold=0, sound_size=0),
]


def test_columns_are_the_fields_of_a_clip_in_their_order() -> None:
    assert SCHEMA.names == [field.name for field in fields(Clip)]


@pytest.mark.parametrize("count", [0, 1, 3])
def test_clips_are_read_as_they_were_written(tmp_path: Path, count: int) -> None:
    write_manifest(tmp_path, CLIPS[:count], settings_of(128))
    assert list(read_manifest(tmp_path)) == CLIPS[:count]


def test_columns_that_an_older_version_does_not_have_are_read_as_row_by_row(tmp_path: Path) -> None:
    write_manifest(tmp_path, CLIPS, settings_of(128))
    table = parquet.read_table(tmp_path / MANIFEST_NAME).drop_columns(["labels", "splits", "fold", "group"])
    parquet.write_table(table, tmp_path / MANIFEST_NAME)
    found = read_manifest(tmp_path)
    assert list(found) == [clip_of(row) for row in table.to_pylist()]
    assert [clip.labels for clip in found] == [("bell",), (), ("dog",)]


def test_a_column_in_several_chunks_keeps_its_rows(tmp_path: Path) -> None:
    clips = [replace(CLIPS[index % 3], key=f"k{index}", shard=f"s{index % 7}") for index in range(50)]
    write_manifest(tmp_path, clips, settings_of(128))
    table = pa.concat_tables([parquet.read_table(tmp_path / MANIFEST_NAME)] * 2)
    parquet.write_table(table, tmp_path / MANIFEST_NAME, row_group_size=7)
    assert list(read_manifest(tmp_path)) == clips * 2


def test_clips_with_the_same_value_hold_it_once(tmp_path: Path) -> None:
    write_manifest(tmp_path, [ONE, replace(ONE, key="b")], settings_of(128))
    one, other = read_manifest(tmp_path)
    for name in ("split", "label", "shard", "content_hash", "flags", "labels", "splits", "loudness_db"):
        assert getattr(one, name) is getattr(other, name), name
    assert not hasattr(one, "__dict__")


def test_a_clip_goes_through_pickle_whole() -> None:
    again: Any = pickle.loads(pickle.dumps(CLIPS))
    assert again == CLIPS
