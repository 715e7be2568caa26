"""What is measured of a step, against counts by hand."""

import math

import pytest
import torch
from torch import nn

from avts.model.checkpoint import build_model
from avts.pairs.loader import Batch
from avts.training.diagnosis.probes import Cues, EmbeddingTap, UpdateMeter, cues_of, spread_of
from fixtures_training import tiny_recipe

SECOND = 16_000


def made_batch(y: torch.Tensor, sounds: torch.Tensor) -> Batch:
    nothing = torch.zeros(0, dtype=torch.int64)
    return Batch(y, None, None, sounds, nothing, nothing, nothing, nothing.bool(), nothing)


def moving(count: int) -> torch.Tensor:
    return torch.randint(0, 255, (count, 24, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))


def test_silent_and_still_windows_are_counted() -> None:
    sounds = torch.full((5, SECOND), 0.1)
    sounds[1:3] = 10 ** (-56 / 20)  # under the recipe's -55 dBFS
    y = moving(4)
    y[3] = 77
    y[3, :, 0, 0] = torch.arange(24) % 2  # 1 of 255 in one of 256 pixels: what encoding a photograph leaves
    cues = cues_of(made_batch(y, sounds), tiny_recipe().pairs)
    assert cues == Cues(sounds=5, silent=2, pictures=4, still=1)
    assert (cues.silent_share, cues.still_share) == (0.4, 0.25)
    assert cues + cues == Cues(10, 4, 8, 2)
    assert (Cues().silent_share, Cues().still_share) == (0, 0)


def test_silence_is_silence_whatever_the_recipe_lets_pass() -> None:
    sounds = torch.full((2, SECOND), 10 ** (-61 / 20))
    pairs = tiny_recipe(pairs={"silence_dbfs": -120.0}).pairs
    assert cues_of(made_batch(moving(1), sounds), pairs).silent == 2


def test_spans_are_counted_by_the_windows_in_them() -> None:
    pairs = tiny_recipe(pairs={"sampling": "spans", "span_seconds": 2.0, "clip_seconds": 1.0}).pairs
    sounds = torch.zeros(1, 2 * SECOND)
    sounds[:, SECOND + 100 :] = 0.1
    cues = cues_of(made_batch(moving(1).repeat(1, 2, 1, 1), sounds), pairs)
    assert (cues.sounds, cues.silent) == (9, 1)  # windows every 3 of 24 frames; only the first ends in silence


def test_orthogonal_embeddings_have_the_rank_of_a_hand_count() -> None:
    found = spread_of(torch.eye(4, 6))  # apart from their mean they are the corners of a regular simplex
    assert (found.count, found.most) == (4, 3)
    assert found.rank == pytest.approx(3)
    assert found.spread == pytest.approx(math.sqrt(3 / 4))


def test_embeddings_on_a_line_have_rank_1_and_those_of_one_point_no_spread() -> None:
    line = torch.tensor([[1.0, 0, 0], [-1.0, 0, 0], [1.0, 0, 0], [-1.0, 0, 0]])
    assert (spread_of(line).rank, spread_of(line).spread) == pytest.approx((1, 1))
    point = spread_of(torch.tensor([[0.6, 0.8]]).repeat(5, 1))
    assert (point.spread, point.rank) == pytest.approx((0, 1), abs=1e-7)


def test_spread_is_a_share_of_the_length_of_the_embeddings() -> None:
    embeddings = torch.randn(16, 8, generator=torch.Generator().manual_seed(0))
    one, ten = spread_of(embeddings), spread_of(10 * embeddings)
    assert (one.spread, one.rank) == pytest.approx((ten.spread, ten.rank))


def test_the_tap_holds_what_the_heads_made_last_and_lets_go() -> None:
    model = build_model(tiny_recipe().model).eval()
    tap = EmbeddingTap(model)
    assert tap.spreads() == {}
    with torch.no_grad():
        pictures = model.embed_pictures(moving(3))
        model.embed_sounds(torch.randn(1, SECOND))  # one embedding has no spread
    assert tap.spreads() == {"picture": spread_of(pictures)}
    tap.close()
    with torch.no_grad():
        model.embed_pictures(moving(2))
    assert tap.spreads()["picture"].count == 3


def test_an_update_is_measured_by_the_length_of_the_weights() -> None:
    net = nn.Linear(2, 1, bias=False)
    net.weight.data = torch.tensor([[3.0, 4.0]])
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    meter = UpdateMeter(optimizer, every=1)
    net.weight.grad = torch.tensor([[0.6, 0.8]])
    optimizer.step()  # from length 5 to 4.5
    optimizer.step()  # to 4
    assert meter.shares == pytest.approx([0.5 / 5, 0.5 / 4.5])
    assert meter.growth == pytest.approx(4 / 5)
    meter.close()
    optimizer.step()
    assert len(meter.shares) == 2


def test_only_every_so_many_updates_are_measured_from_the_first_on() -> None:
    net = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
    meter = UpdateMeter(optimizer, every=3)
    for step in range(7):
        for weight in net.parameters():
            weight.grad = torch.full_like(weight, float(step))
        optimizer.step()
    assert len(meter.shares) == 3  # of steps 0, 3 and 6
    assert meter.shares[0] == 0
    assert min(meter.shares[1:]) > 0
