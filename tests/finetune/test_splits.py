from collections import Counter
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from avts.corpus.clip import Clip
from avts.corpus.corpus import Corpus
from avts.errors import CorpusError, UsageError
from avts.finetune.splits import partitions, with_few_labels

PLAIN = Clip("k", "s", "train", "a", 2.0, 48, 64, 64, "x.tar", 0, 9, 9, 9, 25.0, 16_000, -20.0, 3.0, (), "h")


def corpus_of(*clips: Clip) -> Any:
    """A corpus of which only the manifest is asked."""
    return SimpleNamespace(place=Path("corpus"), clips=tuple(replace(c, key=f"k{i}") for i, c in enumerate(clips)))


def clip(label: str | None, **changes: Any) -> Clip:
    return replace(PLAIN, label=label, **changes)


def test_manifest_trains_on_train_and_tests_on_test(small_corpus: Corpus) -> None:
    (found,) = partitions(small_corpus, "both", clip_seconds=0.5)
    assert found.name == "manifest"
    assert Counter(c.split for c in found.train) == {"train": 8}
    assert Counter(c.split for c in found.test) == {"test": 4}
    assert found.classes == ("ball", "clap", "drumstick", "hammer")
    assert [found.classes[index] for index in found.targets(found.test)] == [c.label for c in found.test]


def test_official_splits_each_make_a_partition() -> None:
    rows = [("train", "test"), ("test", "train"), ("train", ""), ("", "test")]
    corpus = corpus_of(*(clip(label, splits=splits) for label in "ab" for splits in rows))
    first, second = partitions(corpus, "picture", clip_seconds=1)
    assert [c.key for c in first.train] == ["k0", "k2", "k4", "k6"]
    assert [c.key for c in first.test] == ["k1", "k5"]
    assert [c.key for c in second.train] == ["k1", "k5"]
    assert [c.key for c in second.test] == ["k0", "k3", "k4", "k7"]
    (only,) = partitions(corpus, "picture", clip_seconds=1, only="split-2")
    assert only == second
    with pytest.raises(UsageError, match="corpus: no split 'split-9'; the splits are split-1, split-2, manifest"):
        partitions(corpus, "picture", clip_seconds=1, only="split-9")


def test_folds_are_each_left_out_once() -> None:
    corpus = corpus_of(*(clip(label, fold=fold) for label in "ab" for fold in (1, 2, 3)))
    found = partitions(corpus, "sound", clip_seconds=1)
    assert [p.name for p in found] == ["fold-1", "fold-2", "fold-3"]
    for number, partition in enumerate(found, start=1):
        assert {c.fold for c in partition.test} == {number}
        assert {c.fold for c in partition.train} == {1, 2, 3} - {number}


def test_what_a_classifier_cannot_use_is_left_out_and_told() -> None:
    clips = [clip("a"), clip("b"), clip("a", split="test"), clip("c", split="test"), clip(None)]
    short, mute, blind = (clip("a", duration_seconds=0.3), clip("a", sound_size=0), clip("a", video_size=0))
    corpus = corpus_of(*clips, short, mute, blind)
    (seen,) = partitions(corpus, "picture", clip_seconds=1)
    assert [c.key for c in seen.train] == ["k0", "k1", "k6"]
    assert [c.key for c in seen.test] == ["k2"]
    assert seen.notes == (
        "1 clip(s) shorter than 1.00 s skipped", "1 test clip(s) of classes without a training clip skipped"
    )  # fmt: skip
    (heard,) = partitions(corpus, "sound", clip_seconds=1)
    assert [c.key for c in heard.train] == ["k0", "k1", "k7"]
    (both,) = partitions(corpus, "both", clip_seconds=1)
    assert [c.key for c in both.train] == ["k0", "k1"]


def test_an_unlabelled_test_is_replaced_by_the_validation_clips() -> None:
    corpus = corpus_of(clip("a"), clip("b"), clip("a", split="validation"), clip(None, split="test"))
    (found,) = partitions(corpus, "picture", clip_seconds=1)
    assert [c.key for c in found.test] == ["k2"]
    assert found.notes == ("no labelled test clip: tested on the validation clips",)


def test_too_few_classes_or_nothing_to_test_is_an_error() -> None:
    with pytest.raises(CorpusError, match=r"corpus, manifest: 2 usable training clip\(s\) of 1 class"):
        partitions(corpus_of(clip("a"), clip("a")), "picture", clip_seconds=1)
    with pytest.raises(CorpusError, match=r"corpus, manifest: 1 labelled test clip\(s\), 0 of them of the 2 classes"):
        partitions(corpus_of(clip("a"), clip("b"), clip("c", split="test")), "picture", clip_seconds=1)


def test_few_labels_are_nested_and_drawn_by_the_seed() -> None:
    clips = [clip(label) for label in "abc" for _ in range(30)] + [clip(label, split="test") for label in "abc"]
    (whole,) = partitions(corpus_of(*clips), "picture", clip_seconds=1)
    subsets = [with_few_labels(whole, number, seed=0) for number in (1, 5, 10, 20)]
    for number, subset in zip((1, 5, 10, 20), subsets, strict=True):
        assert Counter(c.label for c in subset.train) == dict.fromkeys("abc", number)
        assert subset.test == whole.test
    for small, large in zip(subsets, [*subsets[1:], whole], strict=True):
        assert {c.key for c in small.train} < {c.key for c in large.train}
    assert with_few_labels(whole, 5, seed=0) == subsets[1]
    assert with_few_labels(whole, 5, seed=1).train != subsets[1].train
    assert with_few_labels(whole, None, seed=0) is whole


def test_a_class_with_fewer_labels_than_asked_for_is_told() -> None:
    clips = [clip("a"), clip("a"), clip("b"), clip("a", split="test")]
    (whole,) = partitions(corpus_of(*clips), "picture", clip_seconds=1)
    found = with_few_labels(whole, 2, seed=0)
    assert len(found.train) == 3
    assert found.notes == ("class b has 1 training clip(s), not 2",)
