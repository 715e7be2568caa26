from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch

from avts.corpus.corpus import Corpus
from avts.errors import CorpusError
from avts.finetune.windows import EvenPlan, TrainingPlan, WindowDataset, even_starts, load_windows
from avts.timebase import FRAME_RATE, Span


def test_each_clip_is_seen_once_an_epoch_across_the_ends_of_steps() -> None:
    plan = TrainingPlan((3.0,) * 7, clip_seconds=1.0, batch_size=3, seed=4)
    seen = [window for step in range(7) for window in plan(step)]
    for epoch in range(3):
        assert sorted(window.clip for window in seen[7 * epoch : 7 * epoch + 7]) == list(range(7))
    assert all(0 <= window.start_seconds <= 2 for window in seen)
    assert len({window.start_seconds for window in seen}) > 10
    assert plan(5) == TrainingPlan((3.0,) * 7, clip_seconds=1.0, batch_size=3, seed=4)(5)


def test_fewer_clips_than_a_batch_are_seen_several_times_in_a_step() -> None:
    plan = TrainingPlan((3.0, 0.5), clip_seconds=0.5, batch_size=6, seed=0)
    assert Counter(window.clip for window in plan(0)) == {0: 3, 1: 3}


def test_test_windows_are_spread_from_the_first_frame_to_the_last() -> None:
    assert even_starts(5.0, 1.0, 5) == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert even_starts(5.0, 1.0, 1) == [2.0]
    assert even_starts(1.0, 1.0, 3) == [0.0, 0.0, 0.0]
    starts = even_starts(3.0, 8 / FRAME_RATE, 10)
    assert len(starts) == 10
    assert starts[-1] == pytest.approx(3 - 8 / FRAME_RATE)


def test_clips_of_different_sizes_share_no_test_step(small_corpus: Corpus) -> None:
    clips = tuple(replace(c, height=64 if i % 2 else 48) for i, c in enumerate(small_corpus.clips[:8]))
    plan = EvenPlan(clips, 1.0, windows=2, per_step=3)
    assert plan.steps() == [[0, 2, 4], [6], [1, 3, 5], [7]]
    assert Counter(window.clip for step in range(4) for window in plan(step)) == dict.fromkeys(range(8), 2)


def dataset(corpus: Corpus, clips, **changes) -> WindowDataset:
    plan = EvenPlan(tuple(clips), 0.5, windows=2, per_step=3)
    given = {"clip_seconds": 0.5, "frame_step": 1, "senses": "both", "colour": True, **changes}
    return WindowDataset(corpus, clips, plan, **given)


def test_a_batch_holds_the_frames_and_the_sound_of_its_windows(small_corpus: Corpus) -> None:
    clips = small_corpus.clips[:3]
    batch = dataset(small_corpus, clips).batch(0)
    assert batch.clips.tolist() == [0, 0, 1, 1, 2, 2]
    last = Span(clips[1].duration_seconds - 0.5, clips[1].duration_seconds)
    frames = small_corpus.frames(clips[1], last)
    assert np.array_equal(batch.y[3], frames.y)
    assert np.array_equal(batch.u[3], frames.u)
    assert np.array_equal(batch.sounds[3], small_corpus.sound(clips[1], last))


def test_only_what_is_asked_for_is_read_and_frames_may_be_skipped(small_corpus: Corpus) -> None:
    clips = small_corpus.clips[:3]
    whole = dataset(small_corpus, clips).batch(0)
    seen = dataset(small_corpus, clips, senses="picture", colour=False, frame_step=3).batch(0)
    assert seen.sounds is None
    assert seen.u is None
    assert torch.equal(seen.y, whole.y[:, ::3])
    heard = dataset(small_corpus, clips, senses="sound").batch(0)
    assert heard.y is None
    assert torch.equal(heard.sounds, whole.sounds)


def test_workers_make_the_same_batches(small_corpus: Corpus) -> None:
    made = dataset(small_corpus, small_corpus.clips[:6])
    alone, ahead = (list(load_windows(made, range(2), workers=workers)) for workers in (0, 1))
    for one, other in zip(alone, ahead, strict=True):
        assert torch.equal(one.y, other.y)
        assert torch.equal(one.sounds, other.sounds)


def test_a_clip_that_cannot_be_read_is_left_out_and_told_once(small_corpus: Corpus) -> None:
    lost = replace(small_corpus.clips[1], shard="gone.tar")
    clips = (small_corpus.clips[0], lost, small_corpus.clips[2])
    told: list[str] = []
    (batch,) = load_windows(dataset(small_corpus, clips), [0], workers=0, on_unreadable=told.append)
    assert batch.clips.tolist() == [0, 0, 2, 2]
    assert len(told) == 1
    assert "gone.tar cannot be read" in told[0]
    assert told[0].endswith("The clip is skipped.")
    with pytest.raises(CorpusError, match=r"gone\.tar cannot be read"):
        list(load_windows(dataset(small_corpus, (lost,)), [0], workers=0))
