"""Whether distances part: against hand counts, and that scatter and nothing are not taken for a gap."""

import math

import pytest
import torch

from avts.pairs.negatives import EASY, HARD, POSITIVE
from avts.training.diagnosis.separation import BINS, WINDOW_STEPS, PartingMeter
from avts.training.objective import StepLoss
from fixtures_training import tiny_recipe


def made(*pairs: tuple[float, int], silent: tuple[tuple[float, int], ...] = ()) -> StepLoss:
    everything = [*pairs, *silent]
    return StepLoss(
        loss=torch.tensor(0.2),
        distances=torch.tensor([distance for distance, _ in everything]),
        kinds=torch.tensor([kind for _, kind in everything]),
        valid=torch.tensor([True] * len(pairs) + [False] * len(silent)),
    )


def random_step(generator: torch.Generator, positive: float, negative: float, scatter: float) -> StepLoss:
    distances = torch.randn(64, generator=generator) * scatter
    kinds = torch.tensor([POSITIVE] * 16 + [EASY] * 48)
    means = torch.where(kinds == POSITIVE, positive, negative)
    return StepLoss(torch.tensor(0.2), means + distances, kinds, torch.ones(64, dtype=torch.bool))


def test_means_gap_and_scatter_are_those_of_a_hand_count() -> None:
    meter = PartingMeter(tiny_recipe())
    meter.add(made((0.2, POSITIVE), (0.4, POSITIVE), (0.6, EASY), (0.8, EASY), silent=((0.9, POSITIVE), (0.1, EASY))))
    (found,) = meter.partings()
    assert (found.kind, found.steps) == (EASY, 1)
    assert (found.positive, found.negative, found.gap) == pytest.approx((0.3, 0.7, 0.4))
    assert found.scatter == pytest.approx(math.sqrt((2 * 0.1**2 + 2 * 0.1**2) / 2))
    assert found.parted


def test_a_step_counts_by_how_well_its_pairs_tell_the_gap() -> None:
    meter = PartingMeter(tiny_recipe())
    meter.add(made((0.2, POSITIVE), (0.6, EASY)))  # weight 1 / (1 + 1)
    meter.add(made((0.4, POSITIVE), *[(0.5, EASY)] * 3))  # weight 1 / (1 + 1 / 3)
    (found,) = meter.partings()
    assert found.positive == pytest.approx((0.5 * 0.2 + 0.75 * 0.4) / 1.25)
    assert found.negative == pytest.approx((0.5 * 0.6 + 0.75 * 0.5) / 1.25)


def test_each_kind_of_negative_parts_by_itself_and_steps_without_it_do_not_count() -> None:
    meter = PartingMeter(tiny_recipe())
    meter.add(made((0.2, POSITIVE), (0.3, POSITIVE), (0.8, EASY)))
    meter.add(made((0.2, POSITIVE), (0.3, POSITIVE), (0.8, EASY), (0.25, HARD), (0.26, HARD)))
    easy, hard = meter.partings()
    assert (easy.kind, easy.steps, easy.parted) == (EASY, 2, True)
    assert (hard.kind, hard.steps, hard.parted) == (HARD, 1, False)
    meter.start_stage()
    assert meter.partings() == []


@pytest.mark.parametrize(("gap", "parted"), [(0.0, False), (0.01, False), (0.05, True), (-0.2, False)])
def test_a_gap_is_measured_by_the_scatter_within_a_batch(gap: float, parted: bool) -> None:
    generator, meter = torch.Generator().manual_seed(0), PartingMeter(tiny_recipe())
    for _ in range(WINDOW_STEPS):
        meter.add(random_step(generator, 0.5, 0.5 + gap, scatter=0.1))
    (found,) = meter.partings()
    assert found.gap == pytest.approx(gap, abs=0.012)  # three standard errors
    assert found.parted is parted


def test_embeddings_that_are_all_alike_have_not_parted_though_nothing_scatters() -> None:
    generator, meter = torch.Generator().manual_seed(0), PartingMeter(tiny_recipe())
    for _ in range(WINDOW_STEPS):
        meter.add(random_step(generator, 0.5, 0.505, scatter=1e-4))
    (found,) = meter.partings()
    assert found.gap > 10 * found.scatter
    assert not found.parted


def test_only_the_latest_steps_count() -> None:
    meter = PartingMeter(tiny_recipe())
    for _ in range(WINDOW_STEPS):
        meter.add(made((0.9, POSITIVE), (0.1, EASY)))
    for _ in range(WINDOW_STEPS):
        meter.add(made((0.2, POSITIVE), (0.7, EASY)))
    (found,) = meter.partings()
    assert (found.gap, found.steps) == (pytest.approx(0.5), WINDOW_STEPS)


def test_histograms_count_each_valid_pair_once_and_start_anew_with_each_line() -> None:
    meter = PartingMeter(tiny_recipe())
    meter.add(made((0.01, POSITIVE), (0.49, EASY), (0.5, EASY), (1.0, EASY), silent=((0.3, EASY), (0.3, HARD))))
    meter.add(made((0.99, POSITIVE), (0.51, EASY), (0.2, -1)))
    row = meter.counts_row()
    assert row["distance_top"] == 1.0
    assert set(row["distance_counts"]) == {"positive", "easy"}
    filled = {name: {i: n for i, n in enumerate(counts) if n} for name, counts in row["distance_counts"].items()}
    assert filled == {"positive": {0: 1, BINS - 1: 1}, "easy": {9: 1, 10: 2, BINS - 1: 1}}
    assert meter.counts_row()["distance_counts"] == {}


def test_distances_beyond_the_top_are_in_the_last_bin() -> None:
    meter = PartingMeter(tiny_recipe(model={"unit_vectors": False}, loss={"margin": 1.0}))
    meter.add(made((0.99, POSITIVE), (1.01, POSITIVE), (17.0, POSITIVE)))
    counts = meter.counts_row()["distance_counts"]["positive"]
    assert {i: n for i, n in enumerate(counts) if n} == {9: 1, 10: 1, BINS - 1: 1}
