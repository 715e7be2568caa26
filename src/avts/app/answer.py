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
from avts.offset.calibration import RIGHT_SECONDS

if TYPE_CHECKING:
    from avts.offset.fix import RepairResult
    from avts.offset.measure import SyncResult

Measure = Callable[[Path, float], "SyncResult"]
"""Measures a film; the number is how far to search either way, in seconds."""

Tone = Literal["found", "unknown", "unusable"]

PLAYABLE = {".mp4", ".m4v", ".mov", ".webm"}
"""Containers that browsers play; films in others are shown as an MP4 copy of the same streams."""

CONFIDENCE_MEANING = f"Confidence is the probability that this is right to within {RIGHT_SECONDS:g} s."

UNKNOWN_ADVICE = "Nothing was repaired. A stretch in which things are seen to make a sound may tell more."

UNCERTAIN_ADVICE = (
    "That is too uncertain to act on, so nothing was repaired. Watch the film; if you know the offset, "
    "'avts repair FILE OUT --offset SECONDS' moves the sound."
)

KEPT_ANSWERS = 20
"""Answers whose files are kept; older ones are deleted, for a page may stay up for long."""


@dataclass(frozen=True)
class Answer:
    """What was found out about one film.

    Attributes:
        headline: the result in a few words.
        detail: what it means and what to do, sentences.
        tone: found, unknown (cannot tell, uncertain or not repaired) or unusable.
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
    """Measure a film, draw its distance map and, if the offset is certain, repair it.

    Args:
        path: the film.
        folder: where to write, each answer into a new folder of its own.
        measure: finds the offset.
        range_seconds: offsets up to this much either way are tried.
    """
    from avts.offset.fix import fix, measured_correction
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
        advice = (*_over_time(result), UNCERTAIN_ADVICE) if result.estimate.is_guess else (UNKNOWN_ADVICE,)
        return Answer(headline, advice, "unknown", plot, record, before)
    known = (CONFIDENCE_MEANING, *_over_time(result))
    correction = measured_correction(result)
    if correction.moves_nothing:
        return Answer(headline, (*known, "There is nothing to repair."), "found", plot, record, before)
    target = own / f"{path.stem}.repaired{path.suffix}"
    try:
        done = fix(path, target, correction, before=result, measure=lambda film: measure(film, range_seconds))
    except (AvtsError, OSError) as error:
        tone: Tone = "found" if isinstance(error, MediaError) else "unknown"
        return Answer(headline, (*known, f"It could not be repaired. {error}"), tone, plot, record, before)
    after = _playable(path, done.path, own, "after")
    return Answer(headline, (*known, *_what_was_done(done)), "found", plot, record, before, after, done.path)


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


def _over_time(result: SyncResult) -> list[str]:
    from avts.report.repair_text import stretch_words

    return stretch_words(result)


def _what_was_done(done: RepairResult) -> list[str]:
    """What the repair did, what else changed, and what measuring again says, a sentence each."""
    from avts.report.repair_text import again_words, moved_words

    warnings = [_sentence(warning) for warning in done.warnings]
    return [f"Repaired: {moved_words(done.correction)}.", *warnings, f"{_sentence(again_words(done))}."]


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
