"""A film through both towers once: one embedding of picture and one of sound for the window that starts at each frame.

Input: a film and a model. Output: Features, from which distance maps of any range and hop are cut. The film streams:
what is kept grows by two embeddings a frame, 12 MB for each hour at 64 dimensions.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from avts.sync.activity import PictureActivity, SoundActivity, audible_windows, moving_windows
from avts.timebase import FRAME_RATE

if TYPE_CHECKING:
    from torch import Tensor

    from avts.model.two_stream import TwoStream
    from avts.sync.film import Film


@dataclass(frozen=True)
class Features:
    """Embeddings of the windows that start at each frame of a film.

    Attributes:
        pictures: float16 or float32 [W, D], of unit length.
        sounds: [W, D], likewise.
        moving: bool [W]; False where a window's picture is still.
        heard: bool [W]; False where a window's sound is silent.
        window_seconds: length of a window.
        change: of each frame, as PictureActivity gives it, [T]; None leaves the plain baseline out of the estimate.
        power: of the sound during each frame, as SoundActivity gives it, [T]; None likewise.
    """

    pictures: NDArray[np.float16] | NDArray[np.float32]
    sounds: NDArray[np.float16] | NDArray[np.float32]
    moving: NDArray[np.bool_]
    heard: NDArray[np.bool_]
    window_seconds: float
    change: NDArray[np.float64] | None = None
    power: NDArray[np.float64] | None = None

    def __len__(self) -> int:
        return len(self.pictures)


def film_features(film: Film, model: TwoStream, *, window_seconds: float) -> Features:
    """Encode a film.

    Args:
        film: what to read; once.
        model: the networks, in evaluation mode.
        window_seconds: length of a window.

    Raises:
        MediaError: the film cannot be read, or has no picture or no sound.
    """
    from avts.model.dense import picture_windows, sound_windows

    frames = round(window_seconds * FRAME_RATE)
    picture, sound = PictureActivity(), SoundActivity()
    shown = picture_windows(model, picture.watching(film.pictures()), window_seconds=window_seconds)
    heard = sound_windows(model, sound.watching(film.sounds()), window_seconds=window_seconds)
    moving, audible = moving_windows(picture.largest, frames), audible_windows(sound.power, frames)
    count = min(len(shown), len(heard), len(moving), len(audible))
    return Features(
        _kept(shown, count),
        _kept(heard, count),
        moving[:count],
        audible[:count],
        window_seconds,
        picture.change,
        sound.power,
    )


def _kept(embeddings: Tensor, count: int) -> NDArray[np.float16]:
    """The first embeddings, at half the size."""
    half: NDArray[np.float16] = embeddings[:count].half().numpy()
    return half
