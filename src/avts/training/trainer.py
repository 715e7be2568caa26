"""The training loop: plan, batch, loss, step; log lines and checkpoints at regular intervals.

RUN/log.jsonl       one line every few steps (see training.log)
RUN/diagnosis.json  alarms, if any (see training.diagnosis)
RUN/checkpoints/    complete states to resume from, and the best model so far
RUN/model.*         the finished model (see model.checkpoint)

Several processes may share each step (see training.distributed). All of them run this loop; the first one writes.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from avts.corpus.corpus import Corpus
from avts.corpus.ingest import num_cores
from avts.errors import CorpusError, UsageError
from avts.model.checkpoint import build_model, save_model, start_from
from avts.model.device import choose_device, choose_precision, tune
from avts.model.two_stream import TwoStream
from avts.pairs.feed import Feed
from avts.pairs.loader import Batch, StepDataset, load_steps
from avts.settings import Recipe, StageSettings
from avts.training.augment import BoxesOfBatch
from avts.training.checkpoints import (
    LOSS,
    VALIDATION,
    Score,
    best_score,
    forget_best,
    forget_start,
    keep_best,
    keep_start,
    load_state,
    mixed_with_start,
    save_state,
)
from avts.training.checks import check_clips, check_same_run, check_sharing, clips_digest, training_clips
from avts.training.curriculum import AdaptiveShares, Curriculum, least_seconds_of
from avts.training.diagnosis.watch import CheckCorpus, Watch
from avts.training.distributed import ALONE, device_of, start_processes, true_everywhere, was_left_alone
from avts.training.figures import Row, must_be_finite, read
from avts.training.interrupt import Interrupted, stop_on_signal
from avts.training.log import Record, check_trackers
from avts.training.optimizer import MovingAverage, Plateau, learning_rate
from avts.training.step import Stepper
from avts.training.timing import StepTimer


@dataclass(frozen=True)
class _Unread:
    """A step whose figures have not been read: its number of the stage, the stage as it was, its learning rate."""

    row: Row
    index: int
    stage: StageSettings
    rate: float


class Trainer:
    """One training run.

    Args:
        corpus: its split 'train' is trained on.
        recipe: the settings of the run.
        run: folder of the run; created if missing.
        device: 'auto' or a torch device.
        start: a finished run with the initial weights.
        say: called with each automatic choice, and each warning, in words.
        trackers: names of trackers that Accelerate knows ('tensorboard'); they receive the values of the log.
        validate: returns the score of a model, higher is better, which selects the best model; None selects by loss.

    Raises:
        CorpusError: fewer than two usable training clips, or too few for one step.
        UsageError: no such device, tracker or run to start from, or a batch that the processes cannot share evenly.
        CheckpointError: the run to start from is damaged, or its networks differ from the recipe's.
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
        trackers: Sequence[str] = (),
        validate: Callable[[TwoStream], float] | None = None,
    ) -> None:
        self.recipe, self.run, self.corpus, self.validate = recipe, run, corpus, validate
        self.started_from = None if start is None else start.resolve().name
        found, seconds = corpus.select("train"), least_seconds_of(recipe)
        self.clips = training_clips(corpus, recipe)
        check_clips(corpus.place, len(self.clips), recipe)
        check_trackers(trackers)
        self.curriculum = Curriculum(recipe, tuple(clip.duration_seconds for clip in self.clips))
        chosen, why = choose_device(device)
        self.accelerator = start_processes(chosen, run, trackers)
        self.device = device_of(self.accelerator, chosen)
        self.say = say if self.is_main else _say_nothing
        self.say(f"device: {self.device} ({why})")
        if len(self.clips) < len(found):
            short = len(found) - len(self.clips)
            self.say(f"clips: {short} of {len(found)} skipped (shorter than {seconds:g} s, which the negatives need)")
        self._share()
        torch.manual_seed(recipe.training.seed)
        self.model = self._first_model(start)
        self.model.low_precision, why = choose_precision(recipe.training.precision, self.device)
        self.say(f"precision: {'bf16' if self.model.low_precision else 'fp32'} ({why})")
        decay = recipe.training.ema_decay
        self.average = MovingAverage(self.model, decay) if decay else None
        training = recipe.training
        tuned = {name: getattr(training, name) for name in ("channels_last", "compile", "recompute")}
        for line in tune(self.model, self.device, **tuned):
            self.say(line)
        self.stepper = Stepper(self.model, recipe, self.accelerator, self.device, run)
        self.plateau = Plateau(recipe.optimizer.plateau_epochs)
        self.adaptive = AdaptiveShares()
        self.step = 0
        self.epoch_losses: list[float] = []
        self._unread: list[_Unread] = []

    def _share(self) -> None:
        count, batch = self.accelerator.num_processes, self.recipe.pairs.batch_size
        check_sharing(self.recipe, len(self.clips), count)
        if count > 1:
            self.say(f"processes: {count}, each with {batch // count} of a batch of {batch} (as launched)")
        elif was_left_alone(os.environ):
            self.say(ALONE)

    def _first_model(self, start: Path | None) -> TwoStream:
        """The initial networks: with random weights, or those of a finished run."""
        model = build_model(self.recipe.model)
        if start is not None:
            fresh = start_from(model, start)
            self.say(f"start: the weights of {start}{''.join(f' (its {part} is new)' for part in fresh)}")
            if self.is_main and self.recipe.training.start_share:
                keep_start(self.run, model)
        if self.recipe.training.freeze_towers:
            model.freeze_towers()
        return model.to(self.device)

    @property
    def is_main(self) -> bool:
        """True in the one process that writes and prints."""
        return bool(self.accelerator.is_main_process)

    @property
    def trained(self) -> TwoStream:
        """The model that the run produces: the moving average of the weights if one is kept."""
        return self.average.model if self.average else self.model

    def resume(self) -> int:
        """Resume from the newest checkpoint; returns the number of steps already done.

        Raises:
            CheckpointError: no checkpoint, damaged, foreign, or made with another recipe, other clips or another
                number of processes.
        """
        average = self.average.model if self.average else None
        progress = load_state(self.run, self.model, self.stepper.optimizer, self.recipe, average)
        processes = self.accelerator.num_processes
        check_same_run(self.run, progress, corpus=self.corpus.place, clips=self.clips, num_processes=processes)
        self.step = int(progress["step"])
        self.started_from = progress.get("start")
        self.plateau = Plateau(**progress["plateau"])
        self.adaptive = AdaptiveShares(**progress.get("adaptive", {}))
        self.epoch_losses = list(progress["epoch_losses"])
        return self.step

    @property
    def timer(self) -> StepTimer:
        """Times of the parts of `train`."""
        return self.stepper.timer

    def train(
        self, on_progress: Callable[[int, int], None] | None = None, *, check_corpus: CheckCorpus | None = None
    ) -> None:
        """Run to the end of the curriculum and write the finished model.

        Args:
            on_progress: called with (steps done, total steps).
            check_corpus: measures whether sound and picture of the corpus are in sync, if distances do not separate.

        Raises:
            UsageError: the towers are to be frozen with random weights.
            TrainingError: the loss or its gradient is not finite.
            CorpusError: a clip cannot be read, or every window of an epoch or of its validation is silent.
            Interrupted: stopped by Ctrl-C or SIGTERM; the state is saved.
        """
        total, settings = self.curriculum.num_steps, self.recipe.training
        if settings.start_share and self.started_from is None:
            raise UsageError(
                "[training] start_share needs weights to start from; name the run that has them with --start RUN"
            )
        if settings.freeze_towers and self.started_from is None:
            raise UsageError("[training] freeze_towers needs trained towers; give a run that has them with --start RUN")
        if self.is_main and not self.step:
            forget_best(self.run)
        batches = Feed(self._batches(), self.device)
        self.model.train()
        self.timer.begin()
        record = Record(self.run, self.recipe, self.accelerator, step=self.step)
        with stop_on_signal() as asked, record, self._watch(check_corpus) as watch:
            while self.step < total:
                self._make_step(batches)
                self.step += 1
                logs = (self.step - 1) % settings.log_every_steps == 0 or self.step == total
                row = self._read(watch) if logs or self._is_read_now() else {}
                row |= self._end_epoch()
                if logs or "validation_auc" in row:
                    record.write(row | self.timer.row() | watch.row())
                if on_progress:
                    on_progress(self.step, total)
                stopped = self._in_any_process(asked())
                if stopped or (self.step % settings.checkpoint_every_steps == 0 and self.step < total):
                    self._read(watch)
                    self._save()
                if stopped:
                    raise Interrupted
        self._finish()

    def _batches(self) -> Iterator[Batch]:
        """This process's part of the batches of all remaining steps."""
        pairs, per_step = self.recipe.pairs, self.curriculum.batches_per_step
        dataset = StepDataset(
            self.corpus,
            self.clips,
            self.curriculum,
            clip_seconds=pairs.cut_seconds,
            silence_dbfs=pairs.silence_dbfs,
            colour=self.model.needs_colour,
            boxes=BoxesOfBatch(self.recipe.training.seed, self.recipe.augment.least_crop),
            rank=self.accelerator.process_index,
            num_ranks=self.accelerator.num_processes,
        )
        numbers = range(self.step * per_step, self.curriculum.num_steps * per_step)
        return load_steps(dataset, numbers, workers=self.recipe.training.num_workers(num_cores()))

    def _watch(self, check_corpus: CheckCorpus | None) -> Watch:
        """The monitor of the run; only the first process prints."""
        return Watch(
            self.model,
            self.stepper.optimizer,
            self.curriculum,
            self.run if self.is_main else None,
            start_step=self.step,
            say=self.say,
            check_corpus=check_corpus,
        )

    def _make_step(self, batches: Iterator[Batch]) -> None:
        """Make the next step; its figures wait to be read."""
        index, stage = self.curriculum.stage_at(self.step)
        stage = self.adaptive.applied_to(stage)
        rate = learning_rate(
            self.recipe.optimizer, self.step, self.curriculum.num_steps, plateau_factor=self.plateau.factor
        )
        done = self.stepper.make(self.step, batches, stage, rate)
        if self.average:
            self.average.update(self.model, self.step)
        self._unread.append(_Unread(done.row, index, stage, rate))

    def _is_read_now(self) -> bool:
        """Whether a step must be read that needs no line of the log.

        On the CPU reading costs nothing; the end of an epoch needs the losses, and shares that adapt need the errors.
        """
        ends = self.curriculum.epochs_done(self.step) != self.curriculum.epochs_done(self.step - 1)
        return self.device.type == "cpu" or ends or self._unread[-1].stage.shares == "adaptive"

    def _read(self, watch: Watch) -> dict[str, Any]:
        """Read the steps that were not read yet; gives the line for the log of the last of them.

        Raises:
            TrainingError: the loss of one of them, or its gradient, is not finite.
        """
        unread, self._unread = self._unread, []
        found, updates = read([each.row for each in unread], watch.unread())
        if len(updates):
            watch.take(updates.tolist())
        line: dict[str, Any] = {}
        for each, figures in zip(unread, found, strict=True):
            must_be_finite(figures, self.recipe, self.run)
            watch.see(figures, each.stage, each.rate)
            self.epoch_losses.append(figures.loss)
            epoch = figures.step // self.curriculum.steps_per_epoch
            line = {"step": figures.step, "epoch": epoch, "stage": each.index, "stage_name": each.stage.name}
            line |= {"loss": figures.loss, "learning_rate": each.rate}
            if each.stage.shares == "adaptive":
                self.adaptive.observe(figures.misranked)
                line |= {"hard_share": each.stage.hard, "super_hard_share": each.stage.super_hard}
            line |= figures.mean_distances() | {"gradient_norm": figures.gradient_norm}
        return line

    def _end_epoch(self) -> dict[str, float]:
        """End an epoch: detect a plateau, keep the best model; returns values for the log."""
        if self.curriculum.epochs_done(self.step) == self.curriculum.epochs_done(self.step - 1):
            return {}
        if not any(self.epoch_losses):  # a pair that counts has a loss above 0
            raise CorpusError(
                f"{self.corpus.place}: no pair of an epoch is usable: none of its windows is louder than "
                f"{self.recipe.pairs.silence_dbfs:g} dBFS. Lower [pairs] silence_dbfs"
            )
        loss = sum(self.epoch_losses) / len(self.epoch_losses)
        if (
            len(self.epoch_losses) >= self.curriculum.steps_per_epoch
        ):  # the last epoch of a stage given in steps may be shorter
            self.plateau.end_epoch(loss)
        self.epoch_losses.clear()
        stage = self.curriculum.stage_at(self.step - 1)[0]
        if self.step < self.curriculum.num_steps and stage != self.curriculum.stage_at(self.step)[0]:
            self.plateau.start_stage()
        return self._keep_best(loss, stage) if self.is_main else {}

    def _keep_best(self, loss: float, stage: int) -> dict[str, float]:
        """Validate the model if this is due, and keep it if it is the best so far."""
        every, epochs = self.recipe.training.validate_every_epochs, self.curriculum.epochs_done(self.step)
        score, row = Score(LOSS, loss, self.step, stage), {}
        if self.validate and every:
            if epochs % every and self.step < self.curriculum.num_steps:
                return {}
            value = self.validate(self.trained.eval())
            self.model.train()
            score, row = Score(VALIDATION, value, self.step, stage), {"validation_auc": value}
        keep_best(self.run, self.trained, self.recipe, self._progress(), score)
        return row

    def _in_any_process(self, flag: bool) -> bool:
        """Whether a flag is set in any process, so that all of them stop after the same step."""
        if self.accelerator.num_processes == 1:
            return flag
        return not bool(true_everywhere(torch.tensor([not flag], device=self.device)))

    def _progress(self) -> dict[str, Any]:
        return {
            "step": self.step,
            "num_steps": self.curriculum.num_steps,
            "num_clips": len(self.clips),
            "start": self.started_from,
            "clips_digest": clips_digest(self.clips),
            "num_processes": self.accelerator.num_processes,
            "plateau": asdict(self.plateau),
            "adaptive": asdict(self.adaptive),
            "epoch_losses": self.epoch_losses,
        }

    def _save(self) -> None:
        if not self.is_main:
            return
        average = self.average.model if self.average else None
        keep = self.recipe.training.keep_checkpoints
        save_state(
            self.run, self.model, self.stepper.optimizer, self.recipe, self._progress(), keep=keep, average=average
        )

    def _finish(self) -> None:
        if not self.is_main:
            return
        best = best_score(self.run)
        weights = f"moving average, decay {self.average.decay:g}" if self.average else "of the last step"
        progress = self._progress() | {"weights": weights, "best": asdict(best) if best else None}
        share = self.recipe.training.start_share
        if share:
            progress["weights"] = f"{weights}; {share:g} of the weights at the start"
        save_model(
            self.run, mixed_with_start(self.run, self.trained, share) if share else self.trained, self.recipe, progress
        )
        forget_start(self.run)


def _say_nothing(_: str) -> None:
    """Print nothing, in all processes but the first."""
