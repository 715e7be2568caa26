"""Which negatives in which epoch, and the plan of every step of a training run. Pure: no file, no tensor.

Source: Korbar et al. 2018, section 3.2: easy negatives first, then three easy to one hard.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from avts.pairs.negatives import EASY, HARD, SUPER_HARD, StepPlan, epoch_order, least_seconds, plan_grid, plan_pairs
from avts.settings import Recipe, StageSettings


@dataclass(frozen=True)
class Curriculum:
    """The plan of each batch of a training run; picklable, so that loader workers can carry it out.

    A step is one batch, or several whose gradients are added up ([training] accumulate_steps).

    Attributes:
        recipe: what the user asked for.
        durations_seconds: duration of each training clip.
    """

    recipe: Recipe
    durations_seconds: Sequence[float]

    @property
    def batches_per_step(self) -> int:
        """Batches whose gradients make one step."""
        return self.recipe.training.accumulate_steps

    @property
    def steps_per_epoch(self) -> int:
        """Full steps in the training clips (at least one)."""
        return max(len(self.durations_seconds) // (self.recipe.pairs.batch_size * self.batches_per_step), 1)

    @property
    def num_steps(self) -> int:
        """Steps of the whole run."""
        return self.recipe.num_epochs * self.steps_per_epoch

    def stage_at(self, step: int) -> tuple[int, StageSettings]:
        """Number and settings of the stage that a step belongs to."""
        epoch = step // self.steps_per_epoch
        for index, stage in enumerate(self.recipe.curriculum):
            if epoch < stage.epochs:
                return index, stage
            epoch -= stage.epochs
        raise IndexError(f"step {step} is past the end of the curriculum ({self.num_steps} steps)")

    def __call__(self, batch: int) -> StepPlan:
        """The plan of a batch: a function of the recipe's seed and the batch's number in the run alone."""
        pairs = self.recipe.pairs
        epoch, place = divmod(batch, self.steps_per_epoch * self.batches_per_step)
        order = epoch_order(len(self.durations_seconds), seed=self.recipe.training.seed, epoch=epoch)
        clips = order[place * pairs.batch_size : (place + 1) * pairs.batch_size]
        plan = plan_pairs if pairs.sampling == "pairs" else plan_grid
        # spans bring their hard negatives with them: the plan only says where each span is
        stage = self.stage_at(batch // self.batches_per_step)[1]
        shares = {EASY: 1.0} if pairs.sampling == "spans" else negative_shares(stage)
        return plan(
            [int(clip) for clip in clips],
            self.durations_seconds,
            negative_shares=shares,
            clip_seconds=pairs.cut_seconds,
            gap_seconds=pairs.hard_gap_seconds,
            rng=np.random.default_rng([self.recipe.training.seed, 1, batch]),
        )


def least_seconds_of(recipe: Recipe) -> float:
    """Length of the shortest clip that can give every kind of pair in a recipe's curriculum."""
    pairs = recipe.pairs
    if pairs.sampling == "spans":
        return pairs.cut_seconds
    kinds = {kind for stage in recipe.curriculum for kind, share in negative_shares(stage).items() if share}
    return least_seconds(kinds, clip_seconds=pairs.clip_seconds, gap_seconds=pairs.hard_gap_seconds)


def negative_shares(stage: StageSettings) -> dict[int, float]:
    """Share of each kind of negative in a stage."""
    return {EASY: stage.easy, HARD: stage.hard, SUPER_HARD: stage.super_hard}
