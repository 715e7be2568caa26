"""A film through both towers once: one embedding of picture and one of sound for the window that starts at each frame.

Input: a film and a model. Output: Features, from which distance maps of any range and hop are cut. The film streams:
what is kept grows by two embeddings a frame, 12 MB for each hour at 64 dimensions. Of a short film the parts of its
picture are embedded too.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from avts.media.activity import PictureActivity, SoundActivity, audible_windows, moving_windows
from avts.offset.parts import PictureInParts
from avts.timebase import FRAME_RATE

if TYPE_CHECKING:
    from torch import Tensor

    from avts.model.threads import ThreadChoice
    from avts.model.two_stream import TwoStream
    from avts.offset.film import Film


Embeddings = NDArray[np.float16] | NDArray[np.float32]

Compare = Callable[[NDArray[np.float32], NDArray[np.float32]], NDArray[np.float32]]
"""From embeddings of pictures [n, D] and of sounds [m, D] to distances in [0, 1], [n, m]."""

SCALE_QUANTILE = 0.95
SCALE_WINDOWS = 64


@dataclass(frozen=True)
class Features:
    """Embeddings of the windows that start at each frame of a film.

    Attributes:
        pictures: float16 or float32 [W, D], of unit length if `compare` is None.
        sounds: [W, D], likewise.
        moving: bool [W]; False where a window's picture is still.
        heard: bool [W]; False where a window's sound is silent.
        window_seconds: length of a window.
        change: of each frame, as PictureActivity gives it, [T]; None leaves the plain baseline out of the estimate.
        power: of the sound during each frame, as SoundActivity gives it, [T]; None likewise.
        compare: distance of two embeddings; None is half the distance of unit vectors.
        parts: float16 [parts, W, D], of parts of the picture, see `avts.offset.parts`; None leaves it at the whole.
    """

    pictures: Embeddings
    sounds: Embeddings
    moving: NDArray[np.bool_]
    heard: NDArray[np.bool_]
    window_seconds: float
    change: NDArray[np.float64] | None = None
    power: NDArray[np.float64] | None = None
    compare: Compare | None = None
    parts: NDArray[np.float16] | None = None

    def __len__(self) -> int:
        return len(self.pictures)


def film_features(
    film: Film,
    model: TwoStream,
    *,
    window_seconds: float,
    threads: ThreadChoice | None = None,
    in_parts: bool = True,
) -> Features:
    """Encode a film.

    Args:
        film: what to read; once.
        model: the networks, in evaluation mode.
        window_seconds: length of a window.
        threads: chooses how many threads to compute with; None leaves torch's number.
        in_parts: embed the parts of a short film's picture too.

    Raises:
        MediaError: the film cannot be read, or has no picture or no sound.
    """
    from avts.model.dense import picture_windows, sound_windows

    picture, sound, whole = PictureActivity(), SoundActivity(), PictureInParts()
    with threads.used() if threads is not None else nullcontext():
        chunks = picture.watching(film.pictures())
        chunks = whole.watching(chunks) if in_parts else chunks
        shown = picture_windows(model, chunks, window_seconds=window_seconds, threads=threads)
    with threads.used() if threads is not None else nullcontext():
        heard = sound_windows(model, sound.watching(film.sounds()), window_seconds=window_seconds)
    features = features_of(model, shown, heard, picture, sound, window_seconds=window_seconds)
    return with_parts(features, whole, model, threads) if in_parts else features


def with_parts(
    features: Features, picture: PictureInParts, model: TwoStream, threads: ThreadChoice | None = None
) -> Features:
    """The same features with those of the parts of a short film's picture; arguments as for `kept_parts`."""
    seconds, count = features.window_seconds, len(features)
    return replace(features, parts=kept_parts(picture, model, count, window_seconds=seconds, threads=threads))


def features_of(
    model: TwoStream,
    shown: Tensor,
    heard: Tensor,
    picture: PictureActivity,
    sound: SoundActivity,
    *,
    window_seconds: float,
) -> Features:
    """The features of a film from its embedded windows.

    Args:
        model: the networks.
        shown: embeddings of the windows of picture that start at each frame, [W, D].
        heard: those of sound, [W', D].
        picture: what watched the picture.
        sound: what watched the sound.
        window_seconds: length of a window.
    """
    frames = round(window_seconds * FRAME_RATE)
    moving, audible = moving_windows(picture.largest, frames), audible_windows(sound.power, frames)
    count = min(len(shown), len(heard), len(moving), len(audible))
    pictures, sounds = (kept(each[:count], model) for each in (shown, heard))
    compare = comparison(model, pictures, sounds)
    return Features(
        pictures, sounds, moving[:count], audible[:count], window_seconds, picture.change, sound.power, compare
    )


def kept(embeddings: Tensor, model: TwoStream) -> Embeddings:
    """Embeddings as they are kept: unit vectors at half the size."""
    if comparison_is_plain(model):
        half: NDArray[np.float16] = embeddings.half().numpy()
        return half
    whole: NDArray[np.float32] = embeddings.float().numpy()
    return whole


def kept_parts(
    picture: PictureInParts,
    model: TwoStream,
    count: int,
    *,
    window_seconds: float,
    threads: ThreadChoice | None = None,
) -> NDArray[np.float16] | None:
    """The first windows of all parts as they are kept, [parts, count, D]; None for a long film.

    None too for a model whose distances are no half distances of unit vectors: a soft minimum of them means nothing.

    Args:
        picture: what watched the film.
        model: the networks.
        count: number of windows.
        window_seconds: length of a window.
        threads: as for `film_features`.
    """
    if not comparison_is_plain(model):
        return None
    with threads.used() if threads is not None else nullcontext():
        parts = picture.embedded(model, window_seconds=window_seconds, threads=threads)
    return None if parts is None else np.stack([each[:count].half().numpy() for each in parts])


def comparison_is_plain(model: TwoStream) -> bool:
    """Whether a model compares unit vectors by half their distance."""
    return model.fusion is None and model.unit_vectors


def comparison(model: TwoStream, pictures: Embeddings, sounds: Embeddings) -> Compare | None:
    """How the embeddings of a film are compared, as `Features` want it.

    Distances of embeddings that keep their own length know no bound: they are held against what is usual between
    pictures and sounds of the film, most of which do not belong together, so that they lie in [0, 1] as others do.

    Args:
        model: what made the embeddings.
        pictures: [W, D].
        sounds: [W', D].
    """
    if comparison_is_plain(model):
        return None
    import torch

    device = next(model.parameters()).device

    def distances(pictures: NDArray[np.float32], sounds: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.inference_mode():
            both = (torch.tensor(each, dtype=torch.float32, device=device) for each in (pictures, sounds))
            found: NDArray[np.float32] = model.pair_distances(*both).cpu().numpy()
        return found

    if model.fusion is not None or not len(pictures) or not len(sounds):
        return distances
    some = (each[:: -(-len(each) // SCALE_WINDOWS)].astype(np.float32) for each in (pictures, sounds))
    usual = max(float(np.quantile(distances(*some), SCALE_QUANTILE)), 1e-12)
    return lambda pictures, sounds: (distances(pictures, sounds) / usual).clip(max=1)
