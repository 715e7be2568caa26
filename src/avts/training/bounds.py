"""Between what a batch's loss can lie: the least that any embeddings reach, and what networks reach that see nothing.

Input: a batch and a recipe. Output: two losses. Found by descent on free embeddings in place of the towers', under the
very loss of the recipe: with many negatives a contrastive loss cannot be 0, since vectors cannot all be far apart.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from avts.model.two_stream import TwoStream
from avts.pairs.loader import Batch
from avts.settings import Recipe, StageSettings
from avts.training.objective import step_loss
from avts.training.spans import num_windows

DESCENT_STEPS = 200
DESCENT_RATE = 0.1

SMALLEST = {"video": "mc3", "video_width": 4, "audio_width": 8, "frame_size": 32, "head": "global", "filter_bands": 16}
"""Towers that are not used need not be large."""


@dataclass(frozen=True)
class Bounds:
    """Between what a loss lies.

    Attributes:
        least: that any embeddings reach.
        blind: that networks reach which give every picture one embedding, and every sound one.
    """

    least: float
    blind: float

    def share_left(self, loss: float) -> float:
        """How much of the way from blind to least a loss has still to go, 0 to 1 and beyond."""
        return (loss - self.least) / max(self.blind - self.least, 1e-9)


def loss_bounds(batch: Batch, recipe: Recipe, stage: StageSettings) -> Bounds:
    """Find what a batch's loss can lie between.

    Args:
        batch: on the CPU.
        recipe: sampling and loss.
        stage: shares of the negatives.
    """
    least, blind = (_descended(batch, recipe, stage, shared=shared) for shared in (False, True))
    return Bounds(least, max(blind, least))


def _descended(batch: Batch, recipe: Recipe, stage: StageSettings, *, shared: bool) -> float:
    """The least loss found."""
    pairs = recipe.pairs
    windows = num_windows(pairs.span_seconds, pairs.clip_seconds) if pairs.sampling == "spans" else 1
    counts = (1, 1) if shared else (windows * len(batch.y), windows * len(batch.sounds))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = _FreeEmbeddings(recipe, *counts)
    planes = [batch.y[..., :1, :1]]
    free = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.Adam(free, lr=DESCENT_RATE)
    least = float("inf")
    for step in range(DESCENT_STEPS):
        for group in optimizer.param_groups:
            group["lr"] = DESCENT_RATE * (1 - step / DESCENT_STEPS)
        loss = step_loss(model, planes, batch.sounds, batch, recipe, stage).loss
        least = min(least, float(loss.detach()))
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return least


class _FreeEmbeddings(TwoStream):
    """Gives each window an embedding of its own, or all the same one, whatever is in it."""

    def __init__(self, recipe: Recipe, num_pictures: int, num_sounds: int) -> None:
        super().__init__(**recipe.model.model_dump() | SMALLEST)
        for unused in (self.video, self.audio, self.fc6):
            unused.requires_grad_(False)
        self.video_head, self.audio_head = (
            _Table(rows, recipe.model.embedding, unit=recipe.model.unit_vectors) for rows in (num_pictures, num_sounds)
        )

    def picture_input_of(
        self,
        y: Tensor,
        u: Tensor | None = None,  # noqa: ARG002
        v: Tensor | None = None,  # noqa: ARG002
        *,
        boxes: Tensor | None = None,  # noqa: ARG002
        window: int | None = None,  # noqa: ARG002
    ) -> Tensor:
        return y

    def picture_sequence(self, frames: Tensor) -> Tensor:
        return torch.zeros(*frames.shape[:2], 1)

    def sound_sequence(self, filterbank: Tensor) -> Tensor:
        return torch.zeros(len(filterbank), 1, 1)

    def sound_sequence_dense(self, filterbank: Tensor) -> Tensor:
        return torch.zeros(len(filterbank), 1, 1)


class _Table(nn.Module):
    """One embedding a row; a table of one row gives it to all."""

    def __init__(self, rows: int, embedding: int, *, unit: bool) -> None:
        super().__init__()
        self.unit = unit
        self.rows = nn.Parameter(torch.randn(rows, embedding) / embedding**0.5)

    def forward(self, sequence: Tensor) -> Tensor:
        rows = F.normalize(self.rows, dim=-1) if self.unit else self.rows
        return rows.expand(len(sequence), -1)
