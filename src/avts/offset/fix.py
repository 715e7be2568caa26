"""Repair a film: decide whether its offset may be used, write the repaired file, measure it again, compare.

Input: a media file with its SyncResult, or with an offset that the caller knows. Output: a RepairResult, or an error
and no file. This is the one policy of `avts sync --repair`, `avts repair`, `avts.repair` and the page.
"""

from __future__ import annotations

import dataclasses
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from avts.errors import InputError, MediaError, UsageError
from avts.files import hidden_room
from avts.media.probe import probe
from avts.offset import repair as repairing
from avts.offset import retime as retiming
from avts.offset.measure import SyncResult
from avts.offset.stream_changes import StreamChange, stream_changes
from avts.offset.timeline import Segment

NOTHING_SECONDS = 0.0005
"""An offset that rounds to 0 ms leaves nothing to repair."""

STEEPEST_DRIFT_MS_PER_MINUTE = 6000.0
"""A tenth of the speed; film at 24 frames a second played at 25 drifts by 2,500."""

FALLBACK_ENDING = ".mkv"
"""Matroska holds nearly every codec and any start time of a stream."""


@dataclass(frozen=True)
class Correction:
    """The change of the sound that a repair makes.

    Attributes:
        segments: stretches of the film with the offset of each, > 0 where the sound comes early; one or more.
        drift_ms_per_minute: growth of the offset; None if it does not grow.
    """

    segments: tuple[Segment, ...]
    drift_ms_per_minute: float | None = None

    @property
    def is_constant(self) -> bool:
        """True if one shift by stream copy is enough; otherwise the sound is resampled."""
        return len(self.segments) == 1 and self.drift_ms_per_minute is None

    @property
    def moved_seconds(self) -> float:
        """By how much the sound is delayed (moved earlier if < 0): in the middle of the longest stretch."""
        return max(self.segments, key=lambda each: each.stop_seconds - each.start_seconds).offset_seconds

    @property
    def moves_nothing(self) -> bool:
        """True for a film that is in sync to the millisecond."""
        return self.is_constant and abs(self.moved_seconds) < NOTHING_SECONDS


@dataclass(frozen=True)
class RepairResult:
    """A repaired film.

    Attributes:
        path: the file written; of a dry run, the file that would be written.
        moved_seconds: by how much the sound was delayed (moved earlier if < 0). Of a film whose offset drifts or jumps,
            in the middle of its longest stretch.
        before: the measurement that the repair acts on; None if the caller gave the offset.
        after: the repaired file measured in the same way, a consistency check; None if that was not done.
        warnings: what else changed, one sentence each.
        streams: what became of each stream.
        correction: the offset over time that was taken out.
    """

    path: Path
    moved_seconds: float
    before: SyncResult | None = field(repr=False)
    after: SyncResult | None = field(repr=False)
    warnings: tuple[str, ...]
    streams: tuple[StreamChange, ...] = field(repr=False)
    correction: Correction = field(repr=False)


def confidence_of(result: SyncResult) -> float:
    """The confidence that a repair relies on: that of the least certain stretch of the film."""
    return min([result.confidence, *(segment.confidence for segment in result.segments)])


def measured_correction(result: SyncResult) -> Correction:
    """The correction that a measurement asks for.

    Raises:
        InputError: the offset is unknown or uncertain.
    """
    if result.offset_seconds is None and result.estimate.is_guess:
        raise InputError(
            f"{result.name}: not repaired, because the offset is uncertain ({result.in_words}, confidence "
            f"{confidence_of(result):.2f}). If you know the offset, give it with 'avts repair --offset'"
        )
    if result.offset_seconds is None:
        raise InputError(f"{result.name}: not repaired, because the offset is unknown ({result.reason})")
    whole = Segment(0.0, 0.0, result.offset_seconds, result.confidence)
    return Correction(result.segments or (whole,), result.drift_ms_per_minute)


def given_correction(source: Path, offset_seconds: float, drift_ms_per_minute: float | None = None) -> Correction:
    """The correction for an offset that the caller knows.

    Args:
        source: the file to repair.
        offset_seconds: by how much the sound comes early at the first frame; late if < 0.
        drift_ms_per_minute: by how much the offset grows.

    Raises:
        UsageError: not a number, a drift out of range, or an offset longer than the file.
        MediaError: the file cannot be read, or drifts and does not say how long it is.
    """
    check_given(offset_seconds, drift_ms_per_minute)
    duration = probe(source).duration_seconds
    if 0 < duration <= abs(offset_seconds):
        raise UsageError(
            f"{source}: an offset of {offset_seconds:g} s, but the file is {duration:.1f} s long, so no sound would "
            "overlap its picture. Give the offset in seconds"
        )
    if not drift_ms_per_minute:
        return Correction((Segment(0.0, duration, offset_seconds, 1.0),))
    if duration <= 0:
        raise MediaError(f"{source.name}: has no duration, which is needed for a drift. Copy it to a .mkv first")
    middle = offset_seconds + drift_ms_per_minute / 60_000 * duration / 2
    return Correction((Segment(0.0, duration, middle, 1.0),), drift_ms_per_minute)


