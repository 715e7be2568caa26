"""Feature maps of a window to one vector: means over parts of space, or of the bands of a sound, and of time.

'4x2' means 4 parts of the bands (4 x 4 of a picture) and 2 parts of time; '1x1' is one mean for each channel; '4xsd'
takes mean and standard deviation over time, which do not depend on when in its window something sounds.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from avts.errors import UsageError

MOST_PARTS = 24
SPREAD = "sd"


@dataclass(frozen=True)
class Pooling:
    """How feature maps are pooled.

    Attributes:
        space: parts of the bands of a sound; of height and of width of a picture.
        time: parts of the window; None for its mean and standard deviation.
    """

    space: int = 1
    time: int | None = 1

    def __str__(self) -> str:
        return f"{self.space}x{self.time or SPREAD}"

    def over_space(self, maps: Tensor) -> Tensor:
        """Pool bands, or height and width, and put time first.

        Shape: [B, C, M, S] to [B, S, C * space], or [B, C, T, H, W] to [B, T, C * space * space].
        """
        if maps.dim() == 4:
            pooled = F.adaptive_avg_pool2d(maps, (self.space, maps.shape[-1]))
            return pooled.movedim(-1, 1).flatten(2)
        pooled = F.adaptive_avg_pool3d(maps, (maps.shape[2], self.space, self.space))
        return pooled.movedim(2, 1).flatten(2)

    def over_time(self, windows: Tensor) -> Tensor:
        """Pool the features of windows over time.

        Shape: [W, n, P] to [W, P * time], the parts of time of a number beside each other; or [W, 2 * P], all means
        before all deviations.
        """
        if self.time is None:
            return torch.cat([windows.mean(1), windows.std(1, correction=0)], dim=1)
        return F.adaptive_avg_pool1d(windows.transpose(1, 2), self.time).flatten(1)


ONE_MEAN = Pooling()


def pooling_of(text: str) -> Pooling:
    """The pooling of a text such as '4x2'.

    Raises:
        UsageError: it is not of this form, or a number is out of range.
    """
    found = re.fullmatch(rf"(\d+)x(\d+|{SPREAD})", text)
    numbers = [int(part) for part in found.groups() if part != SPREAD] if found else []
    if found is None or not all(1 <= number <= MOST_PARTS for number in numbers):
        raise UsageError(
            f"pooling '{text}': give parts of space x parts of time, 1 to {MOST_PARTS} each, such as 4x2, "
            f"or 4x{SPREAD} for mean and standard deviation over time"
        )
    return Pooling(numbers[0], None if found[2] == SPREAD else numbers[1])
