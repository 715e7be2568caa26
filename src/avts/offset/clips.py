"""Clips that are in sync, as a test: how often is their offset found, as they are and with known shifts added?

Input: in-sync clips of any kinds. Output: for each clip what the model and the plain baseline found, and shares.
A shift moves the sound in memory and cuts picture and sound to their overlap, so that no silence reveals it.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from avts.media.activity import PictureActivity, SoundActivity, audible_windows, moving_windows
from avts.offset.calibration import MODEL
from avts.offset.estimate import OffsetEstimate
from avts.offset.features import Embeddings, Features, comparison, kept, kept_parts
from avts.offset.film import FileFilm
from avts.offset.measure import scan_and_estimate
from avts.offset.model import SyncModel
from avts.offset.motion import motion_estimate, motion_scan
from avts.offset.parts import PictureInParts
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
        kind: its kind, '' if not known.
        shift_seconds: by how much the sound was made early; 0 is the clip as it is.
        found_seconds: best guess of each method, sure or not; NaN if it had nothing to compare.
        confidence: of each method.
        reason: why a method gives no answer; None if it gives one.
        source: where the clip comes from, '' if not known.
        cue: how well a person sees the sync of the clip: 'strong', 'weak', 'none', '' if not known.
        offset_seconds: by how much the sound of the clip as it is comes early.
    """

    path: Path
    kind: str
    shift_seconds: float
    found_seconds: dict[str, float]
    confidence: dict[str, float]
    reason: dict[str, str | None] = field(default_factory=dict)
    source: str = ""
    cue: str = ""
    offset_seconds: float = 0.0

    def error_seconds(self, method: str) -> float:
        """What a method found minus the truth; NaN if it found nothing."""
        return self.found_seconds[method] - self.shift_seconds - self.offset_seconds

    def close(self, method: str, within_seconds: float = CLOSE_SECONDS) -> bool:
        """Whether a method found the true offset."""
        return abs(self.error_seconds(method)) <= within_seconds

    def answered(self, method: str) -> bool:
        """Whether a method gives its offset as an answer."""
        return self.reason.get(method) is None and not math.isnan(self.found_seconds[method])


def clip_offsets(
    path: Path,
    kind: str,
    model: SyncModel | None,
    *,
    seed: int = 0,
    source: str = "",
    cue: str = "",
    offset_seconds: float = 0.0,
) -> list[ClipOffset]:
    """Offsets found in one clip as it is, then with each known shift; none if it is shorter than LEAST_SECONDS.

    Args:
        path: a clip whose offset is known.
        kind: handed on, as source and cue are.
        model: a trained model; None measures the baseline alone.
        seed: of the shifts, which depend on it and on the clip's name.
        source: where the clip comes from.
        cue: how well a person sees its sync.
        offset_seconds: by how much its sound comes early.

    Raises:
        MediaError: the clip cannot be read, or has no picture or no sound.
    """
    clip = encoded_clip(path, model)
    if len(clip.change) < LEAST_SECONDS * FRAME_RATE:
        return []
    offsets = []
    for shift in (0.0, *known_shifts(path, seed)):
        found = dict(_found(clip, model, shift))
        guesses = {method: _guess(answer) for method, answer in found.items()}
        sure = {method: answer.confidence for method, answer in found.items()}
        reasons = {method: answer.reason for method, answer in found.items()}
        offsets.append(ClipOffset(path, kind, shift, guesses, sure, reasons, source, cue, offset_seconds))
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
class EncodedClip:
    """A clip in memory, so that its sound can be moved without reading its picture again.

    Attributes:
        change: of each frame, as PictureActivity gives it, [T].
        largest: likewise, [T].
        samples: at 16 kHz, [N].
        pictures: embeddings of its windows, [W, D]; None without a model.
        parts: of parts of its picture, [parts, W, D]; None as in `Features`.
    """

    change: NDArray[np.float64]
    largest: NDArray[np.float64]
    samples: NDArray[np.float32]
    pictures: Embeddings | None
    parts: NDArray[np.float16] | None = None

    def shifted(self, seconds: float) -> EncodedClip:
        """The clip with its sound made early; both are cut to what they still share, at a whole frame."""
        first = math.ceil(max(0.0, -seconds) * FRAME_RATE)
        samples = self.samples[sample_at(first / FRAME_RATE + seconds) :]
        pictures = None if self.pictures is None else self.pictures[first:]
        parts = None if self.parts is None else self.parts[:, first:]
        return EncodedClip(self.change[first:], self.largest[first:], samples, pictures, parts)

    def power(self) -> NDArray[np.float64]:
        """Power of the sound during each frame, [T]."""
        sound = SoundActivity()
        for _ in sound.watching([self.samples]):
            pass
        return sound.power

    def features(self, model: SyncModel) -> Features:
        """As film_features would give them: the embeddings of the picture are at hand, the sound is encoded anew."""
        from avts.model.dense import sound_windows

        assert self.pictures is not None
        frames = round(model.window_seconds * FRAME_RATE)
        encoded = sound_windows(model.network, self.samples, window_seconds=model.window_seconds)
        power = self.power()
        pictures, sounds = self.pictures, kept(encoded, model.network)
        moving, heard = moving_windows(self.largest, frames), audible_windows(power, frames)
        count = min(len(pictures), len(sounds), len(moving), len(heard))
        pictures, sounds, moving, heard = pictures[:count], sounds[:count], moving[:count], heard[:count]
        compare = comparison(model.network, pictures, sounds)
        parts = None if self.parts is None else self.parts[:, :count]
        return Features(pictures, sounds, moving, heard, model.window_seconds, self.change, power, compare, parts)


def encoded_clip(path: Path, model: SyncModel | None) -> EncodedClip:
    """Read a clip once.

    Raises:
        MediaError: the clip cannot be read, or has no picture or no sound.
    """
    film, activity, whole = FileFilm(path), PictureActivity(), PictureInParts()
    chunks = whole.watching(activity.watching(film.pictures()))
    pictures: Embeddings | None = None
    parts: NDArray[np.float16] | None = None
    if model is None:
        for _ in chunks:
            pass
    else:
        from avts.model.dense import picture_windows

        seconds = model.window_seconds
        embedded = picture_windows(model.network, chunks, window_seconds=seconds, threads=model.threads)
        pictures = kept(embedded, model.network)
        if model.in_parts:
            count, threads = len(pictures), model.threads
            parts = kept_parts(whole, model.network, count, window_seconds=seconds, threads=threads)
    return EncodedClip(activity.change, activity.largest, np.concatenate(list(film.sounds())), pictures, parts)


def _found(clip: EncodedClip, model: SyncModel | None, shift_seconds: float) -> Iterator[tuple[str, OffsetEstimate]]:
    """What each method finds when the sound comes early by a shift."""
    clip = clip.shifted(shift_seconds)
    if model is not None:
        calibration = model.calibration or MODEL
        features = clip.features(model)
        yield "model", scan_and_estimate(features, range_seconds=SEARCH_SECONDS, calibration=calibration)[1]
    power = clip.power()
    scan = motion_scan(clip.change, power, largest=clip.largest, range_seconds=SEARCH_SECONDS)
    yield "motion", motion_estimate(clip.change, power, scan)


def _guess(answer: OffsetEstimate) -> float:
    """The best guess, sure or not; NaN if there was nothing to compare."""
    return answer.offset_seconds if answer.num_windows else float("nan")
