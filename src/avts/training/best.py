"""The best model of a run so far, beside its checkpoints: a folder that every command takes as a model.

    RUN/checkpoints/best-000400/   model.safetensors, model.json (what it is best by stands there, under 'best')
Best by what the caller measures on validation clips; without that by the loss of an epoch. Losses of two stages of the
curriculum cannot be compared: the best of a later stage takes the place of an earlier one's.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from avts.model.checkpoint import save_model
from avts.model.two_stream import TwoStream
from avts.settings import Recipe

VALIDATION, LOSS = "validation AUC, 75 % easy and 25 % hard negatives", "mean training loss of an epoch"
"""What a model can be best by."""


@dataclass(frozen=True)
class Score:
    """How good a model is.

    Attributes:
        by: VALIDATION, of which more is better, or LOSS, of which less is better within a stage.
        value: the measure.
        step: steps done.
        stage: stage of the curriculum that the last step belonged to.
    """

    by: str
    value: float
    step: int
    stage: int

    def beats(self, other: Score | None) -> bool:
        """Whether it is better than the best so far."""
        if other is None or other.by != self.by:
            return True
        if self.by == VALIDATION:
            return self.value > other.value
        return (-self.stage, self.value) < (-other.stage, other.value)


def best_folder(run: Path) -> Path | None:
    """The best model of a run so far; None if there is none yet."""
    found = sorted((path for path in (run / "checkpoints").glob("best-*") if path.suffix != ".partial"), key=_step_of)
    return found[-1] if found else None


def best_score(run: Path) -> Score | None:
    """How good the best model of a run is; None if there is none, or none that is whole."""
    folder = best_folder(run)
    if folder is None:
        return None
    try:
        return Score(**json.loads((folder / "model.json").read_text(encoding="utf-8"))["progress"]["best"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep_best(run: Path, model: TwoStream, recipe: Recipe, progress: dict[str, Any], score: Score) -> bool:
    """Write a model whole or not at all if it is better than the best so far, and remove that one.

    Args:
        run: folder of the run.
        model: the networks.
        recipe: the recipe of the run.
        progress: where training stands, plain values.
        score: how good the model is.
    """
    if not score.beats(best_score(run)):
        return False
    target = run / "checkpoints" / f"best-{score.step:06d}"
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    save_model(partial, model, recipe, progress | {"best": asdict(score)})
    older = [path for path in target.parent.glob("best-*") if path != partial]
    if target in older:  # damaged, or of another measure
        shutil.rmtree(target)
    os.replace(partial, target)
    for path in older:
        if path != target:
            shutil.rmtree(path)
    return True


def forget_best(run: Path) -> None:
    """Remove what a run left as its best that was killed before its first checkpoint, and so begins anew."""
    for path in (run / "checkpoints").glob("best-*"):
        shutil.rmtree(path)


def _step_of(path: Path) -> int:
    return int(path.name.removeprefix("best-"))
