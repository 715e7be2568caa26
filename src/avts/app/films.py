"""The films of the page and what is done with them: measured one after the other, each on its own account.

Input: media files, uploaded or in place. Output: what is known of each film at any time. A film that cannot be used
ends nothing but its own job; previews do not wait for measurements.
"""

from __future__ import annotations

import secrets
import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from avts.app.answer import Measured, Repaired
from avts.app.lane import Job, Lane
from avts.app.preview import Form
from avts.app.work import LOAD, AnyTask, Failure, Kind, Loaded, Setup, Task, Work
from avts.errors import InputError, UsageError

DOING: dict[Kind, str] = {
    "measure": "Measuring",
    "repair": "Repairing and measuring again",
    "where": "Finding where the sound comes from",
    "preview": "Making a preview that this browser plays",
    "preview-repaired": "Making a preview of the repaired film that this browser plays",
}
"""What a running job is called."""

ROLES = ("original", "repaired", "plot", "record", "where", "preview", "preview-repaired")
"""Names of the files of a film that can be asked for."""


@dataclass(eq=False)
class Film:
    """One film.

    Attributes:
        key: its name in addresses.
        name: what to call it: the name of an uploaded file, the path of one in place.
        source: the file; it is only read.
        folder: for what is made of it; deleted with it.
        range_seconds: offsets up to this much either way are tried.
        jobs: the latest of each kind.
    """

    key: str
    name: str
    source: Path
    folder: Path
    range_seconds: float
    jobs: dict[Kind, Job[AnyTask]] = field(default_factory=dict)

    @property
    def measured(self) -> Measured | None:
        """The measurement; None as long as there is none."""
        outcome = self._outcome("measure")
        return outcome if isinstance(outcome, Measured) else None

    @property
    def repaired(self) -> Repaired | None:
        """The repair; None as long as there is none."""
        outcome = self._outcome("repair")
        return outcome if isinstance(outcome, Repaired) else None

    def file(self, role: str) -> Path | None:
        """A file of this film; None if there is none."""
        if role == "original":
            return self.source
        if role == "repaired":
            return None if self.repaired is None else self.repaired.path
        if role in ("plot", "record"):
            return None if self.measured is None else getattr(self.measured, role)
        outcome = self._outcome(role) if role in ROLES else None
        return outcome if isinstance(outcome, Path) else None

    def _outcome(self, kind: Any) -> Any:
        return self.jobs[kind].outcome if kind in self.jobs else None


