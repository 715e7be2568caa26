"""Clips that are in sync, as a test: how often is their offset found, as they are and with known shifts added?

Input: in-sync clips of any kinds. Output: for each clip what the model and the plain baseline found, and shares.
A shift moves the sound in memory and cuts picture and sound to what both still have, so no silence tells it.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avts.media.activity import PictureActivity, SoundActivity, audible_windows, moving_windows
from avts.offset.distance_map import scan_features
from avts.offset.estimate import OffsetEstimate, estimate
from avts.offset.features import Embeddings, Features, comparison, kept
from avts.offset.film import FileFilm
from avts.offset.model import SyncModel
from avts.offset.motion import motion_estimate, motion_scan
from avts.timebase import FRAME_RATE, sample_at

LEAST_SECONDS = 2.5
"""Shorter clips are left out: over +-1 s too little of them would overlap."""

SEARCH_SECONDS = 1.0
"""Offsets up to this much either way are searched, on the clips as they are and on shifted ones."""

CLOSE_SECONDS = 0.2
"""An offset counts as found within this of the truth."""

SHIFT_SECONDS = 0.6
"""Known shifts are drawn evenly up to this much either way."""

SHIFTS_PER_CLIP = 2

METHODS = ("model", "motion")

CHANCE = CLOSE_SECONDS / SEARCH_SECONDS
"""Share that guesses spread evenly over the search would reach, as they are and with shifts of this size."""


@dataclass(frozen=True)
class ClipOffset:
    """One clip, once: what is true and what was found.

    Attributes:
        path: the clip.
        kind: its kind, '' if not told.
        shift_seconds: by how much the sound was made early; 0 is the clip as it is.
        found_seconds: best guess of each method, sure or not; NaN if it had nothing to compare.
        confidence: of each method.
    """

    path: Path
    kind: str
    shift_seconds: float
    found_seconds: dict[str, float]
    confidence: dict[str, float]

    def close(self, method: str) -> bool:
        """Whether a method found the shift."""
        return abs(self.found_seconds[method] - self.shift_seconds) <= CLOSE_SECONDS


def clip_offsets(path: Path, kind: str, model: SyncModel | None, *, seed: int = 0) -> list[ClipOffset]:
    """Offsets found in one clip as it is, then with each known shift; none if it is shorter than LEAST_SECONDS.

    Args:
        path: a clip that is in sync.
        kind: handed on.
        model: a trained model; None measures the baseline alone.
        seed: of the shifts, which depend on it and on the clip's name.

    Raises:
        MediaError: the clip cannot be read, or has no picture or no sound.
    """
    clip = _read(path, model)
    if len(clip.change) < LEAST_SECONDS * FRAME_RATE:
        return []
    offsets = []
    for shift in (0.0, *known_shifts(path, seed)):
        found = dict(_found(clip, model, shift))
        guesses = {method: _guess(answer) for method, answer in found.items()}
        sure = {method: answer.confidence for method, answer in found.items()}
        offsets.append(ClipOffset(path, kind, shift, guesses, sure))
    return offsets


def known_shifts(path: Path, seed: int) -> list[float]:
    """The shifts of a clip in seconds, the same wherever its folder lies."""
    generator = np.random.default_rng((seed, zlib.crc32(path.name.encode())))
    return [float(shift) for shift in generator.uniform(-SHIFT_SECONDS, SHIFT_SECONDS, SHIFTS_PER_CLIP)]


def share_close(offsets: Sequence[ClipOffset], method: str, *, shifted: bool) -> float | None:
    """Share of the clips as they are, or of the shifted ones, whose offset a method found; None if there are none."""
    chosen = [offset.close(method) for offset in offsets if (offset.shift_seconds != 0) == shifted]
    return sum(chosen) / len(chosen) if chosen else None


@dataclass(frozen=True)
class _Clip:
    """A clip in memory: per frame for the baseline, embeddings of its picture for the model, its samples for both."""

    change: NDArray[np.float64]
    largest: NDArray[np.float64]
    samples: NDArray[np.float32]
    pictures: Embeddings | None


def _read(path: Path, model: SyncModel | None) -> _Clip:
    film, activity = FileFilm(path), PictureActivity()
    chunks = activity.watching(film.pictures())
    pictures: Embeddings | None = None
    if model is None:
        for _ in chunks:
            pass
    else:
        from avts.model.dense import picture_windows

        embedded = picture_windows(model.network, chunks, window_seconds=model.window_seconds)
        pictures = kept(embedded, model.network)
    return _Clip(activity.change, activity.largest, np.concatenate(list(film.sounds())), pictures)


def _found(clip: _Clip, model: SyncModel | None, shift_seconds: float) -> Iterator[tuple[str, OffsetEstimate]]:
    """What each method finds when the sound comes early by a shift."""
    first = math.ceil(max(0.0, -shift_seconds) * FRAME_RATE)
    samples = clip.samples[sample_at(first / FRAME_RATE + shift_seconds) :]
    sound = SoundActivity()
    for _ in sound.watching([samples]):
        pass
    change, largest = clip.change[first:], clip.largest[first:]
    if model is not None and clip.pictures is not None:
        features = _features(clip.pictures[first:], samples, change, largest, sound.power, model)
        yield "model", estimate(scan_features(features, SEARCH_SECONDS))
    scan = motion_scan(change, sound.power, largest=largest, range_seconds=SEARCH_SECONDS)
    yield "motion", motion_estimate(change, sound.power, scan)


def _features(
    pictures: Embeddings,
    samples: NDArray[np.float32],
    change: NDArray[np.float64],
    largest: NDArray[np.float64],
    power: NDArray[np.float64],
    model: SyncModel,
) -> Features:
    """Features of a shifted clip: the picture's embeddings are at hand, the sound is encoded anew."""
    from avts.model.dense import sound_windows

    frames = round(model.window_seconds * FRAME_RATE)
    sounds = kept(sound_windows(model.network, samples, window_seconds=model.window_seconds), model.network)
    moving, heard = moving_windows(largest, frames), audible_windows(power, frames)
    count = min(len(pictures), len(sounds), len(moving), len(heard))
    pictures, sounds, moving, heard = pictures[:count], sounds[:count], moving[:count], heard[:count]
    compare = comparison(model.network, pictures, sounds)
    return Features(pictures, sounds, moving, heard, model.window_seconds, change, power, compare)


def _guess(answer: OffsetEstimate) -> float:
    """The best guess, sure or not; NaN if there was nothing to compare."""
    return answer.offset_seconds if answer.num_windows else float("nan")
