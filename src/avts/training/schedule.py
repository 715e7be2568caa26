"""The learning rate of each step.

Source: Korbar et al. 2018, section 4: x 0.1 when the loss has not fallen for 5 epochs ('plateau');
'cosine' with warm-up is the modern way.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from avts.settings import OptimizerSettings

PLATEAU_FACTOR = 0.1
PLATEAU_LEAST_GAIN = 1e-4  # a loss lower by less than this share has not fallen


def learning_rate(settings: OptimizerSettings, step: int, num_steps: int, *, plateau_factor: float) -> float:
    """Learning rate of a step, counted from 0.

    Args:
        settings: base rate, warm-up and kind of schedule.
        step: number of the step.
        num_steps: steps of the whole run.
        plateau_factor: what the plateau schedule has come down to; 1 at the start.
    """
    rate = settings.learning_rate * min((step + 1) / (settings.warmup_steps + 1), 1)
    if settings.schedule == "plateau":
        return rate * plateau_factor
    if settings.schedule == "cosine":
        done = max(step - settings.warmup_steps, 0) / max(num_steps - settings.warmup_steps, 1)
        return rate * 0.5 * (1 + math.cos(math.pi * done))
    return rate


@dataclass
class Plateau:
    """Watches the loss of each epoch; starts anew with each stage, whose losses cannot be compared with the last's."""

    patience_epochs: int
    factor: float = 1.0
    best_loss: float | None = None
    epochs_without_gain: int = 0

    def end_epoch(self, loss: float) -> None:
        """Take note of an epoch's mean loss."""
        if self.best_loss is None or loss < self.best_loss * (1 - PLATEAU_LEAST_GAIN):
            self.best_loss, self.epochs_without_gain = loss, 0
            return
        self.epochs_without_gain += 1
        if self.epochs_without_gain >= self.patience_epochs:
            self.factor *= PLATEAU_FACTOR
            self.epochs_without_gain = 0

    def start_stage(self) -> None:
        """Forget the losses of the last stage."""
        self.best_loss, self.epochs_without_gain = None, 0
