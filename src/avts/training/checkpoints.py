"""Checkpoints of a run: states to resume or branch from, and the best model so far.

    RUN/checkpoints/step-000200/   model.safetensors, model.json, optimizer.safetensors, optimizer.json, and
                                   average.safetensors if a moving average of the weights is kept
    RUN/checkpoints/best-000400/   model.safetensors, model.json, which every command accepts as a model

Everything random in training is a function of the seed and the step, so no generator is saved. Nothing is unpickled.
"""

from __future__ import annotations

import copy
import json
import os
import shutil
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file, save_file

from avts.errors import CheckpointError, SettingsError, UsageError
from avts.files import whole_file
from avts.model.checkpoint import check_format, load_weights, read_header, save_model, save_weights
from avts.model.two_stream import TwoStream
from avts.settings import Recipe, StageSettings, recipe_from
from avts.training.optimizer import as_run_here

START = "start.safetensors"
"""In RUN/checkpoints: the weights that a run began with, where the finished model is to keep a part of them."""


def keep_start(run: Path, model: TwoStream) -> None:
    """Write down the weights that a run begins with."""
    (run / "checkpoints").mkdir(parents=True, exist_ok=True)
    with whole_file(run / "checkpoints" / START) as path:
        save_weights(model, path)


def mixed_with_start(run: Path, model: TwoStream, share: float) -> TwoStream:
    """A copy of the networks whose weights are an average with those that the run began with.

    Fine-tuning on one kind of film makes a network better there and worse elsewhere; the average of both weights keeps
    most of what each of them knows (Wortsman et al., Robust fine-tuning of zero-shot models, CVPR 2022).

    Args:
        run: folder of the run.
        model: the networks at the end of the run.
        share: part of the starting weights, 0 to 1.

    Raises:
        CheckpointError: the starting weights are not there.
    """
    path = run / "checkpoints" / START
    if not path.is_file():
        raise CheckpointError(f"{path}: the weights that the run began with are gone, and start_share needs them")
    start, mixed = load_file(path), copy.deepcopy(model)
    with torch.no_grad():
        for name, weights in mixed.state_dict().items():
            if weights.is_floating_point():
                weights.lerp_(start[name].to(weights), share)
    return mixed


def forget_start(run: Path) -> None:
    """Remove the weights that a run began with, if they were kept."""
    (run / "checkpoints" / START).unlink(missing_ok=True)


def save_state(
    run: Path,
    model: TwoStream,
    optimizer: torch.optim.Optimizer,
    recipe: Recipe,
    progress: dict[str, Any],
    *,
    keep: int,
    average: TwoStream | None = None,
) -> None:
    """Write a checkpoint atomically, then remove the oldest ones beyond `keep`.

    Args:
        run: folder of the run.
        model: the networks.
        optimizer: the optimizer with its moments.
        recipe: the recipe of the run.
        progress: 'step' (steps done) and whatever else the loop needs to resume, plain values.
        keep: number of checkpoints to keep.
        average: networks with the moving average of the weights, if one is kept.
    """
    target = run / "checkpoints" / f"step-{progress['step']:06d}"
    for left_by_a_kill in target.parent.glob("*.partial"):
        shutil.rmtree(left_by_a_kill)
    partial = target.with_name(target.name + ".partial")
    save_model(partial, model, recipe, progress)
    if average is not None:
        save_weights(average, partial / "average.safetensors")
    state = optimizer.state_dict()
    tensors = {f"{index}.{name}": value for index, slots in state["state"].items() for name, value in slots.items()}
    save_file({name: value.cpu().contiguous() for name, value in tensors.items() if value is not None},
              partial / "optimizer.safetensors")  # fmt: skip
    (partial / "optimizer.json").write_text(json.dumps(state["param_groups"]), encoding="utf-8")
    shutil.rmtree(target, ignore_errors=True)
    os.replace(partial, target)
    for old in checkpoints(run)[:-keep]:
        shutil.rmtree(old)


def checkpoints(run: Path) -> list[Path]:
    """The complete checkpoints of a run, oldest first."""
    whole = (path for path in (run / "checkpoints").glob("step-*") if path.suffix != ".partial")
    return sorted(whole, key=lambda path: int(path.name.removeprefix("step-")))


