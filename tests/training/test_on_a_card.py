"""Training on a card, by a stand-in for one: nothing is on the wrong device, and the program waits when it has to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from avts.evaluation.validation import validation_auc

from avts.corpus.corpus import Corpus
from avts.errors import TrainingError
from avts.training import augment
from avts.training.trainer import Trainer
from fixtures_training import tiny_recipe
from pretend_card import CARD, OnCard, PretendCard, pretend_card

ALL_KINDS = [{"name": "all", "steps": 2, "easy": 0.5, "hard": 0.25, "super_hard": 0.25}]
EVERYTHING = {"frame_rate": 0.5, "inset": 0.5, "picture_noise": 0.1, "sound_colour": 0.5, "sound_behind": 0.5,
              "sound_noise": 0.5}  # fmt: skip
SPANS = {"sampling": "spans", "span_seconds": 2.5}
FUSED = {"model": {"comparison": "fused"}, "loss": {"name": "bce"}}
FORMS: dict[str, dict[str, Any]] = {
    "grid": {"augment": EVERYTHING},
    "pairs": {"pairs": {"sampling": "pairs"}},
    "spans": {"pairs": SPANS},
    "spans, InfoNCE, shares that adapt": {
        "pairs": SPANS,
        "loss": {"name": "info_nce", "weigh_by_shares": True},
        "curriculum": [ALL_KINDS[0] | {"shares": "adaptive"}],
    },
    "grid, InfoNCE": {"loss": {"name": "info_nce"}},
    "cross-entropy": FUSED,
    "own lengths": {"model": {"unit_vectors": False}},
    "colour, centred": {"model": {"picture_input": "rgb", "centre": True}},
    "still, global head": {"model": {"picture_input": "still", "head": "global"}},
    "another tower": {"model": {"video": "r2plus1d18", "head_steps": 3}},
    "batches added up, average, SGD": {
        "pairs": {"batch_size": 2},
        "training": {"accumulate_steps": 2, "ema_decay": 0.9},
        "optimizer": {"name": "sgd"},
    },
}


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch, one_thread: None) -> Iterator[PretendCard]:
    with pretend_card(monkeypatch) as mode:
        yield mode


def trainer_of(corpus: Corpus, run: Path, **tables: Any) -> Trainer:
    usual = {"curriculum": ALL_KINDS, "pairs": {"clip_seconds": 0.75, "hard_gap_seconds": 0.25}}
    recipe = tiny_recipe(**usual | tables)
    validate = validation_auc(corpus, recipe.pairs)
    return Trainer(corpus, recipe, run, device=str(CARD), say=lambda _: None, validate=validate)


@pytest.mark.filterwarnings("ignore:for .* copying from a non-meta parameter")
@pytest.mark.parametrize("form", FORMS)
def test_training_keeps_to_its_device(small_corpus: Corpus, tmp_path: Path, card: PretendCard, form: str) -> None:
    trainer = trainer_of(small_corpus, tmp_path, **FORMS[form])
    assert all(isinstance(weight, OnCard) for weight in trainer.model.state_dict().values())
    trainer.train()
    assert trainer.step == 2
    assert (tmp_path / "model.safetensors").is_file()


def test_a_tensor_made_on_the_wrong_device_fails_the_step(
    small_corpus: Corpus, tmp_path: Path, card: PretendCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def on_the_cpu(share: Any, part: float, rng: Any, like: Any) -> Any:
        return torch.from_numpy(rng.random((share.rows.total, 1)) < part)

    monkeypatch.setattr(augment, "_chosen", on_the_cpu)
    with pytest.raises(RuntimeError, match="found the card and the CPU"):
        trainer_of(small_corpus, tmp_path, augment=EVERYTHING).train()


class _Enough(Exception):
    """The steps that were wanted are made."""


def waits_of_steps(trainer: Trainer, card: PretendCard) -> list[int]:
    """How often each of the first three steps waited for the card; the third ends before the epoch does."""
    found: list[int] = []

    def on_progress(done: int, total: int) -> None:
        found.append(sum(card.waits.values()))
        card.waits.clear()
        if done == 3:
            raise _Enough

    card.waits.clear()
    card.places.clear()
    with pytest.raises(_Enough):
        trainer.train(on_progress)
    return found


UNLOGGED = {"training": {"log_every_steps": 3}, "pairs": {"batch_size": 2, "clip_seconds": 0.75}}
LONGER = [stage | {"steps": 8} for stage in ALL_KINDS]


@pytest.mark.parametrize("form", [name for name in FORMS if "batches added up" not in name])
def test_a_step_waits_for_the_card_once_if_it_is_logged_and_else_never(
    small_corpus: Corpus, tmp_path: Path, card: PretendCard, form: str
) -> None:
    tables = FORMS[form] | {"training": UNLOGGED["training"]}
    tables["pairs"] = UNLOGGED["pairs"] | FORMS[form].get("pairs", {})
    tables["curriculum"] = [stage | {"steps": 8} for stage in FORMS[form].get("curriculum", ALL_KINDS)]
    waits = waits_of_steps(trainer_of(small_corpus, tmp_path, **tables), card)
    adapts = "adapt" in form  # the shares of the next step need the errors of this one
    assert waits == ([1, 1, 1] if adapts else [1, 0, 0]), card.places


def test_a_number_that_is_read_in_a_step_is_counted(
    small_corpus: Corpus, tmp_path: Path, card: PretendCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    def looking(samples: Any, *rest: Any) -> Any:
        assert float(samples.square().mean()) >= 0
        return augment.augment_sounds(samples, *rest)

    monkeypatch.setattr("avts.training.step.augment_sounds", looking)
    trainer = trainer_of(small_corpus, tmp_path, **UNLOGGED, curriculum=LONGER)
    assert waits_of_steps(trainer, card) == [2, 1, 1]
    assert card.waits.keys() <= {"item", "to the CPU"}


def test_a_loss_that_is_not_finite_stops_a_run_on_a_card_at_the_next_logged_step(
    small_corpus: Corpus, tmp_path: Path, card: PretendCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = trainer_of(small_corpus, tmp_path, **UNLOGGED, curriculum=LONGER)
    augmented, made = trainer.stepper._augmented, []

    def broken(batch: Any, number: int) -> Any:
        made.append(number)
        planes, samples = augmented(batch, number)
        return planes, samples * float("nan") if number == 1 else samples

    monkeypatch.setattr(trainer.stepper, "_augmented", broken)
    with pytest.raises(TrainingError, match=r"^step 1: the contrastive loss is nan \(distances of positive, easy"):
        trainer.train()
    assert made[-1] == 3  # logged, and the end of the epoch
    assert not list((tmp_path / "checkpoints").glob("*"))


@pytest.mark.filterwarnings("ignore:for .* copying from a non-meta parameter")
def test_a_run_on_a_card_goes_on_from_its_checkpoint(small_corpus: Corpus, tmp_path: Path, card: PretendCard) -> None:
    tables = {"training": {"checkpoint_every_steps": 2, "ema_decay": 0.9}, "curriculum": [ALL_KINDS[0] | {"steps": 4}]}
    whole = trainer_of(small_corpus, tmp_path, **tables)
    whole.train()
    again = trainer_of(small_corpus, tmp_path, **tables)
    assert again.resume() == 2
    assert all(isinstance(slot["exp_avg"], OnCard) for slot in again.stepper.optimizer.state.values())
    again.train()
    assert again.average is not None
    assert whole.average is not None
    for mine, its in zip(again.average.model.parameters(), whole.average.model.parameters(), strict=True):
        assert torch.equal(mine.cpu(), its.cpu())
