"""A branched run ends with the bits of one that made all of its steps itself."""

from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from avts.corpus.corpus import Corpus
from avts.errors import UsageError
from avts.settings import Recipe
from avts.training.checkpoints import begin_branch, branch, checkpoints, shared_steps
from avts.training.trainer import Trainer
from fixtures_training import tiny_recipe

EASY, MIXED, HARD = {"easy": 1.0}, {"easy": 0.75, "hard": 0.25}, {"easy": 0.0, "hard": 1.0}


def stages(*told: tuple[int, dict[str, float]]) -> list[dict[str, Any]]:
    return [{"name": f"stage {n}", "epochs": epochs, **shares} for n, (epochs, shares) in enumerate(told)]


def recipe_of(*told: tuple[int, dict[str, float]], **tables: Any) -> Recipe:
    return tiny_recipe(curriculum=stages(*told), training={"checkpoint_every_steps": 2}, **tables)


def train(corpus: Corpus, run: Path, recipe: Recipe) -> None:
    trainer = Trainer(corpus, recipe, run, device="cpu", say=lambda _: None)
    if checkpoints(run):
        trainer.resume()
    trainer.train()


@pytest.mark.parametrize("schedule", ["plateau", "cosine"])
def test_a_branched_run_has_the_weights_and_losses_of_a_whole_one(
    small_corpus: Corpus, tmp_path: Path, one_thread: None, schedule: str
) -> None:
    optimizer = {"schedule": schedule}
    first = recipe_of((2, EASY), (2, HARD), optimizer=optimizer)
    second = recipe_of((2, EASY), (2, MIXED), optimizer=optimizer)
    train(small_corpus, tmp_path / "first", first)
    train(small_corpus, tmp_path / "whole", second)
    assert branch(tmp_path / "first", tmp_path / "branched", second) == 4  # 2 epochs of 8 clips in batches of 4
    train(small_corpus, tmp_path / "branched", second)
    whole, branched = (load_file(tmp_path / name / "model.safetensors") for name in ("whole", "branched"))
    assert all((whole[name] == branched[name]).all() for name in whole)
    other = load_file(tmp_path / "first" / "model.safetensors")
    assert any((whole[name] != other[name]).any() for name in whole)


def test_a_source_that_has_nothing_in_common_gives_nothing(small_corpus: Corpus, tmp_path: Path) -> None:
    train(small_corpus, tmp_path / "hard", recipe_of((4, HARD)))
    assert branch(tmp_path / "hard", tmp_path / "new", recipe_of((4, EASY))) == 0
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("one", "other", "tables", "expected"),
    [
        ([(5, EASY), (4, MIXED)], [(5, EASY), (4, HARD)], {}, 10),  # 2 steps an epoch
        ([(9, EASY)], [(5, EASY), (4, HARD)], {}, 10),
        ([(9, EASY)], [(5, EASY), (4, EASY)], {}, 18),
        ([(9, EASY)], [(5, EASY), (4, HARD)], {"optimizer": {"schedule": "plateau"}}, 9),
        ([(9, EASY)], [(5, EASY), (5, HARD)], {}, 0),
        ([(9, EASY)], [(5, EASY), (5, HARD)], {"optimizer": {"schedule": "constant"}}, 10),
        ([(9, MIXED)], [(9, EASY)], {}, 0),
    ],
)
def test_recipes_share_the_steps_before_stage_or_schedule_part(
    one: Any, other: Any, tables: dict[str, Any], expected: int
) -> None:
    tables = tables or {"optimizer": {"schedule": "cosine"}}
    assert shared_steps(recipe_of(*one, **tables), recipe_of(*other, **tables), 8) == expected


def test_a_stage_of_steps_is_the_same_as_one_of_as_many_epochs() -> None:
    tables: dict[str, Any] = {"optimizer": {"schedule": "cosine"}, "training": {"checkpoint_every_steps": 2}}
    steps = [{"name": "a", "steps": 10}, {"name": "b", "steps": 8, "easy": 0.0, "hard": 1.0}]
    by_steps, by_epochs = (
        tiny_recipe(curriculum=steps, **tables),
        recipe_of((5, EASY), (4, HARD), **tables_of("cosine")),
    )
    assert shared_steps(by_steps, by_epochs, 8) == 18
    assert shared_steps(by_steps, by_epochs, 40) == 0, "other clips, other lengths: the cosine is another one"


def tables_of(schedule: str) -> dict[str, Any]:
    return {"optimizer": {"schedule": schedule}}


def test_another_seed_shares_nothing() -> None:
    recipe = recipe_of((4, EASY))
    assert shared_steps(recipe, recipe.with_seed(1), 8) == 0


def test_asked_for_a_branch_nothing_in_common_and_a_run_of_its_own_are_refused(
    small_corpus: Corpus, tmp_path: Path
) -> None:
    train(small_corpus, tmp_path / "hard", recipe_of((4, HARD)))
    with pytest.raises(
        UsageError, match=r"none of its 2 checkpoint\(s\) is from before its recipe and this one diverge"
    ):
        begin_branch(tmp_path / "hard", tmp_path / "new", recipe_of((4, EASY)))
    with pytest.raises(UsageError, match=r"has its own checkpoints"):
        begin_branch(tmp_path / "hard", tmp_path / "hard", recipe_of((4, HARD)))
