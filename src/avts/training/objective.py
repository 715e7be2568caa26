"""The loss of a step: from a batch on the device to a scalar loss, and the pairs that it was computed from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from avts.model.device import sent, widest
from avts.model.losses import bce_loss, contrastive_loss, info_nce, pair_weights, soft_minimum
from avts.model.two_stream import TwoStream
from avts.pairs.loader import Batch
from avts.pairs.negatives import EASY, HARD, POSITIVE, SUPER_HARD
from avts.settings import Recipe, StageSettings
from avts.training.curriculum import negative_shares
from avts.training.distributed import StepShare
from avts.training.spans import UNPAIRED, embed_picture_spans, embed_sound_spans, heard_windows, pair_kinds


@dataclass(frozen=True)
class StepLoss:
    """The loss of a step and its pairs.

    Attributes:
        loss: scalar with a gradient.
        distances: distance of each pair, [n], detached.
        kinds: kind of each pair, int64 [n] (see pairs.negatives).
        valid: bool [n]; False for a pair that is excluded from the loss.
    """

    loss: Tensor
    distances: Tensor
    kinds: Tensor
    valid: Tensor

    def misranked_shares(self) -> Tensor:
        """How often a negative is nearer than a positive, of each kind, 0 to 1; a tie counts half.

        NaN for a kind that is not there, and without positives.

        Shape: [3]: easy, hard, super-hard.
        """
        chosen = {kind: self.valid & (self.kinds == kind) for kind in (POSITIVE, EASY, HARD, SUPER_HARD)}
        is_positive = chosen.pop(POSITIVE)
        positive = self.distances.masked_fill(~is_positive, torch.inf).sort().values  # no negative is beyond the others
        # positives below a negative, and those not above it: the mean of both counts a tie half
        ranks = sum(torch.searchsorted(positive, self.distances, right=right) for right in (False, True))
        wide = widest(self.distances.device)
        pairs = [2 * is_positive.sum() * each.sum() for each in chosen.values()]
        right = [torch.where(each, ranks, 0).sum().to(wide) for each in chosen.values()]
        return torch.stack([1 - each / count for each, count in zip(right, pairs, strict=True)])


@dataclass(frozen=True)
class _Pairs:
    """The embeddings of a step, of all processes that share it, and their pairs.

    Attributes:
        pictures: [P, D], or [1 + parts, P, D] with those of the parts of each picture.
        sounds: [Q, D].
        rows: picture of each pair, int64 [n].
        columns: sound of each pair, int64 [n].
        kinds: kind of each pair, int64 [n].
        valid: bool [n].
    """

    pictures: Tensor
    sounds: Tensor
    rows: Tensor
    columns: Tensor
    kinds: Tensor
    valid: Tensor


def step_loss(
    model: TwoStream, planes: Sequence[Tensor], samples: Tensor, batch: Batch, recipe: Recipe, stage: StageSettings
) -> StepLoss:
    """The loss that a recipe specifies; if several processes share a step, each of them gets that of the whole step.

    Args:
        model: the networks.
        planes: luminance, and colour if it is used, each [B, T, H, W] in [0, 1] at the network's size; or
            [(1 + parts) * B, T, H, W] as `with_parts` gives them.
        samples: [Q, N] at 16 kHz.
        batch: their pairs; its own planes and sounds are those before augmentation. `valid` refers to the whole
            step.
        recipe: the settings of the run.
        stage: the stage of the curriculum.
    """
    if recipe.pairs.sampling == "spans":
        return _loss_of(_span_pairs(model, planes, samples, batch, recipe, stage), model, recipe, stage)
    return _loss_of(_planned_pairs(model, planes, samples, batch), model, recipe, stage)


def _planned_pairs(model: TwoStream, planes: Sequence[Tensor], samples: Tensor, batch: Batch) -> _Pairs:
    """The pairs of a step's plan."""
    held = StepShare.of(batch)
    pictures = _whole(model.embed_pictures(*planes), planes, held)
    sounds = held.sounds.whole(model.embed_sounds(samples))
    return _Pairs(pictures, sounds, batch.picture_rows, batch.sound_rows, batch.kinds, batch.valid)


