"""Between what a loss lies, against the geometry of vectors on a sphere."""

import math
from typing import Any

import pytest
import torch

from avts.model.losses import contrastive_loss
from avts.pairs.loader import Batch
from avts.pairs.negatives import EASY, POSITIVE
from avts.training.overfit import Bounds, loss_bounds
from fixtures_training import tiny_recipe

MARGIN = 0.99


def grid_batch(count: int) -> Batch:
    places = torch.arange(count)
    rows, columns = places.repeat_interleave(count), places.repeat(count)
    return Batch(
        y=torch.zeros(count, 24, 2, 2, dtype=torch.uint8),
        u=None,
        v=None,
        sounds=torch.full((count, 16_000), 0.1),
        picture_rows=rows,
        sound_rows=columns,
        kinds=torch.where(rows == columns, POSITIVE, EASY),
        valid=torch.ones(count**2, dtype=torch.bool),
        clips=places,
    )


def test_the_least_contrastive_loss_of_a_grid_is_that_of_a_regular_simplex() -> None:
    recipe = tiny_recipe(model={"embedding": 16})
    found = loss_bounds(grid_batch(6), recipe, recipe.curriculum[0])
    apart = math.sqrt((1 + 1 / 5) / 2)  # cosines of -1 / 5 between all of 6, the least that there is
    assert found.least == pytest.approx(0.5 * (MARGIN - apart) ** 2, rel=0.02)
    assert found.least >= 0.5 * (MARGIN - apart) ** 2 - 1e-6


def test_blind_networks_reach_what_one_distance_for_all_pairs_does() -> None:
    recipe = tiny_recipe()
    batch = grid_batch(4)
    distances = torch.linspace(0, 1, 1001)
    weights = torch.where(batch.kinds == POSITIVE, 0.5 / 4, 0.5 / 12)
    best = min(
        float(contrastive_loss(d.expand(16), batch.kinds == POSITIVE, weights, margin=MARGIN)) for d in distances
    )
    assert loss_bounds(batch, recipe, recipe.curriculum[0]).blind == pytest.approx(best, abs=1e-5)


@pytest.mark.parametrize(
    ("tables", "num_negatives"),
    [({"pairs": {"sampling": "spans", "span_seconds": 1.5}, "loss": {"name": "info_nce"}}, 5 * 3)],
)
def test_blind_networks_find_a_sound_among_all_by_chance(tables: dict[str, Any], num_negatives: int) -> None:
    recipe = tiny_recipe(**tables, model={"embedding": 32})
    batch = grid_batch(4)
    spans = Batch(
        **vars(batch) | {"y": batch.y.repeat(1, 2, 1, 1)[:, :36], "sounds": batch.sounds.repeat(1, 2)[:, :24_000]}
    )
    found = loss_bounds(spans, recipe, recipe.curriculum[0])
    assert found.blind == pytest.approx(math.log(1 + num_negatives), abs=1e-3)
    assert 0 <= found.least < 0.5 * found.blind


def test_a_fused_classifier_that_is_blind_knows_only_how_many_are_positive() -> None:
    recipe = tiny_recipe(model={"comparison": "fused", "fused_hidden": 16}, loss={"name": "bce"})
    found = loss_bounds(grid_batch(4), recipe, recipe.curriculum[0])
    assert found.blind == pytest.approx(math.log(2), abs=1e-3)  # positives and negatives weigh one half each
    assert found.least < 0.01


def test_embeddings_of_any_length_reach_0() -> None:
    recipe = tiny_recipe(model={"unit_vectors": False})
    found = loss_bounds(grid_batch(8), recipe, recipe.curriculum[0])
    assert found.least < 1e-3
    assert found.blind == pytest.approx((MARGIN / 2) ** 2, abs=1e-4)


def test_what_is_left_goes_from_1_to_0() -> None:
    bounds = Bounds(least=0.05, blind=0.25)
    assert [bounds.share_left(loss) for loss in (0.25, 0.15, 0.05, 0.27)] == pytest.approx([1, 0.5, 0, 1.1])
