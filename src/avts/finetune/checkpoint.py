"""A classifier on disk: finished, to test or to start from; or during training, to resume.

RUN/model.safetensors, model.json   weights; format version, networks, classes, the whole recipe
RUN/checkpoint/                     the same in the middle, and optimizer.safetensors, optimizer.json; one, the newest
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from avts.errors import CheckpointError
from avts.files import whole_file, write_whole
from avts.finetune.classifier import Classifier
from avts.finetune.recipe import ClassifierSettings, FinetuneRecipe, Senses
from avts.finetune.start import FORMAT, FORMAT_VERSION, read_weights
from avts.model.checkpoint import build_model
from avts.settings import ModelSettings
from avts.training.optimizer import as_run_here


def build_classifier(
    model: ModelSettings, num_classes: int, *, senses: Senses, settings: ClassifierSettings
) -> Classifier:
    """A classifier with fresh weights."""
    return Classifier(build_model(model), num_classes, senses=senses, hidden=settings.hidden, dropout=settings.dropout)


def save_classifier(
    folder: Path,
    classifier: Classifier,
    *,
    model: ModelSettings,
    classes: Sequence[str],
    recipe: FinetuneRecipe,
    progress: dict[str, Any],
) -> None:
    """Write a classifier; an older one in the same folder is replaced only when the new one is whole.

    Args:
        folder: where to write; made if missing.
        classifier: the networks.
        model: their settings.
        classes: name of each class.
        recipe: what it was trained with.
        progress: where training stood, plain values.
    """
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: tensor.detach().cpu().contiguous() for name, tensor in classifier.state_dict().items()}
    with whole_file(folder / "model.safetensors") as path:
        save_file(weights, path)
    header = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "senses": classifier.senses,
        "model": model.model_dump(),
        "classes": list(classes),
        "recipe": recipe.model_dump(mode="json"),
        "progress": progress,
    }
    write_whole(folder / "model.json", json.dumps(header, indent=1))


def save_checkpoint(run: Path, optimizer: torch.optim.Optimizer, classifier: Classifier, **header: Any) -> None:
    """Write the whole state of a training run, or none of it; arguments as of `save_classifier`."""
    partial, target = run / "checkpoint.partial", run / "checkpoint"
    shutil.rmtree(partial, ignore_errors=True)
    save_classifier(partial, classifier, **header)
    state = optimizer.state_dict()
    tensors = {f"{index}.{name}": value for index, slots in state["state"].items() for name, value in slots.items()}
    found = {name: value.cpu().contiguous() for name, value in tensors.items() if value is not None}
    save_file(found, partial / "optimizer.safetensors")
    (partial / "optimizer.json").write_text(json.dumps(state["param_groups"]), encoding="utf-8")
    old = run / "checkpoint.old"
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        os.replace(target, old)
    os.replace(partial, target)
    shutil.rmtree(old, ignore_errors=True)


def has_checkpoint(run: Path) -> bool:
    """Whether a run can be gone on with; a kill between two renames leaves the older state, which then counts."""
    if not (run / "checkpoint").exists() and (run / "checkpoint.old").exists():
        os.replace(run / "checkpoint.old", run / "checkpoint")
    return (run / "checkpoint" / "model.json").is_file()


def load_checkpoint(
    run: Path, optimizer: torch.optim.Optimizer, classifier: Classifier, *, recipe: FinetuneRecipe, key: dict[str, Any]
) -> dict[str, Any]:
    """Fill a classifier and its optimiser from the checkpoint of a run.

    Args:
        run: folder of the run.
        optimizer: of the classifier.
        classifier: of the same networks and classes.
        recipe: what it is trained with.
        key: what must be the same in the checkpoint's progress: data, start, labels.

    Returns:
        The progress saved with it.

    Raises:
        CheckpointError: damaged, or made by another recipe, from other data or from another start.
    """
    folder = run / "checkpoint"
    try:
        header = json.loads((folder / "model.json").read_text(encoding="utf-8"))
        groups = json.loads((folder / "optimizer.json").read_text(encoding="utf-8"))
        made_by, progress = header["recipe"], dict(header["progress"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{folder}: incomplete ({error}). Remove it to start this part again") from None
    check_key({**progress, "recipe": made_by}, {**key, "recipe": recipe.model_dump(mode="json")}, folder)
    classifier.load_state_dict(read_weights(folder / "model.safetensors"))
    slots: dict[int, dict[str, Any]] = {}
    for name, value in read_weights(folder / "optimizer.safetensors").items():
        index, slot = name.split(".", 1)
        slots.setdefault(int(index), {})[slot] = value
    optimizer.load_state_dict({"state": slots, "param_groups": as_run_here(groups, optimizer)})
    return progress


def check_key(found: dict[str, Any], wanted: dict[str, Any], folder: Path) -> None:
    """Raise CheckpointError if what is on disk was made with another recipe, from other data or from another start."""
    for name, value in wanted.items():
        if found.get(name) != value:
            values = "" if isinstance(value, dict) else f" ({found.get(name)!r}, now {value!r})"
            raise CheckpointError(f"{folder}: was made with another {name}{values}. Choose another --out")