def load_state(
    run: Path,
    model: TwoStream,
    optimizer: torch.optim.Optimizer,
    recipe: Recipe,
    average: TwoStream | None = None,
) -> dict[str, Any]:
    """Fill model, optimiser and moving average from the newest checkpoint of a run.

    Returns:
        The progress saved with it.

    Raises:
        CheckpointError: no checkpoint, damaged, foreign, of another format version, or made with another recipe.
    """
    found = checkpoints(run)
    if not found:
        raise CheckpointError(f"{run}: no checkpoint to resume from. {_without_checkpoint(run)}")
    newest = found[-1]
    try:
        header = json.loads((newest / "model.json").read_text(encoding="utf-8"))
        kind, version, made_by, progress = (header[key] for key in ("format", "version", "recipe", "progress"))
        groups = json.loads((newest / "optimizer.json").read_text(encoding="utf-8"))
        tensors = load_file(newest / "optimizer.safetensors")
    except (OSError, ValueError, KeyError, TypeError, safetensors.SafetensorError) as error:
        raise CheckpointError(f"{newest}: incomplete ({error}). Remove it to resume from the previous one") from None
    check_format(kind, version, newest / "model.json")
    try:  # through the settings: a recipe saved before a setting existed means its default
        same = recipe_from(made_by, name=f"{newest}/model.json") == recipe
    except SettingsError as error:
        raise CheckpointError(str(error)) from None
    if not same:
        raise CheckpointError(
            f"{newest}: made with another recipe. Resume with the recipe that the run was started with"
        )
    load_weights(model, newest / "model.safetensors")
    if average is not None:
        load_weights(average, newest / "average.safetensors")
    slots: dict[int, dict[str, Any]] = {}
    for name, value in tensors.items():
        index, slot = name.split(".", 1)
        slots.setdefault(int(index), {})[slot] = value
    optimizer.load_state_dict({"state": slots, "param_groups": as_run_here(groups, optimizer)})
    return dict(progress)


VALIDATION, LOSS = "validation AUC, 75 % easy and 25 % hard negatives", "mean training loss of an epoch"
"""The criteria for the best model."""


@dataclass(frozen=True)
class Score:
    """Score of a model.

    Attributes:
        by: VALIDATION (higher is better), or LOSS (lower is better, comparable only within a stage).
        value: the score.
        step: steps done.
        stage: stage of the curriculum of the last step.
    """

    by: str
    value: float
    step: int
    stage: int

    def beats(self, other: Score | None) -> bool:
        """Whether this score is better than another one."""
        if other is None or other.by != self.by:
            return True
        if self.by == VALIDATION:
            return self.value > other.value
        return (-self.stage, self.value) < (-other.stage, other.value)


def best_folder(run: Path) -> Path | None:
    """The best model of a run so far; None if there is none yet."""
    found = sorted((path for path in (run / "checkpoints").glob("best-*") if path.suffix != ".partial"), key=_step_of)
    return found[-1] if found else None


def _without_checkpoint(run: Path) -> str:
    """Advice for a run that cannot be resumed."""
    best = best_folder(run)
    if best is None:
        return "Remove --resume to start"
    return (
        f"Its best model, {best.name}, has no optimiser state. Remove --resume to start again, which deletes this "
        f"model; or start another run with its weights: --start {best} and another --out. A smaller [training] "
        "checkpoint_every_steps saves more often"
    )


