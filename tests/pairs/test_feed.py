"""Batches on the way to a device: one ahead of the step on CUDA, as they are asked for elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

from avts.pairs.feed import Feed
from avts.pairs.loader import Batch

CUDA = torch.device("cuda", 1)


@dataclass
class Card:
    """A stand-in for CUDA that writes down what it is told."""

    log: list[str]
    inside: bool = False

    def stream_of(self, device: torch.device) -> Stream:
        assert device == CUDA
        return Stream(self, "copies")

    def current(self, device: torch.device) -> Stream:
        assert device == CUDA
        return Stream(self, "steps")

    @contextmanager
    def on(self, stream: Stream) -> Iterator[None]:
        assert stream.name == "copies"
        self.inside = True
        yield
        self.inside = False


@dataclass
class Stream:
    card: Card
    name: str

    def record_event(self) -> str:
        return self.card.log[-1]

    def wait_event(self, event: str) -> None:
        self.card.log.append(f"{self.name} wait for [{event}]")


@dataclass
class Parcel:
    """A batch that says what is done to it."""

    number: int
    card: Card
    is_pinned: bool = False

    def pinned(self) -> Parcel:
        return Parcel(self.number, self.card, is_pinned=True)

    def to(self, device: torch.device) -> Parcel:
        where = "aside" if self.card.inside else "in turn"
        self.card.log.append(f"copy {self.number} to {device} {where}, {'pinned' if self.is_pinned else 'as it is'}")
        return self

    def tensors(self) -> dict[str, Tensor]:
        return {"x": Recorded(self)}  # type: ignore[dict-item]


@dataclass
class Recorded:
    parcel: Parcel

    def record_stream(self, stream: Stream) -> None:
        self.parcel.card.log.append(f"{self.parcel.number} is used by {stream.name}")


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> Card:
    made = Card([])
    monkeypatch.setattr(torch.cuda, "Stream", made.stream_of)
    monkeypatch.setattr(torch.cuda, "current_stream", made.current)
    monkeypatch.setattr(torch.cuda, "stream", made.on)
    return made


def parcels(card: Card, count: int) -> Iterator[Parcel]:
    for number in range(count):
        card.log.append(f"made {number}")
        yield Parcel(number, card)


def test_on_cuda_a_batch_is_copied_while_the_step_before_it_computes(card: Card) -> None:
    feed = Feed(parcels(card, 2), CUDA)
    for _ in range(2):
        batch = next(feed)
        card.log.append(f"step {batch.number}")
        feed.fetch()
    assert card.log == [
        "made 0",
        "copy 0 to cuda:1 aside, pinned",
        "steps wait for [copy 0 to cuda:1 aside, pinned]",
        "0 is used by steps",
        "step 0",
        "made 1",
        "copy 1 to cuda:1 aside, pinned",
        "steps wait for [copy 1 to cuda:1 aside, pinned]",
        "1 is used by steps",
        "step 1",
    ]
    with pytest.raises(StopIteration):
        next(feed)


def test_on_cuda_a_batch_that_was_not_fetched_ahead_comes_all_the_same(card: Card) -> None:
    assert [batch.number for batch in Feed(parcels(card, 3), CUDA)] == [0, 1, 2]


def test_elsewhere_a_batch_is_copied_when_it_is_asked_for(card: Card) -> None:
    feed = Feed(parcels(card, 2), torch.device("cpu"))
    feed.fetch()
    assert not card.log
    next(feed)
    assert card.log == ["made 0", "copy 0 to cpu in turn, as it is"]


def test_all_tensors_of_a_batch_are_pinned(monkeypatch: pytest.MonkeyPatch) -> None:
    pinned: list[Any] = []
    monkeypatch.setattr(Tensor, "pin_memory", lambda self: pinned.append(self.shape) or self.clone())
    row = torch.zeros(3, dtype=torch.int64)
    batch = Batch(torch.zeros(2, 4), None, None, torch.zeros(2, 5), row, row, row, row.bool(), row, decode_seconds=0.5)
    moved = batch.pinned()
    assert len(pinned) == len(batch.tensors()) == 7
    assert moved.decode_seconds == 0.5
    assert moved.y is not batch.y
