"""Which negatives when, and the plan of each step, by hand."""

import pickle

import pytest

from avts.pairs.negatives import EASY, HARD, POSITIVE, SUPER_HARD
from avts.training.curriculum import Curriculum, negative_shares
from fixtures_training import tiny_recipe

STAGES = [
    {"name": "easy", "epochs": 2},
    {"name": "mixed", "epochs": 3, "easy": 0.75, "hard": 0.25},
    {"name": "last", "epochs": 1, "easy": 0.0, "super_hard": 1.0},
]


def curriculum(clips: int = 10, sampling: str = "grid") -> Curriculum:
    recipe = tiny_recipe(curriculum=STAGES, pairs={"batch_size": 4, "sampling": sampling})
    return Curriculum(recipe, (4.0,) * clips)


@pytest.mark.parametrize(
    ("step", "stage"), [(0, 0), (3, 0), (4, 1), (9, 1), (10, 2), (11, 2)]
)  # 10 clips in batches of 4: 2 steps an epoch; epochs 0 and 1 easy, 2 to 4 mixed, 5 the last
def test_stages_begin_and_end_with_their_epochs(step: int, stage: int) -> None:
    plan = curriculum()
    assert plan.steps_per_epoch == 2
    assert plan.num_steps == 12
    index, settings = plan.stage_at(step)
    assert index == stage
    assert settings.name == STAGES[stage]["name"]


def test_a_stage_of_steps_ends_within_an_epoch_and_the_order_of_clips_goes_on() -> None:
    stages = [{"name": "a", "steps": 3}, {"name": "b", "epochs": 2}, {"name": "c", "steps": 1}]
    plan = Curriculum(tiny_recipe(curriculum=stages, pairs={"batch_size": 4}), (4.0,) * 10)
    assert plan.stage_ends == [3, 7, 8]
    assert plan.num_steps == 8
    assert [plan.stage_at(step)[1].name for step in range(8)] == list("aaabbbbc")
    # epochs of 2 steps end after 2 and, shorter, 3; then after 5 and 7; then, shorter, 8
    assert [plan.epochs_done(steps) for steps in range(9)] == [0, 0, 1, 2, 2, 3, 3, 4, 5]
    for first in (0, 2, 4, 6):  # each clip at most once in two steps from an even one, whatever the stages
        seen = [window.clip for step in (first, first + 1) for window in plan(step).pictures]
        assert len(set(seen)) == 8


def test_epochs_end_where_they_did_before_stages_could_have_steps() -> None:
    plan = curriculum()
    assert [plan.epochs_done(steps) for steps in range(13)] == [steps // 2 for steps in range(13)]


def test_a_step_past_the_end_is_refused() -> None:
    with pytest.raises(IndexError, match=r"step 12 is past the end of the curriculum \(12 steps\)"):
        curriculum().stage_at(12)


def test_shares_are_those_of_the_stage() -> None:
    assert negative_shares(curriculum().stage_at(4)[1]) == {EASY: 0.75, HARD: 0.25, SUPER_HARD: 0.0}


@pytest.mark.parametrize(("step", "kinds"), [(0, {POSITIVE, EASY}), (5, {POSITIVE, EASY, HARD})])
def test_a_plan_has_the_negatives_of_its_stage(step: int, kinds: set[int]) -> None:
    assert {kind for _, _, kind in curriculum()(step).pairs} == kinds


@pytest.mark.parametrize("clips", [8, 10, 11])
def test_no_clip_comes_twice_in_an_epoch(clips: int) -> None:
    plan = curriculum(clips)
    seen = [window.clip for step in range(plan.steps_per_epoch) for window in plan(step).pictures]
    assert len(seen) == len(set(seen)) == clips // 4 * 4
    later = [window.clip for step in range(2, 4) for window in plan(step).pictures]
    assert seen != later, "the next epoch has another order"


@pytest.mark.parametrize("clips", [2, 3])
def test_fewer_clips_than_a_batch_make_one_step_an_epoch(clips: int) -> None:
    plan = curriculum(clips)
    assert plan.steps_per_epoch == 1
    assert len(plan(0).pictures) == clips


@pytest.mark.parametrize("sampling", ["grid", "pairs"])
def test_a_step_is_a_function_of_seed_and_number_alone(sampling: str) -> None:
    first, second = curriculum(sampling=sampling), curriculum(sampling=sampling)
    expected = [first(step) for step in range(12)]
    assert [second(step) for step in reversed(range(12))] == expected[::-1]
    assert pickle.loads(pickle.dumps(first))(7) == expected[7]
    other = Curriculum(
        first.recipe.model_copy(update={"training": tiny_recipe(training={"seed": 1}).training}), (4.0,) * 10
    )
    assert other(0) != expected[0]


def test_a_step_of_added_up_batches_takes_as_many_clips_and_each_batch_its_own() -> None:
    recipe = tiny_recipe(curriculum=STAGES, pairs={"batch_size": 2}, training={"accumulate_steps": 2})
    added = Curriculum(recipe, (4.0,) * 10)
    assert added.steps_per_epoch == 2  # 10 clips in steps of two batches of 2
    assert added.num_steps == 12
    epochs = [[{window.clip for window in added(4 * epoch + place).pictures} for place in range(4)] for epoch in (0, 1)]
    for batches in epochs:
        assert [len(batch) for batch in batches] == [2] * 4
        assert len(set.union(*batches)) == 8, "no clip twice in an epoch"
    assert epochs[0] != epochs[1]
    # the second stage begins with step 4, and so with batch 8
    assert all(kind in (POSITIVE, EASY) for _, _, kind in added(7).pairs)
    kinds = {kind for batch in range(8, 20) for _, _, kind in added(batch).pairs}
    assert HARD in kinds
