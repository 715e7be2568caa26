"""The whole state of a training run on disk, so that it can go on exactly where it stopped. Nothing is unpickled.

    RUN/checkpoints/step-000200/   model.safetensors, model.json, optimizer.safetensors, optimizer.json, and
                                   average.safetensors where a moving average of the weights is kept
Everything random in training is a function of the seed and the step, so there is no generator to save.
"""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file, save_file

from avts.errors import CheckpointError, SettingsError
from avts.model.checkpoint import check_format, load_weights, save_model, save_weights
from avts.model.two_stream import TwoStream
from avts.settings import Recipe, recipe_from


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
        raise CheckpointError(f"{run}: no checkpoint to go on from. Leave out --resume to start")
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
    optimizer.load_state_dict({"state": slots, "param_groups": groups})
    return dict(progress)
