"""From planes of pictures to the network's size by area averaging, with the boxes that are cut out of them.

On the CPU each clip is scaled by itself, elsewhere all of them at once: which pixels an output is the mean of is a
matrix of zeros and ones for each clip and side, so that sums are of whole numbers and both ways give the same. (A card
may divide by 255 with another last bit.)
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from avts.media.crops import Crops
from avts.model.device import sent


def crop_and_resize(planes: Tensor, boxes: NDArray[np.float64] | None, size: int) -> Tensor:
    """Cut a box out of each clip and scale it to size x size by area averaging.

    Args:
        planes: [B, T, H, W], uint8, or float in [0, 1] (already scaled once).
        boxes: [B, 5]: top, left, bottom, right as shares of height and width, and 1 to mirror; None takes all of it.
        size: height and width of the result, pixels.

    Returns:
        float [B, T, size, size] in [0, 1].
    """
    if planes.is_floating_point() and planes.shape[-2:] == (size, size):
        return planes
    if boxes is None:
        return F.adaptive_avg_pool2d(planes.float(), (size, size)) / 255
    crops = Crops.of(boxes, *planes.shape[-2:])
    if planes.device.type != "cpu":
        return _together(planes, crops, crops.tops, crops.lefts, size)
    places = zip(planes, crops.corners(), crops.heights.tolist(), crops.widths.tolist(), strict=True)
    pieces = (clip[:, top : top + rows, left : left + columns] for clip, (top, left), rows, columns in places)
    return _one_by_one(pieces, crops, size)


def resize_packed(packed: Tensor, crops: Crops, num_frames: int, size: int) -> Tensor:
    """Scale boxes that were cut out before, as `crop_and_resize` does.

    Args:
        packed: uint8 [n]: the pieces one after the other, see `Crops.pieces`.
        crops: the boxes.
        num_frames: frames of each window, T.
        size: height and width of the result, pixels.

    Returns:
        float [B, T, size, size] in [0, 1].
    """
    if packed.device.type == "cpu":
        return _one_by_one(crops.pieces(packed, num_frames), crops, size)
    nowhere = np.zeros_like(crops.tops)
    return _together(_padded(packed, crops, num_frames), crops, nowhere, nowhere, size)


def _one_by_one(pieces: Iterable[Tensor], crops: Crops, size: int) -> Tensor:
    scaled = (F.adaptive_avg_pool2d(piece.float(), (size, size)) for piece in pieces)
    turned = (each.flip(-1) if mirror else each for each, mirror in zip(scaled, crops.mirrored.tolist(), strict=True))
    return torch.stack(list(turned)) / 255


def _padded(packed: Tensor, crops: Crops, num_frames: int) -> Tensor:
    """The pieces side by side, uint8 [B, T, H, W] of the largest height and width; the rest holds some pixel."""
    known = np.stack([crops.heights, crops.widths, crops.areas, crops.starts(num_frames)[:-1]])
    heights, widths, areas, starts = sent(known, packed.device)[..., None]  # [B, 1] each
    row, column, frame = (
        torch.arange(int(count), device=packed.device)
        for count in (crops.heights.max(), crops.widths.max(), num_frames)
    )
    pixels = (row.minimum(heights - 1) * widths)[:, :, None] + column.minimum(widths - 1)[:, None]  # [B, H, W]
    return packed.take((starts + frame * areas)[:, :, None, None] + pixels[:, None])


def _together(planes: Tensor, crops: Crops, tops: NDArray[np.int64], lefts: NDArray[np.int64], size: int) -> Tensor:
    """Boxes at these corners of planes [B, T, H, W], scaled by two batched products of matrices."""
    batch, frames, height, width = planes.shape
    known = np.stack([tops, crops.heights, lefts, crops.widths, crops.mirrored])
    tops_, heights, lefts_, widths, mirrored = sent(known, planes.device)[..., None]  # [B, 1] each
    plain = torch.arange(size, device=planes.device)[None]
    rows, num_rows = _averaged(tops_, heights, plain, size, height)
    turned = torch.where(mirrored > 0, size - 1 - plain, plain)
    columns, num_columns = _averaged(lefts_, widths, turned, size, width)
    lines = planes.float().flatten(1, 2) @ columns.transpose(1, 2)  # [B, T * H, size]
    sums = torch.einsum("bsh,bthw->btsw", rows, lines.view(batch, frames, height, size))
    # in this order, as adaptive_avg_pool2d: test_scaling_all_at_once_gives_the_bits_of_one_by_one
    return sums / num_rows[:, None, :, None] / num_columns[:, None, None, :] / 255


def _averaged(first: Tensor, length: Tensor, output: Tensor, size: int, side: int) -> tuple[Tensor, Tensor]:
    """Which pixels of a side each output is the mean of, and how many they are.

    Args:
        first: first pixel of each box, int [B, 1].
        length: pixels of each box, int [B, 1].
        output: numbers of the outputs in the order wanted, int [1 or B, size].
        size: how many outputs there are.
        side: pixels of the plane.

    Returns:
        Ones and zeros, float [B, size, side]; and float [B, size].
    """
    start, stop = output * length // size, ((output + 1) * length + size - 1) // size
    pixel = torch.arange(side, device=first.device)
    inside = (pixel >= (first + start)[..., None]) & (pixel < (first + stop)[..., None])
    return inside.float(), (stop - start).float()
