"""What a run leaves on disk while it trains: states to resume or branch from, and the best model so far.

    RUN/checkpoints/step-000200/   model.safetensors, model.json, optimizer.safetensors, optimizer.json, and
                                   average.safetensors where a moving average of the weights is kept
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
    """Write a checkpoint whole or not at all, then remove the oldest beyond `keep`.

    Args:
        run: folder of the run.
        model: the networks.
        optimizer: with its moments.
        recipe: the recipe of the run.
        progress: 'step' (steps done) and whatever else the loop needs to go on, plain values.
        keep: how many checkpoints to leave.
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
    """The whole checkpoints of a run, oldest first."""
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
        CheckpointError: none to go on from, damaged, foreign, of another format version, or made by another recipe.
    """
    found = checkpoints(run)
    if not found:
        raise CheckpointError(f"{run}: no checkpoint to go on from. {_without_checkpoint(run)}")
    newest = found[-1]
    try:
        header = json.loads((newest / "model.json").read_text(encoding="utf-8"))
        kind, version, made_by, progress = (header[key] for key in ("format", "version", "recipe", "progress"))
        groups = json.loads((newest / "optimizer.json").read_text(encoding="utf-8"))
        tensors = load_file(newest / "optimizer.safetensors")
    except (OSError, ValueError, KeyError, TypeError, safetensors.SafetensorError) as error:
        raise CheckpointError(f"{newest}: not whole ({error}). Remove it to go on from the one before") from None
    check_format(kind, version, newest / "model.json")
    try:  # through the settings: a recipe that was saved before a setting was there means its default
        same = recipe_from(made_by, name=f"{newest}/model.json") == recipe
    except SettingsError as error:
        raise CheckpointError(str(error)) from None
    if not same:
        raise CheckpointError(f"{newest}: made by another recipe. Resume with the recipe it was started with")
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


def _without_checkpoint(run: Path) -> str:
    """What to do with a run that cannot be resumed."""
    best = best_folder(run)
    if best is None:
        return "Leave out --resume to start"
    return (
        f"It has its best model, {best.name}, which lacks the state of the optimiser. Leave out --resume to start "
        f"anew, which removes it; or begin another run with its weights: --start {best} and another --out. A smaller "
        "[training] checkpoint_every_steps keeps more"
    )


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


def shared_steps(one: Recipe, other: Recipe, num_clips: int) -> int:
    """Steps, from the first on, that two recipes train bit for bit alike; 0 if more than their stages differs."""
    if one.model_copy(update={"curriculum": other.curriculum}) != other:
        return 0
    mine, theirs = _steps(one, num_clips), _steps(other, num_clips)
    schedule = one.optimizer.schedule
    if schedule == "cosine" and len(mine) != len(theirs):
        return 0
    shared = 0
    for (stage, is_last), (its_stage, its_last) in zip(mine, theirs, strict=False):
        # a plateau is looked for anew in each stage, so there its ends have to be the same too
        if stage != its_stage or (schedule == "plateau" and is_last != its_last):
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
        if progress["step"] <= shared_steps(made_by, recipe, progress["num_clips"]):
            progress |= {"num_steps": sum(recipe.stage_steps(progress["num_clips"]))}
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


def _steps(recipe: Recipe, num_clips: int) -> list[tuple[StageSettings, bool]]:
    """What decides each step: its stage, without name and length, and whether it is the stage's last."""
    found: list[tuple[StageSettings, bool]] = []
    for stage, length in zip(recipe.curriculum, recipe.stage_steps(num_clips), strict=True):
        plain = stage.model_copy(update={"name": "", "epochs": 1, "steps": None})
        found += [*[(plain, False)] * (length - 1), (plain, True)]
    return found


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
