"""What the towers are given by hand, checked: shapes and ranges that would give numbers, but wrong ones."""

from __future__ import annotations

import torch
from torch import Tensor

from avts.errors import UsageError


def check_planes(
    y: Tensor, u: Tensor | None, v: Tensor | None, *, needs_colour: bool, size: int, values: bool = True
) -> None:
    """Check the planes of pictures.

    Args:
        y: luminance, uint8 [B, T, H, W]; or float [B, T, size, size] in [0, 1].
        u: colour difference, likewise, of half the height and width if uint8; needed with colour only.
        v: as u.
        needs_colour: whether the model looks at u and v.
        size: height and width of the network's input, pixels.
        values: look at the values too, which waits for the device.

    Raises:
        UsageError: other shapes, types or values; or a plane is missing.
    """
    if needs_colour and (u is None or v is None):
        raise UsageError("this model looks at colours: y alone was given. Give y, u and v, as video decoders make them")
    for name, plane in (("y", y), ("u", u), ("v", v)):
        if plane is None:
            continue
        if plane.dim() != 4:
            raise UsageError(f"{name} has the shape {list(plane.shape)}; planes are [B, T, H, W]. {_advice(plane)}")
        if plane.shape[:2] != y.shape[:2]:
            raise UsageError(
                f"{name} has the shape {list(plane.shape)}, y {list(y.shape)}: give as many windows and frames"
            )
        if plane.is_floating_point():
            _check_floats(name, plane, size, values=values)
        elif plane.dtype != torch.uint8:
            raise UsageError(f"{name} is of type {plane.dtype}; give uint8, as video decoders make it")


def check_samples(samples: Tensor) -> None:
    """Check windows of sound, float [B, N] of full scale 1.

    Raises:
        UsageError: another shape or type.
    """
    if samples.dim() != 2:
        more = " Give samples[None] for one window" if samples.dim() == 1 else " Mix the channels down to one"
        raise UsageError(f"samples have the shape {list(samples.shape)}; sounds are [B, N], mono at 16 kHz.{more}")
    if not samples.is_floating_point():
        raise UsageError(f"samples are of type {samples.dtype}; give floats of full scale 1: int16 divided by 32768")


def _advice(plane: Tensor) -> str:
    shape = list(plane.shape)
    if plane.dim() == 5 and 3 in (shape[1], shape[2], shape[-1]):
        return "RGB frames are not planes: docs/towers.md turns them into luminance"
    return "Give plane[None] for one window" if plane.dim() == 3 else "Give one window of frames for each of the batch"


def _check_floats(name: str, plane: Tensor, size: int, *, values: bool) -> None:
    if plane.shape[-2:] != (size, size):
        raise UsageError(
            f"{name} holds floats of {plane.shape[-2]} x {plane.shape[-1]}; floats are taken as already scaled to "
            f"{size} x {size}, in 0 to 1. Give uint8 of any size"
        )
    if values and plane.numel() and not bool(((plane >= 0) & (plane <= 1)).all()):
        low, high = float(plane.min()), float(plane.max())
        raise UsageError(
            f"{name} holds floats from {low:g} to {high:g}; floats are in 0 to 1. Give bytes / 255, or uint8"
        )
