"""A curriculum that sets the shares of its negatives from the measured error on each kind. Pure: numbers in and out.

The error on a kind is the share of misranked pairs: how often a negative of that kind is nearer than a positive of the
same step, 0.5 where nothing is known, as a mean over the last steps or so. The rule:

    ready   = 1 - easy error / READY_ERROR, from 0 to 1
    share   = the stage's share of the kind * ready * (error on the kind / easy error, 1 at most)

So a stage begins with easy negatives. Hard ones come as the easy ones are learned, up to the share that the recipe
gives, and leave again once they are told more surely than the easy ones. Easy negatives take what is left.

The state is two or three numbers that travel with each checkpoint: a resumed run adapts as one that nobody stopped.

Source: that measured progress should set a curriculum is the idea of Graves et al. 2017 (arXiv 1704.03003); this rule
is ours, and simpler.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from avts.pairs.negatives import EASY, HARD, KIND_NAMES, SUPER_HARD
from avts.settings import StageSettings

NEGATIVES = (EASY, HARD, SUPER_HARD)

CHANCE = 0.5
"""The error of a model that knows nothing."""

READY_ERROR = 0.25
"""Half of chance: with this error on easy negatives or a higher one there are only easy ones."""

MEMORY_STEPS = 20
"""Steps over which errors are averaged, about: a new one weighs 1 / MEMORY_STEPS."""


@dataclass
class AdaptiveShares:
    """The errors measured so far, and the shares that follow from them.

    Attributes:
        errors: on each kind of negative, by its name.
    """

    errors: dict[str, float] = field(default_factory=lambda: {KIND_NAMES[kind]: CHANCE for kind in NEGATIVES})

    def observe(self, misranked: Mapping[int, float | None]) -> None:
        """Take note of a step's share of misranked pairs of each kind; None where it had no pair of it."""
        for kind, error in misranked.items():
            if error is not None:
                self.errors[KIND_NAMES[kind]] += (error - self.errors[KIND_NAMES[kind]]) / MEMORY_STEPS

    def applied_to(self, stage: StageSettings) -> StageSettings:
        """A stage with the shares that its next step is to have; one of fixed shares as it is."""
        if stage.shares == "fixed":
            return stage
        easy = self.errors[KIND_NAMES[EASY]]
        ready = max(1 - easy / READY_ERROR, 0.0)
        hard, super_hard = (
            most * ready * min(self.errors[KIND_NAMES[kind]] / max(easy, 1e-9), 1.0)
            for kind, most in ((HARD, stage.hard), (SUPER_HARD, stage.super_hard))
        )
        return stage.model_copy(update={"easy": 1 - hard - super_hard, "hard": hard, "super_hard": super_hard})
