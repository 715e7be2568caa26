"""How good the offsets of test clips are, and how far their confidence can be trusted. Pure NumPy.

Input: ClipOffsets of one method. Output: shares within tolerances, coverage against precision, the area under the
curve of confidence, intervals that take clips of one source as one draw.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avts.offset.clips import CLOSE_SECONDS, ClipOffset

TOLERANCES_SECONDS = (CLOSE_SECONDS, 0.1, 0.045)
"""Errors that count as found: what the eye forgives, what it notices, what broadcasters ask for (EBU R37)."""

LEVELS = (0.0, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95)
"""Confidences from which on answers are counted."""

DRAWS = 1000
LEAST_SOURCES = 3
"""Minimum number of sources for an interval."""

Offsets = Sequence[ClipOffset]


@dataclass(frozen=True)
class Coverage:
    """What would be answered if only offsets of this confidence or more were given.

    Attributes:
        confidence: the least confidence.
        answered: share of all offsets that reach it.
        right: share of these that are close to the truth; None if there are none.
    """

    confidence: float
    answered: float
    right: float | None


def share_within(offsets: Offsets, method: str, seconds: float) -> float | None:
    """Share of the offsets found within a tolerance of the truth; None if there are none."""
    return float(np.mean([each.close(method, seconds) for each in offsets])) if offsets else None


def share_answered(offsets: Offsets, method: str) -> float | None:
    """Share of the offsets that are given as an answer; None if there are none."""
    return float(np.mean([each.answered(method) for each in offsets])) if offsets else None


def share_of_answers_right(offsets: Offsets, method: str) -> float | None:
    """Of the answers given, the share within CLOSE_SECONDS of the truth; None if there are none."""
    return share_within([each for each in offsets if each.answered(method)], method, CLOSE_SECONDS)


def coverage(offsets: Offsets, method: str) -> list[Coverage]:
    """Coverage against precision at each of LEVELS."""
    found = []
    for level in LEVELS:
        sure = [each for each in offsets if each.confidence[method] >= level]
        answered = len(sure) / max(len(offsets), 1)
        found.append(Coverage(level, answered, share_within(sure, method, CLOSE_SECONDS)))
    return found


def confidence_auc(offsets: Offsets, method: str) -> float | None:
    """How well the confidence separates right from wrong; None if all are right or all wrong."""
    said = np.array([each.confidence[method] for each in offsets])
    return area_under_curve(said, np.array([each.close(method) for each in offsets], np.bool_))


def area_under_curve(said: NDArray[np.float64], right: NDArray[np.bool_]) -> float | None:
    """Probability that a right answer is said with more confidence than a wrong one; ties count half."""
    good, bad = said[right], said[~right]
    if not len(good) or not len(bad):
        return None
    more, same = good[:, None] > bad, good[:, None] == bad
    return float(more.mean() + same.mean() / 2)


def interval(
    offsets: Offsets, score: Callable[[Offsets], float | None], *, seed: int = 0
) -> tuple[float, float] | None:
    """95 % interval of a score by a bootstrap over sources, since clips of one source resemble each other.

    Args:
        offsets: clips without a source count as a source each.
        score: of any selection of the offsets.
        seed: of the draws.

    Returns:
        Its ends; None with fewer than LEAST_SOURCES sources.
    """
    sources: dict[str, list[ClipOffset]] = {}
    for each in offsets:
        sources.setdefault(each.source or str(each.path), []).append(each)
    groups = list(sources.values())
    if len(groups) < LEAST_SOURCES:
        return None
    generator = np.random.default_rng(seed)
    drawn = []
    for _ in range(DRAWS):
        chosen = [each for index in generator.integers(len(groups), size=len(groups)) for each in groups[index]]
        value = score(chosen)
        if value is not None:
            drawn.append(value)
    return (float(np.quantile(drawn, 0.025)), float(np.quantile(drawn, 0.975))) if drawn else None
