"""What the page answers to one film. Input: a path. Output: an Answer, with the files to show and to take away.

A film that cannot be used is an answer too. No Gradio here.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from avts.errors import AvtsError, MediaError
from avts.offset.estimate import TOLERANCE_SECONDS
from avts.timebase import offset_in_words

if TYPE_CHECKING:
    from avts.offset.measure import SyncResult

Measure = Callable[[Path, float], "SyncResult"]
"""Measures a film; the number is how far to search either way, in seconds."""

Tone = Literal["found", "unknown", "unusable"]

LOW_CONFIDENCE = 0.5
"""An offset that is less likely right than wrong is shown as doubtful."""

PLAYABLE = {".mp4", ".m4v", ".mov", ".webm"}
"""Containers that browsers play; films in others are shown as an MP4 copy of the same streams."""

KEPT_ANSWERS = 20
"""Answers whose files are kept; older ones are deleted, for a page may stay up for long."""


@dataclass(frozen=True)
class Answer:
    """What was found out about one film.

    Attributes:
        headline: the result in a few words.
        detail: what it means and what to do, sentences.
        tone: found, unknown (cannot tell, or hardly) or unusable.
        plot: the distance map, PNG.
        record: the result as JSON.
        before: the film as it is, to be played; None if it cannot be shown.
        after: the repaired film, to be played.
        repaired: the repaired film, to be taken away.
    """

    headline: str
    detail: tuple[str, ...]
    tone: Tone
    plot: Path | None = None
    record: Path | None = None
    before: Path | None = None
    after: Path | None = None
    repaired: Path | None = None


def answer(path: Path, *, folder: Path, measure: Measure, range_seconds: float) -> Answer:
    """Measure a film, draw its distance map and repair it.

    Args:
        path: the film.
        folder: where to write, each answer into a new folder of its own.
        measure: finds the offset.
        range_seconds: offsets up to this much either way are tried.
    """
    from avts.report.sync_text import verdict

    own = Path(tempfile.mkdtemp(dir=folder))
    _forget_old(folder)
    try:
        result = measure(path, range_seconds)
        plot, record = _described(path, result, own)
    except AvtsError as error:
        return Answer("This file cannot be used", (str(error),), "unusable")
    before, headline = _playable(path, path, own, "before"), _sentence(verdict(result))
    if result.offset_seconds is None:
        advice = "Nothing was repaired. A stretch in which things are seen to make a sound may tell more."
        return Answer(headline, (advice,), "unknown", plot, record, before)
    sure, tone = _how_sure(result.confidence)
    known = (sure, *_over_time(result))
    if result.is_constant and round(result.offset_seconds * 1000) == 0:
        return Answer(headline, (*known, "There is nothing to repair."), tone, plot, record, before)
    try:
        repaired, notes = _repair(path, own, result)
        measured = measure(repaired, range_seconds)
    except AvtsError as error:
        return Answer(headline, (*known, f"It could not be repaired. {error}"), tone, plot, record, before)
    if measured.is_worse_than(result):
        worse = f"A repair was tried and measured worse ({verdict(measured)}), so it is not offered."
        return Answer(headline, (*known, worse), "unknown", plot, record, before)
    after = _playable(path, repaired, own, "after")
    detail = (*known, _what_was_done(result), *notes, f"Measured again: {verdict(measured)}.")
    return Answer(headline, detail, tone, plot, record, before, after, repaired)


def _described(path: Path, result: SyncResult, folder: Path) -> tuple[Path, Path]:
    """Write the distance map and the JSON of a result."""
    from avts.offset.glimpse import glimpse
    from avts.report.sync_plot import plot_result
    from avts.report.sync_text import result_record

    plot, record = folder / f"{path.stem}.png", folder / f"{path.stem}.sync.json"
    plot_result(plot, result, glimpse=glimpse(path, result), title=path.name)
    found = result_record(path, result) | {"file": path.name}  # not where this machine keeps it
    record.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return plot, record


def _forget_old(folder: Path) -> None:
    """Delete all but the newest answers."""
    answers = sorted((entry for entry in folder.iterdir() if entry.is_dir()), key=lambda entry: entry.stat().st_mtime)
    for old in answers[:-KEPT_ANSWERS]:
        shutil.rmtree(old, ignore_errors=True)


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def _how_sure(confidence: float) -> tuple[str, Tone]:
    """What a confidence means, in a sentence, and the tone to say it in."""
    meaning = f"Confidence is the probability that this is right to within {TOLERANCE_SECONDS:g} s"
    if confidence < LOW_CONFIDENCE:
        return f"{meaning}; here it is low, so watch both films before you trust it.", "unknown"
    return f"{meaning}.", "found"


def _over_time(result: SyncResult) -> list[str]:
    """The stretches of a film whose offset jumps, a line each."""
    from avts.report.sync_text import clock

    if len(result.segments) < 2:
        return []
    return [
        f"From {clock(each.start_seconds)} to {clock(each.stop_seconds)}: {offset_in_words(each.offset_seconds)}."
        for each in result.segments
    ]


def _what_was_done(result: SyncResult) -> str:
    if result.drift_ms_per_minute is not None:
        return "In the repaired file the sound is resampled, so that it keeps up with the picture to the end."
    if not result.is_constant:
        return "In the repaired file the sound of each of these stretches is moved by itself."
    offset = result.offset_seconds or 0.0
    side = "later" if offset > 0 else "earlier"
    return f"In the repaired file the sound comes {abs(offset) * 1000:.0f} ms {side}; nothing was encoded again."


def _repair(path: Path, folder: Path, result: SyncResult) -> tuple[Path, tuple[str, ...]]:
    """Write the repaired film in the container of the source, or as Matroska if that one cannot hold it."""
    target = folder / f"{path.stem}.repaired{path.suffix}"
    try:
        return target, _put_right(path, target, result)
    except MediaError:
        if path.suffix.lower() == ".mkv":
            raise
    other = target.with_suffix(".mkv")
    notes = _put_right(path, other, result)
    return other, (f"It is a .mkv, for a {path.suffix or 'nameless'} file cannot hold the shift.", *notes)


def _put_right(path: Path, target: Path, result: SyncResult) -> tuple[str, ...]:
    """Move the sound, by stream copy if one offset holds throughout."""
    from avts.offset.repair import repair
    from avts.offset.retime import retime

    if result.is_constant:
        return repair(path, target, offset_seconds=result.offset_seconds or 0.0)
    return retime(path, target, segments=result.segments, drift_ms_per_minute=result.drift_ms_per_minute)


def _playable(source: Path, film: Path, folder: Path, name: str) -> Path | None:
    """A film as browsers play it: itself, or an MP4 with the same streams; None if MP4 does not take them."""
    from avts.offset.repair import repair

    if film.suffix.lower() in PLAYABLE:
        return film if film != source else _linked(film, folder)
    target = folder / f"{name}.mp4"
    try:
        repair(film, target, offset_seconds=0.0)
    except AvtsError:
        return None
    return target


def _linked(film: Path, folder: Path) -> Path:
    """The film under the answer's own folder, without a copy where the file system can."""
    target = folder / film.name
    try:
        target.hardlink_to(film)
    except OSError:
        shutil.copyfile(film, target)
    return target
