"""Where best offsets gather: of a corpus in step, of one shifted, shifted at random, or without motion to go by."""

import re
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from avts.corpus.clip import Clip
from avts.corpus.corpus import Corpus
from avts.doctor.alignment import LUCK, Alignment, best_offset, measure_alignment
from avts.errors import CorpusError
from avts.timebase import SAMPLE_RATE, Span


class Moved:
    """A corpus whose sounds come later by some seconds, each clip's by its own."""

    def __init__(self, corpus: Corpus, *seconds: float) -> None:
        self.corpus, self.seconds = corpus, seconds
        self.keys = [clip.key for clip in corpus.clips]

    def frames(self, clip: Clip, span: Span) -> Any:
        return self.corpus.frames(clip, span)

    def sound(self, clip: Clip, span: Span) -> NDArray[np.float32]:
        late = self.seconds[self.keys.index(clip.key) % len(self.seconds)]
        return np.roll(self.corpus.sound(clip, span), round(late * SAMPLE_RATE))


def test_a_corpus_in_step_is_found_in_step(small_corpus: Corpus) -> None:
    found = measure_alignment(small_corpus, small_corpus.clips)
    assert len(found.offsets_seconds) == 15
    assert found.num_near(0.0) == 15
    assert not found.reason.likely
    assert "puts 15 of 15 clips (100%; chance level 20%) within 0.2 s of zero offset" in found.reason.text


@pytest.mark.parametrize(("late", "words"), [(0.5, r"sound 5\d\d ms late"), (-0.5, r"sound 4\d\d ms early")])
def test_a_shift_of_all_sounds_is_found_with_its_sign(small_corpus: Corpus, late: float, words: str) -> None:
    found = measure_alignment(Moved(small_corpus, late), small_corpus.clips)  # type: ignore[arg-type]
    assert found.place_seconds() == pytest.approx(-late, abs=0.1)
    assert found.reason.likely
    assert found.reason.name == "misaligned corpus"
    assert found.num_near(-late) >= 12
    assert re.search(words, found.reason.text)


def spread_evenly(count: int, *, sure: bool) -> Alignment:
    return Alignment(tuple(np.linspace(-0.95, 0.95, count)), (sure,) * count)


def test_sure_offsets_that_gather_nowhere_are_a_fault_and_unsure_ones_tell_nothing() -> None:
    found = spread_evenly(40, sure=True)
    assert found.place_seconds() is None
    assert found.reason.likely
    assert "40 are sure and do not cluster: each has a different offset" in found.reason.text
    unsure = spread_evenly(40, sure=False)
    assert not unsure.reason.likely
    assert "0 are sure, too few for a conclusion" in unsure.reason.text


def test_sure_clips_that_gather_elsewhere_are_heard_among_many_that_are_not() -> None:
    noise = tuple(np.linspace(-0.95, 0.95, 60))
    found = Alignment((*noise, *(0.6,) * 9), (False,) * 60 + (True,) * 9)
    assert found.place_seconds() is None
    assert found.place_seconds(sure=True) == 0.6
    assert found.reason.likely
    assert found.reason.figures["place_seconds"] == 0.6


def test_fewer_than_eight_clips_tell_nothing() -> None:
    assert Alignment((0.5,) * 7, (True,) * 7).place_seconds() is None
    assert Alignment((0.5,) * 8, (True,) * 8).place_seconds() == 0.5
    assert "puts 0 of 0 clips" in Alignment((), ()).reason.text


def test_offsets_spread_at_random_gather_somewhere_no_oftener_than_luck_allows() -> None:
    rng = np.random.default_rng(0)
    draws = [Alignment(tuple(rng.uniform(-1, 1, 30)), (True,) * 30).place_seconds() for _ in range(300)]
    assert sum(place is not None for place in draws) <= 300 * LUCK * 10  # every place is tried


def test_a_clip_without_motion_or_that_cannot_be_read_is_left_out(
    small_corpus: Corpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    clip = small_corpus.clips[0]
    assert best_offset(small_corpus, clip) is not None
    monkeypatch.setattr(Corpus, "sound", lambda *_: np.zeros(3 * SAMPLE_RATE, np.float32))
    assert best_offset(small_corpus, clip) is None

    def broken(*_: Any) -> None:
        raise CorpusError("shard cannot be read")

    monkeypatch.setattr(Corpus, "frames", broken)
    assert measure_alignment(small_corpus, small_corpus.clips) == Alignment((), ())
