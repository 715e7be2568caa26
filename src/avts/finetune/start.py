"""Initialisation of a classifier's towers: random, from an AVTS or L3-Net run, or from another classifier.

The run defines the networks; a recipe that sets different ones is refused.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import safetensors
from safetensors.torch import load_file
from torch import Tensor

from avts.errors import CheckpointError, SettingsError, UsageError
from avts.finetune.classifier import Classifier
from avts.finetune.recipe import FinetuneRecipe, Senses
from avts.model.checkpoint import read_header
from avts.settings import ModelSettings, settings_from

FORMAT = "avts-classifier"
FORMAT_VERSION = 1

FREE = frozenset({"frame_size", "context_seconds"})
"""Network settings that a classifier may have otherwise than its start: no weight depends on them."""

OF_PICTURES = frozenset({"video", "video_width", "picture_input"})
OF_SOUNDS = frozenset({"audio_width", "filter_bands"})


def networks_of(run: Path) -> tuple[ModelSettings, str]:
    """The networks of a run of `avts train` or `avts finetune`, and what it was: 'avts-model' or 'avts-classifier'.

    Raises:
        UsageError: no such folder.
        CheckpointError: no model in it, not ours, or of another format version.
    """
    header = _header(run / "model.json")
    if header.get("format") != FORMAT:
        if not (run / "model.json").exists() and (parts := sorted(run.glob("**/model.json"))):
            raise CheckpointError(f"{run}: has several classifiers. Give one of them, such as {parts[0].parent}")
        return read_header(run)[0].model, "avts-model"
    if header["version"] != FORMAT_VERSION:
        raise CheckpointError(
            f"{run}/model.json: format version {header['version']}; this avts reads version {FORMAT_VERSION}. "
            "Train it again"
        )
    try:
        return settings_from(header["model"], ModelSettings, name=f"{run}/model.json"), FORMAT
    except (KeyError, SettingsError) as error:
        raise CheckpointError(str(error)) from None


def _header(path: Path) -> dict[str, Any]:
    """What a model.json holds; empty if it cannot be read, which `read_header` then reports."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def networks_for(recipe: FinetuneRecipe, senses: Senses, run: Path | None) -> ModelSettings:
    """The networks of a classifier: those of the run, with the recipe's other size of picture if it sets one.

    Args:
        recipe: whose [model] says the rest.
        senses: what the classifier is given.
        run: to start from, or to be like; None takes the recipe's networks.

    Raises:
        UsageError: no such run.
        CheckpointError: not a run, or the recipe asks for other networks than it has.
    """
    if run is None:
        return recipe.model
    model, _ = networks_of(run)
    own = recipe.model.model_dump(include=set(recipe.model.model_fields_set))
    needed = (OF_PICTURES if senses != "sound" else set()) | (OF_SOUNDS if senses != "picture" else set())
    for key in sorted(needed & own.keys()):
        if own[key] != getattr(model, key):
            raise CheckpointError(
                f"{run}: its {key} is {getattr(model, key)!r}, but [model] of the recipe sets {own[key]!r}. Remove "
                f"{key} from the recipe to use the networks of the run"
            )
    return model.model_copy(update={key: own[key] for key in FREE & own.keys()})


def start_towers(classifier: Classifier, run: Path) -> None:
    """Give the towers of a new classifier the weights of a finished run; its linear layers stay fresh.

    Raises:
        UsageError: no such run.
        CheckpointError: damaged or foreign, without a tower that is needed, or of another shape.
    """
    _, kind = networks_of(run)
    prefix = "streams." if kind == FORMAT else ""
    stored = read_weights(run / "model.safetensors")
    wanted = classifier.streams.state_dict()
    for name, tensor in wanted.items():
        found = stored.get(prefix + name)
        if found is None:
            tower = "picture" if name.startswith("video.") else "sound"
            raise CheckpointError(
                f"{run}: has no '{name}', so there is no {tower} tower to start from. Give a run that was trained with "
                f"{tower}s, or --start scratch"
            )
        if found.shape != tensor.shape:
            raise CheckpointError(
                f"{run}: '{name}' has shape {list(found.shape)}, the classifier needs {list(tensor.shape)}. Remove the "
                "networks from the recipe's [model]"
            )
    classifier.streams.load_state_dict({name: stored[prefix + name] for name in wanted})


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a file.

    Raises:
        CheckpointError: it is missing or damaged.
    """
    try:
        return load_file(path)
    except OSError:
        raise CheckpointError(f"{path}: missing or unreadable. Copy the whole run folder") from None
    except safetensors.SafetensorError as error:
        raise CheckpointError(f"{path}: incomplete ({error}). Copy it again, or train again") from None


def start_path(start: str, box: Path) -> Path | None:
    """The run that '--start' means: None for 'scratch'.

    Args:
        start: 'scratch', 'box', or a folder.
        box: the model in the box.

    Raises:
        UsageError: no such folder.
    """
    if start == "scratch":
        return None
    path = box if start == "box" else Path(start)
    if not path.is_dir():
        raise UsageError(f"{path}: no such run to start from. Give scratch, box, or the folder of a run")
    return path
