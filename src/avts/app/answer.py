"""What the page does with one film: measure it, repair it, show where its sound comes from.

Input: a film, and what measures. Output: plain values and files, which another process can take over. The offset, its
certainty and their words are those of `avts sync`; a film that is uncertain there is not repaired here.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from avts.errors import InputError, MediaError

if TYPE_CHECKING:
    from avts.offset.fix import RepairResult
    from avts.offset.measure import SyncResult
    from avts.offset.model import SyncModel

OnProgress = Callable[[int, int], None]
"""Called with (seconds of the film that are done, its seconds)."""

Tone = Literal["found", "unknown"]

UNKNOWN_ADVICE = "Nothing is repaired. A stretch in which things are seen to make a sound may tell more."

UNCERTAIN_ADVICE = (
    "That is too uncertain to act on, so no repair is offered. Watch the film; if you know the offset, "
    "'avts repair FILE OUT --offset SECONDS' moves the sound."
)


@dataclass(frozen=True)
class Measuring:
    """How films are measured, as `avts sync` does it: what measures, and what is required of an answer.

    Attributes:
        model: a trained model; None takes the plain baseline, motion against loudness.
        range_seconds: offsets up to this much either way are tried.
        least_confidence: below it an offset is uncertain; None takes that of the model.
    """

    model: SyncModel | None
    range_seconds: float = 2.0
    least_confidence: float | None = None

    @property
    def right_seconds(self) -> float:
        """The error that an offset has at most with the probability that its confidence names."""
        from avts.offset.calibration import RIGHT_SECONDS
        from avts.offset.estimate import TOLERANCE_SECONDS

        return TOLERANCE_SECONDS if self.model is None else RIGHT_SECONDS

    def of(
        self, path: Path, *, on_progress: OnProgress | None = None, see: Callable[..., None] | None = None
    ) -> SyncResult:
        """Measure one film; every chunk of its picture is handed to `see`."""
        from avts.offset.film import FileFilm
        from avts.offset.measure import measure

        film = FileFilm(path, on_progress=on_progress, on_pictures=see, least_seconds=0)
        return measure(film, self.model, range_seconds=self.range_seconds, least_confidence=self.least_confidence)


@dataclass(frozen=True)
class Measured:
    """What was found out about one film.

    Attributes:
        verdict: the result in the words of `avts sync`, with the reason if there is no answer.
        detail: what it means and what to do, sentences.
        tone: found, or unknown: cannot tell, or uncertain.
        can_repair: whether a repair is offered: the offset is certain, and not 0.
        strip: thumbnails with their times, HTML; None if there is no picture.
        figure: curve and distance map, SVG.
        plot: the same with an excerpt, a PNG file.
        record: the result, a JSON file.
        sound_codec: FFmpeg's name of the codec of the sound, '' if it is not known: browsers drop those they lack.
        result: the result itself, for what is asked next.
    """

    verdict: str
    detail: tuple[str, ...]
    tone: Tone
    can_repair: bool
    strip: str | None
    figure: str
    plot: Path
    record: Path
    sound_codec: str
    result: SyncResult = field(repr=False)


@dataclass(frozen=True)
class Repaired:
    """A repaired film: what was done, sentences, and the file."""

    detail: tuple[str, ...]
    path: Path


def measured(
    path: Path, *, name: str, folder: Path, measuring: Measuring, on_progress: OnProgress | None = None
) -> Measured:
    """Measure a film and write down what was found.

    Args:
        path: the film; it is only read.
        name: what to call it.
        folder: where to write.
        measuring: how to measure.
        on_progress: is told how much of the film was read.

    Raises:
        MediaError: the film cannot be read, or has no picture or no sound.
    """
    from avts.media.probe import probe
    from avts.offset.kept_frames import KeptFrames
    from avts.report.sync_plot import result_figure
    from avts.report.sync_text import verdict
    from avts.report.thumbnails import NUM_THUMBNAILS, thumbnail_strip

    frames = KeptFrames(NUM_THUMBNAILS)
    result = measuring.of(path, on_progress=on_progress, see=frames.see)
    kept = frames.chosen()
    plot, record = _written(path, name, result, folder)
    return Measured(
        verdict=verdict(result),
        detail=_detail(result, measuring.right_seconds),
        tone="unknown" if result.offset_seconds is None else "found",
        can_repair=_can_repair(result),
        strip=None if kept is None else thumbnail_strip(kept),
        figure=result_figure(result, zlib.crc32(str(folder).encode(errors="surrogateescape"))),
        plot=plot,
        record=record,
        sound_codec=sound.codec if (sound := probe(path).audio) else "",
        result=result,
    )


def _can_repair(result: SyncResult) -> bool:
    from avts.offset.fix import measured_correction

    try:
        return not measured_correction(result).moves_nothing
    except InputError:  # unknown or uncertain
        return False


def _detail(result: SyncResult, right_seconds: float) -> tuple[str, ...]:
    """What the verdict means and what to do."""
    from avts.report.repair_text import stretch_words

    required = (
        "Confidence is the probability that this is right to within "
        f"{right_seconds:g} s; at least {result.least_confidence:g} is required."
    )
    if result.offset_seconds is None and not result.estimate.is_guess:
        return (UNKNOWN_ADVICE,)
    if result.offset_seconds is None:
        return (required, *stretch_words(result), UNCERTAIN_ADVICE)
    nothing = () if _can_repair(result) else ("There is nothing to repair.",)
    return (required, *stretch_words(result), *nothing)


def _written(path: Path, name: str, result: SyncResult, folder: Path) -> tuple[Path, Path]:
    """Write the plot and the JSON of a result."""
    from avts.offset.glimpse import glimpse
    from avts.report.sync_plot import plot_result
    from avts.report.sync_text import result_record

    plot, record = folder / f"{path.stem}.png", folder / f"{path.stem}.sync.json"
    plot_result(plot, result, glimpse=glimpse(path, result), title=Path(name).name)
    record.write_text(json.dumps(result_record(Path(name), result), indent=1) + "\n", encoding="utf-8")
    return plot, record


def repaired(
    path: Path, *, folder: Path, before: SyncResult, measuring: Measuring, on_progress: OnProgress | None = None
) -> Repaired:
    """Write the repaired film and measure it again, by the one policy of `avts repair`.

    Args:
        path: the film; it is only read.
        folder: where to write.
        before: what was measured of it.
        measuring: how it was measured.
        on_progress: is told how much of the repaired film was read.

    Raises:
        InputError: the offset is unknown or uncertain, no container holds the repaired film, or it measures worse.
    """
    from avts.offset.fix import fix, measured_correction

    target = folder / f"{path.stem}.repaired{path.suffix}"
    correction = measured_correction(before)
    again = lambda film: measuring.of(film, on_progress=on_progress)  # noqa: E731
    done = fix(path, target, correction, before=before, measure=again, overwrite=True)
    return Repaired(tuple(_what_was_done(done, "method" if measuring.model is None else "model")), done.path)


def _what_was_done(done: RepairResult, reader: str) -> list[str]:
    """What the repair did, what else changed, and what measuring again says, a sentence each."""
    from avts.report.repair_text import again_words, moved_words

    warnings = [_sentence(warning) for warning in done.warnings]
    again = _sentence(again_words(done, reader=reader))
    return [f"Repaired: {moved_words(done.correction)}.", *warnings, f"{again}."]


def _sentence(words: str) -> str:
    return words[:1].upper() + words[1:]


def sound_places(path: Path, *, name: str, folder: Path, result: SyncResult, model: SyncModel | None) -> Path:
    """Draw where in the picture the sound comes from, as `avts show --where` does; gives the PNG.

    Args:
        path: the film; it is only read.
        name: what to call it.
        folder: where to write.
        result: what was measured of it; its offset must be known.
        model: a trained model.

    Raises:
        MediaError: there is no model or no offset, or the film is too short.
        UsageError: a model that cannot show it.
    """
    from avts.offset.film import FileFilm
    from avts.offset.where import where_of
    from avts.report.where_figure import write_where

    if model is None or result.offset_seconds is None:
        raise MediaError(f"{name}: where the sound comes from is shown by a model, for a film whose offset is known.")
    found = where_of(FileFilm(path), model, offset_seconds=result.offset_seconds)
    target = folder / f"{path.stem}.where.png"
    write_where(target, found, title=Path(name).name)
    return target
