"""Stages whose length is given in steps: the log, the schedule, and that a resumed run ends with the same bits."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from avts.corpus.corpus import Corpus
from avts.settings import Recipe
from avts.training.checkpoints import best_score, checkpoints
from avts.training.trainer import Trainer
from fixtures_training import tiny_recipe

STAGES = [{"name": "a", "steps": 3}, {"name": "b", "steps": 5, "easy": 0.75, "hard": 0.25}]


def recipe_of(schedule: str) -> Recipe:
    training = {"checkpoint_every_steps": 1, "keep_checkpoints": 9}
    optimizer = {"schedule": schedule, "plateau_epochs": 1}
    return tiny_recipe(curriculum=STAGES, optimizer=optimizer, training=training)


def rows_of(run: Path) -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    return [{key: row[key] for key in ("step", "stage_name", "loss", "learning_rate")} for row in rows]


@pytest.mark.parametrize("schedule", ["plateau", "cosine"])
@pytest.mark.parametrize("step", [3, 4])  # the end of a stage within an epoch, and the middle of the next
def test_a_run_of_steps_goes_on_from_any_step_to_the_same_bits(
    small_corpus: Corpus, tmp_path: Path, one_thread: None, schedule: str, step: int
) -> None:
    whole, again, recipe = tmp_path / "whole", tmp_path / "again", recipe_of(schedule)
    Trainer(small_corpus, recipe, whole, device="cpu", say=lambda _: None).train()
    rows = rows_of(whole)
    assert [row["stage_name"] for row in rows] == [*"aaa", *"bbbbb"]
    if schedule == "cosine":
        assert rows[4]["learning_rate"] == pytest.approx(0.5e-3), "half way through 8 steps"
    (state,) = (path for path in checkpoints(whole) if path.name == f"step-{step:06d}")
    shutil.copytree(state, again / "checkpoints" / state.name)
    shutil.copy(whole / "log.jsonl", again)
    trainer = Trainer(small_corpus, recipe, again, device="cpu", say=lambda _: None)
    assert trainer.resume() == step
    trainer.train()
    assert rows_of(again) == rows
    one, other = (load_file(run / "model.safetensors") for run in (whole, again))
    assert all((one[name] == other[name]).all() for name in one)


def test_the_best_model_is_looked_for_at_the_end_of_a_stage_too(
    small_corpus: Corpus, tmp_path: Path, one_thread: None
) -> None:
    recipe = tiny_recipe(curriculum=[{"name": "short", "steps": 1}])  # an epoch has 2
    Trainer(small_corpus, recipe, tmp_path, device="cpu", say=lambda _: None).train()
    best = best_score(tmp_path)
    assert best is not None
    assert best.step == 1
