"""A card that is not there: tensors that say they are elsewhere, are computed on the CPU, and refuse to be mixed.

PyTorch without CUDA cannot differentiate tensors of the device 'cuda', and its fake tensors hold no values, so that
nothing whose course depends on values could run. Here the device is called 'meta', the one name beside 'cpu' that every
build accepts, but each tensor holds its values. What a real card refuses is refused: an operation on tensors of both
devices, and reading a tensor's memory as a NumPy array. What makes the program wait for a real card is counted: what it
reads from there, and what it copies to there without `non_blocking`, indices that lie on the CPU included.

What it cannot show: whether a kernel is there for an operation, bf16, memory, speed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map

from avts.model.two_stream import TwoStream

CARD = torch.device("meta")

aten = torch.ops.aten

WAITS = {
    aten._local_scalar_dense.default: "item",
    aten.equal.default: "equal",
    aten.nonzero.default: "nonzero",
    aten.masked_select.default: "masked_select",
    aten._unique2.default: "unique",
    aten.repeat_interleave.Tensor: "repeat_interleave",
}
"""Operations whose result the program needs before it can go on."""

BY_MASK = {aten.index.Tensor, aten.index_put.default, aten.index_put_.default, aten._index_put_impl_.default}
"""Operations that wait if an index is a mask: how much there is of the result depends on its values."""

BETWEEN = {aten._to_copy.default, aten.copy_.default}
"""Operations that may have tensors of both devices."""


class OnCard(Tensor):
    """A tensor that says it is on the card."""

    held: Tensor

    @staticmethod
    def __new__(cls, held: Tensor) -> OnCard:
        made: OnCard = Tensor._make_wrapper_subclass(  # type: ignore[attr-defined]
            cls, held.shape, strides=held.stride(), storage_offset=held.storage_offset(), dtype=held.dtype, device=CARD
        )
        return made

    def __init__(self, held: Tensor) -> None:
        self.held = held

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {}, None)


class PretendCard(TorchDispatchMode):
    """Inside it the card is there.

    Attributes:
        waits: how often the program waited for the card, by the name of the operation.
        places: where, as file:line of the caller in this project.
    """

    def __init__(self) -> None:
        super().__init__()
        self.waits: Counter[str] = Counter()
        self.places: Counter[str] = Counter()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _run(func, args, kwargs or {}, self)

    def count(self, name: str) -> None:
        """Take note of a wait."""
        import traceback

        self.waits[name] += 1
        own = [each for each in traceback.extract_stack() if "/avts/" in each.filename]
        self.places[f"{own[-1].filename.split('/avts/')[-1]}:{own[-1].lineno} {name}" if own else name] += 1


def _run(func: Any, args: Any, kwargs: dict[str, Any], mode: PretendCard | None) -> Any:
    flat = [each for each in tree_flatten((args, kwargs))[0] if isinstance(each, Tensor)]
    on_card = [each for each in flat if isinstance(each, OnCard)]
    wanted = kwargs.get("device")
    wants_card = wanted is not None and torch.device(wanted).type == CARD.type
    if on_card and func not in BETWEEN:
        _refuse_mixing(func, args, flat)
    if mode is not None and on_card:
        _count_waits(func, args, wanted, mode)
    if mode is not None and _copies_to_the_card(func, args, kwargs):
        mode.count("to the card")
    to_card = wants_card or (bool(on_card) and wanted is None)
    if func is aten.copy_.default:
        to_card = isinstance(args[0], OnCard)
    if wants_card:
        kwargs = kwargs | {"device": torch.device("cpu")}
    own = {id(each.held): each for each in on_card}
    found = func(*tree_map(_held, args), **tree_map(_held, kwargs))

    def wrapped(each: Any) -> Any:
        if not isinstance(each, Tensor):
            return each
        if id(each) in own:  # changed in place
            return own[id(each)]
        return OnCard(each) if to_card else each

    return tree_map(wrapped, found)


def _held(each: Any) -> Any:
    return each.held if isinstance(each, OnCard) else each


def _refuse_mixing(func: Any, args: Any, flat: list[Tensor]) -> None:
    """As a card does; a number of the CPU may take part, and so may indices."""
    others = [each for each in flat if not isinstance(each, OnCard) and each.ndim]
    if func in BY_MASK and isinstance(args[0], OnCard):
        others = [each for each in args[2:3] if isinstance(each, Tensor) and not isinstance(each, OnCard) and each.ndim]
    if others:
        raise RuntimeError(f"{func}: expected all tensors on one device, found the card and the CPU")


def _count_waits(func: Any, args: Any, wanted: Any, mode: PretendCard) -> None:
    if func in WAITS:
        mode.count(WAITS[func])
    elif func in BY_MASK and any(isinstance(each, OnCard) and each.dtype == torch.bool for each in args[1]):
        mode.count("index by mask")
    elif (func is aten._to_copy.default and wanted is not None and torch.device(wanted).type == "cpu") or (
        func is aten.copy_.default and isinstance(args[1], OnCard) and not isinstance(args[0], OnCard)
    ):
        mode.count("to the CPU")
    elif func in BY_MASK and isinstance(args[0], OnCard) and any(_is_elsewhere(each) for each in args[1]):
        mode.count("index of the CPU")


def _is_elsewhere(each: Any) -> bool:
    return isinstance(each, Tensor) and not isinstance(each, OnCard)


def _copies_to_the_card(func: Any, args: Any, kwargs: dict[str, Any]) -> bool:
    """Whether the program copies something of the CPU to the card and waits until the card has come so far."""
    if func is aten.copy_.default:
        waits = not (kwargs.get("non_blocking") or (len(args) > 2 and args[2]))
        return waits and isinstance(args[0], OnCard) and _is_elsewhere(args[1])
    wanted = kwargs.get("device")
    to_card = wanted is not None and torch.device(wanted).type == CARD.type
    return func is aten._to_copy.default and to_card and _is_elsewhere(args[0]) and not kwargs.get("non_blocking")


class _Generator(torch.Generator):
    """A generator for any device; there is none for one of this name."""

    def __new__(cls, device: Any = "cpu") -> _Generator:  # noqa: ARG004
        return super().__new__(cls, "cpu")


@contextmanager
def pretend_card(monkeypatch: pytest.MonkeyPatch) -> Iterator[PretendCard]:
    """A card that every part of the program can be sent to as device 'meta'."""
    monkeypatch.setattr(TwoStream, "_precision", lambda *_: nullcontext())  # there is no autocast of this name
    monkeypatch.setattr(torch, "inference_mode", torch.no_grad)  # wrapped tensors know no inference mode
    monkeypatch.setattr(torch, "Generator", _Generator)
    with PretendCard() as mode:
        yield mode
