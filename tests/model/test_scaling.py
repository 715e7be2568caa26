"""Boxes cut out and scaled: by hand, one by one and all at once, before and after they are packed."""

from typing import Any

import numpy as np
import pytest
import torch

from avts.media.crops import Crops
from avts.model.scaling import crop_and_resize, resize_packed
from avts.training.augment import random_boxes
from pretend_card import CARD, OnCard, PretendCard


def test_crop_boxes_by_hand() -> None:
    plane = torch.arange(16, dtype=torch.uint8).view(1, 1, 4, 4)
    corner = crop_and_resize(plane, np.array([[0.5, 0.0, 1.0, 0.5, 0.0]]), 1)
    assert corner.item() * 255 == pytest.approx((8 + 9 + 12 + 13) / 4)
    mirrored = crop_and_resize(plane, np.array([[0.0, 0.0, 1.0, 1.0, 1.0]]), 4)
    assert torch.equal((mirrored * 255).round().to(torch.uint8), plane.flip(-1))
    assert torch.equal(crop_and_resize(plane, None, 2)[0, 0] * 255, torch.tensor([[2.5, 4.5], [10.5, 12.5]]))


def test_each_clip_is_cut_by_its_own_box_alike_in_all_its_frames() -> None:
    planes = torch.randint(0, 255, (2, 3, 8, 8), dtype=torch.uint8)
    boxes = np.array([[0.0, 0.5, 0.5, 1.0, 0.0], [0.25, 0.25, 0.75, 0.75, 0.0]])
    found = (crop_and_resize(planes, boxes, 4) * 255).round().to(torch.uint8)
    assert torch.equal(found[0], planes[0, :, 0:4, 4:8])
    assert torch.equal(found[1], planes[1, :, 2:6, 2:6])


def test_planes_that_are_scaled_already_stay_as_they_are() -> None:
    planes = torch.rand(1, 2, 4, 4)
    assert crop_and_resize(planes, None, 4) is planes


@pytest.mark.parametrize(("height", "width", "size"), [(40, 64, 24), (33, 40, 48), (64, 64, 12)])
def test_scaling_all_at_once_gives_the_bits_of_one_by_one(height: int, width: int, size: int) -> None:
    rng = np.random.default_rng(0)
    planes = torch.from_numpy(rng.integers(0, 256, (6, 5, height, width), np.uint8))
    boxes = random_boxes(6, 0.4, rng)
    assert len(set(boxes[:, 4])) == 2, "some are mirrored, some are not"
    crops = Crops.of(boxes, height, width)
    places = zip(planes, crops.tops, crops.lefts, crops.heights, crops.widths, strict=True)
    packed = torch.cat([p[:, y : y + h, x : x + w].flatten() for p, y, x, h, w in places])
    alone = crop_and_resize(planes, boxes, size)
    assert torch.equal(resize_packed(packed, crops, 5, size), alone)
    with PretendCard() as card:
        found: list[Any] = [
            crop_and_resize(planes.to(CARD, non_blocking=True), boxes, size),
            resize_packed(packed.to(CARD, non_blocking=True), crops, 5, size),
        ]
        assert all(isinstance(each, OnCard) for each in found)
        assert not card.waits, card.places
        for each in found:
            assert torch.equal(each.cpu(), alone)
