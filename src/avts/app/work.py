"""The work on films in a process of its own: a film that crashes or hangs its decoder costs its answer, not the page.

Input: a Task. Output: what `answer` or `preview` made of it, or a Failure. The model is loaded once, by the first task
that needs it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from avts.app.answer import Measured, Measuring, Repaired, measured, repaired, sound_places
from avts.app.preview import Form, form_here, write_preview
from avts.errors import AvtsError
from avts.jobs.pool import Alive, report, rest

if TYPE_CHECKING:
    from avts.offset.measure import Method, SyncResult
    from avts.offset.model import SyncModel

Kind = Literal["measure", "repair", "where", "preview", "preview-repaired"]
"""What can be asked for one film."""

LOAD: Literal["load"] = "load"
"""Stands for a task: load the model, and do no more."""

START_SECONDS = 600.0
"""Maximum time to load a model."""

LONGEST_SILENCE_SECONDS = 3600.0
"""Copying, drawing and encoding give no sign of life for this long at most."""

DOING: dict[Kind, str] = {
    "measure": "measured",
    "repair": "repaired",
    "where": "shown",
    "preview": "copied for this browser",
    "preview-repaired": "copied for this browser",
}
"""What could not be done, for the message on an unexpected exception."""


@dataclass(frozen=True)
class Setup:
    """What measures, as the command line says it.

    Attributes:
        run: the model's folder, None for the one in the box.
        method: what measures.
        device: where the model runs.
        least_confidence: below it an offset is uncertain; None takes that of the model.
    """

    run: Path | None = None
    method: Method = "model"
    device: str = "auto"
    least_confidence: float | None = None


@dataclass(frozen=True)
class Task:
    """One thing to do with one film.

    Attributes:
        kind: what.
        source: the film; it is only read.
        name: what to call it.
        folder: where to write.
        range_seconds: offsets up to this much either way are tried.
        result: what was measured of it, except for the measurement itself.
        form: of a preview.
    """

    kind: Kind
    source: Path
    name: str
    folder: Path
    range_seconds: float
    result: SyncResult | None = None
    form: Form = "mp4"


AnyTask = Task | Literal["load"]


@dataclass(frozen=True)
class Loaded:
    """The model is loaded: its name, and the automatic choices on the way with their reasons."""

    name: str
    choices: tuple[str, ...]


@dataclass(frozen=True)
class Failure:
    """What stands for the outcome of a task that failed, in a sentence."""

    message: str


Outcome = Measured | Repaired | Path
"""What a task gives; a path is a picture or a preview."""


class Work:
    """The function of a worker process."""

    def __init__(self, setup: Setup) -> None:
        self._setup = setup
        self._loaded: tuple[SyncModel | None, Loaded] | None = None

    def __call__(self, task: AnyTask, alive: Alive) -> Outcome | Loaded | Failure:
        """Do a task.

        Raises:
            AvtsError: the model cannot be loaded, if that alone was asked.
        """
        if task == LOAD:
            return self._model(alive)[1]
        try:
            return self._done(task, alive)
        except AvtsError as error:
            return Failure(_named(str(error), task))
        except Exception as error:
            words = f"could not be {DOING[task.kind]} ({type(error).__name__}: {error}). Re-encode it."
            return Failure(_named(f"{task.source}: {words}", task))

    def _done(self, task: Task, alive: Alive) -> Outcome:
        if task.kind in ("preview", "preview-repaired"):
            target = task.folder / f"{task.kind}.{form_here(task.form)}"
            write_preview(task.source, target, on_progress=_report)
            return target
        model, _ = self._model(alive)
        measuring = Measuring(model, task.range_seconds, self._setup.least_confidence)
        if task.kind == "measure":
            return measured(task.source, name=task.name, folder=task.folder, measuring=measuring, on_progress=_report)
        assert task.result is not None, "asked of a film that was not measured"
        rest(LONGEST_SILENCE_SECONDS)
        if task.kind == "where":
            return sound_places(task.source, name=task.name, folder=task.folder, result=task.result, model=model)
        return repaired(task.source, folder=task.folder, before=task.result, measuring=measuring, on_progress=_report)

    def _model(self, alive: Alive) -> tuple[SyncModel | None, Loaded]:
        """The model and how it was chosen; the baseline has none."""
        if self._loaded is None:
            rest(START_SECONDS)
            choices: list[str] = []
            model = _load(self._setup, choices.append)
            name = model.name if model is not None else "none, motion against loudness"
            self._loaded = model, Loaded(name, tuple(choices))
            alive()
        return self._loaded


def _load(setup: Setup, say: Callable[[str], None]) -> SyncModel | None:
    from avts.offset.model import load_sync_model

    return None if setup.method == "motion" else load_sync_model(setup.run, device=setup.device, say=say)


def _report(done_seconds: int, seconds: int) -> None:
    report((done_seconds, seconds))


def _named(message: str, task: Task) -> str:
    """A message with the film's own name instead of where its copy is kept."""
    return message.replace(str(task.source), task.name)
