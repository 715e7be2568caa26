"""One step: its gradient is the mean of its batches', whoever is asked to add them up."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from avts.corpus.corpus import Corpus
from avts.errors import TrainingError
from avts.pairs.loader import Batch
from avts.settings import Recipe
from avts.training import objective
from avts.training.figures import read
from avts.training.optimizer import make_optimizer
from avts.training.trainer import Trainer
from fixtures_training import tiny_recipe

STILL = {"name": "sgd", "momentum": 0.0, "weight_decay": 0.0}


@pytest.fixture(autouse=True)
def alone(one_thread: None) -> None:
    """Every test here runs in one thread."""


def trainer_of(corpus: Corpus, run: Path, **tables: Any) -> Trainer:
    recipe: Recipe = tiny_recipe(optimizer=STILL, **tables)
    trainer = Trainer(corpus, recipe, run, device="cpu", say=lambda _: None)
    trainer.model.train()
    return trainer


def gradients(trainer: Trainer) -> dict[str, torch.Tensor]:
    return {name: p.grad.clone() for name, p in trainer.model.named_parameters() if p.grad is not None}


def make(trainer: Trainer, batches: Iterator[Batch], step: int = 0) -> Any:
    return trainer.stepper.make(step, batches, trainer.curriculum.stage_at(step)[1], 1e-9)


def test_the_gradient_of_a_step_is_the_mean_of_its_batches_gradients(small_corpus: Corpus, tmp_path: Path) -> None:
    together = trainer_of(small_corpus, tmp_path, pairs={"batch_size": 2}, training={"accumulate_steps": 4})
    batches = list(together._batches())
    whole = make(together, iter(batches))
    # one by one, as four steps of a run without accumulation; the weights hardly move in between
    single = trainer_of(small_corpus, tmp_path, pairs={"batch_size": 2})
    alone, found = [], []
    for step in range(4):
        alone.append(make(single, iter(batches[step : step + 1]), step))
        found.append(gradients(single))
    assert float(whole.made.loss) == pytest.approx(sum(float(each.made.loss) for each in alone) / 4, rel=1e-5)
    for name, gradient in gradients(together).items():
        mean = sum(each[name] for each in found) / 4
        torch.testing.assert_close(gradient, mean, rtol=1e-3, atol=1e-5 * float(mean.abs().max()) + 1e-9)
    norm = torch.cat([gradient.flatten() for gradient in gradients(together).values()]).norm()
    assert read([whole.row])[0][0].gradient_norm == pytest.approx(float(norm), rel=1e-5)
    times = together.timer.run
    assert (times.steps, times.decode) == (1, pytest.approx(sum(batch.decode_seconds for batch in batches[:4])))
    assert min(times.parts["forward"], times.parts["backward"], times.parts["update"], times.decode) > 0


def test_a_default_of_the_launcher_does_not_add_up_a_second_time(
    small_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for count in ("1", "5"):
        monkeypatch.setenv("ACCELERATE_GRADIENT_ACCUMULATION_STEPS", count)
        trainer = trainer_of(small_corpus, tmp_path)
        make(trainer, trainer._batches())
        found.append(gradients(trainer))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])


@pytest.mark.parametrize("bad", [0, 1])
def test_a_batch_that_is_not_finite_stops_a_step_of_several(
    small_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bad: int
) -> None:
    trainer = trainer_of(small_corpus, tmp_path, training={"accumulate_steps": 2})
    before = {name: value.clone() for name, value in trainer.model.named_parameters()}
    loss_of, calls = objective.contrastive_loss, iter(range(2))

    def broken(*arguments: Any, **options: Any) -> torch.Tensor:
        return loss_of(*arguments, **options) * (float("inf") if next(calls) == bad else 1)

    monkeypatch.setattr(objective, "contrastive_loss", broken)
    told = r"step 0: the contrastive loss is inf \(all distances are finite\)\. Last good checkpoint: none\."
    with pytest.raises(TrainingError, match=told):
        trainer.train()
    assert all(torch.equal(value, before[name]) for name, value in trainer.model.named_parameters())
    assert not (tmp_path / "model.json").exists()


@pytest.mark.parametrize(("name", "kind"), [("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)])
def test_batch_norm_and_biases_are_not_decayed(name: str, kind: type) -> None:
    net = torch.nn.Sequential(torch.nn.Conv3d(3, 4, 3), torch.nn.BatchNorm3d(4), torch.nn.Linear(4, 2))
    optimizer = make_optimizer(net, tiny_recipe(optimizer={"name": name, "weight_decay": 0.05}).optimizer)
    assert isinstance(optimizer, kind)
    decayed, kept = optimizer.param_groups
    assert (decayed["weight_decay"], kept["weight_decay"]) == (0.05, 0.0)
    assert [tuple(p.shape) for p in decayed["params"]] == [(4, 3, 3, 3, 3), (2, 4)]
    assert [tuple(p.shape) for p in kept["params"]] == [(4,), (4,), (4,), (2,)]
