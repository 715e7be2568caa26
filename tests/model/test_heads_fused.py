"""The fused classifier against the layers as the paper draws them, one pair at a time."""

import math
from itertools import product

import pytest
import torch

from avts.model.heads import FusedClassifier
from avts.model.losses import bce_loss


def test_every_pair_gets_the_logit_of_both_embeddings_side_by_side() -> None:
    torch.manual_seed(0)
    classifier = FusedClassifier(6, hidden=10).requires_grad_(False)
    pictures, sounds = torch.randn(3, 6), torch.randn(5, 6)
    found = classifier(pictures, sounds)
    assert found.shape == (3, 5)
    for row, column in product(range(3), range(5)):
        hidden = classifier.mix(torch.cat([pictures[row], sounds[column]])).relu()
        assert float(found[row, column]) == pytest.approx(float(classifier.score(hidden)), abs=1e-5)


def test_picture_and_sound_are_no_strangers_to_each_other() -> None:
    """The logit of a pair is no sum of what picture and sound say alone: else no pair could be told by its relation."""
    torch.manual_seed(0)
    logits = FusedClassifier(6, hidden=10).requires_grad_(False)(torch.randn(2, 6), torch.randn(2, 6))
    assert math.fabs(float(logits[0, 0] - logits[0, 1] - logits[1, 0] + logits[1, 1])) > 1e-3


def test_a_relation_that_neither_side_shows_is_learned() -> None:
    """Sixteen pictures and sounds of signs: in sync where the signs agree."""
    torch.manual_seed(0)
    signs = torch.tensor(list(product([-1.0, 1.0], repeat=2)))
    truth = (signs @ signs.T > 0.5).flatten()
    weights = torch.where(truth, 0.5 / truth.sum(), 0.5 / (~truth).sum())
    classifier = FusedClassifier(2, hidden=32)
    optimizer = torch.optim.Adam(classifier.parameters(), lr=0.03)
    for _ in range(200):
        loss = bce_loss(classifier(signs, signs).flatten(), truth, weights)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert float(loss.detach()) < 0.1 < math.log(2)
