"""What a run needs to begin, and to go on: a folder, enough clips, processes that share evenly, the same corpus."""

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
        UsageError: it is a file, or already holds a run and resume was not asked for. What a run left that was
            killed before its first checkpoint is no run: there is nothing to go on from.
    """
    if run.exists() and not run.is_dir():
        raise UsageError(f"{run}: is a file; a run needs a folder. Choose another --out")
    if resume:
        return
    if (run / "model.json").exists():
        raise UsageError(
            f"{run}: already holds a run that has ended. Choose another --out; --start {run} begins with its weights"
        )
    if checkpoints(run):
        raise UsageError(f"{run}: already holds a run. Add --resume to go on with it, or choose another --out")


def steps_of_finished(run: Path, recipe: Recipe) -> int | None:
    """Steps that a run has made if it has ended; None if it has not, or if there is none.

    Raises:
        CheckpointError: it has ended by another recipe, so that there is nothing to go on with; or it is damaged.
    """
    if not (run / "model.json").exists():
        return None
    made_by, progress = read_header(run)
    if made_by != recipe:
        raise CheckpointError(
            f"{run}: has ended, trained by another recipe. To train on, begin a new run with its weights: --start "
            f"{run} and another --out"
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
    """How many steps a recipe makes of so many clips; a warning if they are too few to learn anything."""
    lengths = recipe.stage_steps(num_clips)
    stages = ", ".join(f"{stage.name} {length}" for stage, length in zip(recipe.curriculum, lengths, strict=True))
    total, an_epoch = sum(lengths), recipe.steps_per_epoch(num_clips)
    lines = [f"steps: {total} in all ({stages}); {num_clips} training clips give {an_epoch} an epoch"]
    sampling, enough = recipe.pairs.sampling, least_steps(recipe)
    if total < enough:
        lines.append(
            f"warning: {total} steps are few: a run that learns may need {enough} (sampling '{sampling}') before the "
            "distances of positive and negative pairs part, so this one may end at chance. Ingest more videos, or give "
            f"the stages of the recipe more epochs, or steps = {enough} or more"
        )
    return lines


def least_steps(recipe: Recipe) -> int:
    """Steps of a whole run below which a warning is due."""
    return PATIENCE_STEPS[recipe.pairs.sampling] + recipe.optimizer.warmup_steps


def check_sharing(recipe: Recipe, num_clips: int, num_processes: int) -> None:
    """Raise UsageError if so many processes cannot share a batch evenly."""
    batch = recipe.pairs.batch_size
    if batch % num_processes:
        raise UsageError(
            f"batch_size {batch} for {num_processes} processes: it is the whole batch, which they share evenly. "
            f"Give [pairs] batch_size a multiple of {num_processes}"
        )
    if num_clips < num_processes:
        raise UsageError(f"{num_clips} training clips for {num_processes} processes: each needs one. Start fewer")


def clips_digest(clips: Sequence[Clip]) -> str:
    """What tells some clips, in their order, from others."""
    return hashlib.sha256("\n".join(clip.key for clip in clips).encode()).hexdigest()[:16]


def check_same_run(
    run: Path, progress: Mapping[str, Any], *, corpus: Path | str, clips: Sequence[Clip], num_processes: int
) -> None:
    """Check that a run goes on with the clips and the number of processes that it began with.

    Args:
        run: folder of the run, for the message.
        progress: saved with its checkpoint; an old one may lack the digest and the processes.
        corpus: path of the corpus to go on with.
        clips: its training clips.
        num_processes: how many processes go on.

    Raises:
        CheckpointError: they are others.
    """
    if progress["num_clips"] != len(clips):
        raise CheckpointError(
            f"{run}: its training began with {progress['num_clips']} clips, {corpus} has {len(clips)}. "
            "Resume with the corpus it was started with"
        )
    digest = clips_digest(clips)
    if progress.get("clips_digest", digest) != digest:
        raise CheckpointError(
            f"{run}: its training began with other clips (digest {progress['clips_digest']}) than the {len(clips)} of "
            f"{corpus} (digest {digest}). Resume with the corpus it was started with"
        )
    before = progress.get("num_processes", 1)
    if before != num_processes:
        raise CheckpointError(
            f"{run}: its training began with {before} process(es), now there are {num_processes}. "
            f"Resume with {before}: sums over other parts would round otherwise"
        )
