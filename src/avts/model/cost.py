"""What networks cost: their layers with shapes, parameters and multiply-adds, for an input of one size.

Counted by hooks while the network runs; on the device 'meta' nothing is computed, so that a large input costs nothing.
A multiply-add is one multiplication and one addition (2 FLOP). Convolutions and linear layers are counted; batch norm,
ReLU, additions, poolings and the frontends are not, as is usual.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from avts.model.dense import STEPS_PER_SECOND
from avts.model.flat import FlatConvolution
from avts.model.tower import Tower
from avts.model.two_stream import TwoStream
from avts.timebase import FRAME_RATE

KINDS: dict[type[nn.Module], str] = {
    nn.Conv2d: "convolution",
    nn.Conv3d: "convolution",
    FlatConvolution: "convolution",
    nn.MaxPool2d: "max pooling",
    nn.MaxPool3d: "max pooling",
    nn.AdaptiveAvgPool1d: "mean",
    nn.Linear: "linear",
}
"""Layers that make a row; a batch norm's parameters go to the layer before it."""


@dataclass(frozen=True)
class Layer:
    """One layer.

    Attributes:
        name: stage and place in it.
        kind: one of KINDS.
        kernel: sizes of the kernel, time first for pictures; empty where there is none.
        stride: likewise.
        output: shape of its output without the batch.
        parameters: its own and those of the batch norm behind it.
        multiply_adds: for a batch of one.
    """

    name: str
    kind: str
    kernel: tuple[int, ...]
    stride: tuple[int, ...]
    output: tuple[int, ...]
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class Network:
    """Layers that follow one another.

    Attributes:
        name: what it is.
        input: shape of its input without the batch.
        output: likewise.
        layers: in the order in which they run.
    """

    name: str
    input: tuple[int, ...]
    output: tuple[int, ...]
    layers: tuple[Layer, ...]

    @property
    def parameters(self) -> int:
        """Of all layers."""
        return sum(layer.parameters for layer in self.layers)

    @property
    def multiply_adds(self) -> int:
        """Of all layers, for a batch of one."""
        return sum(layer.multiply_adds for layer in self.layers)


def tower_network(name: str, tower: Tower, shape: tuple[int, ...]) -> Network:
    """The layers of a tower.

    Args:
        name: what to call it.
        tower: the tower, on any device.
        shape: of its input, without the batch.
    """
    return _network(name, tower, tower.named_stages(), shape)


def model_networks(model: TwoStream, *, window_seconds: float) -> tuple[Network, ...]:
    """The layers of both towers and of what stands behind them, for a window of picture and one of sound.

    Args:
        model: on any device.
        window_seconds: length of a window.
    """
    pictures = (3, round(window_seconds * FRAME_RATE), model.frame_size, model.frame_size)
    sounds = (1, model.filterbank.filters.shape[1], round(window_seconds * STEPS_PER_SECOND))
    video = tower_network("video tower", model.video, pictures)
    audio = tower_network("audio tower", model.audio, sounds)
    channels, features = video.output[:2]
    maps, bands, steps = audio.output
    fc6 = _network("fc6", model.fc6, {"fc6": model.fc6}, (steps, maps * bands))
    return (
        video,
        _network("video head", model.video_head, {"video head": model.video_head}, (features, channels)),
        audio,
        fc6,
        _network("audio head", model.audio_head, {"audio head": model.audio_head}, fc6.output),
    )


def _network(name: str, network: nn.Module, stages: dict[str, nn.Module], shape: tuple[int, ...]) -> Network:
    with _rows(stages) as rows:
        output = network(torch.empty(1, *shape, device=next(network.parameters()).device))
    return Network(name, shape, tuple(output.shape[1:]), tuple(rows))


@contextmanager
def _rows(stages: dict[str, nn.Module]) -> Iterator[list[Layer]]:
    """A list that gets a row for each layer that runs; layers run as when they embed, not as in training."""
    rows: list[Layer] = []
    names = {
        module: f"{stage}.{path}" if path else stage
        for stage, root in stages.items()
        for path, module in root.named_modules()
    }

    def note(module: nn.Module, _: object, output: Tensor) -> None:
        parameters = sum(parameter.numel() for parameter in module.parameters(recurse=False))
        if isinstance(module, nn.BatchNorm2d | nn.BatchNorm3d):
            rows[-1] = _with_parameters(rows[-1], parameters)
        elif type(module) in KINDS:
            rows.append(_row(names[module], module, tuple(output.shape[1:]), parameters))

    hooks = [module.register_forward_hook(note) for module in names]
    training = {module for module in names if module.training}
    try:
        for module in training:
            module.training = False
        with torch.no_grad():
            yield rows
    finally:
        for module in training:
            module.training = True
        for hook in hooks:
            hook.remove()


def _with_parameters(layer: Layer, more: int) -> Layer:
    return Layer(**{**vars(layer), "parameters": layer.parameters + more})


def _row(name: str, module: nn.Module, output: tuple[int, ...], parameters: int) -> Layer:
    each = 0
    kernel: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    if isinstance(module, nn.Conv2d | nn.Conv3d):
        kernel, stride = tuple(module.kernel_size), tuple(module.stride)
        each = module.in_channels * math.prod(kernel)
    elif isinstance(module, nn.Linear):
        each = module.in_features
    elif isinstance(module, nn.MaxPool2d | nn.MaxPool3d):
        kernel, stride = (_each_way(size, len(output) - 1) for size in (module.kernel_size, module.stride))
    return Layer(name, KINDS[type(module)], kernel, stride, output, parameters, each * math.prod(output))


def _each_way(size: int | tuple[int, ...], ways: int) -> tuple[int, ...]:
    return (size,) * ways if isinstance(size, int) else size
