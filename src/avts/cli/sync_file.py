"""Process one file of `avts sync` or `avts repair`: measure, compare with limits, plot, repair, measure again.

Input: a path and Options. Output: an Answer of plain values, small enough to be sent from another process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from avts.errors import AvtsError, InputError

if TYPE_CHECKING:
    from avts.cli.progress import OnProgress
    from avts.offset.fix import Correction, RepairResult
    from avts.offset.kept_frames import KeptFrames
    from avts.offset.measure import SyncResult
    from avts.offset.model import SyncModel


@dataclass(frozen=True)
class Options:
    """How to process a file.

    Attributes:
        run: the model's folder, None for the one in the box.
        method: what measures.
        range_seconds: offsets up to this much either way are tried.
        least_confidence: below it an offset is uncertain: it repairs nothing and meets no limit; None takes that of the
            model.
        in_parts: look at short films in parts too.
        device: where the model runs.
        offset_seconds: an offset that is given instead of measured.
        drift_ms_per_minute: its growth.
        plots: where the plot of each file goes; empty for none.
        repairs: where the repaired form of each file goes; empty for none.
        fallbacks: the same for one that the container of the first cannot hold.
        only_repair: the repair is the answer, not the offset.
        overwrite: replace repaired files that exist.
        dry_run: say what a repair would write, and leave nothing.
        explain: say by which ffmpeg command.
        figure: make the figure and the thumbnails of an HTML report.
        max_early_seconds: the limit for early sound, None for none.
        max_late_seconds: the limit for late sound, None for none.
        unknown_fails: an offset that is not known exceeds the limits.
        threads: the most of each process, None for as many as there are.
        verbose: say what was chosen automatically, and why.
    """

    run: Path | None
    method: Literal["model", "motion"] = "model"
    range_seconds: float = 2.0
    least_confidence: float | None = None
    in_parts: bool = True
    device: str = "auto"
    offset_seconds: float | None = None
    drift_ms_per_minute: float | None = None
    plots: Mapping[Path, Path] = field(default_factory=dict)
    repairs: Mapping[Path, Path] = field(default_factory=dict)
    fallbacks: Mapping[Path, Path] = field(default_factory=dict)
    only_repair: bool = False
    overwrite: bool = False
    dry_run: bool = False
    explain: bool = False
    figure: bool = False
    max_early_seconds: float | None = None
    max_late_seconds: float | None = None
    unknown_fails: bool = True
    threads: int | None = None
    verbose: bool = False


@dataclass
class Answer:
    """The result for one file.

    record: the JSON object; line: text for stdout, '' for a failure; row: row of the CSV file; messages: lines for
    stderr; figure: SVG; strip: thumbnails as HTML; failed: the file is unusable or was not repaired; beyond: a limit
    is exceeded.
    """

    record: dict[str, Any]
    line: str = ""
    row: dict[str, Any] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    figure: str | None = None
    strip: str | None = None
    failed: bool = False
    beyond: bool = False


@dataclass(frozen=True)
class Worker:
    """A loaded model with its options.

    on_progress is called with (seconds read, seconds) during a long film; choices are said with the next answer.
    """

    options: Options
    model: SyncModel | None
    on_progress: OnProgress | None = None
    choices: list[str] = field(default_factory=list)

    def answer(self, path: Path) -> Answer:
        """Measure one file unless its offset is given, then check the limits, plot and repair it as requested."""
        answer = self._answer(path)
        if self.options.verbose:
            answer.messages += self.choices
            self.choices.clear()
            if self.model is not None and self.model.threads is not None:
                answer.messages.append(f"{path}: threads: {self.model.threads.in_words}")
        return answer

    def _answer(self, path: Path) -> Answer:
        from avts.report.sync_text import csv_row, failure_record

        result: SyncResult | None = None
        frames = self._frames_to_keep()
        try:
            if self.options.offset_seconds is None:
                result = self._measure(path, frames)
                answer = self._measured(path, result)
            else:
                answer = Answer({"file": str(path)} | self._always())
        except (InputError, OSError) as error:
            record = failure_record(path, error) | self._always()
            answer = Answer(record, row=csv_row(record, None), messages=[str(error)], failed=True)
            answer.strip = _strip(frames)
            return answer
        answer.strip = _strip(frames)
        for step in (self._draw, self._repair):
            try:
                step(path, result, answer)
            except (AvtsError, OSError) as error:
                answer.failed = True
                answer.messages.append(str(error))
                if step == self._repair:
                    answer.record["repair_error"] = str(error)
        answer.row = csv_row(answer.record, result)
        return answer

    def _always(self) -> dict[str, Any]:
        """The keys that the record of every file has."""
        name = self.model.name if self.model is not None else "motion"
        record: dict[str, Any] = {"model": None if self.options.offset_seconds is not None else name}
        if not self.options.only_repair:
            record["within_limits"] = None
        return record

    def _measured(self, path: Path, result: SyncResult) -> Answer:
        """The answer for a measurement, before any plot or repair."""
        from avts.report.sync_text import result_record, sync_line

        answer = Answer(result_record(path, result) | self._always())
        if self.options.only_repair:
            del answer.record["curve"]
            return answer
        answer.line = sync_line(path, result)
        self._check_limits(path, result, answer)
        return answer

    def _frames_to_keep(self) -> KeptFrames | None:
        """What keeps the frames of the thumbnails while a film is read; None if no page is asked for."""
        if not self.options.figure:
            return None
        from avts.offset.kept_frames import KeptFrames
        from avts.report.thumbnails import NUM_THUMBNAILS

        return KeptFrames(NUM_THUMBNAILS)

    def _measure(self, path: Path, frames: KeptFrames | None = None) -> SyncResult:
        from avts.offset import film, measure

        on_pictures = frames.see if frames is not None else None
        read = film.FileFilm(path, on_progress=self.on_progress, on_pictures=on_pictures)
        options = self.options
        return measure.measure(
            read, self.model, range_seconds=options.range_seconds, least_confidence=options.least_confidence
        )

    def _check_limits(self, path: Path, result: SyncResult, answer: Answer) -> None:
        """Compare the largest offset with the limits; an unknown offset fails or passes, depending on the options."""
        from avts.report.sync_text import verdict

        options = self.options
        limits = (("early", options.max_early_seconds), ("late", options.max_late_seconds))
        if all(limit is None for _, limit in limits):
            return
        answer.record["limits"] = {f"max_{name}_seconds": limit for name, limit in limits}
        if result.offset_seconds is None:
            answer.beyond = options.unknown_fails
            outcome = (
                "counts as exceeded (--unknown fail)" if options.unknown_fails else "counts as passed (--unknown pass)"
            )
            answer.messages.append(f"{path}: {verdict(result)}; the limits cannot be checked, which {outcome}")
            return
        answer.record["within_limits"] = True
        low, high = result.extremes_seconds
        for (name, limit), offset in zip(limits, (high, -low), strict=True):
            if limit is not None and offset > limit:
                answer.beyond = True
                answer.record["within_limits"] = False
                answer.messages.append(
                    f"{path}: sound {1000 * offset:.0f} ms {name}; --max-{name} allows {1000 * limit:g} ms"
                )

    def _draw(self, path: Path, result: SyncResult | None, answer: Answer) -> None:
        if result is not None and path in self.options.plots:
            from avts.offset.glimpse import glimpse
            from avts.report.sync_plot import plot_result

            target = self.options.plots[path]
            target.parent.mkdir(parents=True, exist_ok=True)
            plot_result(target, result, glimpse=glimpse(path, result), title=path.name)
        if result is not None and self.options.figure:
            import zlib

            from avts.report.sync_plot import result_figure

            answer.figure = result_figure(result, zlib.crc32(str(path).encode(errors="surrogateescape")))

    def _repair(self, path: Path, result: SyncResult | None, answer: Answer) -> None:
        """Write the repaired file, or only report what would be written.

        Raises:
            InputError: the offset is unknown or uncertain, no container can hold the repaired film, or the repaired
                film measures worse.
            UsageError: the target exists, or a given offset is longer than the film.
        """
        from avts.offset.fix import fix
        from avts.report.repair_text import repair_line, repaired_record

        options = self.options
        if path not in options.repairs:
            return
        answer.record |= {"repaired": None, "repair_error": None}
        done = fix(
            path,
            options.repairs[path],
            self._correction(path, result),
            before=result,
            measure=self._measure,
            overwrite=options.overwrite,
            fallback=options.fallbacks[path],
            dry_run=options.dry_run,
        )
        key = "would_write" if options.dry_run else "repaired"
        answer.record[key] = repaired_record(done)
        line = repair_line(path, done, dry_run=options.dry_run)
        if options.only_repair:
            answer.line = line
        else:
            answer.messages.append(line)
        self._say_more(path, done, answer)

    def _correction(self, path: Path, result: SyncResult | None) -> Correction:
        from avts.offset.fix import given_correction, measured_correction

        if result is not None:
            return measured_correction(result)
        assert self.options.offset_seconds is not None
        return given_correction(path, self.options.offset_seconds, self.options.drift_ms_per_minute)

    def _say_more(self, path: Path, done: RepairResult, answer: Answer) -> None:
        """Add warnings, the measurements before and after, and the ffmpeg command if it was requested."""
        from avts.report.repair_text import check_words

        reader = "method" if self.model is None else "model"
        check = check_words(done, reader=reader)
        if not self.options.dry_run:
            answer.messages += [f"{done.path}: {warning}" for warning in done.warnings]
        answer.messages += [f"{done.path}: {check}"] if check else []
        if self.options.explain:
            from avts.report.ffmpeg_command import ffmpeg_command

            command = ffmpeg_command(path, done)
            answer.record["ffmpeg"] = list(command.words)
            answer.line = "\n".join(filter(None, (answer.line, command.line)))
            answer.messages += [f"{done.path}: the ffmpeg command differs: {note}" for note in command.notes]


def _strip(frames: KeptFrames | None) -> str | None:
    """The thumbnails of the frames that were kept of a film; None if there is none."""
    chosen = frames.chosen() if frames is not None else None
    if chosen is None:
        return None
    from avts.report.thumbnails import thumbnail_strip

    return thumbnail_strip(chosen)


def make_worker(options: Options, on_progress: OnProgress | None = None) -> Worker:
    """Load the model; called once, at the start of each process."""
    if options.threads is not None:
        import torch

        torch.set_num_threads(options.threads)
    if options.method == "motion" or options.offset_seconds is not None:
        return Worker(options, None, on_progress)
    from avts.offset.model import load_sync_model

    choices: list[str] = []
    model = load_sync_model(options.run, device=options.device, say=choices.append)
    return Worker(options, replace(model, in_parts=options.in_parts), on_progress, choices)
