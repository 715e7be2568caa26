"""The loss of a step from embeddings that are given, by hand."""

import math
from collections.abc import Sequence
from itertools import chain
from typing import Any

import pytest
import torch

from avts.model.checkpoint import build_model
from avts.pairs.loader import Batch
from avts.pairs.negatives import EASY, HARD, SUPER_HARD
from avts.training.diagnosis.probes import CueCounts, Cues
from avts.training.figures import Figures, read, row_of
from avts.training.objective import StepLoss, step_loss
from fixtures_training import tiny_recipe

Points = Sequence[tuple[float, float]]

UP, RIGHT, LEFT = (0.0, 1.0), (1.0, 0.0), (-1.0, 0.0)

# two pictures; their own sounds, then a hard sound of each: a grid as pairs.negatives plans it
PICTURES = [UP, RIGHT]
SOUNDS = [UP, UP, RIGHT, LEFT]
KINDS = [[0, 1, 2, 1], [1, 0, 1, 2]]
APART = [[0.0, 0.0, math.sqrt(0.5), math.sqrt(0.5)], [math.sqrt(0.5), math.sqrt(0.5), 0.0, 1.0]]
SHARES = {0: 0.5, 1: 0.5 * 0.75, 2: 0.5 * 0.25}  # of a stage 75/25, positives one half
COUNTS = {0: 2, 1: 4, 2: 2}


def grid(valid: list[bool] | None = None) -> Batch:
    rows, columns = (index.flatten() for index in torch.meshgrid(torch.arange(2), torch.arange(4), indexing="ij"))
    return Batch(
        y=torch.zeros(2, 0),
        u=None,
        v=None,
        sounds=torch.zeros(4, 0),
        picture_rows=rows,
        sound_rows=columns,
        kinds=torch.tensor(KINDS).flatten(),
        valid=torch.tensor(valid or [True] * 8),
        clips=torch.arange(2),
    )


def loss_of(
    monkeypatch: pytest.MonkeyPatch, batch: Batch, *, scale: float = 1.0, parts: Points = (), **tables: Any
) -> StepLoss:
    """The loss of the second stage, 75/25, with the embeddings above, made longer by a scale, and those of parts."""
    recipe = tiny_recipe(**{**tables, "model": {**tables.get("model", {}), "embedding": 8}})
    torch.manual_seed(0)
    model = build_model(recipe.model)
    pad = torch.nn.ZeroPad1d((0, 6))
    monkeypatch.setattr(model, "embed_pictures", lambda *_: scale * pad(torch.tensor([*PICTURES, *parts])))
    monkeypatch.setattr(model, "embed_sounds", lambda _: scale * pad(torch.tensor(SOUNDS)))
    planes = torch.zeros(len(PICTURES) + len(parts), 0)
    return step_loss(model, [planes], batch.sounds, batch, recipe, recipe.curriculum[1])


def test_contrastive_loss_of_a_grid_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    made = loss_of(monkeypatch, grid())
    costs = {0: [0, 0.5], 1: [0.99**2, (0.99 - 0.5**0.5) ** 2, 0.99**2, (0.99 - 0.5**0.5) ** 2], 2: []}
    costs[2] = [(0.99 - 0.5**0.5) ** 2, 0]
    expected = sum(SHARES[kind] * sum(values) / COUNTS[kind] for kind, values in costs.items())
    assert float(made.loss) == pytest.approx(expected, abs=1e-3)
    assert made.distances.tolist() == pytest.approx(list(chain(*APART)), abs=1e-3)


def test_contrastive_loss_without_unit_vectors_takes_the_plain_distance(monkeypatch: pytest.MonkeyPatch) -> None:
    made = loss_of(monkeypatch, grid(), scale=0.3, model={"unit_vectors": False})
    apart = [0.0, 0.0, 0.3 * 2**0.5, 0.3 * 2**0.5, 0.3 * 2**0.5, 0.3 * 2**0.5, 0.0, 0.6]
    assert made.distances.tolist() == pytest.approx(apart, abs=1e-6)
    near = (0.99 - 0.3 * 2**0.5) ** 2
    costs = {0: [0, 0.18], 1: [0.99**2, near, 0.99**2, near], 2: [near, (0.99 - 0.6) ** 2]}
    expected = sum(SHARES[kind] * sum(values) / COUNTS[kind] for kind, values in costs.items())
    assert float(made.loss) == pytest.approx(expected, abs=1e-5)


