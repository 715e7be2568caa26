"""Possible reasons why distances are not separating, each with the measurements for or against it. Pure.

A reason reports what was measured and whether that is abnormal; it does not prove the cause. The limits were set on
runs that learn and on deliberately broken runs; see docs/training.md.
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
"""Minimum share of windows without a cue that makes them a likely reason."""

LEAST_SPREAD = 0.03
"""Embeddings with a smaller relative spread around their mean are collapsed."""

LEAST_RANK_SHARE = 0.05
"""Embeddings with a smaller effective rank, as a share of the largest possible rank, are collapsed."""

LARGEST_UPDATE = 0.1
"""A larger relative update of the weights destroys what was learned."""

LARGEST_GROWTH = 10.0
"""Weights whose norm grew by a larger factor were inflated by their updates; later updates then look small."""

LEAST_PATH = 1e-3
"""Weights with a smaller relative change over all observed steps have not moved."""

LEAST_GRADIENT = 1e-6
"""A gradient with a smaller norm counts as zero."""

NEAR_BALANCE = 0.05
"""Distances within this share of half the margin of it sit at the loss's balance point."""

LARGEST_JUMP = 0.5
"""A larger mean relative change of the loss between steps is abnormal."""


@dataclass(frozen=True)
class Reason:
    """One possible reason.

    Attributes:
        name: of the reason.
        likely: whether the measurements are abnormal.
        text: the measurements in words and, if the reason is likely, what to do.
        figures: the measurements as plain values.
    """

    name: str
    likely: bool
    text: str
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Course:
    """The latest steps of a run.

    Attributes:
        losses: loss of each step.
        gradient_norms: gradient norm of each step.
        update_shares: relative size of the measured updates, see probes.UpdateMeter.
        growth: norm of the weights relative to its value at the start.
        learning_rate: learning rate of the last step.
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
    text += ". Inspect some with avts show, and exclude such files" if likely else ""
    return Reason("silent data", likely, text, {"share": cues.silent_share, "windows": cues.sounds})


def stillness_reason(cues: Cues) -> Reason:
    """Whether too many windows show no motion."""
    likely = cues.still_share >= MUCH
    text = f"{cues.still_share:.0%} of {cues.pictures} windows of picture have no motion"
    text += ". Inspect some with avts show, and exclude such files" if likely else ""
    return Reason("still pictures", likely, text, {"share": cues.still_share, "windows": cues.pictures})


def collapse_reasons(spreads: Mapping[str, Spread]) -> list[Reason]:
    """Whether the embeddings of a tower are all nearly equal: one reason per tower."""
    return [_collapse(name, spread) for name, spread in spreads.items()]


def _collapse(name: str, found: Spread) -> Reason:
    alike = found.spread < LEAST_SPREAD
    flat = found.rank < 1 + LEAST_RANK_SHARE * (found.most - 1)
    text = (
        f"the {found.count} {name} embeddings of a batch have a spread of {found.spread:.2g} of their norm around "
        f"their mean, and an effective rank of {found.rank:.1f} of {found.most}"
    )
    text += f". The {name} network ignores its input" if alike or flat else ""
    figures = {"spread": found.spread, "effective_rank": found.rank, "largest_rank": found.most, "count": found.count}
    return Reason(f"collapsed {name} embeddings", alike or flat, text, figures)


def rate_reason(course: Course) -> Reason:
    """Whether the learning rate is too high or too low."""
    gradient = statistics.median(course.gradient_norms) if course.gradient_norms else 0.0
    update = statistics.median(course.update_shares) if course.update_shares else 0.0
    jump, steps = _jump(course.losses), len(course.losses)
    high = update > LARGEST_UPDATE or jump > LARGEST_JUMP or course.growth > LARGEST_GROWTH
    low = bool(course.update_shares) and update * steps < LEAST_PATH
    text = (
        f"at {course.learning_rate:g} an update changes the weights by {update:.2g} of their norm; "
        f"their norm is {course.growth:.3g} times that at the start; the gradient norm is {gradient:.2g}; "
        f"the loss changes by {jump:.0%} per step"
    )
    figures = {"learning_rate": course.learning_rate, "update_share": update, "growth": course.growth}
    figures |= {"gradient_norm": gradient, "loss_jump": jump, "steps": steps}
    if high:
        text = f"too high: {text}. Lower [optimizer] learning_rate, or use a longer warm-up"
    elif gradient < LEAST_GRADIENT:
        text = f"no gradient: {text}. The loss has no gradient at any learning rate"
    elif low:
        text = f"too low: {text}. Raise [optimizer] learning_rate, or check whether its schedule lowered it too early"
    return Reason("learning rate", high or low or gradient < LEAST_GRADIENT, text, figures)


def _jump(losses: Sequence[float]) -> float:
    """Mean absolute change of the loss between steps, relative to its mean."""
    if len(losses) < 2:
        return 0.0
    mean = float(np.mean(np.abs(losses)))
    return float(np.abs(np.diff(losses)).mean()) / max(mean, 1e-12)


def timing_reason(partings: Sequence[Parting], head: str) -> Reason | None:
    """Whether content is learned but not timing: easy negatives are separated, those of the same video are not."""
    by_kind = {parting.kind: parting for parting in partings}
    easy = by_kind.pop(EASY, None)
    if easy is None or not easy.parted or all(other.parted for other in by_kind.values()):
        return None
    text = (
        f"easy pairs are separated ({easy.positive:.3f} from {easy.negative:.3f}): content is learned, but not timing"
    )
    likely = head == "global"
    text += ". [model] head is 'global', which averages over time; try 'temporal'" if likely else ""
    return Reason("no sense of time", likely, text, {"easy_gap": easy.gap, "head": head})


def balance_reason(partings: Sequence[Parting], margin: float) -> Reason | None:
    """Whether the distances of all pairs sit at half the margin, where pull and push of the contrastive loss cancel.

    None if they do not. If all embeddings point one way, d = margin / 2 minimises d^2 + (margin - d)^2 without telling
    any pair from another.
    """
    balance = margin / 2
    found = [distance for each in partings for distance in (each.positive, each.negative)]
    if not found or any(abs(distance - balance) > NEAR_BALANCE * balance for distance in found):
        return None
    text = (
        f"positive and negative distances all are within {NEAR_BALANCE:.0%} of half the margin, {balance:.3f}, where "
        f"the contrastive loss is {balance**2:.3f} whatever is seen or heard. Set [model] centre = true if it is not "
        "set; training from easier negatives, or more steps, can leave this point"
    )
    return Reason("loss at its balance point", True, text, {"margin": margin, "balance": balance})