def best_score(run: Path) -> Score | None:
    """Score of the best model of a run; None if there is no complete one."""
    folder = best_folder(run)
    if folder is None:
        return None
    try:
        return Score(**json.loads((folder / "model.json").read_text(encoding="utf-8"))["progress"]["best"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def keep_best(run: Path, model: TwoStream, recipe: Recipe, progress: dict[str, Any], score: Score) -> bool:
    """Write a model atomically if it is better than the best so far, and remove the previous one.

    Args:
        run: folder of the run.
        model: the networks.
        recipe: the recipe of the run.
        progress: progress of the training, plain values.
        score: score of the model.
    """
    if not score.beats(best_score(run)):
        return False
    target = run / "checkpoints" / f"best-{score.step:06d}"
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    save_model(partial, model, recipe, progress | {"best": asdict(score)})
    older = [path for path in target.parent.glob("best-*") if path != partial]
    if target in older:  # damaged, or of another criterion
        shutil.rmtree(target)
    os.replace(partial, target)
    for path in older:
        if path != target:
            shutil.rmtree(path)
    return True


def forget_best(run: Path) -> None:
    """Remove the best model of a run that was killed before its first checkpoint and starts again."""
    for path in (run / "checkpoints").glob("best-*"):
        shutil.rmtree(path)


def _step_of(path: Path) -> int:
    return int(path.name.removeprefix("best-"))


def shared_steps(one: Recipe, other: Recipe, num_clips: int) -> int:
    """Number of initial steps that two recipes train bit-identically; 0 if they differ in more than their stages."""
    if one.model_copy(update={"curriculum": other.curriculum}) != other:
        return 0
    mine, theirs = _steps(one, num_clips), _steps(other, num_clips)
    schedule = one.optimizer.schedule
    if schedule == "cosine" and len(mine) != len(theirs):
        return 0
    shared = 0
    for (stage, is_last), (its_stage, its_last) in zip(mine, theirs, strict=False):
        # plateau detection restarts in each stage, so the ends of the stages have to be the same too
        if stage != its_stage or (schedule == "plateau" and is_last != its_last):
            break
        shared += 1
    return shared


def branch(source: Path, run: Path, recipe: Recipe) -> int:
    """Start a run from the steps that it has in common with another one.

    The trainer then resumes from there, and refuses clips other than those that the source was trained on.

    Args:
        source: folder of a run, finished or not.
        run: folder of the new run, which has no checkpoint yet.
        recipe: of the new run.

    Returns:
        Steps taken over; 0 if the source has no checkpoint from before the recipes diverge.

    Raises:
        CheckpointError: a checkpoint of the source is damaged or foreign.
    """
    for state in reversed(checkpoints(source)):
        made_by, progress = read_header(state)
        if progress["step"] <= shared_steps(made_by, recipe, progress["num_clips"]):
            progress |= {"num_steps": sum(recipe.stage_steps(progress["num_clips"]))}
            _take_over(state, run, recipe, progress)
            if (source / "log.jsonl").exists():
                shutil.copy(source / "log.jsonl", run / "log.jsonl")
            return int(progress["step"])
    return 0


def begin_branch(source: Path, run: Path, recipe: Recipe) -> int:
    """Like `branch`, but raises an error if no steps can be taken over.

    Raises:
        UsageError: the source has no checkpoint from before the recipes diverge, or the run has its own checkpoints.
        CheckpointError: a checkpoint of the source is damaged or foreign.
    """
    if checkpoints(run):
        raise UsageError(f"{run}: has its own checkpoints. Give --resume without --branch to continue from them")
    taken = branch(source, run, recipe)
    if not taken:
        raise UsageError(
            f"{source}: none of its {len(checkpoints(source))} checkpoint(s) is from before its recipe and this one "
            "diverge. Set [training] checkpoint_every_steps there to the end of the common stages, or remove --branch"
        )
    return taken


def _steps(recipe: Recipe, num_clips: int) -> list[tuple[StageSettings, bool]]:
    """What determines each step: its stage, without name and length, and whether it is the stage's last."""
    found: list[tuple[StageSettings, bool]] = []
    for stage, length in zip(recipe.curriculum, recipe.stage_steps(num_clips), strict=True):
        plain = stage.model_copy(update={"name": "", "epochs": 1, "steps": None})
        found += [*[(plain, False)] * (length - 1), (plain, True)]
    return found


def _take_over(state: Path, run: Path, recipe: Recipe, progress: dict[str, object]) -> None:
    """Copy a checkpoint with a new recipe, atomically."""
    target = run / "checkpoints" / state.name
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(state, partial)
    header = json.loads((partial / "model.json").read_text(encoding="utf-8"))
    header |= {"recipe": recipe.model_dump(), "progress": progress}
    (partial / "model.json").write_text(json.dumps(header, indent=1), encoding="utf-8")
    os.replace(partial, target)
