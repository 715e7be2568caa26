"""A trained model on disk: weights as safetensors, everything else as JSON. Nothing is unpickled.

RUN/model.safetensors   weights and batch-norm statistics
RUN/model.json          format version, the whole recipe, where training stood
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from avts.errors import CheckpointError, SettingsError, UsageError
from avts.files import whole_file, write_whole
from avts.model.device import place
from avts.model.two_stream import TwoStream
from avts.settings import ModelSettings, Recipe, recipe_from

FORMAT = "avts-model"
FORMAT_VERSION = 1

MAY_BE_NEW = {"fusion.": "fused classifier", "head.centre.": "centring of embeddings"}
"""Layers that a new model may have and the run that it starts from not: a part of their names, and what they are."""


def build_model(settings: ModelSettings) -> TwoStream:
    """The networks that the settings describe, with fresh weights."""
    return TwoStream(**settings.model_dump())


def save_model(folder: Path, model: TwoStream, recipe: Recipe, progress: dict[str, Any]) -> None:
    """Write a model; an older one in the same folder is replaced only when the new one is whole.

    Args:
        folder: where to write; made if missing.
        model: the networks.
        recipe: the recipe they were trained with.
        progress: where training stood, plain values.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_weights(model, folder / "model.safetensors")
    header = {"format": FORMAT, "version": FORMAT_VERSION, "recipe": recipe.model_dump(), "progress": progress}
    write_whole(folder / "model.json", json.dumps(header, indent=1))


def save_weights(model: TwoStream, path: Path) -> None:
    """Write the weights and running statistics of a model, whole or not at all."""
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in model.state_dict().items()}
    with whole_file(path) as part:
        save_file(weights, part)


def read_header(run: Path) -> tuple[Recipe, dict[str, Any]]:
    """The recipe of a model and where its training stood.

    Raises:
        UsageError: no such folder.
        CheckpointError: no model in it, not ours, or of another format version.
    """
    if not run.is_dir():
        raise UsageError(f"{run}: no such model folder. Give the folder that 'avts train --out' made")
    try:
        header = json.loads((run / "model.json").read_text(encoding="utf-8"))
        kind, version, values, progress = (header[key] for key in ("format", "version", "recipe", "progress"))
    except FileNotFoundError:
        raise CheckpointError(f"{run}: no model.json in it. Is training still before its first checkpoint?") from None
    except (OSError, ValueError, KeyError, TypeError):
        kind = version = None
    check_format(kind, version, run / "model.json")
    try:
        return recipe_from(values, name=f"{run}/model.json"), progress
    except SettingsError as error:
        raise CheckpointError(str(error)) from None


def check_format(kind: Any, version: Any, path: Path) -> None:
    """Raise CheckpointError unless a header says that a model is ours and of the version that is read here."""
    if kind != FORMAT:
        raise CheckpointError(f"{path}: not an avts model. Give the folder that 'avts train' made")
    if version != FORMAT_VERSION:
        raise CheckpointError(
            f"{path}: format version {version}; this avts reads version {FORMAT_VERSION}. Train it again"
        )


def load_model(run: Path, *, device: str = "cpu", say: Callable[[str], None] | None = None) -> TwoStream:
    """Load a trained model, ready to embed (evaluation mode).

    Args:
        run: the folder that 'avts train' made.
        device: where it is to run, see `model.device`; its precision follows.
        say: called with each choice and its reason.

    Raises:
        UsageError: no such folder, or no such device here.
        CheckpointError: missing, damaged, foreign, or of another shape than its recipe says.
    """
    recipe, progress = read_header(run)
    model = build_model(recipe.model)
    model.header = recipe, progress
    load_weights(model, run / "model.safetensors")
    place(model, device, precision=recipe.training.precision, say=say)
    return model.eval()


def load_weights(model: TwoStream, path: Path) -> None:
    """Fill a model with the weights of a file.

    Raises:
        CheckpointError: the file is missing or damaged, or holds tensors of other names or shapes.
    """
    _fill(model, _read_weights(path), path)


def start_from(model: TwoStream, run: Path) -> tuple[str, ...]:
    """Give a new model the weights of a finished run.

    What the run lacks of MAY_BE_NEW stays fresh; a fused classifier that only the run has is left out.

    Returns:
        What is fresh, in words.

    Raises:
        UsageError: no such folder.
        CheckpointError: missing, damaged or foreign, or networks of another shape or with another input of pictures.
    """
    recipe, _ = read_header(run)
    if recipe.model.picture_input != model.picture_input:
        raise CheckpointError(
            f"{run}: its pictures were given as '{recipe.model.picture_input}', this recipe asks for "
            f"'{model.picture_input}'. Set [model] picture_input = '{recipe.model.picture_input}' to start from it"
        )
    path = run / "model.safetensors"
    own, found = model.state_dict(), _read_weights(path)
    fresh = []
    if model.fusion is None:
        found = {name: tensor for name, tensor in found.items() if not name.startswith("fusion.")}
    for part, words in MAY_BE_NEW.items():
        lacking = {name: tensor for name, tensor in own.items() if part in name}
        if lacking and not any(part in name for name in found):
            found |= lacking
            fresh.append(words)
    _fill(model, found, path)
    return tuple(fresh)


def _read_weights(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except OSError:
        raise CheckpointError(f"{path}: missing or unreadable. Copy the whole run folder") from None
    except safetensors.SafetensorError as error:
        raise CheckpointError(f"{path}: not whole ({error}). Copy it again or resume training") from None


def _fill(model: TwoStream, weights: dict[str, Tensor], path: Path) -> None:
    """Load weights that were read from a path, if they are the model's in name and shape."""
    wanted = model.state_dict()
    odd = sorted(wanted.keys() ^ weights.keys())
    if odd:
        raise CheckpointError(
            f"{path}: has not the layers of this recipe, first '{odd[0]}'. Use the recipe that the run was trained with"
        )
    for name, tensor in wanted.items():
        if weights[name].shape != tensor.shape:
            raise CheckpointError(
                f"{path}: '{name}' has shape {list(weights[name].shape)}; the recipe makes it {list(tensor.shape)}. "
                "Use the recipe that the run was trained with"
            )
    with torch.no_grad():
        model.load_state_dict(weights)
