"""The look at the validation clips: the figure of the evaluation, of the same windows each time."""

import pytest
import torch

from avts.corpus.corpus import Corpus
from avts.errors import CorpusError
from avts.evaluation import evaluate
from avts.evaluation.evaluate import pair_distances, validation_auc
from avts.evaluation.scores import PairDistances
from avts.model.checkpoint import build_model
from avts.model.two_stream import TwoStream
from avts.settings import PairSettings
from fixtures_training import VIDEOS, tiny_recipe

PAIRS = PairSettings()


@pytest.fixture(scope="module")
def model() -> TwoStream:
    torch.manual_seed(1)
    built = build_model(tiny_recipe().model).eval()
    built.low_precision = False
    return built


def chance_of_order(nearer: list[float], farther: list[float]) -> float:
    """How often one of the first is smaller than one of the second, by counting."""
    wins = [(one < other) + 0.5 * (one == other) for one in nearer for other in farther]
    return sum(wins) / len(wins)


def test_it_is_the_auc_of_three_easy_to_one_hard_pair_each_time_the_same(
    small_corpus: Corpus, model: TwoStream
) -> None:
    measure = validation_auc(small_corpus, PAIRS)
    assert measure is not None
    found = pair_distances(model, small_corpus, small_corpus.select("validation"), PAIRS, rounds=1, workers=0)
    positive, easy, hard = (found.of_kind(kind).tolist() for kind in range(3))
    assert [len(positive), len(easy), len(hard)] == [3, 12, 3]  # three clips, two sounds each
    by_hand = 0.75 * chance_of_order(positive, easy) + 0.25 * chance_of_order(positive, hard)
    assert measure(model) == pytest.approx(by_hand)
    assert measure(model) == measure(model)


def test_clips_too_short_for_a_hard_pair_are_measured_by_easy_ones(small_corpus: Corpus, model: TwoStream) -> None:
    pairs = PairSettings(clip_seconds=2.0)  # two windows and a gap would need 4.5 s; the clips have 3
    measure = validation_auc(small_corpus, pairs)
    assert measure is not None
    found = pair_distances(model, small_corpus, small_corpus.select("validation"), pairs, rounds=1, workers=0)
    assert measure(model) == pytest.approx(chance_of_order(found.of_kind(0).tolist(), found.of_kind(1).tolist()))


@pytest.mark.parametrize("seconds", [3.5, 10.0])
def test_without_two_usable_clips_there_is_nothing_to_measure(small_corpus: Corpus, seconds: float) -> None:
    assert validation_auc(small_corpus, PairSettings(clip_seconds=seconds)) is None


def test_silence_is_an_error_that_says_how_to_train_without(small_corpus: Corpus, model: TwoStream) -> None:
    measure = validation_auc(small_corpus, PairSettings(silence_dbfs=0.0))
    assert measure is not None
    with pytest.raises(
        CorpusError,
        match=r"0 positive and 0 easy pair\(s\) .* in 3 validation .* 0 dBFS.* validate_every_epochs = 0",
    ):
        measure(model)


@pytest.mark.parametrize(("most", "used"), [(256, 3), (3, 3), (2, 2)])
def test_a_large_split_is_looked_at_in_part_from_its_begin_to_its_end(
    small_corpus: Corpus, model: TwoStream, monkeypatch: pytest.MonkeyPatch, most: int, used: int
) -> None:
    seen: list[list[str]] = []

    def spy(model: TwoStream, corpus: Corpus, clips: list, *rest: object, **options: object) -> PairDistances:  # type: ignore[type-arg]
        seen.append([clip.key for clip in clips])
        return pair_distances(model, corpus, clips, *rest, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(evaluate, "pair_distances", spy)
    monkeypatch.setattr(evaluate, "MOST_CLIPS", most)
    measure = validation_auc(small_corpus, PAIRS)
    assert measure is not None
    measure(model)
    keys = [clip.key for clip in small_corpus.select("validation")]
    assert VIDEOS["validation"] == 3
    assert seen == [keys if used == 3 else [keys[0], keys[2]]]
