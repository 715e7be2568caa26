"""InfoNCE against a count by hand."""

import math

import pytest
import torch

from avts.model.losses import info_nce


def test_two_pairs_by_hand() -> None:
    # cosines 1 - 2 d^2: d = 0 gives 1, d = sqrt(1/2) gives 0
    apart = math.sqrt(0.5)
    distances = torch.tensor([[0.0, apart], [apart, 0.0]])
    loss = info_nce(distances, torch.tensor([[0, 1], [1, 0]]), torch.ones(2, 2, dtype=torch.bool), temperature=0.5)
    assert float(loss) == pytest.approx(math.log(1 + math.exp(-2)), abs=1e-6)


def test_what_is_left_out_or_silent_weighs_nothing() -> None:
    distances = torch.tensor([[0.1, 0.9, 0.2], [0.8, 0.3, 0.4], [0.5, 0.6, 0.7]])
    kinds = torch.tensor([[0, 1, -1], [1, 0, -1], [1, 1, 0]])
    valid = torch.ones(3, 3, dtype=torch.bool)
    valid[2] = valid[:, 2] = False
    smaller = info_nce(distances[:2, :2], kinds[:2, :2], valid[:2, :2], temperature=0.1)
    assert float(info_nce(distances, kinds, valid, temperature=0.1)) == pytest.approx(float(smaller))


PLAIN = [[0.0, 0.6, 0.8, 0.7], [0.9, 0.2, 0.5, 0.8]]
KINDS = [[0, 1, 2, 1], [1, 0, 1, 2]]  # two pictures, their own sounds, and a hard sound of each


def weighed(shares: dict[int, float] | None, temperature: float = 0.5) -> float:
    valid = torch.ones(2, 4, dtype=torch.bool)
    found = info_nce(torch.tensor(PLAIN), torch.tensor(KINDS), valid, temperature=temperature, negative_shares=shares)
    return float(found)


def by_hand(weights: dict[int, float], temperature: float = 0.5) -> float:
    """Rows hold three negatives, two easy and one hard; columns of own sounds one easy negative each."""
    strength = [[math.exp((1 - 2 * d**2) / temperature) for d in row] for row in PLAIN]
    total = 0.0
    for own in range(2):
        row = sum(s * ({0: 1.0} | weights)[kind] for s, kind in zip(strength[own], KINDS[own], strict=True))
        column = strength[0][own] + strength[1][own]
        total += 0.5 * math.log(row / strength[own][own]) + 0.5 * math.log(column / strength[own][own])
    return total / 2


def test_negatives_weigh_as_their_kinds_shares_by_hand() -> None:
    # three negatives a row: 0.4 of them easy is 1.2, two of them, so 0.6 each; 0.6 hard is 1.8
    assert weighed({1: 0.4, 2: 0.6, 3: 0.0}) == pytest.approx(by_hand({1: 0.6, 2: 1.8}), abs=1e-6)
    # a kind that the stage leaves out is not there: two negatives a row
    assert weighed({1: 1.0, 2: 0.0, 3: 0.0}) == pytest.approx(by_hand({1: 1.0, 2: 0.0}), abs=1e-6)
    # a kind that the rows lack leaves its share to the others
    assert weighed({1: 0.2, 2: 0.3, 3: 0.5}) == pytest.approx(by_hand({1: 0.6, 2: 1.8}), abs=1e-6)


def test_shares_as_the_kinds_come_are_the_plain_loss() -> None:
    assert weighed({1: 2 / 3, 2: 1 / 3}) == pytest.approx(weighed(None), abs=1e-6)
    assert weighed(None) == pytest.approx(by_hand({1: 1.0, 2: 1.0}), abs=1e-6)


def test_hard_negatives_only_leave_a_sound_nothing_to_be_told_from() -> None:
    distances = torch.tensor(PLAIN, requires_grad=True)
    shares = {1: 0.0, 2: 1.0}
    valid = torch.ones(2, 4, dtype=torch.bool)
    info_nce(distances, torch.tensor(KINDS), valid, temperature=0.5, negative_shares=shares).backward()
    assert torch.isfinite(distances.grad).all()
    told = distances.grad != 0
    assert told.tolist() == [[False, False, True, False], [False, True, False, True]]  # d = 0 has no slope


def test_without_a_positive_the_loss_is_zero_and_has_a_gradient() -> None:
    distances = torch.full((2, 2), 0.5, requires_grad=True)
    loss = info_nce(
        distances, torch.zeros(2, 2, dtype=torch.long), torch.zeros(2, 2, dtype=torch.bool), temperature=0.1
    )
    loss.backward()
    assert float(loss.detach()) == 0
    assert distances.grad is not None


@pytest.mark.parametrize("own_share", [0.25, 0.5])
def test_windows_of_the_own_film_weigh_their_share_of_a_spans_negatives(own_share: float) -> None:
    """Two spans of three windows 0 s, 1 s and 2 s: each has two hard negatives of its own film and three easy ones."""
    own, easy, temperature = 0.5, -0.25, 0.5  # cosines
    kinds = torch.full((6, 6), 1)
    for first in (0, 3):
        kinds[first : first + 3, first : first + 3] = 2
    kinds.fill_diagonal_(0)
    cosines = torch.tensor([1.0, easy, own])[kinds]
    found = info_nce(
        (0.5 - 0.5 * cosines).sqrt(),
        kinds,
        torch.ones(6, 6, dtype=torch.bool),
        temperature=temperature,
        negative_shares={1: 1 - own_share, 2: own_share, 3: 0.0},
    )
    negatives = 5 * (own_share * math.exp(own / temperature) + (1 - own_share) * math.exp(easy / temperature))
    assert float(found) == pytest.approx(math.log(math.exp(1 / temperature) + negatives) - 1 / temperature, abs=1e-5)
