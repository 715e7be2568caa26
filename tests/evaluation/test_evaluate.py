"""The evaluation's own plan gives nothing away, its figures are of the test videos, and it says what it lacks."""

import json
from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch

from avts.corpus.corpus import Corpus
from avts.errors import CorpusError
from avts.evaluation.evaluate import _EvaluationPlan, evaluate, pair_distances, summary
from avts.evaluation.scores import PairDistances, auc
from avts.model.checkpoint import build_model
from avts.model.two_stream import TwoStream
from avts.pairs.negatives import EASY, HARD, POSITIVE, SUPER_HARD, Window
from avts.settings import PairSettings
from avts.timebase import Span
from fixtures_training import VIDEOS, tiny_recipe

PAIRS = PairSettings()


@pytest.fixture(autouse=True)
def alone(one_thread: None) -> None:
    """Every test here runs in one thread."""


@pytest.fixture(scope="module")
def model() -> TwoStream:
    torch.manual_seed(0)
    built = build_model(tiny_recipe().model).eval()
    built.low_precision = False
    return built


def one_sided(side: str, within: int, duration: float, clips: int = 64, rounds: int = 40) -> PairDistances:
    """Distances of a 'model' that looks at one side only: any function of the clip and the time will do."""
    plan = _EvaluationPlan((duration,) * clips, 1.0, 0.5, within)
    taste = np.random.default_rng(3).uniform(size=(clips, round(duration * 24) + 1))
    rows = []
    for step in range(rounds * plan.steps_per_round):
        found = plan(step)
        for picture, sound, kind in found.pairs:
            window = found.pictures[picture] if side == "picture" else found.sounds[sound]
            edge = abs(window.start_seconds - (duration - 1) / 2)  # hard pairs come from the ends more often
            own = taste[window.clip, round(window.start_seconds * 24)]
            rows.append((0.1 * own + edge / duration, kind, found.pictures[picture].clip))
    distances, kinds, owners = (np.array(column) for column in zip(*rows, strict=True))
    return PairDistances(distances.astype(float), kinds.astype(np.int64), owners.astype(np.int64))


@pytest.mark.parametrize("side", ["picture", "sound"])
@pytest.mark.parametrize("duration", [3.0, 6.0])
@pytest.mark.parametrize("within", [HARD, SUPER_HARD])
def test_a_model_that_looks_at_one_side_only_is_at_chance(side: str, within: int, duration: float) -> None:
    pairs = one_sided(side, within, duration)
    for kind in (within, EASY):
        assert auc(pairs, {kind: 1.0}) == pytest.approx(0.5, abs=0.02), kind


@pytest.mark.parametrize("within", [HARD, SUPER_HARD])
def test_every_clip_is_there_once_a_round(within: int) -> None:
    plan = _EvaluationPlan((6.0,) * 70, 1.0, 0.5, within)
    assert plan.steps_per_round == 2
    for turn in range(3):
        steps = [plan(turn * 2 + place) for place in range(2)]
        assert sorted(window.clip for found in steps for window in found.pictures) == list(range(70))
        kinds = Counter(kind for found in steps for *_, kind in found.pairs)
        assert kinds == {POSITIVE: 70, within: 70, EASY: 2 * (35 * 70 - 70)}


def test_windows_are_the_same_for_every_model() -> None:
    first, second = (_EvaluationPlan((6.0,) * 8, 1.0, 0.5) for _ in range(2))
    assert [first(step) for step in range(4)] == [second(step) for step in (0, 1, 2, 3)]
    assert first(0) != first(2)


def test_distances_are_those_of_the_pairs_encoded_one_by_one(small_corpus: Corpus, model: TwoStream) -> None:
    clips = small_corpus.select("test")
    seen: list[tuple[int, int]] = []
    found = pair_distances(
        model, small_corpus, clips, PAIRS, rounds=2, workers=0, on_progress=lambda *done: seen.append(done)
    )
    assert seen == [(1, 2), (2, 2)]
    plan = _EvaluationPlan(tuple(clip.duration_seconds for clip in clips), 1.0, 0.5)
    expected, owners = [], []
    for step in range(2):
        pictures = [embedded(model, small_corpus, clips, window, "picture") for window in plan(step).pictures]
        sounds = [embedded(model, small_corpus, clips, window, "sound") for window in plan(step).sounds]
        expected += [float((pictures[row] - sounds[column]).norm() / 2) for row, column, _ in plan(step).pairs]
        owners += [plan(step).pictures[row].clip for row, _, _ in plan(step).pairs]
    assert len({clip.width for clip in clips}) == 1, "of one size, or the batch would be cut"
    np.testing.assert_allclose(found.distances, expected, atol=1e-4)
    assert found.clips.tolist() == owners


