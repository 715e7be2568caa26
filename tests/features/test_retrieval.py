from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from avts.errors import CorpusError, UsageError
from avts.features.extract import FILES_KEY, SETTINGS_KEY, fixed_size_lists
from avts.features.retrieval import nearest_files, read_features, recall, searcher


def write(path: Path, pictures: np.ndarray, sounds: np.ndarray, files: list[str] | None = None) -> Path:
    count = len(pictures)
    columns = {
        "file": pa.array(files or [f"{i}.mp4" for i in range(count)]),
        "label": pa.nulls(count, pa.string()),
        "start_seconds": pa.array(np.arange(count) * 1.0),
        "stop_seconds": pa.array(np.arange(count) + 1.0),
        "picture": fixed_size_lists(pictures.astype(np.float32), half=False),
        "sound": fixed_size_lists(sounds.astype(np.float32), half=False),
    }
    pq.write_table(pa.table(columns).replace_schema_metadata({SETTINGS_KEY: b"{}", FILES_KEY: b"{}"}), path)
    return path


@pytest.mark.parametrize("index", ["exact", "faiss"])
def test_recall_counts_the_windows_that_belong_together(tmp_path: Path, index: str) -> None:
    if index == "faiss":
        pytest.importorskip("faiss")
    pictures = np.eye(20)
    sounds = np.eye(20)
    sounds[[0, 1]] = sounds[[1, 0]]  # two are exchanged: 18 of 20 at 1; the own is as far as 17 others, or as the next
    found = recall(write(tmp_path / "f.parquet", pictures, sounds), index=index)  # type: ignore[arg-type]
    assert [one.asked for one in found] == ["picture", "sound"]
    assert all(one.at[1] == 18 / 20 for one in found)
    assert found[0].chance == {1: 0.05, 5: 0.25, 10: 0.5}
    assert found[0].num_windows == 20


def test_exact_search_is_the_brute_force_order() -> None:
    random = np.random.default_rng(0)
    vectors, queries = random.normal(size=(50, 6)).astype(np.float32), random.normal(size=(3, 6)).astype(np.float32)
    places, squares = searcher(vectors, "exact")(queries, 7)
    for query, row, distances in zip(queries, places, squares, strict=True):
        by_hand = np.linalg.norm(vectors - query, axis=1)
        assert row.tolist() == np.argsort(by_hand)[:7].tolist()
        assert np.abs(np.sqrt(distances) - np.sort(by_hand)[:7]).max() < 1e-3


def test_a_query_names_each_file_once_with_its_best_window(tmp_path: Path) -> None:
    sounds = np.array([[0.0, 1.0], [1.0, 0.0], [0.9, 0.1], [0.5, 0.5]])
    path = write(tmp_path / "f.parquet", sounds, sounds, ["a.mp4", "a.mp4", "b.mp4", "c.mp4"])
    table = read_features(path, ("sound",))
    hits = nearest_files(table, "sound", np.array([[1.0, 0.0]], np.float32), 2, index="exact")
    assert [(hit["file"], hit["start_seconds"]) for hit in hits] == [("a.mp4", 1.0), ("b.mp4", 2.0)]
    assert hits[1]["distance"] == pytest.approx(np.hypot(0.1, 0.1), abs=1e-4)


def test_a_table_without_a_tower_and_a_missing_index_are_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path / "f.parquet", np.eye(2), np.eye(2))
    with pytest.raises(UsageError, match=r"f.parquet: no column 'sound_conv5' \(it has file, label"):
        read_features(path, ("sound_conv5",))
    table = pq.read_table(path).slice(0, 0)
    pq.write_table(table, tmp_path / "empty.parquet")
    with pytest.raises(CorpusError, match=r"empty.parquet: no window has picture and sound"):
        recall(tmp_path / "empty.parquet")
    with pytest.raises(UsageError, match=r"nowhere.parquet: no such file"):
        recall(tmp_path / "nowhere.parquet")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(UsageError, match=r"index 'faiss' needs faiss, not installed.*pip install -e '\.\[faiss\]'"):
        recall(path, index="faiss")
