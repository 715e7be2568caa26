"""The training loop: plan, batch, loss, step; a log line and a checkpoint now and then.

RUN/log.jsonl       one line every few steps
RUN/checkpoints/    whole states to go on from
RUN/model.*         the finished model (see model.checkpoint)
"""

from __future__ import annotations

import json
import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch

from avts.corpus.corpus import Corpus
from avts.errors import CheckpointError, CorpusError, TrainingError, UsageError
from avts.model.checkpoint import build_model, save_model, start_from, write_whole
from avts.model.device import choose_device, choose_precision
from avts.model.frontend import crop_and_resize
from avts.pairs.loader import Batch, StepDataset, load_steps
from avts.settings import OptimizerSettings, Recipe
from avts.training.augment import augment_pictures, augment_sounds, random_boxes
from avts.training.curriculum import Curriculum
from avts.training.objective import step_loss
from avts.training.schedule import Plateau, learning_rate
from avts.training.state import checkpoints, load_state, save_state


class Interrupted(KeyboardInterrupt):
    """Training was stopped by a signal, after its state was saved."""


class Trainer:
    """One training run.

    Args:
        corpus: its split 'train' is trained on.
        recipe: what to train and how.
        run: folder of the run; made if missing.
        device: 'auto' or a torch device.
        start: a finished run whose weights to begin with.
        say: called with each automatic choice in words.

    Raises:
        CorpusError: fewer than two usable training clips.
        UsageError: no such run to start from.
        CheckpointError: the run to start from is damaged, or its networks are others than the recipe's.
    """

    def __init__(
        self,
        corpus: Corpus,
        recipe: Recipe,
        run: Path,
        *,
        device: str = "auto",
        start: Path | None = None,
        say: Callable[[str], None] = print,
    ) -> None:
        self.recipe, self.run, self.corpus = recipe, run, corpus
        self.started_from = None if start is None else start.resolve().name
        seconds = recipe.pairs.cut_seconds
        self.clips = [clip for clip in corpus.select("train") if clip.duration_seconds >= seconds]
        if len(self.clips) < 2:
            raise CorpusError(
                f"{corpus.path}: {len(self.clips)} usable training clip(s) of at least {seconds:g} s; "
                "pairs need at least 2 videos. Ingest more"
            )
        self.curriculum = Curriculum(recipe, tuple(clip.duration_seconds for clip in self.clips))
        self.device, why = choose_device(device)
        say(f"device: {self.device} ({why})")
        torch.manual_seed(recipe.training.seed)
        self.model = build_model(recipe.model)
        if start is not None:
            is_fresh = start_from(self.model, start)
            say(f"start: the weights of {start}{' (its fused classifier is new)' if is_fresh else ''}")
        if recipe.training.freeze_towers:
            self.model.freeze_towers()
        self.model.to(self.device)
        self.model.low_precision, why = choose_precision(recipe.training.precision, self.device)
        say(f"precision: {'bf16' if self.model.low_precision else 'fp32'} ({why})")
        self.optimizer = make_optimizer(self.model, recipe.optimizer)
        self.plateau = Plateau(recipe.optimizer.plateau_epochs)
        self.step = 0
        self.epoch_losses: list[float] = []

    def resume(self) -> int:
        """Go on from the newest checkpoint; gives the number of steps already done.

        Raises:
            CheckpointError: nothing to go on from, damaged, or made by another recipe or from other clips.
        """
        progress = load_state(self.run, self.model, self.optimizer, self.recipe)
        if progress["num_clips"] != len(self.clips):
            raise CheckpointError(
                f"{self.run}: its training began with {progress['num_clips']} clips, {self.corpus.path} has "
                f"{len(self.clips)}. Resume with the corpus it was started with"
            )
        self.step = int(progress["step"])
        self.started_from = progress.get("start")
        self.plateau = Plateau(**progress["plateau"])
        self.epoch_losses = list(progress["epoch_losses"])
        _cut_log(self.run / "log.jsonl", self.step)
        return self.step

    def train(self, on_progress: Callable[[int, int], None] | None = None) -> None:
        """Run to the end of the curriculum and write the finished model.

        Raises:
            UsageError: the towers are to be frozen with random weights.
            TrainingError: the loss or its gradient is not finite.
            CorpusError: a clip cannot be read, or every window of an epoch is silent.
            Interrupted: stopped by Ctrl-C or SIGTERM; the state is saved.
        """
        if self.recipe.training.freeze_towers and self.started_from is None:
            raise UsageError(
                "[training] freeze_towers needs trained towers; name the run that has them with --start RUN"
            )
        self.run.mkdir(parents=True, exist_ok=True)
        pairs = self.recipe.pairs
        dataset = StepDataset(
            self.corpus,
            self.clips,
            self.curriculum,
            clip_seconds=pairs.cut_seconds,
            silence_dbfs=pairs.silence_dbfs,
            colour=self.model.needs_colour,
        )
        total = self.curriculum.num_steps
        batches = load_steps(dataset, range(self.step, total), workers=self.recipe.training.workers)
        self.model.train()
        with _stop_on_signal() as stopped, (self.run / "log.jsonl").open("a" if self.step else "w") as log:
            while self.step < total:
                started = time.perf_counter()
                batch = next(batches).to(self.device)
                waited = time.perf_counter() - started
                row = self._train_step(batch)
                self.epoch_losses.append(row["loss"])
                if self.step % self.recipe.training.log_every_steps == 0 or self.step == total - 1:
                    row |= {"seconds": time.perf_counter() - started, "wait_seconds": waited}
                    log.write(json.dumps(row) + "\n")
                    log.flush()
                self.step += 1
                self._end_epoch()
                if on_progress:
                    on_progress(self.step, total)
                if stopped() or (self.step % self.recipe.training.checkpoint_every_steps == 0 and self.step < total):
                    self._save()
                if stopped():
                    raise Interrupted
        save_model(self.run, self.model, self.recipe, self._progress())

    def _train_step(self, batch: Batch) -> dict[str, Any]:
        """Forward, backward and update; gives the line for the log."""
        epoch = self.step // self.curriculum.steps_per_epoch
        index, stage = self.curriculum.stage_at(self.step)
        rate = learning_rate(
            self.recipe.optimizer, self.step, self.curriculum.num_steps, plateau_factor=self.plateau.factor
        )
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        rng = np.random.default_rng([self.recipe.training.seed, 2, self.step])
        augment = self.recipe.augment
        boxes = random_boxes(len(batch.y), augment.least_crop, rng)
        raw = [plane for plane in (batch.y, batch.u, batch.v) if plane is not None]
        scaled = [crop_and_resize(plane, boxes, self.model.frame_size) for plane in raw]
        planes = augment_pictures(scaled, augment, rng)
        samples = augment_sounds(batch.sounds, augment, rng)
        made = step_loss(self.model, planes, samples, batch, self.recipe, stage)
        self._must_be_finite(f"{self.recipe.loss.name} loss", value := float(made.loss.detach()))
        self.optimizer.zero_grad(set_to_none=True)
        made.loss.backward()  # type: ignore[no-untyped-call]
        gradients = [p.grad for p in self.model.parameters() if p.grad is not None]
        self._must_be_finite("gradient's norm", float(torch.nn.utils.get_total_norm(gradients)))
        self.optimizer.step()
        row = {"step": self.step, "epoch": epoch, "stage": index, "loss": value, "learning_rate": rate}
        return row | made.mean_distances()

    def _must_be_finite(self, name: str, value: float) -> None:
        if math.isfinite(value):
            return
        newest = checkpoints(self.run)[-1:]
        raise TrainingError(
            f"step {self.step}: the {name} is {value}. Last good checkpoint: {newest[0] if newest else 'none'}. "
            "Lower [optimizer] learning_rate, or try precision = 'fp32'"
        )

    def _end_epoch(self) -> None:
        """At the end of an epoch: watch the loss for a plateau; a new stage starts the watch anew."""
        if self.step % self.curriculum.steps_per_epoch:
            return
        if not any(self.epoch_losses):  # a pair that counts costs something
            raise CorpusError(
                f"{self.corpus.path}: no pair of an epoch could be used: none of its windows is louder than "
                f"{self.recipe.pairs.silence_dbfs:g} dBFS. Lower [pairs] silence_dbfs"
            )
        self.plateau.end_epoch(sum(self.epoch_losses) / len(self.epoch_losses))
        self.epoch_losses.clear()
        if self.step < self.curriculum.num_steps:
            before, after = self.curriculum.stage_at(self.step - 1)[0], self.curriculum.stage_at(self.step)[0]
            if before != after:
                self.plateau.start_stage()

    def _progress(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "num_steps": self.curriculum.num_steps,
            "num_clips": len(self.clips),
            "start": self.started_from,
            "plateau": asdict(self.plateau),
            "epoch_losses": self.epoch_losses,
        }

    def _save(self) -> None:
        keep = self.recipe.training.keep_checkpoints
        save_state(self.run, self.model, self.optimizer, self.recipe, self._progress(), keep=keep)


