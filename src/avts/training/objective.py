"""The loss of a step: from a batch on the device to one number to go down, and the pairs that it was made of."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from avts.model.losses import contrastive_loss, distance_matrix, info_nce, pair_weights
from avts.model.two_stream import TwoStream
from avts.pairs.loader import Batch
from avts.pairs.negatives import EASY, HARD, KIND_NAMES, POSITIVE, SUPER_HARD
from avts.settings import Recipe, StageSettings
from avts.training.curriculum import negative_shares
from avts.training.spans import UNPAIRED, embed_picture_spans, embed_sound_spans, heard_windows, pair_kinds


@dataclass(frozen=True)
class StepLoss:
    """The loss of a step and its pairs.

    Attributes:
        loss: one number, with a gradient.
        distances: of each pair, [n], detached.
        kinds: kind of each pair, int64 [n] (see pairs.negatives).
        valid: bool [n]; False where a pair counts for nothing.
    """

    loss: Tensor
    distances: Tensor
    kinds: Tensor
    valid: Tensor

    def mean_distances(self) -> dict[str, float | None]:
        """Mean distance of each kind of pair; None for a kind that is not there."""
        means: dict[str, float | None] = {}
        for kind in (POSITIVE, EASY, HARD, SUPER_HARD):
            chosen = self.distances[self.valid & (self.kinds == kind)]
            means[f"{KIND_NAMES[kind]}_distance"] = float(chosen.mean()) if len(chosen) else None
        return means


def step_loss(
    model: TwoStream, planes: Sequence[Tensor], samples: Tensor, batch: Batch, recipe: Recipe, stage: StageSettings
) -> StepLoss:
    """The loss that a recipe asks for.

    Args:
        model: the networks.
        planes: luminance, and colour where it is used, each [B, T, H, W] in [0, 1] at the network's size.
        samples: [Q, N] at 16 kHz.
        batch: how they are paired; its own planes and sounds are as they were before augmentation.
        recipe: what to train and how.
        stage: the stage of the curriculum.
    """
    if recipe.pairs.sampling == "spans":
        return _span_loss(model, planes, samples, batch, recipe, stage)
    return _pair_loss(model, planes, samples, batch, recipe, stage)


def _pair_loss(
    model: TwoStream, planes: Sequence[Tensor], samples: Tensor, batch: Batch, recipe: Recipe, stage: StageSettings
) -> StepLoss:
    """Loss of a step's planned pairs."""
    pictures, sounds = model.embed_pictures(*planes), model.embed_sounds(samples)
    distances = distance_matrix(pictures, sounds)[batch.picture_rows, batch.sound_rows]  # [n]
    shares = negative_shares(stage) if recipe.pairs.sampling == "grid" else None
    weights = pair_weights(batch.kinds, batch.valid, shares)
    loss = contrastive_loss(distances, batch.kinds == POSITIVE, weights, margin=recipe.loss.margin)
    return StepLoss(loss, distances.detach(), batch.kinds, batch.valid)


def _span_loss(
    model: TwoStream, planes: Sequence[Tensor], samples: Tensor, batch: Batch, recipe: Recipe, stage: StageSettings
) -> StepLoss:
    """Loss of all pairs of windows in a step's spans."""
    pairs = recipe.pairs
    pictures = embed_picture_spans(model, planes, clip_seconds=pairs.clip_seconds)
    sounds = embed_sound_spans(model, samples, clip_seconds=pairs.clip_seconds)
    kinds = pair_kinds(len(batch.y), pairs.span_seconds, pairs.clip_seconds, pairs.hard_gap_seconds)
    kinds = kinds.to(samples.device)
    for kind, share in negative_shares(stage).items():  # a kind that the stage leaves out is not paired
        kinds = kinds if share else kinds.masked_fill(kinds == kind, UNPAIRED)
    heard = heard_windows(batch.sounds, clip_seconds=pairs.clip_seconds, silence_dbfs=pairs.silence_dbfs)
    matrix, valid = distance_matrix(pictures, sounds), heard[:, None] & heard[None]
    rows, columns = torch.where(kinds != UNPAIRED)
    distances, told_kinds, told_valid = (values[rows, columns] for values in (matrix, kinds, valid))
    if recipe.loss.name == "info_nce":
        loss = info_nce(matrix, kinds, valid, temperature=recipe.loss.temperature)
    else:
        weights = pair_weights(told_kinds, told_valid, negative_shares(stage))
        loss = contrastive_loss(distances, told_kinds == POSITIVE, weights, margin=recipe.loss.margin)
    return StepLoss(loss, distances.detach(), told_kinds, told_valid)
