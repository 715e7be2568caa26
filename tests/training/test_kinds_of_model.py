"""A fused, an un-normalised and a frozen model train, go on bit for bit, come back from disk and are evaluated."""

import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest
import torch

from avts.corpus.corpus import Corpus
from avts.errors import CheckpointError, UsageError
from avts.evaluation.evaluate import evaluate
from avts.model.checkpoint import load_model, read_header
from avts.settings import Recipe
from avts.training.trainer import Interrupted, Trainer
from fixtures_training import tiny_recipe

FUSED: dict[str, Any] = {"model": {"comparison": "fused", "fused_hidden": 16}, "loss": {"name": "bce"}}
OWN_LENGTH: dict[str, Any] = {"model": {"unit_vectors": False}}
FROZEN: dict[str, Any] = {**FUSED, "training": {"freeze_towers": True}}
INFO_NCE: dict[str, Any] = {"loss": {"name": "info_nce"}}
STILL: dict[str, Any] = {
    "model": {**FUSED["model"], "picture_input": "still", "head": "global"},
    "loss": FUSED["loss"],
}
PAIRS: dict[str, Any] = {
    "model": {**FUSED["model"], "unit_vectors": False},
    "loss": FUSED["loss"],
    "pairs": {"sampling": "pairs"},
}

PARTS: dict[str, Any] = {"pairs": {"parts": 2}}
SPANS_IN_PARTS: dict[str, Any] = {"pairs": {"sampling": "spans", "span_seconds": 1.5, "parts": 1}}


@pytest.fixture(autouse=True)
def alone(one_thread: None) -> None:
    """Every test here runs in one thread."""