def make_optimizer(model: torch.nn.Module, settings: OptimizerSettings) -> torch.optim.Optimizer:
    """The optimiser that the settings describe; batch norm and biases are not decayed, frozen weights left out."""
    parameters = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in parameters if p.ndim > 1], "weight_decay": settings.weight_decay},
        {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
    ]
    if settings.name == "adamw":
        return torch.optim.AdamW(groups, lr=settings.learning_rate)
    return torch.optim.SGD(groups, lr=settings.learning_rate, momentum=settings.momentum)


def _cut_log(log: Path, step: int) -> None:
    """Take out the lines from a step on, which are about to be made again, and a last one that a kill cut off."""
    if not log.exists():
        return
    rows = [line for line in log.read_text(encoding="utf-8").splitlines(keepends=True) if line.endswith("\n")]
    kept = "".join(line for line in rows if json.loads(line)["step"] < step)
    write_whole(log, lambda path: path.write_text(kept, encoding="utf-8"))


def start_run(run: Path, *, resume: bool) -> None:
    """Check that a run may be written to a folder.

    Raises:
        UsageError: it is a file, or already holds a run and resume was not asked for. What a run left that was
            killed before its first checkpoint is no run: there is nothing to go on from.
    """
    if run.exists() and not run.is_dir():
        raise UsageError(f"{run}: is a file; a run needs a folder. Choose another --out")
    if not resume and (checkpoints(run) or (run / "model.json").exists()):
        raise UsageError(f"{run}: already holds a run. Add --resume to go on with it, or choose another --out")


@contextmanager
def _stop_on_signal() -> Iterator[Callable[[], bool]]:
    """Let Ctrl-C and SIGTERM end the step under way first; gives a function that tells whether one came."""
    caught: list[int] = []
    try:
        before = {number: signal.signal(number, lambda n, _: caught.append(n)) for number in _SIGNALS}
    except ValueError:  # not in the main thread: signals stay with whoever owns it
        before = {}
    try:
        yield lambda: bool(caught)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


_SIGNALS = (signal.SIGINT, signal.SIGTERM)