def embedded(model: TwoStream, corpus: Corpus, clips: Any, window: Window, side: str) -> torch.Tensor:
    """One window by itself."""
    span = Span(window.start_seconds, window.start_seconds + 1.0)
    with torch.no_grad():
        if side == "picture":
            return model.embed_pictures(torch.from_numpy(corpus.frames(clips[window.clip], span).y)[None])[0]
        return model.embed_sounds(torch.from_numpy(corpus.sound(clips[window.clip], span))[None])[0]


def test_evaluation_names_every_figure_and_is_plain_json(small_corpus: Corpus, model: TwoStream) -> None:
    found = evaluate(model, small_corpus, PAIRS, rounds=2, workers=0)
    assert set(found) == {"threshold", "kinds", "num_pairs", "distances", "by_label", "sound_within_share"}
    assert 0 <= found["sound_within_share"] <= 1.5
    assert list(found["kinds"]) == ["easy", "mixed", "hard", "super_hard"]
    for figures in found["kinds"].values():
        for name in ("auc", "accuracy"):
            assert 0 <= figures[name]["low"] <= figures[name]["value"] <= figures[name]["high"] <= 1
    assert found["num_pairs"]["positive"] == found["num_pairs"]["super_hard"] == VIDEOS["test"]
    assert {name: len(rows) for name, rows in found["distances"].items()} == found["num_pairs"]
    json.dumps(found, allow_nan=False)


def test_one_round_has_no_super_hard_pairs_and_says_null(small_corpus: Corpus, model: TwoStream) -> None:
    found = evaluate(model, small_corpus, PAIRS, rounds=1, workers=0)
    assert found["num_pairs"]["super_hard"] == 0
    assert found["kinds"]["super_hard"]["auc"] == {"value": None, "low": None, "high": None}
    assert found["kinds"]["hard"]["auc"]["value"] is not None
    json.dumps(found, allow_nan=False)


def test_threshold_comes_from_validation_and_figures_from_test(
    small_corpus: Corpus, model: TwoStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def distances(_: Any, __: Any, clips: Any, ___: Any, *, within: int, rounds: int, **____: Any) -> PairDistances:
        split = clips[0].split
        asked.append((split, within, rounds))
        near, far = (0.1, 0.2) if split == "validation" else (0.3, 0.9)
        return PairDistances(np.array([near, far, far]), np.array([POSITIVE, EASY, within]), np.array([0, 0, 0]))

    monkeypatch.setattr("avts.evaluation.evaluate.pair_distances", distances)
    found = evaluate(model, small_corpus, PAIRS, rounds=5)
    assert asked == [("validation", HARD, 5), ("test", HARD, 3), ("test", SUPER_HARD, 2)]
    assert found["threshold"] == pytest.approx(0.15)
    assert found["kinds"]["easy"]["accuracy"]["value"] == 0.5, "0.3 is above the threshold"
    assert found["kinds"]["easy"]["auc"]["value"] == 1.0


def test_figures_of_a_label_are_of_its_clips() -> None:
    pairs = PairDistances(
        np.array([0.1, 0.9, 0.8, 0.2, 0.5]), np.array([POSITIVE, EASY, POSITIVE, EASY, HARD]), np.array([0, 0, 1, 1, 1])
    )
    none = pairs.of_clips(np.array([9]))
    found = summary(pairs, none, 0.5, ["ball", "dog"])
    assert found["by_label"] == {
        "ball": {"auc_easy": 1.0, "auc_hard": None},
        "dog": {"auc_easy": 0.0, "auc_hard": 0.0},
    }
    assert summary(pairs, none, 0.5, ["ball", None])["by_label"].keys() == {"ball"}


@pytest.mark.parametrize("split", ["validation", "test"])
def test_too_few_videos_in_a_split_are_told_with_their_number(
    small_corpus: Corpus, model: TwoStream, monkeypatch: pytest.MonkeyPatch, split: str
) -> None:
    select = Corpus.select
    monkeypatch.setattr(Corpus, "select", lambda c, s: select(c, s)[: 1 if s == split else None])
    with pytest.raises(CorpusError, match=rf"c: 1 usable {split} clip\(s\) of at least 1 s; .* folder '{split}'"):
        evaluate(model, small_corpus, PAIRS, workers=0)


def test_nothing_but_silence_is_told(small_corpus: Corpus, model: TwoStream) -> None:
    with pytest.raises(CorpusError, match=r"c: 0 usable pair\(s\) in 3 validation clips: .* below 0 dBFS"):
        evaluate(model, small_corpus, PairSettings(silence_dbfs=0.0), workers=0)