class Films:
    """All films of a page, in the order in which they came.

    Args:
        setup: what measures.
        folder: for what is made of the films; must exist.
    """

    def __init__(self, setup: Setup, folder: Path) -> None:
        self.has_model = setup.method == "model"
        self._folder = folder
        self._films: dict[str, Film] = {}
        self._lock = threading.RLock()
        self._measuring: Lane[AnyTask] = Lane(Work(setup), _error_of)
        self._previews: Lane[AnyTask] = Lane(Work(setup), _error_of)

    def start(self) -> Loaded:
        """Load the model and begin.

        Raises:
            AvtsError: the model cannot be loaded.
        """
        loaded = self._measuring.first(LOAD)
        if not isinstance(loaded, Loaded):
            raise InputError("the process that loads the model ended. Free memory, or use --method motion.")
        self._measuring.start()
        self._previews.start()
        return loaded

    def room(self) -> tuple[str, Path]:
        """A new key and the folder of a film to be."""
        key = secrets.token_hex(8)
        folder = self._folder / key
        folder.mkdir()
        return key, folder

    def add(self, source: Path, *, name: str, range_seconds: float, room: tuple[str, Path] | None = None) -> Film:
        """Take in a film and measure it when its turn comes; `room` is that of an uploaded one."""
        key, folder = room or self.room()
        film = Film(key, name, source, folder, range_seconds)
        with self._lock:
            self._films[key] = film
        self._begin(film, "measure")
        return film

    def all(self) -> list[Film]:
        """The films at this moment."""
        with self._lock:
            return list(self._films.values())

    def get(self, key: str) -> Film | None:
        """A film by its key; None if there is none."""
        with self._lock:
            return self._films.get(key)

    def begin(self, film: Film, kind: Kind, *, range_seconds: float | None = None, form: Form = "mp4") -> None:
        """Begin a job of a film; one of that kind that is on its way, and a preview that is there, are left alone.

        Raises:
            UsageError: it needs what the film does not have, such as a certain offset.
        """
        with self._lock:
            if kind in film.jobs and _stands(film.jobs[kind], form):
                return
            _check_can(film, kind, has_model=self.has_model)
            if kind == "measure":
                if any(not job.is_over for job in film.jobs.values()):
                    raise UsageError(f"{film.name}: asked to measure again while it is in work. Cancel that first")
                film.range_seconds = range_seconds or film.range_seconds
                film.jobs.clear()
            self._begin(film, kind, form)

    def _begin(self, film: Film, kind: Kind, form: Form = "mp4") -> None:
        source = film.source
        if kind == "preview-repaired":
            assert film.repaired is not None, "checked before"
            source = film.repaired.path
        result = None if film.measured is None or kind.startswith("preview") else film.measured.result
        task = Task(kind, source, film.name, film.folder, film.range_seconds, result, form)
        with self._lock:
            film.jobs[kind] = Job(task, film.name)
            self._lane(kind).put(film.jobs[kind])

    def cancel(self, film: Film, kind: Kind) -> None:
        """End a job of a film; it stays as cancelled."""
        if kind in film.jobs:
            self._lane(kind).cancel(film.jobs[kind])

    def remove(self, film: Film) -> None:
        """Forget a film, its jobs and its files; a film in place is left where it is."""
        with self._lock:
            self._films.pop(film.key, None)
            jobs = dict(film.jobs)
        for kind, job in jobs.items():
            self._lane(kind).cancel(job)
        shutil.rmtree(film.folder, ignore_errors=True)

    def close(self) -> None:
        """End all jobs and processes."""
        self._measuring.close()
        self._previews.close()

    def summary(self) -> str:
        """How many films there are and how they stand, in words; '' for fewer than two."""
        films = self.all()
        if len(films) < 2:
            return ""
        states = [(film.jobs["measure"].state, film.measured) for film in films if "measure" in film.jobs]
        counts = {
            "with a known offset": sum(found is not None and found.tone == "found" for _, found in states),
            "uncertain or unknown": sum(found is not None and found.tone == "unknown" for _, found in states),
            "cannot be used": sum(state == "failed" for state, _ in states),
            "cancelled": sum(state == "cancelled" for state, _ in states),
            "to be measured": sum(state in ("waiting", "running") for state, _ in states),
        }
        return f"{len(films)} films: " + ", ".join(f"{count} {words}" for words, count in counts.items() if count)

    def state(self) -> list[dict[str, Any]]:
        """What a page shows of each film, as plain values: what is done in words and in seconds of film."""
        return [
            {
                "key": film.key,
                "name": film.name,
                "range_seconds": film.range_seconds,
                "jobs": [self._job_state(kind, job) for kind, job in list(film.jobs.items())],
            }
            for film in self.all()
        ]

    def _job_state(self, kind: Kind, job: Job[AnyTask]) -> dict[str, Any]:
        state, progress = job.state, job.progress_seconds
        done, total = progress or (None, None)
        return {
            "kind": kind,
            "number": job.number,
            "state": state,
            "words": self._words(kind, job),
            "done_seconds": done,
            "seconds": total,
        }

    def _words(self, kind: Kind, job: Job[AnyTask]) -> str:
        """What a job is at; '' if it is done."""
        state, progress = job.state, job.progress_seconds
        if state == "waiting":
            before = self._lane(kind).num_before(job)
            return f"Waiting for {before} other{'s' if before != 1 else ''}" if before else "Waiting"
        if state == "running":
            return DOING[kind] + (f": {_progress_words(kind, *progress)}" if progress else "")
        if state == "cancelled":
            return "Cancelled"
        return job.error or ""

    def _lane(self, kind: Kind) -> Lane[AnyTask]:
        return self._previews if kind.startswith("preview") else self._measuring


def _check_can(film: Film, kind: Kind, *, has_model: bool) -> None:
    """Raise UsageError if a job of a kind makes no sense for a film."""
    if kind in ("repair", "where") and film.measured is None:
        raise UsageError(f"{film.name}: asked to {_asked(kind)}, but it is not measured. Measure it first")
    if kind == "repair" and film.measured is not None and not film.measured.can_repair:
        raise UsageError(f"{film.name}: not repaired: {film.measured.verdict}")
    if kind == "where" and (not has_model or film.measured is None or film.measured.tone != "found"):
        raise UsageError(f"{film.name}: asked to {_asked(kind)}, which needs a model and an offset that is known")
    if kind == "preview-repaired" and film.repaired is None:
        raise UsageError(f"{film.name}: asked to preview the repaired film, but there is none. Repair it first")


def _stands(job: Job[AnyTask], form: Form) -> bool:
    """Whether a job need not be begun again."""
    if not job.is_over:
        return True
    task = job.task
    return isinstance(task, Task) and task.kind.startswith("preview") and task.form == form and job.state == "done"


def _progress_words(kind: Kind, done_seconds: int, seconds: int) -> str:
    if done_seconds < seconds or kind.startswith("preview"):
        return f"{done_seconds} of {seconds} s of film"
    return f"all {seconds} s of film are read, picture and sound are compared"


def _asked(kind: Kind) -> str:
    return "repair it" if kind == "repair" else "show where its sound comes from"


def _error_of(outcome: Any) -> str | None:
    return outcome.message if isinstance(outcome, Failure) else None
