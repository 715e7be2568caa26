"""Checks before a run starts or resumes: a folder, enough clips, an even split over processes, the same corpus."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from avts.corpus.clip import Clip
from avts.corpus.corpus import Corpus
from avts.errors import CheckpointError, CorpusError, UsageError
from avts.model.checkpoint import read_header
from avts.settings import Recipe
from avts.training.checkpoints import checkpoints
from avts.training.curriculum import least_seconds_of
from avts.training.diagnosis.watch import PATIENCE_STEPS


def start_run(run: Path, *, resume: bool) -> None:
    """Check that a run may be written to a folder.

    Raises:
        UsageError: it is a file, or already holds a run and resume is false. The remains of a run that was killed
            before its first checkpoint do not count, because they cannot be resumed.
    """
    if run.exists() and not run.is_dir():
        raise UsageError(f"{run}: is a file, not a folder. Choose another --out")
    if resume:
        return
    if (run / "model.json").exists():
        raise UsageError(
            f"{run}: already holds a finished run. Choose another --out; --start {run} starts from its weights"
        )
    if checkpoints(run):
        raise UsageError(f"{run}: already holds a run. Add --resume to continue it, or choose another --out")


def steps_of_finished(run: Path, recipe: Recipe) -> int | None:
    """Number of steps of a finished run; None if it is not finished, or if there is none.

    Raises:
        CheckpointError: it was finished with another recipe, so it cannot be resumed; or it is damaged.
    """
    if not (run / "model.json").exists():
        return None
    made_by, progress = read_header(run)
    if made_by != recipe:
        raise CheckpointError(
            f"{run}: is finished and was trained with another recipe. To continue training, start a new run from its "
            f"weights: --start {run} and another --out"
        )
    return int(progress["step"])


def check_clips(corpus: Path | str, num_clips: int, recipe: Recipe) -> None:
    """Raise CorpusError if a corpus has too few training clips for pairs, or for the batches of one step."""
    if num_clips < 2:
        raise CorpusError(
            f"{corpus}: {num_clips} usable training clip(s) of at least {least_seconds_of(recipe):g} s; "
            "pairs need at least 2 videos. Ingest more"
        )
    batch, batches = recipe.pairs.batch_size, recipe.training.accumulate_steps
    if num_clips < batch * batches:
        step = f"accumulate_steps = {batches} batches of {batch}" if batches > 1 else f"batch_size = {batch}"
        lower = "[training] accumulate_steps or [pairs] batch_size" if batches > 1 else f"it to {num_clips} or less"
        raise CorpusError(
            f"{corpus}: {num_clips} training clips of at least {least_seconds_of(recipe):g} s; a step of {step} needs "
            f"{batch * batches}. Lower {lower}, or ingest more"
        )


def training_clips(corpus: Corpus, recipe: Recipe) -> list[Clip]:
    """The clips of the split 'train' that are long enough for every kind of pair of a recipe."""
    seconds = least_seconds_of(recipe) - 1e-6
    return [clip for clip in corpus.select("train") if clip.duration_seconds >= seconds]


def plan_lines(recipe: Recipe, num_clips: int) -> list[str]:
    """Number of steps that a recipe trains on a number of clips; a warning if there are too few to learn anything."""
    lengths = recipe.stage_steps(num_clips)
    stages = ", ".join(f"{stage.name} {length}" for stage, length in zip(recipe.curriculum, lengths, strict=True))
    total, an_epoch = sum(lengths), recipe.steps_per_epoch(num_clips)
    lines = [f"steps: {total} in total ({stages}); {num_clips} training clips give {an_epoch} per epoch"]
    sampling, enough = recipe.pairs.sampling, least_steps(recipe)
    if total < enough:
        lines.append(
            f"warning: {total} steps are few: a run may need {enough} (sampling '{sampling}') before the distances of "
            "positive and negative pairs separate, so this one may end at chance level. Ingest more videos, or give "
            f"the stages of the recipe more epochs, or steps = {enough} or more"
        )
    return lines


def least_steps(recipe: Recipe) -> int:
    """Minimum number of steps of a run without a warning."""
    return PATIENCE_STEPS[recipe.pairs.sampling] + recipe.optimizer.warmup_steps


def check_sharing(recipe: Recipe, num_clips: int, num_processes: int) -> None:
    """Raise UsageError if the processes cannot share a batch evenly."""
    batch = recipe.pairs.batch_size
    if batch % num_processes:
        raise UsageError(
            f"batch_size {batch} for {num_processes} processes: the batch must be divisible by their number. "
            f"Set [pairs] batch_size to a multiple of {num_processes}"
        )
    if num_clips < num_processes:
        raise UsageError(
            f"{num_clips} training clips for {num_processes} processes: each process needs one. Start fewer processes"
        )


def clips_digest(clips: Sequence[Clip]) -> str:
    """Digest of a list of clips, including their order."""
    return hashlib.sha256("\n".join(clip.key for clip in clips).encode()).hexdigest()[:16]


def check_same_run(
    run: Path, progress: Mapping[str, Any], *, corpus: Path | str, clips: Sequence[Clip], num_processes: int
) -> None:
    """Check that a run resumes with the clips and the number of processes that it started with.

    Args:
        run: folder of the run, for the message.
        progress: saved with its checkpoint; an old one may lack the digest and the processes.
        corpus: path of the corpus to resume with.
        clips: its training clips.
        num_processes: number of processes that resume.

    Raises:
        CheckpointError: they differ.
    """
    if progress["num_clips"] != len(clips):
        raise CheckpointError(
            f"{run}: was started with {progress['num_clips']} clips, but {corpus} has {len(clips)}. "
            "Resume with the original corpus"
        )
    digest = clips_digest(clips)
    if progress.get("clips_digest", digest) != digest:
        raise CheckpointError(
            f"{run}: was started with other clips (digest {progress['clips_digest']}) than the {len(clips)} of "
            f"{corpus} (digest {digest}). Resume with the original corpus"
        )
    before = progress.get("num_processes", 1)
    if before != num_processes:
        raise CheckpointError(
            f"{run}: was started with {before} process(es), but now there are {num_processes}. "
            f"Resume with {before}: another partition would change the rounding"
        )
