"""Monitoring of training: an alarm if positive and negative distances are not separating, with the measurements.

RUN/diagnosis.json   every alarm with all its figures
The run continues; the measurements never change it. There is at most one alarm per stage.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from avts.files import write_whole
from avts.model.two_stream import TwoStream
from avts.pairs.negatives import KIND_NAMES
from avts.settings import Recipe, StageSettings
from avts.training.curriculum import Curriculum, negative_shares
from avts.training.diagnosis.causes import (
    Course,
    Reason,
    balance_reason,
    collapse_reasons,
    rate_reason,
    silence_reason,
    stillness_reason,
    timing_reason,
)
from avts.training.diagnosis.probes import Cues, EmbeddingTap, UpdateMeter
from avts.training.diagnosis.separation import WINDOW_STEPS, Parting, PartingMeter
from avts.training.figures import Figures

DIAGNOSIS_NAME = "diagnosis.json"

PATIENCE_SHARE = 0.1
"""Share of a stage's steps that distances may take to separate."""

PATIENCE_STEPS = {"grid": 100, "spans": 100, "pairs": 500}
"""Minimum number of these steps, by sampling: runs that learn separate after 30 to 50 steps of grid pairs; a step of
individually drawn pairs has a fraction of the negatives."""

LONGEST_PATIENCE_STEPS = 2000

LEAST_STEPS = 20
"""Shorter stages are not checked."""

CheckCorpus = Callable[[], Reason]
"""Measures whether sound and picture of the corpus are in sync; slow, so it is called only after an alarm."""


@dataclass(frozen=True)
class Alarm:
    """Distances are not separating.

    Attributes:
        step: step of the alarm.
        stage: number of the stage.
        stage_name: name of the stage.
        partings: separation of each kind of negative that the stage trains on.
        loss: mean loss of the latest steps.
        reasons: all checked reasons, likely or not.
    """

    step: int
    stage: int
    stage_name: str
    partings: Sequence[Parting]
    loss: float
    reasons: Sequence[Reason]

    @property
    def text(self) -> str:
        """The alarm in words, several lines."""
        lines = [f"warning: step {self.step}, stage '{self.stage_name}': distances are not separating"]
        for each in self.partings:
            if not each.parted:
                kind = KIND_NAMES[each.kind].replace("_", "-")
                lines.append(
                    f"  positive {each.positive:.4f}, {kind} {each.negative:.4f}: gap {each.gap:+.4f} over "
                    f"{each.steps} steps, scatter within a batch {each.scatter:.4f}; loss {self.loss:.4g}"
                )
        return "\n".join([*lines, *reason_lines(self.reasons)])

    def as_json(self) -> dict[str, Any]:
        """Plain values for RUN/diagnosis.json."""
        return {
            "step": self.step,
            "stage": self.stage,
            "stage_name": self.stage_name,
            "loss": self.loss,
            "kinds": {KIND_NAMES[each.kind]: parting_json(each) for each in self.partings},
            "reasons": [asdict(reason) for reason in self.reasons],
        }


def parting_json(parting: Parting) -> dict[str, Any]:
    """Plain values of a separation."""
    values = asdict(parting) | {"gap": parting.gap, "parted": parting.parted}
    del values["kind"]
    return values


def reason_lines(reasons: Sequence[Reason]) -> list[str]:
    """The likely reasons, one line each, then the checks with normal results."""
    likely = [reason for reason in reasons if reason.likely]
    lines = [f"  likely: {reason.name}: {reason.text}" for reason in likely]
    lines += [f"  normal: {reason.name}: {reason.text}" for reason in reasons if not reason.likely]
    if not likely:
        lines.append(
            "  all checks are normal: training may need more steps. `avts overfit` shows whether the networks can "
            "learn a single batch"
        )
    return lines


