"""The measure of a training step: the rate of a large matrix product on the same machine, in the same precision.

No layer is faster than that, so the operations of a step divided by it are the floor of its time.
"""

from __future__ import annotations

import torch

OPERATIONS = 2
"""Floating-point operations of a multiply-add."""

SIZES = {"cpu": 2048, "cuda": 8192}
"""Rows and columns, large enough for the rate to be flat."""

REPEATS = 4


class MatrixProduct:
    """Square matrix products.

    Args:
        device: where they are made.
        precision: 'bf16' or 'fp32'.
        size: rows and columns; None takes one that the device is fast at.

    Attributes:
        operations: floating-point operations of one `make`.
    """

    def __init__(self, device: torch.device, precision: str, *, size: int | None = None) -> None:
        size = size or SIZES.get(device.type, SIZES["cpu"])
        kind = torch.bfloat16 if precision == "bf16" else torch.float32
        self._left, self._right = (torch.randn(size, size, device=device).to(kind) for _ in range(2))
        self._out = torch.empty_like(self._left)
        self.operations = REPEATS * OPERATIONS * size**3

    def make(self) -> None:
        """Make a few."""
        for _ in range(REPEATS):
            torch.mm(self._left, self._right, out=self._out)
