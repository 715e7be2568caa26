"""One batch to zero: it is told whether a recipe and a corpus can learn at all."""

from pathlib import Path
from typing import Any

import pytest

from avts.corpus.corpus import Corpus
from avts.errors import CorpusError
from avts.settings import Recipe
from avts.training import overfit as bounds
from avts.training.diagnosis.causes import Reason
from avts.training.overfit import Bounds, Overfitting, overfit
from fixtures_training import tiny_recipe

FAST = {"optimizer": {"learning_rate": 3e-3, "warmup_steps": 500, "schedule": "cosine"}}


@pytest.fixture(autouse=True)
def alone(one_thread: None) -> None:
    """Every test here runs in one thread."""


def run(corpus: Corpus, recipe: Recipe, steps: int, **options: Any) -> Overfitting:
    return overfit(corpus, recipe, steps=steps, device="cpu", say=lambda _: None, **options)


def test_a_batch_is_learned_to_near_the_least_that_is_possible_and_nothing_is_written(
    small_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    seen: list[tuple[int, int]] = []
    recipe = tiny_recipe(**FAST, augment={"picture_noise": 1.0, "sound_noise": 1.0})  # augmentation is left out
    found = run(small_corpus, recipe, 300, on_progress=lambda done, total: seen.append((done, total)))
    assert found.learned
    assert found.losses[0] > 0.24
    assert found.losses[-1] <= found.target < min(found.losses[:-1])  # it stops there
    assert seen == [(step, 300) for step in range(1, len(found.losses) + 1)]
    assert (found.videos, found.stage_name, found.reasons) == (4, "easy", [])
    (easy,) = found.partings
    assert easy.gap > 0.5
    assert not list(tmp_path.iterdir())


def test_a_batch_that_is_not_learned_is_told_with_what_was_measured(small_corpus: Corpus) -> None:
    recipe = tiny_recipe(optimizer={"learning_rate": 1e-9})
    in_step = Reason("misaligned corpus", False, "in step")
    found = run(small_corpus, recipe, 6, check_corpus=lambda: in_step)
    assert not found.learned
    assert not found.still_falls
    assert len(found.losses) == 6
    assert found.reasons[-1] == in_step
    assert [reason.name for reason in found.reasons if reason.likely] == ["learning rate"]


@pytest.mark.parametrize(
    "tables",
    [
        {"pairs": {"sampling": "pairs"}},
        {"pairs": {"sampling": "spans", "span_seconds": 2.0}},
        {"pairs": {"sampling": "spans", "span_seconds": 2.0}, "loss": {"name": "info_nce"}},
        {"model": {"unit_vectors": False}},
        {"model": {"comparison": "fused"}, "loss": {"name": "bce"}},
        {"model": {"picture_input": "rgb", "head": "global"}, "loss": {"name": "info_nce"}},
    ],
)
def test_every_sampling_and_loss_can_be_tried(
    small_corpus: Corpus, tables: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bounds, "DESCENT_STEPS", 20)
    found = run(small_corpus, tiny_recipe(**tables), 3)
    assert len(found.losses) == 3
    assert 0 <= found.bounds.least < found.bounds.blind
    assert [reason.name for reason in found.reasons] == [
        "silent data", "still pictures", "collapsed picture embeddings", "collapsed sound embeddings", "learning rate",
    ]  # fmt: skip


def test_a_silent_batch_is_an_error_not_a_loss_of_zero(small_corpus: Corpus) -> None:
    with pytest.raises(CorpusError, match=r"no pair of a batch of 4 videos is usable: .* louder than 0 dBFS"):
        run(small_corpus, tiny_recipe(pairs={"silence_dbfs": 0.0}), 2)


def test_falling_losses_are_told_from_those_that_stay() -> None:
    def still_falls(losses: list[float]) -> bool:
        return Overfitting(losses, Bounds(0.05, 0.25), 10, 4, "easy", [], [], 1.0).still_falls

    assert still_falls([0.3 - 0.01 * step for step in range(10)])
    assert not still_falls([0.3] * 10)
    assert not still_falls([0.3 - 0.01 * step for step in range(5)] + [0.25] * 15)
    assert not still_falls([0.3])
