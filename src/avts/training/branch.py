"""A run that takes over the steps that another run made alike: curricula with the same first stages train these once.

Input: a run with a checkpoint from before the two recipes part. Output: that checkpoint in the new run, to resume from.
"""

from __future__ import annotations

import json
import os
import shutil
from itertools import pairwise
from pathlib import Path

from avts.errors import UsageError
from avts.model.checkpoint import read_header
from avts.settings import Recipe, StageSettings
from avts.training.state import checkpoints


def shared_epochs(one: Recipe, other: Recipe) -> int:
    """Epochs, from the first on, that two recipes train bit for bit alike; 0 if more than their stages differs."""
    if one.model_copy(update={"curriculum": other.curriculum}) != other:
        return 0
    schedule = one.optimizer.schedule
    if schedule == "cosine" and one.num_epochs != other.num_epochs:
        return 0
    shared = 0
    for mine, theirs in zip(_epochs(one), _epochs(other), strict=False):
        # a plateau is looked for anew in each stage, so there its ends have to be the same too
        if mine[0] != theirs[0] or (schedule == "plateau" and mine[1] != theirs[1]):
            break
        shared += 1
    return shared


def branch(source: Path, run: Path, recipe: Recipe) -> int:
    """Begin a run with what another one has made alike.

    The trainer then resumes from there, and refuses other clips than those that the source was trained on.

    Args:
        source: folder of a run, finished or not.
        run: folder of the new run, which has no checkpoint yet.
        recipe: of the new run.

    Returns:
        Steps taken over; 0 if the source has no checkpoint from before the recipes part.

    Raises:
        CheckpointError: a checkpoint of the source is damaged or foreign.
    """
    for state in reversed(checkpoints(source)):
        made_by, progress = read_header(state)
        epoch_steps = progress["num_steps"] // made_by.num_epochs
        if progress["step"] <= shared_epochs(made_by, recipe) * epoch_steps:
            progress |= {"num_steps": recipe.num_epochs * epoch_steps}
            _take_over(state, run, recipe, progress)
            if (source / "log.jsonl").exists():
                shutil.copy(source / "log.jsonl", run / "log.jsonl")
            return int(progress["step"])
    return 0


def begin_branch(source: Path, run: Path, recipe: Recipe) -> int:
    """As `branch`, where nothing to take over is an error.

    Raises:
        UsageError: the source has no checkpoint from before the recipes part, or the run has checkpoints of its own.
        CheckpointError: a checkpoint of the source is damaged or foreign.
    """
    if checkpoints(run):
        raise UsageError(f"{run}: has checkpoints of its own. Give --resume without --branch to go on with them")
    taken = branch(source, run, recipe)
    if not taken:
        raise UsageError(
            f"{source}: none of its {len(checkpoints(source))} checkpoint(s) is from before its recipe and this one "
            "part. Set [training] checkpoint_every_steps there to the end of the stages that both have, or leave out "
            "--branch"
        )
    return taken


def _epochs(recipe: Recipe) -> list[tuple[StageSettings, bool]]:
    """What decides each epoch: its stage, without name and length, and whether it is the stage's last."""
    stages = [stage for stage in recipe.curriculum for _ in range(stage.epochs)]
    ends = [now is not following for now, following in pairwise([*stages, None])]
    plain = [stage.model_copy(update={"name": "", "epochs": 1}) for stage in stages]
    return list(zip(plain, ends, strict=True))


def _take_over(state: Path, run: Path, recipe: Recipe, progress: dict[str, object]) -> None:
    """Copy a checkpoint under a new recipe, whole or not at all."""
    target = run / "checkpoints" / state.name
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(state, partial)
    header = json.loads((partial / "model.json").read_text(encoding="utf-8"))
    header |= {"recipe": recipe.model_dump(), "progress": progress}
    (partial / "model.json").write_text(json.dumps(header, indent=1), encoding="utf-8")
    os.replace(partial, target)
