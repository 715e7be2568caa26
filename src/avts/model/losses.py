"""The losses, and what each pair weighs in them.

Source: Korbar et al. 2018, section 3.1: the contrastive loss with a margin (after Hadsell et al. 2006) and binary
cross-entropy. The distance of unit vectors is halved so that it lies in [0, 1], as AVSlowFast does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

POSITIVE = 0
"""Kind of a pair in sync; the kinds of negatives count up from 1 (see pairs.negatives)."""


def distance_matrix(pictures: Tensor, sounds: Tensor) -> Tensor:
    """Distance of every picture to every sound.

    Shape: [P, D] and [Q, D], both of unit length, to [P, Q] in [0, 1].
    """
    squared = (2 - 2 * pictures @ sounds.T).clamp_min(1e-9)  # a zero has no gradient of its root
    return squared.sqrt() / 2


PART_SHARPNESS = 30.0
"""Of the soft minimum over a picture and its parts, for distances in [0, 1]; 10 to 60 are alike on real clips."""


def soft_minimum(distances: Tensor) -> Tensor:
    """One distance from those of a whole picture and its parts: near the least of them, the mean if all are alike.

    Shape: [1 + parts, ...] to [...]; NaN where one of them is.
    """
    fit = torch.logsumexp(-PART_SHARPNESS * distances, dim=0)
    return -(fit - math.log(len(distances))) / PART_SHARPNESS


def euclidean_matrix(pictures: Tensor, sounds: Tensor) -> Tensor:
    """Distance of every picture to every sound, of embeddings of any length.

    Shape: [P, D] and [Q, D] to [P, Q].
    """
    # by differences: the way over products loses near pairs of long vectors in rounding
    return torch.cdist(pictures, sounds, compute_mode="donot_use_mm_for_euclid_dist")


def contrastive_loss(distances: Tensor, positive: Tensor, weights: Tensor, *, margin: float) -> Tensor:
    """Pull the two of a positive pair together, push those of a negative apart up to the margin.

    Args:
        distances: [n].
        positive: bool [n].
        weights: [n], summing to 1; a pair of weight 0 is left out.
        margin: distance from which on a negative costs nothing.

    Returns:
        The weighted sum of d^2 over positives and max(margin - d, 0)^2 over negatives.
    """
    costs = torch.where(positive, distances.square(), (margin - distances).clamp_min(0).square())
    return (weights * costs).sum()


def bce_loss(logits: Tensor, positive: Tensor, weights: Tensor) -> Tensor:
    """Binary cross-entropy of "in sync".

    Args:
        logits: of "in sync", [n].
        positive: bool [n].
        weights: [n], summing to 1; a pair of weight 0 is left out.
    """
    costs = F.binary_cross_entropy_with_logits(logits, positive.float(), reduction="none")
    return (weights * costs).sum()


def info_nce(
    distances: Tensor,
    kinds: Tensor,
    valid: Tensor,
    *,
    temperature: float,
    negative_shares: Mapping[int, float] | None = None,
) -> Tensor:
    """Each picture has to find its sound among the negatives, and each sound its picture.

    Source: van den Oord et al. 2018, both ways as in CLIP (Radford et al. 2021); the weights are ours.

    Args:
        distances: of every picture to every sound, [P, Q], in [0, 1].
        kinds: int [P, Q]; at most one POSITIVE a row and column, negatives > 0, anything below 0 is left out.
        valid: bool [P, Q]; False leaves a pair out.
        temperature: of the softmax over cosines.
        negative_shares: share of each kind in the sum over the negatives that a positive is held against, as in
            `pair_weights`; None counts all negatives alike.
    """
    cosines = 1 - 2 * distances.square()
    used = valid & (kinds >= 0)
    logits = (cosines / temperature).masked_fill(~used, -torch.inf)
    positive = used & (kinds == POSITIVE)
    ways = ((logits, kinds, used, positive), (logits.T, kinds.T, used.T, positive.T))
    by_picture, by_sound = (_log_sums(*way, negative_shares) for way in ways)
    total = 0.5 * (by_picture + by_sound) - logits.masked_fill(~positive, 0).sum()
    return total / positive.sum().clamp_min(1)


def _log_sums(
    logits: Tensor, kinds: Tensor, used: Tensor, positive: Tensor, negative_shares: Mapping[int, float] | None
) -> Tensor:
    """Sum of `_log_sum` over the rows that have a positive: [n, m] to one number."""
    asked = positive.any(1)
    # the other rows are not cut out, since how many there are would have to be asked of the device; a row without any
    # pair has no logarithm, and no gradient of it
    safe = torch.where(asked[:, None], logits, 0.0)
    found = _log_sum(safe, kinds, used, negative_shares)
    return torch.where(asked, found, 0.0).sum()


def _log_sum(logits: Tensor, kinds: Tensor, used: Tensor, negative_shares: Mapping[int, float] | None) -> Tensor:
    """Log of each row's sum over its positive and its negatives: [n, m] to [n]."""
    if negative_shares is None:
        return torch.logsumexp(logits, 1)
    return torch.logsumexp(logits + _row_weights(kinds, used, negative_shares).log(), 1)


def _row_weights(kinds: Tensor, used: Tensor, negative_shares: Mapping[int, float]) -> Tensor:
    """Weight of each pair in its row's sum, [n, m]: 1 for a positive, 1 on average for the negatives of a row."""
    weights = (used & (kinds == POSITIVE)).float()
    number, shared = torch.zeros_like(weights[:, :1]), torch.zeros_like(weights[:, :1])
    for kind, share in negative_shares.items():
        chosen = used & (kinds == kind) & (share > 0)
        count = chosen.sum(1, keepdim=True)
        weights = torch.where(chosen, share / count.clamp_min(1), weights)
        number, shared = number + count, shared + share * (count > 0)
    scale = number / shared.clamp_min(1e-12)
    return torch.where(kinds == POSITIVE, weights, weights * scale)


def pair_weights(kinds: Tensor, valid: Tensor, negative_shares: Mapping[int, float] | None) -> Tensor:
    """Weights of the pairs of a batch.

    Args:
        kinds: int [n]; POSITIVE or a kind of negative.
        valid: bool [n]; False leaves a pair out (its sound is silent).
        negative_shares: share of each kind among the negatives; positives and negatives then weigh one half each,
            and the kinds that are there share the part of one that is not. None weighs all valid pairs alike (pairs
            drawn one by one already have the right shares).

    Returns:
        [n], summing to 1; all 0 when no pair is valid, or with shares no positive or no negative: nothing would hold
        the other side against collapse.
    """
    if negative_shares is None:
        weights = valid.float()
        return weights / weights.sum().clamp_min(1)
    positive = (valid & (kinds == POSITIVE)).float()
    negative = torch.zeros_like(positive)
    for kind, share in negative_shares.items():
        chosen = valid & (kinds == kind)
        negative = torch.where(chosen, share / chosen.sum().clamp_min(1), negative)
    both_there = (positive.sum() > 0) & (negative.sum() > 0)
    halves = [0.5 * side / side.sum().clamp_min(1e-12) for side in (positive, negative)]
    return torch.where(both_there, halves[0] + halves[1], 0.0)