def test_a_pair_is_as_far_apart_as_the_soft_minimum_over_the_whole_and_the_parts_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Part of the first picture: LEFT, which its hard sound of the second fits; of the second: UP."""
    made = loss_of(monkeypatch, grid(), parts=[LEFT, UP], pairs={"parts": 1})
    half = math.sqrt(0.5)
    parts = [[half, half, 1.0, 0.0], [0.0, 0.0, half, half]]
    for found, whole, part in zip(made.distances.tolist(), chain(*APART), chain(*parts), strict=True):
        fit = (math.exp(-30 * whole) + math.exp(-30 * part)) / 2
        assert found == pytest.approx(-math.log(fit) / 30, abs=1e-3)


def test_cross_entropy_of_a_grid_weighs_kinds_by_their_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    fused = {"model": {"comparison": "fused", "fused_hidden": 8}, "loss": {"name": "bce"}}
    made = loss_of(monkeypatch, grid(), **fused)
    kinds = list(chain(*KINDS))
    likely = [1 - distance for distance in made.distances.tolist()]  # of being in sync
    costs = [-math.log(p if kind == 0 else 1 - p) for p, kind in zip(likely, kinds, strict=True)]
    weights = [SHARES[kind] / COUNTS[kind] for kind in kinds]
    assert float(made.loss.detach()) == pytest.approx(sum(w * c for w, c in zip(weights, costs, strict=True)), abs=1e-5)
    assert not made.distances.requires_grad


@pytest.mark.parametrize(("weigh", "weights"), [(True, {1: 9 / 8, 2: 3 / 4}), (False, {1: 1.0, 2: 1.0})])
def test_info_nce_of_a_grid_by_hand(monkeypatch: pytest.MonkeyPatch, weigh: bool, weights: dict[int, float]) -> None:
    """Three negatives a row: 75 % of them easy is 2.25, two of them; 25 % hard is 0.75, one of them."""
    made = loss_of(monkeypatch, grid(), loss={"name": "info_nce", "temperature": 0.5, "weigh_by_shares": weigh})
    strength = [[math.exp((1 - 2 * d**2) / 0.5) for d in row] for row in APART]
    total = 0.0
    for own in range(2):
        row = sum(s * ({0: 1.0} | weights)[kind] for s, kind in zip(strength[own], KINDS[own], strict=True))
        column = strength[0][own] + strength[1][own]
        total += 0.5 * math.log(row * column / strength[own][own] ** 2)
    assert float(made.loss) == pytest.approx(total / 2, abs=1e-3)


def test_silent_pairs_leave_every_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second picture's own sound is silent: all its pairs are invalid, and those of others with that sound."""
    valid = [True, False, True, True, False, False, False, False]
    for name in ("contrastive", "info_nce"):
        made = loss_of(monkeypatch, grid(valid), loss={"name": name, "temperature": 0.5})
        if name == "contrastive":  # picture UP with its own sound, one easy one and one hard one
            expected = 0.5 * 0 + 0.5 * (0.99 - 0.5**0.5) ** 2
        else:  # exp(2) against exp(0) twice, in the row; nothing in the column
            expected = 0.5 * math.log((math.exp(2) + 2) / math.exp(2))
        assert float(made.loss) == pytest.approx(expected, abs=1e-3), name


def test_mean_distances_leave_silent_pairs_out() -> None:
    made = StepLoss(
        loss=torch.tensor(0.0),
        distances=torch.tensor([0.1, 0.9, 0.4, 0.6, 0.9]),
        kinds=torch.tensor([0, 0, 1, 1, 2]),
        valid=torch.tensor([True, False, True, True, False]),
    )
    expected = {"positive_distance": 0.1, "easy_distance": 0.5, "hard_distance": None, "super_hard_distance": None}
    found = figures_of(made)
    assert found.mean_distances() == pytest.approx(expected)
    assert found.misranked == {EASY: 0.0, HARD: None, SUPER_HARD: None}


def figures_of(made: StepLoss) -> Figures:
    """What is read of a step whose net is one weight with a gradient of 3."""
    net = torch.nn.Linear(1, 1, bias=False)
    net.weight.grad = torch.full_like(net.weight, 3.0)
    cues = CueCounts(7, 4, torch.tensor([2, 1]))
    (found,), _ = read([row_of(5, tiny_recipe(), made, net, cues, misranked=True)])
    assert (found.step, found.gradient_norm, found.largest) == (5, 3.0, {"weight": 3.0})
    assert found.cues == Cues(7, 2, 4, 1)
    return found