@pytest.fixture(scope="module")
def first_run(small_corpus: Corpus, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished run of two unit vectors and their distance, to start others from."""
    run = tmp_path_factory.mktemp("first") / "contrastive"
    recipe = tiny_recipe(curriculum=[{"name": "easy", "epochs": 2}])
    Trainer(small_corpus, recipe, run, device="cpu", say=lambda _: None).train()
    return run


def trained(corpus: Corpus, run: Path, recipe: Recipe, start: Path | None) -> dict[str, torch.Tensor]:
    trainer = Trainer(corpus, recipe, run, device="cpu", start=start, say=lambda _: None)
    trainer.train()
    return {name: tensor.clone() for name, tensor in trainer.model.state_dict().items()}


def losses_of(run: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (run / "log.jsonl").read_text().splitlines()]


def interrupted_after_5(corpus: Corpus, run: Path, recipe: Recipe, start: Path | None) -> None:
    trainer = Trainer(corpus, recipe, run, device="cpu", start=start, say=lambda _: None)
    with pytest.raises(Interrupted):
        trainer.train(lambda done, _: os.kill(os.getpid(), signal.SIGTERM) if done == 5 else None)


@pytest.mark.parametrize(
    "changes",
    [FUSED, OWN_LENGTH, FROZEN, INFO_NCE, STILL, PAIRS, PARTS, SPANS_IN_PARTS],
    ids=["fused", "own length", "frozen", "info_nce", "still", "pair by pair", "parts", "spans in parts"],
)
def test_it_trains_goes_on_bit_for_bit_comes_back_and_is_evaluated(
    small_corpus: Corpus, tmp_path: Path, first_run: Path, changes: dict[str, Any]
) -> None:
    recipe = tiny_recipe(**changes)
    start = first_run if recipe.training.freeze_towers else None
    whole = trained(small_corpus, tmp_path / "whole", recipe, start)
    interrupted_after_5(small_corpus, tmp_path / "cut", recipe, start)
    resumed = Trainer(small_corpus, recipe, tmp_path / "cut", device="cpu", say=lambda _: None)
    assert resumed.resume() == 5
    resumed.train()
    assert all(torch.equal(tensor, whole[name]) for name, tensor in resumed.model.state_dict().items())
    assert losses_of(tmp_path / "cut") == losses_of(tmp_path / "whole")
    loaded = load_model(tmp_path / "whole")
    assert all(torch.equal(tensor, whole[name]) for name, tensor in loaded.state_dict().items())
    found = evaluate(loaded, small_corpus, recipe.pairs, rounds=2, workers=0)
    for figures in found["kinds"].values():
        assert 0 <= figures["auc"]["value"] <= 1
    json.dumps(found, allow_nan=False)


def test_frozen_towers_are_those_of_the_run_they_come_from(
    small_corpus: Corpus, tmp_path: Path, first_run: Path
) -> None:
    before = load_model(first_run).state_dict()
    after = trained(small_corpus, tmp_path / "run", tiny_recipe(**FROZEN), first_run)
    towers = [name for name in before if name.startswith(("video.", "audio."))]
    assert any("running_mean" in name for name in towers)
    assert all(torch.equal(after[name], before[name]) for name in towers)
    assert not torch.equal(after["video_head.mix.0.weight"], before["video_head.mix.0.weight"])
    assert read_header(tmp_path / "run")[1]["start"] == "contrastive"


def test_towers_that_are_not_frozen_learn_on(small_corpus: Corpus, tmp_path: Path, first_run: Path) -> None:
    before = load_model(first_run).state_dict()
    trainer = Trainer(small_corpus, tiny_recipe(**FUSED), tmp_path, device="cpu", start=first_run, say=lambda _: None)
    begun = trainer.model.state_dict()
    assert all(torch.equal(begun[name], tensor) for name, tensor in before.items())
    trainer.train()
    assert not torch.equal(trainer.model.state_dict()["video.stem.0.weight"], before["video.stem.0.weight"])


def test_a_start_is_told(small_corpus: Corpus, tmp_path: Path, first_run: Path) -> None:
    said: list[str] = []
    Trainer(small_corpus, tiny_recipe(**FUSED), tmp_path, device="cpu", start=first_run, say=said.append)
    assert f"start: the weights of {first_run} (its fused classifier is new)" in said
    Trainer(small_corpus, tiny_recipe(), tmp_path, device="cpu", start=first_run, say=said.append)
    assert f"start: the weights of {first_run}" in said


def test_random_towers_are_not_frozen(small_corpus: Corpus, tmp_path: Path) -> None:
    trainer = Trainer(small_corpus, tiny_recipe(**FROZEN), tmp_path / "run", device="cpu", say=lambda _: None)
    with pytest.raises(UsageError, match=r"freeze_towers needs trained towers; give a run .* with --start RUN"):
        trainer.train()
    assert not (tmp_path / "run").exists()


def test_a_start_with_other_networks_is_refused(small_corpus: Corpus, tmp_path: Path, first_run: Path) -> None:
    with pytest.raises(CheckpointError, match=r"has shape .*; the recipe makes it"):
        Trainer(small_corpus, tiny_recipe(model={"embedding": 16}), tmp_path, device="cpu", start=first_run, say=print)


def test_a_share_of_the_start_is_in_the_finished_model_after_a_resume_too(
    small_corpus: Corpus, tmp_path: Path, first_run: Path
) -> None:
    recipe, run = tiny_recipe(training={"start_share": 0.25}), tmp_path / "cut"
    interrupted_after_5(small_corpus, run, recipe, first_run)
    resumed = Trainer(small_corpus, recipe, run, device="cpu", say=lambda _: None)
    resumed.resume()
    resumed.train()
    begun, learned = load_model(first_run).state_dict(), resumed.model.state_dict()
    for name, weights in load_model(run).state_dict().items():
        if weights.is_floating_point():
            torch.testing.assert_close(weights, 0.25 * begun[name] + 0.75 * learned[name])
    assert not torch.equal(learned["video.stem.0.weight"], begun["video.stem.0.weight"])
    assert "0.25 of the weights at the start" in read_header(run)[1]["weights"]
    assert not (run / "checkpoints" / "start.safetensors").exists()


def test_a_share_of_the_start_needs_a_start(small_corpus: Corpus, tmp_path: Path) -> None:
    recipe = tiny_recipe(training={"start_share": 0.25})
    trainer = Trainer(small_corpus, recipe, tmp_path / "run", device="cpu", say=lambda _: None)
    with pytest.raises(UsageError, match=r"start_share needs weights to start from; name the run .* with --start RUN"):
        trainer.train()
