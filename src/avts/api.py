"""The Python interface: `avts.load` and `avts.sync`.

    model = avts.load()                       # the model in the box, or avts.load("runs/mine")
    result = avts.sync("talk.mp4", model)     # or (frames, frames_per_second, samples, sample_rate)
    result.offset_seconds, result.confidence, result.reason

The names in `avts` are these functions, imported when first asked for.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from avts.errors import UsageError
from avts.offset.film import Arrays, film_of
from avts.offset.measure import Method, SyncResult, measure
from avts.offset.model import SyncModel, load_sync_model

__all__ = ["Arrays", "SyncModel", "SyncResult", "load", "sync"]


def load(path: Path | str | None = None, *, revision: str | None = None) -> SyncModel:
    """Load a trained model; without a path the model in the box.

    Args:
        path: the folder that 'avts train' made, or as a string a repository of the Hugging Face hub, 'owner/model'. A
            folder that exists wins.
        revision: branch, tag or commit of a repository.

    Raises:
        UsageError: neither a folder nor the name of a repository, or huggingface_hub is not installed.
        CheckpointError: no model in it, or a damaged or foreign one; the repository cannot be fetched; or this
            installation has no model in the box.
    """
    if not isinstance(path, str) and revision is None:
        return load_sync_model(path)
    from avts.model.hub import fetch

    if path is None:
        raise UsageError(f"revision '{revision}' was asked for, but no repository. Give its name, 'owner/model'.")
    return replace(load_sync_model(fetch(path, revision=revision)), name=str(path))


def sync(
    source: Path | str | Arrays,
    model: SyncModel | Path | str | None = None,
    *,
    range_seconds: float = 2.0,
    method: Method = "model",
) -> SyncResult:
    """Tell by how much the sound of a film is off.

    Args:
        source: a media file; or (frames uint8 [T, H, W] or [T, H, W, 3], frames a second, samples, sample rate).
        model: a loaded model, or the folder of one; None loads the model in the box. Load once for many files.
        range_seconds: offsets up to this much either way are tried, 15 at most.
        method: 'model', or 'motion' for the plain baseline, which needs none.

    Returns:
        offset_seconds (> 0: the sound comes early), its confidence, or the reason why it cannot be told.

    Raises:
        UsageError: arrays of a wrong shape or type, or a range outside (0, 15].
        MediaError: the file cannot be read, or has no picture or no sound.
        CheckpointError: no model, or a damaged or foreign one.
    """
    film = film_of(source)
    if method == "motion":
        return measure(film, None, range_seconds=range_seconds)
    return measure(film, model if isinstance(model, SyncModel) else load(model), range_seconds=range_seconds)
