"""Which part of the input a feature of a conv stage can see, counted from the layers before it. Weights do not matter.

A shortcut of a residual block sees less than the block's convolutions and as far to either side, so they decide.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from torch import nn

from avts.model.inception import Inception
from avts.model.residual import BasicBlock
from avts.model.tower import Tower

POINTWISE = (nn.BatchNorm2d, nn.BatchNorm3d, nn.ReLU)


@dataclass(frozen=True)
class Field:
    """Along one axis, feature i sees the inputs from i * stride + first up to and including i * stride + last."""

    stride: int = 1
    first: int = 0
    last: int = 0

    @property
    def size(self) -> int:
        """Inputs that a feature sees."""
        return self.last - self.first + 1

    @property
    def middle(self) -> float:
        """The input, not always a whole one, in the middle of what feature 0 sees."""
        return (self.first + self.last) / 2

    def centres(self, count: int) -> NDArray[np.float64]:
        """The input in the middle of what each of the first features sees, [count]."""
        return np.arange(count, dtype=np.float64) * self.stride + self.middle

    def after(self, kernel: int, stride: int, padding: int) -> Field:
        """The field behind one more convolution or pooling."""
        first, last = -padding, kernel - 1 - padding
        return Field(self.stride * stride, self.first + first * self.stride, self.last + last * self.stride)

    def joined(self, other: Field) -> Field:
        """The field of two branches side by side."""
        assert self.stride == other.stride
        return Field(self.stride, min(self.first, other.first), max(self.last, other.last))


Fields = tuple[Field, ...]
"""A field for each axis of a feature map: bands and steps of a sound; time, height and width of a picture."""


def fields_of(tower: Tower, stage: str) -> Fields:
    """What a feature of a stage sees, along each axis of the tower's maps."""
    fields: Fields = ()
    for name, module in tower.named_stages().items():
        fields = _through(module, fields)
        if name == stage:
            break
    return fields


def _through(module: nn.Module, fields: Fields) -> Fields:
    """The fields behind a module."""
    if isinstance(module, nn.Conv2d | nn.Conv3d):
        return _behind(fields, module.kernel_size, module.stride, module.padding)
    if isinstance(module, nn.MaxPool2d | nn.MaxPool3d):
        count = 2 if isinstance(module, nn.MaxPool2d) else 3
        return _behind(fields, *(_each(value, count) for value in (module.kernel_size, module.stride, module.padding)))
    if isinstance(module, BasicBlock):
        return _through(module.conv2, _through(module.conv1, fields))
    if isinstance(module, Inception):
        branches = (_through(branch, fields) for branch in (module.plain, module.first, module.second, module.pooled))
        whole = next(branches)
        for branch in branches:
            whole = tuple(mine.joined(other) for mine, other in zip(whole, branch, strict=True))
        return whole
    if isinstance(module, nn.Sequential):
        for part in module:
            fields = _through(part, fields)
        return fields
    assert isinstance(module, POINTWISE), f"{type(module).__name__} is not counted here"
    return fields


def _behind(fields: Fields, kernel: object, stride: object, padding: object) -> Fields:
    assert isinstance(kernel, tuple)
    assert isinstance(stride, tuple)
    assert isinstance(padding, tuple)
    fields = fields or (Field(),) * len(kernel)
    return tuple(field.after(*sizes) for field, *sizes in zip(fields, kernel, stride, padding, strict=True))


def _each(value: int | tuple[int, ...], count: int) -> tuple[int, ...]:
    return (value,) * count if isinstance(value, int) else value
