"""Where in the picture the sound comes from: what each place of the picture adds to the fit of picture and sound.

Input: a film, a model and the film's offset. Output: a Where, one coarse map for each moment.

The video tower's last feature maps are averaged over the picture before the head. A place is left out of that average,
and the fit at the film's offset is compared with the fit at offsets that are wrong: by how much the fit becomes worse
is what the place adds. Nothing is trained for it, and the film is encoded once.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from avts.errors import MediaError, UsageError
from avts.media.activity import PictureActivity, SoundActivity
from avts.offset.features import features_of, with_parts
from avts.offset.measure import measure_features
from avts.offset.parts import PictureInParts
from avts.timebase import FRAME_RATE

if TYPE_CHECKING:
    from torch import Tensor

    from avts.media.planes import Planes
    from avts.model.two_stream import TwoStream
    from avts.offset.film import Film
    from avts.offset.model import SyncModel

HOP_FRAMES = 3
"""From one map to the next."""

WRONG_FRAMES = np.array([-24, -18, -12, 12, 18, 24])
"""Offsets, counted from that of the film, that the fit is compared with."""

LEAST_SHORT_SIDE = 96
"""Short side of the frames that are kept to be looked at, at least, where the film has as much; pixels."""


@dataclass(frozen=True)
class Where:
    """What each place of the picture adds to the fit, over time.

    Attributes:
        times_seconds: middles of the windows of one second, [M].
        maps: by how much the fit at the film's offset, against wrong offsets, becomes worse if a place is left out,
            float32 [M, h, w]; in units of the distance of embeddings, may be negative.
        frames: the frame in the middle of each window, luminance, uint8 [M, H, W].
    """

    times_seconds: NDArray[np.float64]
    maps: NDArray[np.float32]
    frames: NDArray[np.uint8]

    @property
    def mean_map(self) -> NDArray[np.float32]:
        """Where the sound of the film comes from, float32 [h, w]: the mean over time, negative values as 0, of sum 1.

        All 0 if no place adds anything.
        """
        mean = self.maps.mean(axis=0).clip(min=0) if len(self.maps) else np.zeros(self.maps.shape[1:], np.float32)
        total = float(mean.sum())
        return np.asarray(mean / total if total > 0 else mean, np.float32)


def where_of(film: Film, model: SyncModel, *, offset_seconds: float | None) -> Where:
    """See which places of a film's picture go with its sound.

    Args:
        film: what to read; once, into memory as features and small frames: some 400 kB a second.
        model: a trained model that compares embeddings by their distance.
        offset_seconds: the film's offset, > 0 where the sound comes early; None takes the best guess of `measure`, 0 if
            there is none, from the same features.

    Raises:
        UsageError: a model that cannot show it: one that strides time, or sees one frame of a window.
        MediaError: the film cannot be read, has no picture or no sound, or is shorter than two windows.
    """
    import torch

    from avts.model.dense import sound_windows

    network, length = model.network, round(model.window_seconds * FRAME_RATE)
    if network.video.time_stride > 1 or network.picture_input == "still":
        raise UsageError(
            f"{model.name}: cannot show where a sound comes from, for its video tower has no feature for each frame. "
            "Use a tower without a stride in time, such as mc3"
        )
    kept, picture, sound, whole = _Kept(length), PictureActivity(), SoundActivity(), PictureInParts()
    chunks = picture.watching(film.pictures())
    chunks = whole.watching(chunks) if offset_seconds is None and model.in_parts else chunks
    places, shape = _places(network, kept.watching(chunks), length)
    sounds = sound_windows(network, sound.watching(film.sounds()), window_seconds=model.window_seconds)
    if offset_seconds is None:
        shown = _embedded(network, places, length)
        features = features_of(network, shown, sounds, picture, sound, window_seconds=model.window_seconds)
        features = with_parts(features, whole, network)
        offset_seconds = measure_features(film.name, features, model).guess_seconds or 0.0
    offset = round(offset_seconds * FRAME_RATE)
    starts = np.arange(0, len(places) - length + 1, HOP_FRAMES)
    starts = starts[(starts >= offset) & (starts - offset < len(sounds))]
    if not len(starts) or len(sounds) <= WRONG_FRAMES.max():
        raise MediaError(f"{film.name}: too short to see where its sound comes from; two seconds are needed")
    found = []
    with torch.inference_mode():
        for start in starts.tolist():
            found.append(_added(network, places[start : start + length], sounds, start - offset))
    maps = torch.stack(found).reshape(len(found), *shape).cpu().numpy().astype(np.float32)
    return Where((starts + length / 2) / FRAME_RATE, maps, kept.at(starts))


def _embedded(network: TwoStream, places: Tensor, length: int) -> Tensor:
    """Embeddings of the windows of picture that start at each frame, [W, D], from the features of all places."""
    import torch

    from avts.model.dense import WINDOWS_AT_ONCE

    if len(places) < length:
        return torch.zeros(0, 1)
    windows = places.mean(dim=1).unfold(0, length, 1).transpose(1, 2)  # [W, T, C]
    with torch.inference_mode():
        return torch.cat([network.video_head(some).cpu() for some in torch.split(windows, WINDOWS_AT_ONCE)])


def _added(network: TwoStream, window: Tensor, sounds: Tensor, at: int) -> Tensor:
    """What each place adds to the fit of one window, [P]; window: features [T, P, C]; at: the sound that belongs."""
    import torch

    count = window.shape[1]
    mean = window.mean(dim=1)  # [T, C]
    without = (mean[None] * count - window.transpose(0, 1)) / max(count - 1, 1)  # [P, T, C]
    embedded = network.video_head(torch.cat([mean[None], without]))  # [1 + P, D]
    others = at + WRONG_FRAMES
    others = others[(others >= 0) & (others < len(sounds))]
    compared = sounds[[at, *others.tolist()]].to(embedded.device)
    distances = network.pair_distances(embedded, compared)  # [1 + P, 1 + K]
    fit = distances[:, 1:].mean(dim=1) - distances[:, 0]
    return fit[0] - fit[1:]


def _places(network: TwoStream, chunks: Iterator[Planes], length: int) -> tuple[Tensor, tuple[int, int]]:
    """Features of every place of every frame, [T, P, C], and the shape of the places."""
    import torch

    from avts.model.dense import shown_pictures

    stage = network.video.last_stage
    found: list[Tensor] = []
    shape = (1, 1)
    with torch.inference_mode():
        for shown, first, stop in shown_pictures(network, chunks, length):
            maps = network.picture_stage_maps(shown, [stage])[stage][0, :, first:stop]  # [C, t, h, w]
            shape = (maps.shape[2], maps.shape[3])
            found.append(maps.flatten(2).permute(1, 2, 0))
    return (torch.cat(found) if found else torch.zeros(0, 1, 1)), shape


class _Kept:
    """Small frames, one every HOP_FRAMES: those that are the middle of a window, kept while the film goes by."""

    def __init__(self, length: int) -> None:
        self._middle, self._frames = length // 2, list[NDArray[np.uint8]]()

    def watching(self, chunks: Iterator[Planes]) -> Iterator[Planes]:
        """The same chunks."""
        count = 0
        for chunk in chunks:
            step = max(1, min(chunk.y.shape[1:]) // LEAST_SHORT_SIDE)
            first = (self._middle - count) % HOP_FRAMES
            self._frames.extend(chunk.y[first::HOP_FRAMES, ::step, ::step].copy())
            count += len(chunk.y)
            yield chunk

    def at(self, starts: NDArray[np.int64]) -> NDArray[np.uint8]:
        """The frames in the middle of windows, [M, H, W]."""
        return np.stack([self._frames[(start + self._middle) // HOP_FRAMES] for start in starts.tolist()])
