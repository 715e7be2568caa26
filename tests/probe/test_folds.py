import numpy as np
import pytest

from avts.errors import CorpusError
from avts.features.recordings import Recording
from avts.probe.folds import drawn_folds, folds_of, groups_of, some_per_class


def recording(index: int, label: str, **known: object) -> Recording:
    return Recording(f"{index}.wav", f"{index}.wav", label=label, **known)  # type: ignore[arg-type]


def test_official_folds_are_taken_as_they_are() -> None:
    found = folds_of([recording(i, "ab"[i % 2], fold=1 + i // 2) for i in range(6)], drawn=5, seed=0)
    assert [fold.test.tolist() for fold in found.folds] == [[0, 1], [2, 3], [4, 5]]
    assert [fold.train.tolist() for fold in found.folds] == [[2, 3, 4, 5], [0, 1, 4, 5], [0, 1, 2, 3]]
    assert found.origin == "3 official folds"


def test_recordings_of_no_test_fold_always_train() -> None:
    found = folds_of([recording(i, "ab"[i % 2], fold=(None, None, 1, 1, 2, 2)[i]) for i in range(6)], drawn=5, seed=0)
    assert [fold.train.tolist() for fold in found.folds] == [[0, 1, 4, 5], [0, 1, 2, 3]]


def test_an_official_split_is_one_fold_without_its_validation() -> None:
    splits = ("train", "train", "validation", "test", "test")
    found = folds_of([recording(i, "ab"[i % 2], split=split) for i, split in enumerate(splits)], drawn=5, seed=0)
    assert [(fold.train.tolist(), fold.test.tolist()) for fold in found.folds] == [([0, 1], [3, 4])]


def test_drawn_folds_keep_groups_together_and_test_each_recording_once() -> None:
    recordings = [recording(i, "ab"[i // 12], group=str(i // 3)) for i in range(24)]
    found = folds_of(recordings, drawn=4, seed=3)
    groups = groups_of(recordings)
    assert sorted(np.concatenate([fold.test for fold in found.folds]).tolist()) == list(range(24))
    assert all(not set(groups[fold.train]) & set(groups[fold.test]) for fold in found.folds)
    assert found.origin == "4 stratified folds, seed 3"


def test_folds_by_group_are_drawn_though_there_are_official_ones() -> None:
    recordings = [recording(i, "ab"[i // 12], group=str(i // 3), fold=1 + i % 3) for i in range(24)]
    found = folds_of(recordings, drawn=4, seed=3, by_group=True)
    groups = groups_of(recordings)
    assert all(not set(groups[fold.train]) & set(groups[fold.test]) for fold in found.folds)
    assert found.origin == "4 stratified folds by group, seed 3"
    assert folds_of(recordings, drawn=4, seed=3).origin == "3 official folds"


def test_too_few_classes_or_recordings_are_said() -> None:
    with pytest.raises(CorpusError, match="1 class in 2 recordings; a probe needs at least 2 classes"):
        folds_of([recording(0, "a"), recording(1, "a")], drawn=2, seed=0)
    with pytest.raises(CorpusError, match=r"class 'b' has 2 recordings, too few for 3 folds. Give --folds 2"):
        drawn_folds(np.array(["a"] * 4 + ["b"] * 2), np.arange(6).astype(str), 3, 0)


def test_a_smaller_number_of_labels_gives_some_of_a_larger_ones() -> None:
    labels, among = np.array(["a", "b"] * 20), np.arange(4, 40)
    one, five = (some_per_class(labels, among, number, 7) for number in (1, 5))
    assert sorted(labels[one]) == ["a", "b"]
    assert sorted(labels[five]) == ["a"] * 5 + ["b"] * 5
    assert set(one) < set(five) < set(among)
    assert some_per_class(labels, among, None, 7).tolist() == among.tolist()
