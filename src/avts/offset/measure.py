"""Measure the audio/video offset of a film: read it once, compute the map, estimate.

Input: a film, and a model or none. Output: a SyncResult.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from avts.errors import UsageError
from avts.offset.calibration import (
    LEAST_CONFIDENCE,
    MODEL,
    REACH_SECONDS,
    TOP_SECONDS,
    Calibration,
    signs_of,
    why_uncertain,
)
from avts.offset.distance_map import OffsetScan, scan_features
from avts.offset.estimate import (
    EDGE,
    MOTION_WEIGHT,
    UNCERTAIN,
    WIDEST_RANGE_SECONDS,
    OffsetEstimate,
    estimate,
    peak_seconds,
    step_seconds,
    window_votes,
)
from avts.offset.features import Features, film_features
from avts.offset.film import Film
from avts.offset.motion import motion_measure
from avts.offset.timeline import Segment, Timeline, timeline

if TYPE_CHECKING:
    from avts.offset.model import SyncModel

Method = Literal["model", "motion"]

WORSE_SECONDS = 0.02
"""A repaired film whose offset is larger than before by more than this has become worse; less is measuring noise."""

MOST_LOOKS = 3
"""Times that the map around the best offset is drawn anew, centred on what the last one showed."""


@dataclass(frozen=True, repr=False)
class SyncResult:
    """The result for one film.

    Attributes:
        name: the film, as it was given.
        scan: its distance map.
        estimate: its offset, or why it is unknown. For a film with several offsets that of its longest segment, for one
            that drifts that in its middle.
        segments: segments with an offset each; one unless jumps are clear, none if the offset is unknown.
        drift_ms_per_minute: growth of the offset; None unless it is clear.
        least_confidence: the least confidence that was required of an answer.
    """

    name: str
    scan: OffsetScan
    estimate: OffsetEstimate
    segments: tuple[Segment, ...] = ()
    drift_ms_per_minute: float | None = None
    least_confidence: float = LEAST_CONFIDENCE

    @property
    def offset_seconds(self) -> float | None:
        """By how much the sound comes early (late if < 0); None if unknown."""
        return self.estimate.offset_seconds if self.estimate.reason is None else None

    @property
    def confidence(self) -> float:
        """Probability that the error is at most 0.2 s (of the plain baseline: 0.1 s), 0 to 1."""
        return self.estimate.confidence

    @property
    def guess_seconds(self) -> float | None:
        """The best guess, certain or not; None if there is nothing to guess from."""
        return self.estimate.offset_seconds if self.estimate.num_windows else None

    @property
    def reason(self) -> str | None:
        """Why there is no answer: the offset is unknown or uncertain; None if there is one."""
        return self.estimate.reason

    @property
    def in_words(self) -> str:
        """'sound 120 ms early', 'in sync', 'sound about 120 ms early' if that is uncertain, or 'cannot tell'."""
        return self.estimate.in_words

    @property
    def is_constant(self) -> bool:
        """False if the offset drifts or jumps."""
        return len(self.segments) <= 1 and self.drift_ms_per_minute is None

    def __repr__(self) -> str:
        offset = "None" if self.offset_seconds is None else f"{self.offset_seconds:.4f}"
        drift = "" if self.drift_ms_per_minute is None else f", drift_ms_per_minute={self.drift_ms_per_minute:.1f}"
        jumps = f", {len(self.segments)} segments" if len(self.segments) > 1 else ""
        return (
            f"SyncResult({self.name!r}: {self.in_words}, offset_seconds={offset}, confidence={self.confidence:.2f}"
            f"{drift}{jumps}" + (f",\n  reason={self.reason!r})" if self.reason else ")")
        )

    def offset_at(self, seconds: float) -> float:
        """The offset at a time of the film; only if there is one."""
        return Timeline(self.segments, self.drift_ms_per_minute).offset_at(seconds)

    @property
    def extremes_seconds(self) -> tuple[float, float]:
        """The least and the greatest offset at any time of the film; only if there is one."""
        slope = (self.drift_ms_per_minute or 0.0) / 60_000
        away = [slope * (each.stop_seconds - each.start_seconds) / 2 for each in self.segments]
        ends = [
            each.offset_seconds + sign * by for each, by in zip(self.segments, away, strict=True) for sign in (-1, 1)
        ]
        return min(ends), max(ends)

    def is_worse_than(self, before: SyncResult) -> bool:
        """Whether the largest offset of a film is larger than before; False if one of the two is unknown."""
        if self.offset_seconds is None or before.offset_seconds is None:
            return False
        now, then = (max(map(abs, result.extremes_seconds)) for result in (self, before))
        return now > then + WORSE_SECONDS


def measure(
    film: Film, model: SyncModel | None, *, range_seconds: float = 2.0, least_confidence: float | None = None
) -> SyncResult:
    """Find by how much the sound of a film is off.

    Args:
        film: what to read; once.
        model: a trained model; None takes the plain baseline, motion against loudness.
        range_seconds: offsets up to this much either way are tried.
        least_confidence: an offset that is less likely right than this is uncertain, 0 to 1; None takes what the
            model's calibration says.

    Raises:
        UsageError: a range outside (0, 15], or a least confidence outside [0, 1].
        MediaError: the film cannot be read, or has no picture or no sound.
    """
    if not 0 < range_seconds <= WIDEST_RANGE_SECONDS:
        raise UsageError(f"range_seconds is {range_seconds}: give more than 0 and at most {WIDEST_RANGE_SECONDS:g}")
    check_least_confidence(least_confidence)
    if model is None:
        least = LEAST_CONFIDENCE if least_confidence is None else least_confidence
        return result_of(film.name, *motion_measure(film, range_seconds=range_seconds), least_confidence=least)
    features = film_features(
        film, model.network, window_seconds=model.window_seconds, threads=model.threads, in_parts=model.in_parts
    )
    return measure_features(film.name, features, model, range_seconds=range_seconds, least_confidence=least_confidence)


def measure_features(
    name: str,
    features: Features,
    model: SyncModel,
    *,
    range_seconds: float = 2.0,
    least_confidence: float | None = None,
) -> SyncResult:
    """Find by how much the sound of a film is off from what a model made of it.

    Args:
        name: the film.
        features: of the whole film.
        model: as for `measure`, like all that follows.
        range_seconds: likewise.
        least_confidence: likewise.
    """
    calibration = model.calibration or MODEL
    if least_confidence is not None:
        calibration = dataclasses.replace(calibration, least_confidence=least_confidence)
    found, answer = scan_and_estimate(features, range_seconds=range_seconds, calibration=calibration)
    return result_of(name, found, answer, least_confidence=calibration.least_confidence)


def check_least_confidence(least_confidence: float | None) -> None:
    """Raise UsageError for a least confidence that is no probability."""
    if least_confidence is not None and not 0 <= least_confidence <= 1:
        raise UsageError(f"least_confidence is {least_confidence}. Give a number from 0 to 1")


def result_of(
    name: str, scan: OffsetScan, answer: OffsetEstimate, *, least_confidence: float = LEAST_CONFIDENCE
) -> SyncResult:
    """The result of a film from its map and its one best offset: what changes over time is looked for here.

    Args:
        name: the film.
        scan: its distance map.
        answer: the one offset that explains the map best.
        least_confidence: an offset, or the least certain one of several segments, is uncertain below this.
    """
    over_time = timeline(scan)
    if not over_time.is_constant:
        longest = max(over_time.segments, key=lambda each: each.stop_seconds - each.start_seconds)
        answer = dataclasses.replace(
            answer,
            offset_seconds=longest.offset_seconds,
            confidence=longest.confidence,
            reason=_doubt(min(each.confidence for each in over_time.segments), least_confidence),
        )
        return SyncResult(name, scan, answer, over_time.segments, over_time.drift_ms_per_minute, least_confidence)
    if answer.reason is None:
        answer = dataclasses.replace(answer, reason=_doubt(answer.confidence, least_confidence))
    if answer.reason is not None:
        return SyncResult(name, scan, answer, least_confidence=least_confidence)
    end = float(scan.times_seconds[-1]) + scan.window_seconds
    whole = Segment(0.0, end, answer.offset_seconds, answer.confidence)
    return SyncResult(name, scan, answer, (whole,), least_confidence=least_confidence)


def _doubt(confidence: float, least_confidence: float) -> str | None:
    """The reason not to use an offset with this confidence; None if it is high enough."""
    if confidence >= least_confidence:
        return None
    return f"{UNCERTAIN}a confidence of at least {least_confidence:g} is required; a longer excerpt may help"


def scan_and_estimate(
    features: Features, *, range_seconds: float, calibration: Calibration = MODEL
) -> tuple[OffsetScan, OffsetEstimate]:
    """Coarse to fine: the whole range on a map of bounded size, then closely around its best offset.

    Place and confidence of the best offset come from the close look, which is the same for every range.

    Args:
        features: of the whole film.
        range_seconds: offsets up to this much either way are tried.
        calibration: what the signs of an offset are worth.
    """
    found = scan_features(features, range_seconds)
    first = estimate(found)
    if first.num_windows == 0:
        return found, first
    offset, signs = close_look(features, first.offset_seconds)
    confidence = calibration.confidence(signs)
    reason = None if confidence >= calibration.least_confidence else why_uncertain(signs)
    if first.reason is not None and first.reason.startswith(EDGE):
        reason = first.reason
    offset = min(max(offset, -range_seconds), range_seconds)
    return found, dataclasses.replace(first, offset_seconds=offset, confidence=confidence, reason=reason)


def close_look(features: Features, offset_seconds: float) -> tuple[float, dict[str, float]]:
    """The top of the peak at an offset, and the signs that tell how likely it is right.

    Args:
        features: of the whole film.
        offset_seconds: where the peak was seen; the top is looked for within TOP_SECONDS.
    """
    centre = offset_seconds
    for _ in range(MOST_LOOKS):
        near = scan_features(features, REACH_SECONDS, centre_seconds=centre)
        offsets = near.offsets_seconds
        votes = window_votes(near)
        evidence = votes.sum(axis=0)
        if near.motion_evidence is not None:
            evidence = evidence + MOTION_WEIGHT * near.motion_evidence
        evidence = np.where(np.isfinite(near.distances).any(axis=0), evidence, -np.inf)
        best = int(np.where(np.abs(offsets - offset_seconds) <= TOP_SECONDS, evidence, -np.inf).argmax())
        if best == len(offsets) // 2:
            break
        centre = float(offsets[best])
    around = slice(max(best - 1, 0), best + 2)
    top = peak_seconds(offsets[around], evidence[around], step_seconds(offsets))
    return top, signs_of(near, votes, evidence, float(offsets[best]))
