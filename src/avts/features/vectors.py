"""The features of one film: a vector a window of each tower's embedding, or of one conv stage, pooled.

Importing this is cheap: the networks are imported when features are read.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from avts.errors import MediaError, UsageError
from avts.timebase import FRAME_RATE

if TYPE_CHECKING:
    from avts.media.planes import Planes
    from avts.model.two_stream import TwoStream


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


def film_features_of(
    network: TwoStream,
    name: str,
    pictures: Iterable[Planes],
    sounds: Iterable[NDArray[np.float32]],
    *,
    window_seconds: float,
    hop_seconds: float,
    stage: str | None = None,
    pooling: str = "1x1",
) -> FilmFeatures:
    """Read one kind of features out of both towers.

    Args:
        network: the networks, in evaluation mode.
        name: of the film, for errors.
        pictures: the film at 24 frames a second, in order.
        sounds: its sound at 16 kHz, in order; read after the pictures.
        window_seconds: length of a window.
        hop_seconds: from the start of one window to that of the next; a whole number of frames is taken.
        stage: a conv stage, such as 'conv5' or 'sound:conv4'; None for the embeddings.
        pooling: of a stage, see `features.pooling`.

    Raises:
        UsageError: no such stage, a pooling of another form, or a hop shorter than a frame.
        MediaError: the film cannot be read, or is shorter than a window.
    """
    from avts.features.pooling import pooling_of
    from avts.features.towers import PICTURE, SOUND, Plan, check_stages, picture_columns, sound_columns

    if hop_seconds < 1 / FRAME_RATE:
        raise UsageError(f"hop_seconds is {hop_seconds:g}; give at least one frame, 1 / {FRAME_RATE} s")
    picture_stages, sound_stages = check_stages(network, () if stage is None else (stage,))
    plan = Plan(window_seconds, round(hop_seconds * FRAME_RATE), picture_stages, sound_stages, pooling_of(pooling))
    columns = picture_columns(network, pictures, plan) | sound_columns(network, sounds, plan)
    count = min(len(columns[PICTURE]), len(columns[SOUND]))
    if not count:
        raise MediaError(f"{name}: shorter than a window of {window_seconds:g} s. No features can be taken of it")
    wanted = "" if stage is None else f"_{stage.rpartition(':')[2]}"
    picture, sound = (columns[each + wanted][:count] if each + wanted in columns else None for each in (PICTURE, SOUND))
    return FilmFeatures(picture, sound, plan.starts_seconds(count), window_seconds, stage or "embedding")
