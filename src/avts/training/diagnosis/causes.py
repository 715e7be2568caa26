"""The likely reasons why distances do not part, each with the figures that speak for or against it. Pure.

A reason says what was measured and whether that is out of the ordinary; it does not say that it is the cause. The
limits were set on runs that learn and on runs broken on purpose; see docs/training.md.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from avts.pairs.negatives import EASY
from avts.training.diagnosis.probes import Cues, Spread
from avts.training.diagnosis.separation import Parting

MUCH = 0.25
"""Share of windows without a cue from which on they are a likely reason."""

LEAST_SPREAD = 0.03
"""Embeddings that lie nearer to their mean, as a share of their length, are collapsed."""

LEAST_RANK_SHARE = 0.05
"""Embeddings that differ in a smaller share of the directions that they could are collapsed."""

LARGEST_UPDATE = 0.1
"""An update that changes the weights by a larger share of their length undoes what was learned."""

LARGEST_GROWTH = 10.0
"""Weights that have become so many times as long were blown up by their updates; later updates then look small."""

LEAST_PATH = 1e-3
"""Weights that can have moved by a smaller share of their length, in all the steps looked at, have stood still."""

LEAST_GRADIENT = 1e-6
"""A gradient of a smaller norm is none."""

LARGEST_JUMP = 0.5
"""A loss that changes by more of itself, from one step to the next and on average, jumps."""


@dataclass(frozen=True)
class Reason:
    """One possible reason.

    Attributes:
        name: of it.
        likely: what was measured is out of the ordinary.
        text: what was measured, and if it is likely what to do, in words.
        figures: the same as plain values.
    """

    name: str
    likely: bool
    text: str
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Course:
    """The latest steps of a run.

    Attributes:
        losses: of each step.
        gradient_norms: of each step.
        update_shares: of those updates that were measured, see measures.UpdateMeter.
        growth: length of the weights over what it was at the start.
        learning_rate: of the last step.
    """

    losses: Sequence[float]
    gradient_norms: Sequence[float]
    update_shares: Sequence[float]
    growth: float
    learning_rate: float


def silence_reason(cues: Cues) -> Reason:
    """Whether too many windows are silent."""
    likely = cues.silent_share >= MUCH
    text = f"{cues.silent_share:.0%} of {cues.sounds} windows of sound are silent"
    text += ". Look at some with avts show, leave such files out" if likely else ""
    return Reason("silent data", likely, text, {"share": cues.silent_share, "windows": cues.sounds})


def stillness_reason(cues: Cues) -> Reason:
    """Whether too many windows show no motion."""
    likely = cues.still_share >= MUCH
    text = f"{cues.still_share:.0%} of {cues.pictures} windows of picture do not move"
    text += ". Look at some with avts show, leave such files out" if likely else ""
    return Reason("still pictures", likely, text, {"share": cues.still_share, "windows": cues.pictures})


def collapse_reasons(spreads: Mapping[str, Spread]) -> list[Reason]:
    """Whether the embeddings of one side are all alike: one reason a side."""
    return [_collapse(name, spread) for name, spread in spreads.items()]


def _collapse(name: str, found: Spread) -> Reason:
    alike = found.spread < LEAST_SPREAD
    flat = found.rank < 1 + LEAST_RANK_SHARE * (found.most - 1)
    text = (
        f"the {found.count} {name} embeddings of a batch lie {found.spread:.2g} of their length apart from their mean, "
        f"in {found.rank:.1f} of {found.most} directions (effective rank)"
    )
    text += f". The {name} network ignores what it is given" if alike or flat else ""
    figures = {"spread": found.spread, "effective_rank": found.rank, "largest_rank": found.most, "count": found.count}
    return Reason(f"collapsed {name} embeddings", alike or flat, text, figures)


def rate_reason(course: Course) -> Reason:
    """Whether the learning rate is too high or too low for the weights to settle or to move."""
    gradient = statistics.median(course.gradient_norms) if course.gradient_norms else 0.0
    update = statistics.median(course.update_shares) if course.update_shares else 0.0
    jump, steps = _jump(course.losses), len(course.losses)
    high = update > LARGEST_UPDATE or jump > LARGEST_JUMP or course.growth > LARGEST_GROWTH
    low = bool(course.update_shares) and update * steps < LEAST_PATH
    text = (
        f"at {course.learning_rate:g} an update changes the weights by {update:.2g} of their length; "
        f"they are {course.growth:.3g} times as long as at the start; the gradient's norm is {gradient:.2g}; "
        f"the loss changes by {jump:.0%} from step to step"
    )
    figures = {"learning_rate": course.learning_rate, "update_share": update, "growth": course.growth}
    figures |= {"gradient_norm": gradient, "loss_jump": jump, "steps": steps}
    if high:
        text = f"too high: {text}. Lower [optimizer] learning_rate, or warm up longer"
    elif gradient < LEAST_GRADIENT:
        text = f"no gradient: {text}. Nothing flows back from the loss, whatever the rate"
    elif low:
        text = f"too low: {text}. Raise [optimizer] learning_rate, or see whether its schedule has lowered it too soon"
    return Reason("learning rate", high or low or gradient < LEAST_GRADIENT, text, figures)


def _jump(losses: Sequence[float]) -> float:
    """Mean change of the loss from step to step, as a share of its mean."""
    if len(losses) < 2:
        return 0.0
    mean = float(np.mean(np.abs(losses)))
    return float(np.abs(np.diff(losses)).mean()) / max(mean, 1e-12)


def timing_reason(partings: Sequence[Parting], head: str) -> Reason | None:
    """Whether the networks tell what, but not when: easy negatives have parted, those of the same video have not."""
    by_kind = {parting.kind: parting for parting in partings}
    easy = by_kind.pop(EASY, None)
    if easy is None or not easy.parted or all(other.parted for other in by_kind.values()):
        return None
    text = f"easy pairs have parted ({easy.positive:.3f} from {easy.negative:.3f}): the networks tell what, not when"
    likely = head == "global"
    text += ". [model] head is 'global', which averages time away; try 'temporal'" if likely else ""
    return Reason("no sense of time", likely, text, {"easy_gap": easy.gap, "head": head})
