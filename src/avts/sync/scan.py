"""A file's distance map: how well each stretch of picture fits the sound at each offset.

Both towers run once, densely, over the whole file; windows are cut from their features.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class OffsetScan:
    """Distances between the windows of a file's picture and its sound at each offset.

    Attributes:
        times_seconds: start of each picture window in the file, [W].
        offsets_seconds: the offsets tried, ascending, [K]; > 0 means that the sound of the file comes early.
        distances: embedding distance of each window at each offset, float32 [W, K]; NaN where the file has no sound
            there (before its start, after its end) or the sound is silent.
        window_seconds: length of a window.
    """

    times_seconds: NDArray[np.float64]
    offsets_seconds: NDArray[np.float64]
    distances: NDArray[np.float32]
    window_seconds: float
