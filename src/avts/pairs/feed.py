"""Batches from the loader to the device: copied one ahead, on a stream of their own, while the device computes.

Input: an iterator of batches on the CPU. Output: the same on the device. Only CUDA has such streams; for any other
device a batch is copied when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, TypeVar

import torch
from torch import Tensor


class Movable(Protocol):
    """A batch."""

    def to(self, device: torch.device) -> Any:
        """The same batch on a device."""

    def pinned(self) -> Any:
        """The same batch in memory that a device copies from by itself."""

    def tensors(self) -> dict[str, Tensor]:
        """Its tensors by name."""


BatchT = TypeVar("BatchT", bound=Movable)


class Feed(Iterator[BatchT]):
    """Batches on a device.

    Args:
        batches: on the CPU.
        device: where they are wanted.
    """

    def __init__(self, batches: Iterator[BatchT], device: torch.device) -> None:
        self._batches, self._device = batches, device
        self._stream: Any = None
        if device.type == "cuda":
            self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._ahead: tuple[BatchT, Any] | None = None

    def __next__(self) -> BatchT:
        """The next batch; what is computed with it from now on waits until it is there."""
        if self._stream is None:
            moved: BatchT = next(self._batches).to(self._device)
            return moved
        batch, copied = self._ahead or self._start(next(self._batches))
        self._ahead = None
        now = torch.cuda.current_stream(self._device)
        now.wait_event(copied)
        for tensor in batch.tensors().values():
            tensor.record_stream(now)  # its memory is not given away before this stream is done with it
        return batch

    def fetch(self) -> None:
        """Begin to copy the next batch, if there is one; call it when the device has work to do meanwhile."""
        if self._stream is not None and self._ahead is None:
            batch = next(self._batches, None)
            self._ahead = None if batch is None else self._start(batch)

    def _start(self, batch: BatchT) -> tuple[BatchT, Any]:
        with torch.cuda.stream(self._stream):
            moved: BatchT = batch.pinned().to(self._device)
            return moved, self._stream.record_event()
