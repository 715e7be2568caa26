"""Each reason is likely beyond its limit and not before it, and gives its figures."""

from dataclasses import replace

import pytest

from avts.pairs.negatives import EASY, HARD
from avts.training.diagnosis.causes import (
    Course,
    balance_reason,
    collapse_reasons,
    rate_reason,
    silence_reason,
    stillness_reason,
    timing_reason,
)
from avts.training.diagnosis.probes import Cues, Spread
from avts.training.diagnosis.separation import Parting

HEALTHY = Course(losses=[0.2, 0.21] * 25, gradient_norms=[0.1] * 50, update_shares=[5e-3] * 10, growth=1.1,
                 learning_rate=1e-3)  # fmt: skip


@pytest.mark.parametrize(("silent", "likely"), [(24, False), (25, True)])
def test_silence_and_stillness_are_likely_from_a_quarter_on(silent: int, likely: bool) -> None:
    heard = silence_reason(Cues(sounds=100, silent=silent))
    assert (heard.name, heard.likely, heard.figures) == ("silent data", likely, {"share": silent / 100, "windows": 100})
    assert heard.text.startswith(f"{silent}% of 100 windows of sound are silent")
    seen = stillness_reason(Cues(pictures=100, still=silent))
    assert (seen.name, seen.likely, seen.figures) == ("still pictures", likely, {"share": silent / 100, "windows": 100})
    assert seen.text.startswith(f"{silent}% of 100 windows of picture have no motion")


@pytest.mark.parametrize(
    ("found", "likely"),
    [
        (Spread(32, spread=0.2, rank=5.0, most=31), False),
        (Spread(32, spread=0.02, rank=20.0, most=31), True),
        (Spread(32, spread=0.9, rank=1.5, most=31), True),
        (Spread(4, spread=0.9, rank=1.5, most=3), False),  # of 3 directions that four embeddings can have
    ],
)
def test_each_side_is_told_to_be_collapsed_by_itself(found: Spread, likely: bool) -> None:
    whole = Spread(32, spread=0.8, rank=12.0, most=31)
    picture, sound = collapse_reasons({"picture": whole, "sound": found})
    assert (picture.name, picture.likely) == ("collapsed picture embeddings", False)
    assert (sound.name, sound.likely) == ("collapsed sound embeddings", likely)
    assert sound.figures["spread"] == found.spread
    assert f"effective rank of {found.rank:.1f} of {found.most}" in sound.text
    assert ("The sound network ignores" in sound.text) is likely


@pytest.mark.parametrize(
    ("course", "words"),
    [
        (HEALTHY, "at 0.001 an update changes the weights by 0.005 of"),
        (replace(HEALTHY, update_shares=[0.2] * 10), "too high: at 0.001"),
        (replace(HEALTHY, growth=4000.0), "their norm is 4e+03 times that at the start"),
        (replace(HEALTHY, losses=[0.1, 0.4] * 25), "changes by 120% per step. Lower"),
        (replace(HEALTHY, update_shares=[4.7e-6] * 10), "too low: at 0.001"),
        (replace(HEALTHY, gradient_norms=[3e-8] * 50), "no gradient: at 0.001"),
        (replace(HEALTHY, gradient_norms=[3e-8] * 50, growth=4000.0), "too high: at 0.001"),
    ],
)
def test_the_learning_rate_is_judged_by_what_it_does_to_weights_and_loss(course: Course, words: str) -> None:
    found = rate_reason(course)
    assert found.likely is (course is not HEALTHY)
    assert words in found.text
    assert (found.figures["learning_rate"], found.figures["steps"]) == (1e-3, 50)


def parting(kind: int, positive: float, negative: float) -> Parting:
    return Parting(kind, positive, negative, scatter=0.1, steps=50)


def test_a_head_that_averages_time_away_is_named_when_only_easy_pairs_part() -> None:
    easy, hard, level = parting(EASY, 0.2, 0.6), parting(HARD, 0.2, 0.5), parting(HARD, 0.2, 0.21)
    assert timing_reason([easy, hard], "global") is None
    assert timing_reason([parting(EASY, 0.5, 0.5), level], "global") is None
    assert timing_reason([level], "global") is None
    found = timing_reason([easy, level], "global")
    assert found is not None
    assert found.likely
    assert "(0.200 from 0.600): content is learned, but not timing" in found.text
    assert "[model] head is 'global'" in found.text
    other = timing_reason([easy, level], "temporal")
    assert other is not None
    assert not other.likely


def test_no_update_measured_yet_is_no_fault_of_the_rate() -> None:
    assert not rate_reason(replace(HEALTHY, update_shares=[])).likely


def test_distances_at_half_the_margin_are_named_and_others_are_not() -> None:
    found = balance_reason([parting(EASY, 0.49, 0.5), parting(HARD, 0.49, 0.48)], 0.99)
    assert found is not None
    assert found.likely
    assert "half the margin, 0.495, where the contrastive loss is 0.245" in found.text
    assert balance_reason([parting(EASY, 0.49, 0.6), parting(HARD, 0.49, 0.5)], 0.99) is None
    assert balance_reason([parting(HARD, 0.2, 0.21)], 0.99) is None
    assert balance_reason([], 0.99) is None
