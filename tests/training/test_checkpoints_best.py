"""The best model of a run: better is kept, worse is not, and a kill never leaves the run without one."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from avts.corpus.corpus import Corpus
from avts.model.checkpoint import build_model, load_model, read_header
from avts.model.two_stream import TwoStream
from avts.settings import Recipe
from avts.training.checkpoints import LOSS, VALIDATION, Score, best_folder, best_score, forget_best, keep_best
from avts.training.checks import start_run
from avts.training.trainer import Trainer
from fixtures_training import tiny_recipe

RECIPE = tiny_recipe()


@pytest.fixture(scope="module")
def model() -> TwoStream:
    return build_model(RECIPE.model)


@pytest.fixture(autouse=True)
def alone(one_thread: None) -> None:
    """Every test here runs in one thread."""


def trainer_of(corpus: Corpus, run: Path, validate: Any = None, recipe: Recipe = RECIPE) -> Trainer:
    return Trainer(corpus, recipe, run, device="cpu", say=lambda _: None, validate=validate)


def log_of(run: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]


def loss(value: float, step: int = 1, stage: int = 0) -> Score:
    return Score(LOSS, value, step, stage)


def validation(value: float, step: int = 1, stage: int = 0) -> Score:
    return Score(VALIDATION, value, step, stage)


@pytest.mark.parametrize(
    ("new", "old", "better"),
    [
        (loss(0.3), None, True),
        (loss(0.3), loss(0.4), True),
        (loss(0.4), loss(0.3), False),
        (loss(0.3), loss(0.3), False),
        (loss(0.9, stage=1), loss(0.3), True),  # losses of two stages cannot be compared: the later one is better
        (loss(0.1), loss(0.3, stage=1), False),
        (validation(0.8), validation(0.7), True),
        (validation(0.7), validation(0.8), False),
        (validation(0.7, stage=1), validation(0.8), False),
        (validation(0.5), loss(0.1), True),  # what it is measured by has changed
    ],
)
def test_more_validation_auc_or_less_loss_within_a_stage_is_better(new: Score, old: Score | None, better: bool) -> None:
    assert new.beats(old) == better


def test_the_better_takes_the_place_of_the_best_and_the_worse_does_not(tmp_path: Path, model: TwoStream) -> None:
    assert best_folder(tmp_path) is None
    assert best_score(tmp_path) is None
    kept = [
        keep_best(tmp_path, model, RECIPE, {"step": step}, validation(value, step))
        for step, value in ((8, 0.6), (16, 0.5), (1_000_000, 0.7), (1_000_008, 0.65))
    ]
    assert kept == [True, False, True, False]
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["best-1000000"]
    assert best_score(tmp_path) == validation(0.7, 1_000_000)


def test_it_is_a_model_that_says_what_it_is_best_by(tmp_path: Path, model: TwoStream) -> None:
    keep_best(tmp_path, model, RECIPE, {"step": 8}, validation(0.6, 8, 1))
    folder = best_folder(tmp_path)
    assert folder is not None
    assert load_model(folder).state_dict().keys() == model.state_dict().keys()
    by = "validation AUC, 75 % easy and 25 % hard negatives"
    assert read_header(folder)[1] == {"step": 8, "best": {"by": by, "value": 0.6, "step": 8, "stage": 1}}


def test_a_kill_between_the_new_one_and_the_removal_of_the_old_leaves_both(
    tmp_path: Path, model: TwoStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_best(tmp_path, model, RECIPE, {}, validation(0.6, 8))

    def die(path: Path, *_: Any, **__: Any) -> None:
        if path.suffix != ".partial":
            raise MemoryError

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", die)
        with pytest.raises(MemoryError):
            keep_best(tmp_path, model, RECIPE, {}, validation(0.7, 16))
    assert best_score(tmp_path) == validation(0.7, 16)
    assert keep_best(tmp_path, model, RECIPE, {}, validation(0.8, 24))
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["best-000024"]


def test_a_write_that_fails_leaves_the_best_as_it_was(
    tmp_path: Path, model: TwoStream, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_best(tmp_path, model, RECIPE, {}, validation(0.6, 8))

    def full(*_: Any) -> None:
        raise OSError("No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr("avts.training.checkpoints.save_model", full)
        with pytest.raises(OSError, match="No space"):
            keep_best(tmp_path, model, RECIPE, {}, validation(0.7, 16))
    assert best_score(tmp_path) == validation(0.6, 8)


@pytest.mark.parametrize("content", ["{", "[]", "{}", json.dumps({"progress": {"best": {"by": 1}}}), None])
def test_a_damaged_best_is_none_and_is_replaced(tmp_path: Path, model: TwoStream, content: str | None) -> None:
    keep_best(tmp_path, model, RECIPE, {}, validation(0.6, 8))
    path = tmp_path / "checkpoints" / "best-000008" / "model.json"
    path.unlink() if content is None else path.write_text(content)
    assert best_score(tmp_path) is None
    assert keep_best(tmp_path, model, RECIPE, {}, validation(0.1, 8))
    assert best_score(tmp_path) == validation(0.1, 8)


def test_it_is_forgotten_when_a_run_begins_anew(tmp_path: Path, model: TwoStream) -> None:
    keep_best(tmp_path, model, RECIPE, {}, loss(0.6, 8))
    (tmp_path / "checkpoints" / "best-000009.partial").mkdir()
    forget_best(tmp_path)
    assert not list((tmp_path / "checkpoints").iterdir())
    forget_best(tmp_path / "never")


def test_the_best_model_is_the_one_that_validation_says(small_corpus: Corpus, tmp_path: Path) -> None:
    values = iter([0.6, 0.9, 0.7, 0.8])
    seen: list[tuple[int, bool, dict[str, torch.Tensor]]] = []

    def validate(model: TwoStream) -> float:
        seen.append((trainer.step, model.training, {k: v.clone() for k, v in model.state_dict().items()}))
        return next(values)

    trainer = trainer_of(small_corpus, tmp_path, validate)
    trainer.train()
    assert [(step, training) for step, training, _ in seen] == [(2, False), (4, False), (6, False), (8, False)]
    assert trainer.model.training
    best = best_folder(tmp_path)
    assert best is not None
    assert best.name == "best-000004"
    found = load_model(best).state_dict()
    assert all(torch.equal(found[name], value) for name, value in seen[1][2].items())
    told = {"by": VALIDATION, "value": 0.9, "step": 4, "stage": 0}
    assert read_header(best)[1]["best"] == read_header(tmp_path)[1]["best"] == told
    assert read_header(tmp_path)[1]["weights"] == "of the last step"
    assert {row["step"]: row["validation_auc"] for row in log_of(tmp_path) if "validation_auc" in row} == {
        1: 0.6, 3: 0.9, 5: 0.7, 7: 0.8,
    }  # fmt: skip


@pytest.mark.parametrize(("every", "expected"), [(2, [4, 8]), (3, [6, 8]), (0, [])])
def test_validation_comes_every_so_many_epochs_and_at_the_end(
    small_corpus: Corpus, tmp_path: Path, every: int, expected: list[int]
) -> None:
    asked: list[int] = []
    recipe = tiny_recipe(training={"validate_every_epochs": every, "log_every_steps": 100})
    trainer = trainer_of(small_corpus, tmp_path, lambda _: float(asked.append(trainer.step) or 0.5), recipe)
    trainer.train()
    assert asked == expected
    assert [row["step"] for row in log_of(tmp_path)] == sorted({0, 7, *(step - 1 for step in expected)})


def test_without_validation_the_best_is_of_the_epoch_with_the_least_loss_in_the_last_stage(
    small_corpus: Corpus, tmp_path: Path
) -> None:
    trainer_of(small_corpus, tmp_path).train()
    losses = [row["loss"] for row in log_of(tmp_path)]
    epochs = [(losses[2 * epoch] + losses[2 * epoch + 1]) / 2 for epoch in range(4)]
    least = min((2, 3), key=lambda epoch: epochs[epoch])  # epochs 2 and 3 are the last stage's
    score = best_score(tmp_path)
    assert score is not None
    assert (score.by, score.step, score.stage) == (LOSS, 2 * least + 2, 1)
    assert score.value == pytest.approx(epochs[least])


def test_a_run_that_begins_anew_does_not_keep_the_best_of_the_one_before(small_corpus: Corpus, tmp_path: Path) -> None:
    def die_after_3(done: int, _: int) -> None:
        if done == 3:
            raise MemoryError

    with pytest.raises(MemoryError):
        trainer_of(small_corpus, tmp_path, lambda _: 1.0).train(die_after_3)
    assert best_score(tmp_path) is not None
    start_run(tmp_path, resume=False)
    trainer_of(small_corpus, tmp_path, lambda _: 0.5).train()
    score = best_score(tmp_path)
    assert score is not None
    assert score.value == 0.5
