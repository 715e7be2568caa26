import json
from contextlib import contextmanager
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from avts.errors import CheckpointError, CorpusError, UsageError
from avts.finetune.study import Study, make_training, run_comparison, run_study
from avts.finetune.testing import score_videos


@contextmanager
def no_bar(title: str, unit: str):
    yield lambda *_: None


def run(study, out, **given):
    told: list[str] = []
    return run_study(study, out, bar=no_bar, say=told.append, **{"resume": False, **given}), told


def test_test_scores_are_the_mean_softmax_of_even_clips(tiny, small_corpus, tmp_path) -> None:
    recipe = tiny(test={"windows": 3})
    study = Study(small_corpus, recipe, device="cpu")
    ((_, _, partition),) = study.parts()
    classifier = make_training(study, partition, None, tmp_path, say=[].append).classifier.eval()
    found = score_videos(classifier, small_corpus, partition, recipe)
    clip = partition.test[1]
    starts = [0.0, round((clip.num_frames - 6) / 2) / 24, (clip.num_frames - 6) / 24]
    by_hand = []
    for start in starts:
        first = round(start * 24)
        whole = small_corpus.frames(clip, _span(0, clip.num_frames)).y[first : first + 6]
        luma = torch.nn.functional.adaptive_avg_pool2d(torch.from_numpy(whole)[None].float(), (32, 32)) / 255
        with torch.no_grad():
            by_hand.append(classifier([luma], None)[0].softmax(0).numpy())
    np.testing.assert_allclose(found.probabilities[1], np.mean(by_hand, axis=0), atol=1e-5)
    assert found.targets[1] == partition.classes.index(clip.label)


def _span(first: int, stop: int):
    from avts.timebase import Span

    return Span(first / 24, stop / 24)


def test_a_study_trains_and_tests_each_number_of_labels(tiny, small_corpus, tmp_path, one_thread) -> None:
    study = Study(small_corpus, tiny(), device="cpu", labels_per_class=(1, None))
    result, told = run(study, tmp_path / "out")
    assert [one["labels_per_class"] for one in result["results"]] == [1, None]
    assert [one["parts"][0]["num_train"] for one in result["results"]] == [4, 8]
    assert all(one["num_videos"] == 4 for one in result["results"])
    assert json.loads((tmp_path / "out" / "result.json").read_text()) == result
    assert "device: cpu (as asked)" in told
    again, told = run(study, tmp_path / "out", resume=True)
    assert again == result
    assert told[-2:] == ["manifest/labels-1: already done", "manifest/labels-all: already done"]
    with pytest.raises(UsageError, match=r"out: is not empty\. Add --resume"):
        run(study, tmp_path / "out")
    with pytest.raises(CheckpointError, match=r"labels-1: was made with another start \('scratch', now '.*'\)"):
        run(replace(study, start=tmp_path / "out" / "manifest" / "labels-all"), tmp_path / "out", resume=True)
    with pytest.raises(CheckpointError, match=r"labels-1: was made with another like \(None, now '.*'\)"):
        run(replace(study, like=tmp_path), tmp_path / "out", resume=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match=r"file: is a file, not a folder"):
        run(study, tmp_path / "file")


def test_supervised_pre_training_is_a_start(tiny, small_corpus, tmp_path, one_thread) -> None:
    first = Study(small_corpus, tiny(), device="cpu")
    run(first, tmp_path / "first")
    start = tmp_path / "first" / "manifest" / "labels-all"
    second = Study(small_corpus, tiny(model={}), device="cpu", start=start, labels_per_class=(1,))
    result, told = run(second, tmp_path / "second")
    assert f"start: the weights of {start}" in told
    assert result["start"] == str(start)


def test_both_towers_and_each_alone_see_the_same_videos_for_as_many_steps(
    tiny, small_corpus, tmp_path, one_thread
) -> None:
    study = Study(small_corpus, tiny(clips={"clip_frames": 12}, classifier={"hidden": 8}), device="cpu")
    results = run_comparison(study, tmp_path / "out", resume=False, bar=no_bar, say=[].append)
    assert list(results) == ["both", "picture", "sound"]
    parts = [result["results"][0]["parts"][0] for result in results.values()]
    assert len({(part["num_train"], part["num_test"], part["steps"]) for part in parts}) == 1
    assert json.loads((tmp_path / "out" / "result.json").read_text()) == results


def test_partitions_of_different_classes_are_refused_before_anything_is_trained(tiny, small_corpus, tmp_path) -> None:
    clips = [
        replace(clip, fold=1 if clip.label == "ball" else 1 + index // 4 % 2)
        for index, clip in enumerate(small_corpus.clips)
    ]
    corpus = SimpleNamespace(place=small_corpus.path, clips=tuple(clips))
    with pytest.raises(
        CorpusError, match=r"fold-1 and fold-2 cannot be averaged: 'ball' is a training class in only one of them"
    ):
        run(Study(corpus, tiny(), device="cpu"), tmp_path / "out")
    assert not (tmp_path / "out").exists()
