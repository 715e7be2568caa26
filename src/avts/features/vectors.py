"""The features of one film as arrays, apart from the networks that make them: importing this is cheap."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, repr=False)
class FilmFeatures:
    """Vectors of the windows of a film; row w of all of them is of the same window.

    Attributes:
        picture: float32 [W, F]; None of a stage that only the audio tower has.
        sound: float32 [W, F]; None of a stage that only the video tower has.
        starts_seconds: when each window starts, [W].
        window_seconds: length of a window.
        stage: what the vectors are: 'embedding', or a stage such as 'conv5'.
    """

    picture: NDArray[np.float32] | None
    sound: NDArray[np.float32] | None
    starts_seconds: NDArray[np.float64]
    window_seconds: float
    stage: str

    def __len__(self) -> int:
        return len(self.starts_seconds)

    def __repr__(self) -> str:
        sizes = [
            f"{name} {list(vectors.shape)}"
            for name in ("picture", "sound")
            if (vectors := getattr(self, name)) is not None
        ]
        return f"FilmFeatures({self.stage}: {', '.join(sizes)}; {len(self)} windows of {self.window_seconds:g} s)"