def _span_pairs(
    model: TwoStream, planes: Sequence[Tensor], samples: Tensor, batch: Batch, recipe: Recipe, stage: StageSettings
) -> _Pairs:
    """All pairs of windows in a step's spans."""
    pairs, held = recipe.pairs, StepShare.of(batch)
    cut = {"clip_seconds": pairs.clip_seconds, "margin_seconds": pairs.span_margin_seconds}
    pictures = _whole(embed_picture_spans(model, planes, **cut), planes, held)
    sounds = held.sounds.whole(embed_sound_spans(model, samples, **cut))
    kinds = pair_kinds(held.pictures.rows.total, pairs.span_seconds, pairs.clip_seconds, pairs.hard_gap_seconds)
    for kind, share in negative_shares(stage).items():  # a kind that the stage leaves out is not paired
        kinds = kinds if share or stage.shares == "adaptive" else kinds.masked_fill(kinds == kind, UNPAIRED)
    own_heard = heard_windows(batch.sounds, silence_dbfs=pairs.silence_dbfs, **cut)
    heard = held.sounds.whole(own_heard)
    rows, columns = torch.where(kinds != UNPAIRED)  # on the CPU: how many there are is not asked of the device
    rows, columns, kinds = (sent(each, samples.device) for each in (rows, columns, kinds[rows, columns]))
    return _Pairs(pictures, sounds, rows, columns, kinds, heard[rows] & heard[columns])


def _whole(embedded: Tensor, planes: Sequence[Tensor], held: StepShare) -> Tensor:
    """The embeddings of the pictures of all processes, [P, D], or [1 + parts, P, D] if there are any."""
    views = len(planes[0]) // len(held.pictures.rows)
    if views == 1:
        return held.pictures.whole(embedded)
    return torch.stack([held.pictures.whole(each) for each in embedded.chunk(views)])


def _distances(model: TwoStream, pairs: _Pairs) -> Tensor:
    """Distance of every picture to every sound, [P, Q]."""
    if pairs.pictures.dim() == 2:
        return model.pair_distances(pairs.pictures, pairs.sounds)
    return soft_minimum(torch.stack([model.pair_distances(each, pairs.sounds) for each in pairs.pictures]))


def _loss_of(pairs: _Pairs, model: TwoStream, recipe: Recipe, stage: StageSettings) -> StepLoss:
    """The loss of pairs, weighted by the shares of a stage; individually drawn pairs have those shares already."""
    shares = None if recipe.pairs.sampling == "pairs" else negative_shares(stage)
    weights, positive = pair_weights(pairs.kinds, pairs.valid, shares), pairs.kinds == POSITIVE
    if recipe.loss.name == "bce":
        logits = model.pair_logits(pairs.pictures, pairs.sounds)[pairs.rows, pairs.columns]
        distances = torch.sigmoid(-logits.detach())
        return StepLoss(bce_loss(logits, positive, weights), distances, pairs.kinds, pairs.valid)
    matrix = _distances(model, pairs)
    distances = matrix[pairs.rows, pairs.columns]
    if recipe.loss.name == "info_nce":
        by_share = shares if recipe.loss.weigh_by_shares else None
        kinds, valid = _as_matrices(pairs, matrix)
        loss = info_nce(matrix, kinds, valid, temperature=recipe.loss.temperature, negative_shares=by_share)
    else:
        loss = contrastive_loss(distances, positive, weights, margin=recipe.loss.margin)
    return StepLoss(loss, distances.detach(), pairs.kinds, pairs.valid)


def _as_matrices(pairs: _Pairs, like: Tensor) -> tuple[Tensor, Tensor]:
    """Kind of every picture with every sound, UNPAIRED if they are no pair, and whether it counts, [P, Q] each."""
    kinds = torch.full(like.shape, UNPAIRED, device=like.device)
    kinds[pairs.rows, pairs.columns] = pairs.kinds
    valid = torch.zeros(like.shape, dtype=torch.bool, device=like.device)
    valid[pairs.rows, pairs.columns] = pairs.valid
    return kinds, valid
