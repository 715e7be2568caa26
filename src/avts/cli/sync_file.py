"""One file of `avts sync`, start to end: measure, plot, repair, measure again; in this process or one of several.

Input: a path and Options. Output: an Answer of plain values, small enough to come back from another process.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from avts.errors import InputError

if TYPE_CHECKING:
    from avts.cli.progress import OnProgress
    from avts.offset.measure import SyncResult
    from avts.offset.model import SyncModel


@dataclass(frozen=True)
class Options:
    """How to answer.

    run: the model's folder, None for the one in the box; plot, repair: a file, or a folder for several; figure: make
    the figure of an HTML report; max_early_seconds, max_late_seconds: the limits, None for none.
    """

    run: Path | None
    method: Literal["model", "motion"] = "model"
    range_seconds: float = 2.0
    plot: Path | None = None
    repair: Path | None = None
    overwrite: bool = False
    figure: bool = False
    max_early_seconds: float | None = None
    max_late_seconds: float | None = None
    threads: int | None = None


@dataclass
class Answer:
    """What came of one file.

    record: the JSON object; line: what is said on stdout, '' for a failure; row: of the CSV file; messages: lines for
    stderr; figure: SVG; failed: unusable, not repaired, or worse than before; beyond: a limit is exceeded.
    """

    record: dict[str, Any]
    line: str = ""
    row: dict[str, Any] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    figure: str | None = None
    failed: bool = False
    beyond: bool = False


@dataclass(frozen=True)
class Worker:
    """A loaded model and how to answer with it; on_progress is told of (seconds read, seconds) of a long film."""

    options: Options
    model: SyncModel | None
    on_progress: OnProgress | None = None

    def answer(self, path: Path) -> Answer:
        """Measure one file, then plot and repair it as asked."""
        from avts.report.sync_text import csv_row, failure_record, result_record, sync_line

        try:
            result = self._measure(path)
        except InputError as error:
            record = failure_record(path, error)
            return Answer(record, row=csv_row(record, None), messages=[str(error)], failed=True)
        answer = Answer(result_record(path, result), sync_line(path, result))
        self._check_limits(path, result, answer)
        try:
            self._draw(path, result, answer)
            if self.options.repair is not None:
                self._repair(path, result, answer)
        except InputError as error:
            answer.failed = True
            answer.messages.append(str(error))
        answer.row = csv_row(answer.record, result)
        return answer

    def _measure(self, path: Path) -> SyncResult:
        from avts.offset import film, measure

        read = film.FileFilm(path, on_progress=self.on_progress)
        return measure.measure(read, self.model, range_seconds=self.options.range_seconds)

    def _check_limits(self, path: Path, result: SyncResult, answer: Answer) -> None:
        """Compare the offset, at its worst time, with the limits; what cannot be told exceeds none."""
        limits = (("early", self.options.max_early_seconds), ("late", self.options.max_late_seconds))
        if all(limit is None for _, limit in limits):
            return
        answer.record["within_limits"] = None if result.offset_seconds is None else True
        if result.offset_seconds is None:
            return
        low, high = result.extremes_seconds
        for (name, limit), offset in zip(limits, (high, -low), strict=True):
            if limit is not None and offset > limit:
                answer.beyond = True
                answer.record["within_limits"] = False
                answer.messages.append(
                    f"{path}: sound {1000 * offset:.0f} ms {name}; --max-{name} allows {1000 * limit:g} ms"
                )

    def _draw(self, path: Path, result: SyncResult, answer: Answer) -> None:
        if self.options.plot is not None:
            from avts.offset.glimpse import glimpse
            from avts.report.sync_plot import plot_result

            target = target_in(self.options.plot, f"{path.stem}.png")
            plot_result(target, result, glimpse=glimpse(path, result), title=path.name)
        if self.options.figure:
            import zlib

            from avts.report.sync_plot import result_figure

            answer.figure = result_figure(result, zlib.crc32(str(path).encode()))

    def _repair(self, path: Path, result: SyncResult, answer: Answer) -> None:
        """Write the repaired file, unless there is no offset to trust, and measure it.

        Raises:
            InputError: there is no offset to trust, or the file written measures worse.
        """
        from avts.offset.repair import repair
        from avts.offset.retime import retime
        from avts.report.sync_text import repaired_record, verdict

        target = target_in(self.options.repair or path, path.name)
        overwrite = self.options.overwrite
        if result.offset_seconds is None:
            raise InputError(
                f"{path}: not repaired, for the offset cannot be told ({result.reason}). {target} not written."
            )
        if result.is_constant:
            warnings = repair(path, target, offset_seconds=result.offset_seconds, overwrite=overwrite)
            done = f"the sound moved by {1000 * result.offset_seconds:+.0f} ms"
        else:
            segments, drift = result.segments, result.drift_ms_per_minute
            warnings = retime(path, target, segments=segments, drift_ms_per_minute=drift, overwrite=overwrite)
            done = "the sound resampled" if drift is not None else f"the sound of {len(segments)} segments moved"
        after = self._measure(target)
        answer.record["repaired"] = repaired_record(target, after)
        said = f"{target}: written with {done}; before: {verdict(result)}; measured again: {verdict(after)}"
        answer.messages += [*warnings, said]
        if after.is_worse_than(result):
            raise InputError(f"{target}: measures worse than before. Do not use it; look at both with --plot")


def target_in(out: Path, name: str) -> Path:
    """Where an output goes: the path itself, or a file of that name in it if it is a folder."""
    return out / name if out.is_dir() else out


def make_worker(options: Options, on_progress: OnProgress | None = None) -> Worker:
    """Load what is needed once; the first thing done in each process."""
    if options.threads is not None:
        import torch

        torch.set_num_threads(options.threads)
    if options.method == "motion":
        return Worker(options, None, on_progress)
    from avts.offset.model import load_sync_model

    return Worker(options, load_sync_model(options.run), on_progress)
