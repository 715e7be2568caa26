"""The kinds of negatives in each epoch, and the plan of every step of a training run. Pure: no files, no tensors.

An adaptive stage sets the shares of its negatives from the measured error on each kind. The error is the share of
misranked pairs: how often a negative of that kind is nearer than a positive of the same step, 0.5 if nothing is known,
averaged over recent steps. The rule (after an idea of Graves et al. 2017, arXiv 1704.03003):

    ready   = 1 - easy error / READY_ERROR, from 0 to 1
    share   = the stage's share of the kind * ready * (error on the kind / easy error, 1 at most)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

import numpy as np

from avts.pairs.negatives import (
    EASY,
    HARD,
    KIND_NAMES,
    SUPER_HARD,
    StepPlan,
    epoch_order,
    least_seconds,
    plan_grid,
    plan_pairs,
)
from avts.settings import Recipe, StageSettings


@dataclass(frozen=True)
class Curriculum:
    """The plan of each batch of a training run; picklable, so that loader workers can carry it out.

    A step is one batch, or several with accumulated gradients ([training] accumulate_steps).

    Attributes:
        recipe: the settings of the run.
        durations_seconds: duration of each training clip.
    """

    recipe: Recipe
    durations_seconds: Sequence[float]

    @property
    def batches_per_step(self) -> int:
        """Batches per step."""
        return self.recipe.training.accumulate_steps

    @property
    def steps_per_epoch(self) -> int:
        """Full steps in the training clips (at least one)."""
        return self.recipe.steps_per_epoch(len(self.durations_seconds))

    @property
    def num_steps(self) -> int:
        """Steps of the whole run."""
        return self.stage_ends[-1]

    @property
    def stage_ends(self) -> list[int]:
        """Steps done at the end of each stage."""
        return list(accumulate(self.recipe.stage_steps(len(self.durations_seconds))))

    def epochs_done(self, steps: int) -> int:
        """Number of epochs completed after some steps: full ones, and the last of a stage, which may be shorter."""
        ended, first = 0, 0
        for end in self.stage_ends:
            ended += -(-(end - first) // self.steps_per_epoch) if steps >= end else 0
            if steps < end:
                return ended + (steps - first) // self.steps_per_epoch
            first = end
        return ended

    def stage_at(self, step: int) -> tuple[int, StageSettings]:
        """Number and settings of the stage that a step belongs to."""
        for index, end in enumerate(self.stage_ends):
            if step < end:
                return index, self.recipe.curriculum[index]
        raise IndexError(f"step {step} is past the end of the curriculum ({self.num_steps} steps)")

    def __call__(self, batch: int) -> StepPlan:
        """The plan of a batch, a function of only the recipe's seed and the batch's number in the run."""
        pairs = self.recipe.pairs
        epoch, place = divmod(batch, self.steps_per_epoch * self.batches_per_step)
        order = epoch_order(len(self.durations_seconds), seed=self.recipe.training.seed, epoch=epoch)
        clips = order[place * pairs.batch_size : (place + 1) * pairs.batch_size]
        plan = plan_pairs if pairs.sampling == "pairs" else plan_grid
        # spans contain their hard negatives: the plan only gives the position of each span
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
    """Length of the shortest clip that can provide every kind of pair in a recipe's curriculum."""
    pairs = recipe.pairs
    if pairs.sampling == "spans":
        return pairs.cut_seconds
    kinds = {kind for stage in recipe.curriculum for kind, share in negative_shares(stage).items() if share}
    return least_seconds(kinds, clip_seconds=pairs.clip_seconds, gap_seconds=pairs.hard_gap_seconds)


def negative_shares(stage: StageSettings) -> dict[int, float]:
    """Share of each kind of negative in a stage."""
    return {EASY: stage.easy, HARD: stage.hard, SUPER_HARD: stage.super_hard}


NEGATIVES = (EASY, HARD, SUPER_HARD)

CHANCE = 0.5
"""The error of an untrained model."""

READY_ERROR = 0.25
"""Half of chance: with at least this error on easy negatives there are only easy ones."""

MEMORY_STEPS = 20
"""Approximate number of steps that errors are averaged over: a new one has the weight 1 / MEMORY_STEPS."""


@dataclass
class AdaptiveShares:
    """The errors measured so far, and the shares that follow from them.

    Attributes:
        errors: error on each kind of negative, by name.
    """

    errors: dict[str, float] = field(default_factory=lambda: {KIND_NAMES[kind]: CHANCE for kind in NEGATIVES})

    def observe(self, misranked: Mapping[int, float | None]) -> None:
        """Record a step's share of misranked pairs of each kind; None for a kind without pairs."""
        for kind, error in misranked.items():
            if error is not None:
                self.errors[KIND_NAMES[kind]] += (error - self.errors[KIND_NAMES[kind]]) / MEMORY_STEPS

    def applied_to(self, stage: StageSettings) -> StageSettings:
        """A stage with the shares of its next step; a stage with fixed shares is returned unchanged."""
        if stage.shares == "fixed":
            return stage
        easy = self.errors[KIND_NAMES[EASY]]
        ready = max(1 - easy / READY_ERROR, 0.0)
        hard, super_hard = (
            most * ready * min(self.errors[KIND_NAMES[kind]] / max(easy, 1e-9), 1.0)
            for kind, most in ((HARD, stage.hard), (SUPER_HARD, stage.super_hard))
        )
        return stage.model_copy(update={"easy": 1 - hard - super_hard, "hard": hard, "super_hard": super_hard})
