"""The Python interface: `avts.load`, `avts.sync`, `avts.repair`, `avts.embed` and `avts.features`.

    model = avts.load()                       # the model in the box, or avts.load("runs/mine")
    result = avts.sync("talk.mp4", model)     # or (frames, frames_per_second, samples, sample_rate)
    result.offset_seconds, result.confidence, result.reason
    avts.repair("talk.mp4", "fixed.mp4", model=model)      # or with the offset you know: offset_seconds=0.12

    avts.embed("talk.mp4", model).sound                    # a vector a window of each tower
    avts.features("talk.mp4", model=model).picture         # conv5, pooled

The names in `avts` are these functions, imported when first asked for.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from avts.errors import UsageError
from avts.features.vectors import FilmFeatures
from avts.offset.film import Arrays, FileFilm, film_of
from avts.offset.fix import (
    RepairResult,
    check_given,
    check_target,
    fix,
    given_correction,
    measured_correction,
)
from avts.offset.measure import Method, SyncResult, check_least_confidence, measure
from avts.offset.model import SyncModel, load_sync_model
from avts.offset.where import Where, where_of

__all__ = [
    "Arrays",
    "FilmFeatures",
    "RepairResult",
    "SyncModel",
    "SyncResult",
    "Where",
    "embed",
    "features",
    "load",
    "repair",
    "sync",
    "where",
]


def load(
    path: Path | str | None = None, *, revision: str | None = None, device: str = "auto", in_parts: bool = True
) -> SyncModel:
    """Load a trained model; without a path the model in the box.

    Args:
        path: the folder that 'avts train' made, or as a string a repository of the Hugging Face hub, 'owner/model', or
            'box'. A folder that exists wins.
        revision: branch, tag or commit of a repository.
        device: where its networks run: 'auto' (the first CUDA device, else the CPU), 'cpu', 'cuda', 'cuda:1' or 'mps'.
        in_parts: look at films of up to 30 s in nine parts too, which finds more offsets and takes six times as long.

    Raises:
        UsageError: neither a folder nor the name of a repository, huggingface_hub is not installed, or no such device.
        CheckpointError: no model in it, or a damaged or foreign one; the repository cannot be fetched; or this
            installation has no model in the box.
    """
    if not isinstance(path, str) and revision is None:
        return replace(load_sync_model(path, device=device), in_parts=in_parts)
    from avts.model.hub import fetch

    if path is None:
        raise UsageError(f"revision '{revision}' was asked for, but no repository. Give its name, 'owner/model'.")
    loaded = load_sync_model(fetch(path, revision=revision), device=device)
    return replace(loaded, name=str(path), in_parts=in_parts)


def _loaded(model: SyncModel | Path | str | None) -> SyncModel:
    return model if isinstance(model, SyncModel) else load(model)


def sync(
    source: Path | str | Arrays,
    model: SyncModel | Path | str | None = None,
    *,
    range_seconds: float = 2.0,
    method: Method = "model",
    least_confidence: float | None = None,
) -> SyncResult:
    """Tell by how much the sound of a film is off.

    Args:
        source: a media file; or (frames uint8 [T, H, W] or [T, H, W, 3], frames a second, samples, sample rate).
        model: a loaded model, or the folder of one; None loads the model in the box. Load once for many files.
        range_seconds: offsets up to this much either way are tried, 15 at most.
        method: 'model', or 'motion' for the plain baseline, which needs none.
        least_confidence: an offset that is less likely right than this, 0 to 1, is uncertain and no answer; None takes
            what the model's calibration says, 0.82 for the model in the box.

    Returns:
        offset_seconds (> 0: the sound comes early) and its confidence; or None and the reason why no answer is given,
        with the best guess in guess_seconds.

    Raises:
        UsageError: arrays of a wrong shape or type, a range outside (0, 15], or a least confidence outside [0, 1].
        MediaError: the file cannot be read, or has no picture or no sound.
        CheckpointError: no model, or a damaged or foreign one.
    """
    film = film_of(source)
    loaded = None if method == "motion" else _loaded(model)
    return measure(film, loaded, range_seconds=range_seconds, least_confidence=least_confidence)


def where(
    source: Path | str | Arrays,
    model: SyncModel | Path | str | None = None,
    *,
    offset_seconds: float | None = None,
) -> Where:
    """See where in the picture of a film its sound comes from.

    Args:
        source: as for `sync`.
        model: as for `sync`; its video tower must not stride time.
        offset_seconds: by how much the sound is early (late if < 0); None takes the best guess of `sync`.

    Returns:
        times_seconds [M], maps [M, h, w] of what each place adds to the fit, their mean_map [h, w], and frames.

    Raises:
        UsageError: as of `sync`, or a model that cannot show it.
        MediaError: as of `sync`, or a film shorter than two seconds.
        CheckpointError: no model, or a damaged or foreign one.
    """
    return where_of(film_of(source), _loaded(model), offset_seconds=offset_seconds)


def repair(
    path: Path | str,
    out: Path | str,
    offset_seconds: float | None = None,
    *,
    drift_ms_per_minute: float | None = None,
    model: SyncModel | Path | str | None = None,
    range_seconds: float = 2.0,
    method: Method = "model",
    least_confidence: float | None = None,
    overwrite: bool = False,
) -> RepairResult:
    """Write a media file with its sound in sync; streams are copied, sound that drifts or jumps is encoded again.

    Args:
        path: the file to repair; it is only read.
        out: the file to write; the ending of its name says the container. Missing folders are made. If the container
            cannot hold the repaired film, it is written as .mkv: see `path` and `warnings` of the result.
        offset_seconds: by how much the sound is early (late if < 0); None measures it, and measures the repaired file
            again.
        drift_ms_per_minute: with an offset, which is that at the start then: by how much it grows.
        model: as for `sync`.
        range_seconds: as for `sync`.
        method: as for `sync`.
        least_confidence: as for `sync`; an offset that is uncertain repairs nothing.
        overwrite: replace `out` if it exists.

    Returns:
        The path written, by how much the sound was moved, the measurements before and after, and warnings.

    Raises:
        UsageError: no such file, `out` exists or is the source, or a number is out of range.
        MediaError: the file cannot be read, has no picture or no sound, or no container holds the repaired film.
        InputError: the offset is unknown or uncertain, or the repaired film measures worse. Nothing is written.
        CheckpointError: no model, or a damaged or foreign one.
    """
    source, target = Path(path), Path(out)
    check_given(offset_seconds, drift_ms_per_minute)
    check_least_confidence(least_confidence)
    check_target(source, target, overwrite=overwrite)
    if offset_seconds is not None:
        return fix(source, target, given_correction(source, offset_seconds, drift_ms_per_minute), overwrite=overwrite)
    loaded = None if method == "motion" else _loaded(model)

    def measured(film: Path) -> SyncResult:
        return measure(FileFilm(film), loaded, range_seconds=range_seconds, least_confidence=least_confidence)

    before = measured(source)
    correction = measured_correction(before)
    return fix(source, target, correction, before=before, measure=measured, overwrite=overwrite)


def embed(
    source: Path | str | Arrays, model: SyncModel | Path | str | None = None, *, hop_seconds: float = 0.5
) -> FilmFeatures:
    """Embed every window of a film by both towers. Decoders run in this process; for many files: `avts embed`.

    Args:
        source: as for `sync`.
        model: as for `sync`.
        hop_seconds: from the start of one window to that of the next; a whole number of frames is taken.

    Returns:
        `picture` and `sound`, float32 [W, D], a row for each window; where a picture fits a sound they are near.

    Raises:
        UsageError: arrays of a wrong shape or type, or a hop shorter than a frame.
        MediaError: the file cannot be read, has no picture or no sound, or is shorter than a window.
        CheckpointError: no model, or a damaged or foreign one.
    """
    return _features(source, model, hop_seconds=hop_seconds)


def features(
    source: Path | str | Arrays,
    stage: str = "conv5",
    model: SyncModel | Path | str | None = None,
    *,
    hop_seconds: float = 0.5,
    pooling: str = "1x1",
) -> FilmFeatures:
    """Feature maps of a stage of both towers in every window of a film, pooled to a vector a window.

    Args:
        source: as for `sync`.
        stage: 'conv1' to 'conv5', and 'pool2', 'pool5' of the audio tower; 'sound:conv4' asks one tower only.
        model: as for `sync`.
        hop_seconds: as for `embed`.
        pooling: parts of the bands (of height and width) x parts of time, such as '4x2', or '4xsd': mean and deviation.

    Returns:
        `picture` and `sound`, float32 [W, F], a row for each window; None of a tower that was not asked.

    Raises:
        UsageError: no such stage, a pooling of another form; or as `embed`.
        MediaError: as `embed`.
        CheckpointError: as `embed`.
    """
    return _features(source, model, hop_seconds=hop_seconds, stage=stage, pooling=pooling)


def _features(
    source: Path | str | Arrays,
    model: SyncModel | Path | str | None,
    *,
    hop_seconds: float,
    stage: str | None = None,
    pooling: str = "1x1",
) -> FilmFeatures:
    from avts.features.vectors import film_features_of

    film = film_of(source)
    loaded = _loaded(model)
    return film_features_of(
        loaded.network,
        film.name,
        film.pictures(),
        film.sounds(),
        window_seconds=loaded.window_seconds,
        hop_seconds=hop_seconds,
        stage=stage,
        pooling=pooling,
    )
