"""A repair as text and as a record. Input: a RepairResult. Output: lines, a JSON object."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from avts.offset.fix import Correction, RepairResult
from avts.offset.measure import SyncResult
from avts.offset.stream_changes import StreamChange
from avts.report.sync_text import clock, reading_record, segment_words, verdict

MOVED_SECONDS = 0.0005
"""A stream whose start differs by less counts as not moved."""


def moved_words(correction: Correction) -> str:
    """How the sound was changed: 'sound moved 120 ms later, by stream copy'."""
    if correction.moves_nothing:
        return "sound not moved, because there is nothing to repair"
    if correction.is_constant:
        return f"sound moved {_shift(correction.moved_seconds)}, by stream copy"
    if len(correction.segments) > 1:
        return f"sound of {len(correction.segments)} segments moved, each by its own offset, and encoded again"
    (segment,) = correction.segments
    half = (correction.drift_ms_per_minute or 0.0) / 60_000 * (segment.stop_seconds - segment.start_seconds) / 2
    start, stop = segment.offset_seconds - half, segment.offset_seconds + half
    return f"sound resampled and encoded again, {_shift(start)} at the start and {_shift(stop)} at the end"


def _shift(seconds: float) -> str:
    return f"{abs(seconds) * 1000:.0f} ms {'later' if seconds >= 0 else 'earlier'}"


def repair_line(source: Path, done: RepairResult, *, dry_run: bool = False) -> str:
    """One line for one repaired film, 'talk.mp4 -> out.mp4: sound moved 120 ms later, by stream copy'.

    For a dry run the line says so, and is followed by one line per stream.
    """
    if not dry_run:
        return f"{source} -> {done.path}: {moved_words(done.correction)}"
    lines = [f"{source} -> {done.path}: dry run, not written; {moved_words(done.correction)}"]
    lines += [f"  container {done.path.suffix}", *(f"  {stream_words(each)}" for each in done.streams)]
    lines += [f"  warning: {warning}" for warning in done.warnings]
    return "\n".join(lines)


def stream_words(change: StreamChange) -> str:
    """How one stream was changed: 'audio aac: copied, starts at 0.120 s instead of 0.000 s (+120 ms)'."""
    words = f"{change.kind} {change.codec}: {change.fate}"
    if change.fate == "encoded again":
        words += f" as {change.new_codec}"
    old, new = change.start_seconds, change.new_start_seconds
    if new is None:
        return words
    if old is None or abs(new - old) < MOVED_SECONDS:
        return f"{words}, starts at {new:.3f} s"
    return f"{words}, starts at {new:.3f} s instead of {old:.3f} s ({1000 * (new - old):+.0f} ms)"


def check_words(done: RepairResult, *, reader: str = "model") -> str:
    """The measurements before and after a repair; '' if there are none.

    Args:
        done: the repair.
        reader: what measured: 'model' or 'method'.
    """
    if done.before is None:
        return ""
    before = f"before: {verdict(done.before)}"
    return "; ".join(filter(None, (before, again_words(done, reader=reader))))


def again_words(done: RepairResult, *, reader: str = "model") -> str:
    """The second measurement of the repaired film with a caveat; '' if it was not measured."""
    if done.after is None:
        return ""
    after = verdict(done.after)
    return f"measured again with the same {reader}: {after} (this is a consistency check, not proof)"


def stretch_words(result: SyncResult) -> list[str]:
    """The segments of a film whose offset jumps, one sentence each; empty if there is only one."""
    if len(result.segments) < 2:
        return []
    return [
        f"From {clock(each.start_seconds)} to {clock(each.stop_seconds)}: {segment_words(each, result)}."
        for each in result.segments
    ]


def repaired_record(done: RepairResult) -> dict[str, Any]:
    """The JSON object of a repair: the file written, the changes, and the second measurement."""
    reading: dict[str, Any] = {"file": str(done.path)}
    if done.after is not None:
        reading = reading_record(done.path, done.after)
    return {
        **reading,
        "moved_seconds": round(done.moved_seconds, 4),
        "moved_drift_ms_per_minute": done.correction.drift_ms_per_minute,
        "warnings": list(done.warnings),
        "streams": [
            {
                "kind": each.kind,
                "codec": each.codec,
                "new_codec": each.new_codec or None,
                "fate": each.fate,
                "start_seconds": each.start_seconds,
                "new_start_seconds": each.new_start_seconds,
            }
            for each in done.streams
        ],
    }
