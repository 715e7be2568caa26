"""How far the sound of a film is off: read it once, map it, estimate.

Input: a film, and a model or none. Output: a SyncResult.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from avts.errors import UsageError
from avts.sync.estimate import WIDEST_RANGE_SECONDS, OffsetEstimate, estimate
from avts.sync.features import Features, film_features
from avts.sync.film import Film
from avts.sync.motion import motion_measure
from avts.sync.scan import OffsetScan, scan_features

if TYPE_CHECKING:
    from avts.sync.model import SyncModel

Method = Literal["model", "motion"]

FINE_RANGE_SECONDS = 1.0
"""Either way of the offset found, what a second, finer look takes in."""

COARSE_HOP_SECONDS = 0.25
"""A map whose windows are farther apart than this is coarse: its offset is looked at again, more closely."""

SAME_OFFSET_SECONDS = 0.1
"""The second look may move an offset by this much; if it moves it farther, the first stands."""


@dataclass(frozen=True)
class SyncResult:
    """What was found out about one film.

    Attributes:
        name: the film, as it was given.
        scan: its distance map.
        estimate: its offset, or why it cannot be told.
    """

    name: str
    scan: OffsetScan
    estimate: OffsetEstimate

    @property
    def offset_seconds(self) -> float | None:
        """By how much the sound comes early (late if < 0); None if that cannot be told."""
        return self.estimate.offset_seconds if self.estimate.reason is None else None

    @property
    def confidence(self) -> float:
        """Probability that the offset is right to 0.1 s, 0 to 1."""
        return self.estimate.confidence

    @property
    def reason(self) -> str | None:
        """Why the offset cannot be told; None if it can."""
        return self.estimate.reason

    @property
    def in_words(self) -> str:
        """'sound 120 ms early', 'in sync', or 'cannot tell'."""
        return self.estimate.in_words


def measure(film: Film, model: SyncModel | None, *, range_seconds: float = 2.0) -> SyncResult:
    """Find by how much the sound of a film is off.

    Args:
        film: what to read; once.
        model: a trained model; None takes the plain baseline, motion against loudness.
        range_seconds: offsets up to this much either way are tried.

    Raises:
        UsageError: a range outside (0, 15].
        MediaError: the film cannot be read, or has no picture or no sound.
    """
    if not 0 < range_seconds <= WIDEST_RANGE_SECONDS:
        raise UsageError(f"range_seconds is {range_seconds}: give more than 0 and at most {WIDEST_RANGE_SECONDS:g}")
    if model is None:
        found, answer = motion_measure(film, range_seconds=range_seconds)
    else:
        features = film_features(film, model.network, window_seconds=model.window_seconds)
        found, answer = scan_and_estimate(features, range_seconds=range_seconds)
    return SyncResult(film.name, found, answer)


def scan_and_estimate(features: Features, *, range_seconds: float) -> tuple[OffsetScan, OffsetEstimate]:
    """Coarse to fine: the whole range on a map of bounded size, then, if that had to be thin, closely around its best.

    Args:
        features: of the whole film.
        range_seconds: offsets up to this much either way are tried.
    """
    found = scan_features(features, range_seconds)
    answer = estimate(found)
    hop_seconds = found.times_seconds[1] - found.times_seconds[0] if len(found.times_seconds) > 1 else 0.0
    if answer.reason is None and hop_seconds > COARSE_HOP_SECONDS:
        near = estimate(scan_features(features, FINE_RANGE_SECONDS, centre_seconds=answer.offset_seconds))
        if near.reason is None and abs(near.offset_seconds - answer.offset_seconds) < SAME_OFFSET_SECONDS:
            answer = dataclasses.replace(answer, offset_seconds=near.offset_seconds)
    return found, answer
