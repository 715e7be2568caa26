"""Which stretch of which clips is read."""

from dataclasses import replace

import pytest

from avts.corpus.corpus import Corpus
from avts.errors import CorpusError
from avts.inspection.excerpts import chosen_clips, middle_of, read_excerpts
from avts.timebase import Span


def test_an_excerpt_is_the_middle_and_begins_on_a_frame(small_corpus: Corpus) -> None:
    clip = replace(small_corpus.clips[0], num_frames=72, duration_seconds=3.0)
    assert middle_of(clip, 1.0) == Span(1.0, 2.0)
    assert middle_of(replace(clip, num_frames=73), 1.0) == Span(1.0, 2.0)
    assert middle_of(clip, 9.0) == Span(0.0, 3.0)


def test_of_a_sound_without_picture_the_excerpt_does_not_reach_past_its_end(small_corpus: Corpus) -> None:
    clip = replace(small_corpus.clips[0], num_frames=0, duration_seconds=2.99)  # nearest to 72 frames, which are 3 s
    assert middle_of(clip, 9.0).stop_seconds <= 2.99


def test_clips_are_spread_over_the_split(small_corpus: Corpus) -> None:
    test = small_corpus.select("test", usable=False)
    assert chosen_clips(small_corpus, "test", 2) == (test[0], test[-1])
    assert chosen_clips(small_corpus, "test", 99) == test
    assert chosen_clips(small_corpus, None, 99) == small_corpus.clips


def test_an_empty_split_is_told_with_what_there_is(small_corpus: Corpus) -> None:
    corpus = Corpus(small_corpus.path)
    corpus.__dict__["clips"] = tuple(clip for clip in small_corpus.clips if clip.split == "train")
    with pytest.raises(CorpusError, match=r"has no test clip \(it has 8 train\)\. Choose another --split"):
        chosen_clips(corpus, "test", 5)


def test_a_clip_that_cannot_be_read_is_told_and_left_out(small_corpus: Corpus) -> None:
    good = small_corpus.clips[0]
    told: list[str] = []
    steps: list[tuple[int, int]] = []
    bad = replace(good, key="bad", shard="gone.tar")
    found = list(
        read_excerpts(
            small_corpus,
            [bad, good],
            seconds=1.0,
            on_unreadable=told.append,
            on_progress=lambda *step: steps.append(step),
        )
    )
    assert [excerpt.clip for excerpt in found] == [good]
    assert found[0].planes is not None
    assert found[0].planes.num_frames == 24
    assert found[0].samples is not None
    assert len(found[0].samples) == 16_000
    assert len(told) == 1
    assert "gone.tar" in told[0]
    assert steps == [(1, 2), (2, 2)]
