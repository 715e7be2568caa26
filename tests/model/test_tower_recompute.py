"""Activations that are computed again: the same gradients and statistics with less memory."""

from __future__ import annotations

import copy
import weakref
from typing import Any

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from avts.model.audio import AudioTower
from avts.model.inception import InceptionTower
from avts.model.residual import ResidualTower
from avts.model.tower import Tower
from avts.training.distributed import synchronise_batch_norm
from fixtures_training import one_thread

__all__ = ["one_thread"]

TOWERS = {
    "mc3": (lambda: ResidualTower("mc3", width=8), (2, 3, 8, 48, 48), 0.7),
    "r2plus1d18": (lambda: ResidualTower("r2plus1d18", width=8), (2, 3, 8, 48, 48), 0.8),
    "i3d": (lambda: InceptionTower(width=8), (2, 3, 8, 64, 64), 0.85),
    "audio": (lambda: AudioTower(width=16), (2, 1, 40, 100), 0.7),
}
"""Each with the shape of an input, and at most which part of the memory it needs if activations are computed again."""


class Held(TorchDispatchMode):
    """Counts the bytes of what operations have made and something still holds."""

    def __init__(self) -> None:
        super().__init__()
        self.bytes, self.most = 0, 0
        self._known: weakref.WeakSet[Any] = weakref.WeakSet()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for each in tree_leaves(made):
            storage = each.untyped_storage() if isinstance(each, torch.Tensor) else None
            if storage is not None and storage not in self._known:
                self._known.add(storage)
                self._add(storage.nbytes())
                weakref.finalize(storage, self._add, -storage.nbytes())
        return made

    def _add(self, count: int) -> None:
        self.bytes += count
        self.most = max(self.most, self.bytes)


def passed(tower: Tower, x: torch.Tensor) -> tuple[Tower, int]:
    """The tower with gradients, and the most bytes that were held at a time, weights and input apart."""
    with Held() as held:
        tower(x).square().mean().backward()
    return tower, held.most


@pytest.mark.parametrize("name", TOWERS)
@pytest.mark.parametrize("shared", [False, True], ids=["alone", "batch norm of several processes"])
def test_the_same_gradients_and_statistics_with_less_memory(
    name: str, shared: bool, one_thread: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, shape, share = TOWERS[name]
    torch.manual_seed(0)
    plain, x = make(), torch.randn(shape)
    if shared:
        monkeypatch.setattr("avts.training.distributed.sum_over_processes", lambda own: own)
        synchronise_batch_norm(plain, torch.device("cpu"))
    again = copy.deepcopy(plain)
    again.recomputes = True
    (plain, most), (again, least) = passed(plain, x), passed(again, x)
    for (known, one), other in zip(plain.named_parameters(), again.parameters(), strict=True):
        assert one.grad is not None
        assert torch.equal(one.grad, other.grad), known
    for (known, one), other in zip(plain.state_dict().items(), again.state_dict().values(), strict=True):
        assert torch.equal(one, other), known
    assert sum(isinstance(each, nn.modules.batchnorm._BatchNorm) for each in plain.modules()) > 4
    assert least <= share * most, (least, most)


def test_in_use_nothing_is_computed_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: Any) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr("avts.model.tower._recomputed", refused)
    tower = ResidualTower("mc3", width=4)
    tower.recomputes = True
    x = torch.randn(1, 3, 4, 32, 32)
    with torch.inference_mode():
        tower(x)
    tower.eval()(x)
    with pytest.raises(AssertionError, match="computed again"):
        tower.train()(x)