class Watch:
    """Looks at every step of a run, in their order, as their figures are read; use it as a context.

    Args:
        model: the model in training.
        optimizer: its optimizer.
        curriculum: the plan of the run.
        run: folder for the alarms; None in all processes but the first.
        start_step: number of completed steps; alarms of later steps are removed.
        say: called with the text of an alarm.
        check_corpus: measures whether the corpus is in sync; None to skip this check.
    """

    def __init__(
        self,
        model: TwoStream,
        optimizer: torch.optim.Optimizer,
        curriculum: Curriculum,
        run: Path | None,
        *,
        start_step: int,
        say: Callable[[str], None],
        check_corpus: CheckCorpus | None = None,
    ) -> None:
        self._curriculum, self._run, self._say, self._check = curriculum, run, say, check_corpus
        self._recipe: Recipe = curriculum.recipe
        self._alarms = [alarm for alarm in read_alarms(run) if alarm["step"] < start_step] if run else []
        self._write()
        self._tap = EmbeddingTap(model)
        self._updates = UpdateMeter(optimizer, every=self._recipe.training.log_every_steps)
        self._meter = PartingMeter(self._recipe)
        self._stage = -1
        self._cues: deque[Cues] = deque(maxlen=WINDOW_STEPS)
        self._course: deque[tuple[float, float]] = deque(maxlen=WINDOW_STEPS)

    def __enter__(self) -> Watch:
        return self

    def __exit__(self, *_: object) -> None:
        self._tap.close()
        self._updates.close()

    def see(self, figures: Figures, stage: StageSettings, learning_rate: float) -> None:
        """Look at a step; raise the alarm if it is time to.

        Args:
            figures: what it has come to.
            stage: of the curriculum, with the shares of its negatives at this step.
            learning_rate: of its update.
        """
        if self._run is None:
            return
        step = figures.step
        index = self._curriculum.stage_at(step)[0]
        if index != self._stage:
            self._stage = index
            self._meter.start_stage()
            self._course.clear()
        self._meter.take(figures.moments, figures.counts)
        self._cues.append(figures.cues)
        self._course.append((figures.loss, figures.gradient_norm))
        if self._is_due(step, index) and not all(each.parted for each in self._partings(stage)):
            self._raise(step, index, stage, learning_rate)

    def unread(self) -> Tensor | None:
        """What is measured of the updates and has not been read yet, on the device."""
        return self._updates.unread()

    def take(self, values: Sequence[float]) -> None:
        """Take what `unread` gave, on the CPU."""
        self._updates.take(values)

    def row(self) -> dict[str, Any]:
        """Values for the log on the steps since the last call."""
        share = self._updates.shares[-1] if self._updates.shares else None
        return {"update_share": share} | self._meter.counts_row()

    def _is_due(self, step: int, index: int) -> bool:
        """True after the patience, until there is an alarm in this stage."""
        first, stop = stage_span(self._curriculum, index)
        if stop - first < LEAST_STEPS or len(self._course) < LEAST_STEPS:
            return False
        patience = min(patience_steps(self._recipe, stop - first, index), stop - first)
        return step + 1 - first >= patience and all(alarm["stage"] != index for alarm in self._alarms)

    def _partings(self, stage: StageSettings) -> list[Parting]:
        """Separation of the kinds of negative that a stage trains on."""
        shares = negative_shares(stage)
        return [found for found in self._meter.partings() if shares.get(found.kind)]

    def _raise(self, step: int, index: int, stage: StageSettings, learning_rate: float) -> None:
        losses, norms = zip(*self._course, strict=True)
        seen = -(-len(self._course) // self._recipe.training.log_every_steps)
        course = Course(losses, norms, self._updates.shares[-seen:], self._updates.growth, learning_rate)
        partings = self._partings(stage)
        timing = timing_reason(partings, self._recipe.model.head)
        reasons = reasons_of(sum(self._cues, Cues()), self._tap, course, self._check)
        balance = (
            balance_reason(partings, self._recipe.loss.margin) if self._recipe.loss.name == "contrastive" else None
        )
        reasons += [found for found in (timing, balance) if found is not None]
        alarm = Alarm(step, index, stage.name, partings, sum(losses) / len(losses), reasons)
        self._alarms.append(alarm.as_json())
        self._write()
        self._say(alarm.text)

    def _write(self) -> None:
        if self._run and (self._alarms or (self._run / DIAGNOSIS_NAME).exists()):
            text = json.dumps({"alarms": self._alarms}, indent=1)
            write_whole(self._run / DIAGNOSIS_NAME, text)


def reasons_of(cues: Cues, tap: EmbeddingTap, course: Course, check_corpus: CheckCorpus | None) -> list[Reason]:
    """All checked reasons, likely or not."""
    reasons = [silence_reason(cues), stillness_reason(cues), *collapse_reasons(tap.spreads()), rate_reason(course)]
    return [*reasons, check_corpus()] if check_corpus is not None else reasons


def read_alarms(run: Path) -> list[dict[str, Any]]:
    """The alarms of a run so far."""
    try:
        return list(json.loads((run / DIAGNOSIS_NAME).read_text(encoding="utf-8"))["alarms"])
    except (OSError, ValueError, KeyError, TypeError):
        return []


def stage_span(curriculum: Curriculum, index: int) -> tuple[int, int]:
    """First step of a stage, and the step after its last."""
    ends = [0, *curriculum.stage_ends]
    return ends[index], ends[index + 1]


def patience_steps(recipe: Recipe, num_steps: int, index: int) -> int:
    """Steps of a stage after which distances must be separated.

    Args:
        recipe: for its sampling and warm-up.
        num_steps: number of steps of the stage.
        index: number of the stage; only the first one has a warm-up.
    """
    least = PATIENCE_STEPS[recipe.pairs.sampling]
    share = round(PATIENCE_SHARE * num_steps)
    warmup = recipe.optimizer.warmup_steps if index == 0 else 0
    return min(max(share, least), LONGEST_PATIENCE_STEPS) + warmup
