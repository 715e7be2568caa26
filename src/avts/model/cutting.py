"""Windows out of a sequence that comes piece by piece, and the vectors that are made of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor


class Cutter:
    """Cuts windows out of a sequence that comes piece by piece.

    Args:
        reach: places of a window's features behind its start, [n], rising; 0, 1, 2, ... for n features in a row.
        start_of: place in the sequence at which window w starts; rises with w.
        at_once: windows that are given together, at most.
    """

    def __init__(self, reach: Tensor, start_of: Callable[[int], int], *, at_once: int) -> None:
        self._reach, self._start_of, self._at_once = reach, start_of, at_once
        self._held: Tensor | None = None
        self._origin = 0  # place in the sequence of the first feature held
        self._done = 0

    def add(self, piece: Tensor) -> Iterator[Tensor]:
        """Take the next features, [t, ...]; give the windows that are whole now, [w, n, ...] each time."""
        self._held = piece if self._held is None else torch.cat([self._held, piece])
        end, ready = self._origin + len(self._held), self._done
        while self._start_of(ready) + int(self._reach[-1]) < end:
            ready += 1
        yield from self._windows(ready)
        keep = max(self._start_of(self._done) - self._origin, 0)
        self._held, self._origin = self._held[keep:], self._origin + min(keep, len(self._held))

    def finish(self, total: int) -> Iterator[Tensor]:
        """Give the windows up to a total; those that reach past the end see the last feature again."""
        if self._held is not None and len(self._held):
            yield from self._windows(total)

    def _windows(self, stop: int) -> Iterator[Tensor]:
        assert self._held is not None
        while self._done < stop:
            until = min(stop, self._done + self._at_once)
            starts = torch.tensor([self._start_of(window) for window in range(self._done, until)])
            index = (starts - self._origin)[:, None] + self._reach
            self._done = until
            yield self._held[index.clamp(max=len(self._held) - 1).to(self._held.device)]


class Rows:
    """Vectors so far, in one block that doubles: small ones kept among large short-lived ones fragment the heap."""

    def __init__(self) -> None:
        self._block = torch.empty(0, 0)
        self._count = 0

    def add(self, part: Tensor) -> None:
        """Take in rows [n, D]."""
        stop = self._count + len(part)
        if stop > len(self._block):
            larger = part.new_empty(max(stop, 2 * len(self._block)), part.shape[1])
            if self._count:
                larger[: self._count] = self._block[: self._count]
            self._block = larger
        self._block[self._count : stop] = part
        self._count = stop

    def joined(self) -> Tensor:
        """All rows, [W, D]."""
        return self._block[: self._count]
