"""Memory of batches: used again when nothing refers to it, never before."""

import gc
from dataclasses import dataclass
from typing import Any

import pytest
import torch

from avts.pairs import slots as module
from avts.pairs.slots import Slots

SHAPES = (((3, 5), torch.uint8), ((0, 2), torch.uint8), ((2, 4), torch.float32))


@dataclass
class Worker:
    id: int = 0


@pytest.fixture
def in_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "get_worker_info", Worker)


def filled(slots: Slots, value: int) -> tuple[list[torch.Tensor], Any]:
    tensors, parcel = slots.tensors(SHAPES)
    for tensor in tensors:
        tensor.fill_(value)
    return tensors, parcel


def test_tensors_of_a_block_have_their_shapes_and_do_not_touch_each_other() -> None:
    tensors, _ = Slots(0, 0).tensors(SHAPES)
    assert [(tuple(tensor.shape), tensor.dtype) for tensor in tensors] == list(SHAPES)
    tensors[0].fill_(7)
    tensors[2].fill_(1.5)
    assert (tensors[0] == 7).all()
    assert (tensors[2] == 1.5).all()


@pytest.mark.usefixtures("in_worker")
def test_a_block_is_sent_once_and_used_again_when_its_batch_is_gone() -> None:
    slots = Slots(1, 1)
    _, parcel = filled(slots, 1)
    assert parcel.slot == (0, 0)
    first = slots.unpack(parcel)
    part = first[0][1:2]
    del first
    gc.collect()
    _, elsewhere = filled(slots, 2)  # a view of the block is still there
    assert elsewhere.slot is None
    assert (part == 1).all()
    assert (slots.unpack(elsewhere)[0] == 2).all()
    del part
    gc.collect()
    _, again = filled(slots, 3)
    assert (again.slot, again.block) == ((0, 0), None)
    assert (slots.unpack(again)[2] == 3).all()


@pytest.mark.usefixtures("in_worker")
def test_a_numpy_view_holds_its_block_too() -> None:
    slots = Slots(1, 1)
    array = slots.unpack(filled(slots, 1)[1])[0].numpy()
    gc.collect()
    filled(slots, 2)
    assert (array == 1).all()


@pytest.mark.usefixtures("in_worker")
def test_blocks_take_turns() -> None:
    slots = Slots(1, 3)
    used = []
    for _ in range(5):
        parcel = filled(slots, 1)[1]
        slots.unpack(parcel)
        gc.collect()
        used.append(parcel.slot)
    assert used == [(0, 0), (0, 1), (0, 2), (0, 0), (0, 1)]


@pytest.mark.usefixtures("in_worker")
def test_a_block_too_small_is_made_anew_and_sent_again() -> None:
    slots = Slots(1, 1)
    slots.unpack(slots.tensors(SHAPES)[1])
    gc.collect()
    tensors, parcel = slots.tensors([((1000, 1000), torch.uint8)])  # the only block
    tensors[0].fill_(9)
    assert parcel.slot == (0, 0)
    assert (slots.unpack(parcel)[0] == 9).all()


def test_a_parcel_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="without a slot and without a block"):
        Slots(0, 0).unpack(module.Parcel(SHAPES, None, None))


@pytest.mark.usefixtures("in_worker")
def test_a_block_with_room_for_the_largest_batch_is_not_made_again_when_batches_grow() -> None:
    slots, largest = Slots(1, 1), [((1000,), torch.uint8)]
    parcels = []
    for size in (10, 900):
        (tensor,), parcel = slots.tensors([((size,), torch.uint8)], largest=largest)
        tensor.fill_(size % 256)
        parcels.append(parcel)
        (found,) = slots.unpack(parcel)
        assert found.shape == (size,)
        assert (found == size % 256).all()
        del found
        gc.collect()
    assert parcels[0].block is not None
    assert parcels[1].block is None, "the same block, known to the reading process"