def check_given(offset_seconds: float | None, drift_ms_per_minute: float | None) -> None:
    """Raise UsageError for an offset or a drift that no file can have."""
    if offset_seconds is None and drift_ms_per_minute is not None:
        raise UsageError(
            f"a drift of {drift_ms_per_minute:g} ms per minute without an offset. Give the offset at the start "
            "too, 0 if the film starts in sync; or give neither, and both are measured"
        )
    if offset_seconds is not None and not math.isfinite(offset_seconds):
        raise UsageError(f"offset_seconds is {offset_seconds}. Give a number of seconds")
    if drift_ms_per_minute is not None and not abs(drift_ms_per_minute) <= STEEPEST_DRIFT_MS_PER_MINUTE:
        raise UsageError(
            f"drift_ms_per_minute is {drift_ms_per_minute:g}. Give at most {STEEPEST_DRIFT_MS_PER_MINUTE:g} either way"
        )


def fix(
    source: Path,
    target: Path,
    correction: Correction,
    *,
    before: SyncResult | None = None,
    measure: Callable[[Path], SyncResult] | None = None,
    overwrite: bool = False,
    fallback: Path | None = None,
    dry_run: bool = False,
) -> RepairResult:
    """Write the repaired file, or nothing.

    The file is made in a temporary folder beside the target. It gets its name only after it has been looked at and, if
    `before` and `measure` are given, measured again and not found to be worse than before.

    Args:
        source: the file to repair; it is only read.
        target: the file to write; the ending of its name says the container. Missing folders are made.
        correction: what has to become of the sound.
        before: the measurement that asked for the correction.
        measure: measures a file as `before` was measured.
        overwrite: replace the target if it exists.
        fallback: what to write if the container of the target cannot hold the repaired film; by default the target
            with the ending .mkv.
        dry_run: leave nothing behind and do not measure again.

    Raises:
        UsageError: the source is missing, or the target is the source or exists already.
        MediaError: no container can hold the repaired film.
        InputError: the repaired file measures worse than before.
    """
    fallback = fallback or target.with_suffix(FALLBACK_ENDING)
    check_target(source, target, overwrite=overwrite)
    with _room_beside(target) as room:
        written, warnings = _write(source, room / target.name, correction, room / fallback.name)
        final = target if written.name == target.name else fallback
        if final != target:
            check_target(source, final, overwrite=overwrite)
        streams = stream_changes(source, written, encoded_again=not correction.is_constant)
        after = None
        if not dry_run:
            if before is not None and measure is not None:
                after = dataclasses.replace(measure(written), name=str(final))
                _judge(final, before, after)
            os.replace(written, final)
    return RepairResult(final, correction.moved_seconds, before, after, warnings, streams, correction)


def check_target(source: Path, target: Path, *, overwrite: bool) -> None:
    """Raise UsageError if a repaired file may not be written at a path."""
    if not source.is_file():
        raise UsageError(f"{source}: no such file. Give the media file to repair.")
    if target.is_dir():
        raise UsageError(f"{target}: is a folder. Give the name of a file.")
    if target.exists() and target.samefile(source):
        raise UsageError(f"{target}: the repaired file would replace its source. Give another name or folder.")
    if target.exists() and not overwrite:
        raise UsageError(f"{target}: exists already. Allow overwriting (--overwrite), or give another name.")


def _judge(target: Path, before: SyncResult, after: SyncResult) -> None:
    """Raise InputError if a repaired film measures worse than before: one of the two measurements is wrong."""
    if after.is_worse_than(before):
        raise InputError(
            f"{target}: not written, because the repaired film measures {after.in_words} after {before.in_words} was "
            "corrected, so the measurement contradicts itself. Inspect the film, and give the offset with "
            "'avts repair --offset' if you know it"
        )


def _write(source: Path, target: Path, correction: Correction, fallback: Path) -> tuple[Path, tuple[str, ...]]:
    """Write the target, or where its container cannot hold the film, the fallback; gives the one written."""
    try:
        return target, _written(source, target, correction)
    except MediaError as error:
        if target.suffix.lower() == FALLBACK_ENDING:
            raise
        first = error
    try:
        warnings = _written(source, fallback, correction)
    except MediaError as second:
        if str(second) == str(first):
            raise
        raise MediaError(f"{first} Tried {fallback.suffix} too: {second}") from second
    return fallback, (f"written as {fallback.name}, a Matroska file, because: {first}", *warnings)


def _written(source: Path, target: Path, correction: Correction) -> tuple[str, ...]:
    """Write one file, by stream copy if one offset holds throughout; gives warnings."""
    if correction.is_constant:
        warnings = repairing.repair(source, target, offset_seconds=correction.moved_seconds)
    else:
        segments, drift = correction.segments, correction.drift_ms_per_minute
        warnings = retiming.retime(source, target, segments=segments, drift_ms_per_minute=drift)
    return tuple(warning.removeprefix(f"{target.name}: ") for warning in warnings)


@contextmanager
def _room_beside(target: Path) -> Iterator[Path]:
    """A temporary folder on the target's file system; folders that were missing are removed again on failure."""
    missing = [folder for folder in (target.parent, *target.parent.parents) if not folder.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with hidden_room(target.parent) as room:
            yield room
    finally:
        for folder in missing:
            try:
                folder.rmdir()  # fails where the repaired file lies
            except OSError:
                break
