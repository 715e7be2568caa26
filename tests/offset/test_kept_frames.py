"""The frames of a film that are kept for its thumbnails."""

import numpy as np
import pytest

from avts.media.planes import Planes
from avts.offset.kept_frames import OVERSAMPLING, KeptFrames

WANTED = 6


def numbered(first: int, stop: int) -> Planes:
    """Frames of 2 x 4 pixels whose pixels spell their number to base 256."""
    numbers = np.arange(first, stop)
    y = np.zeros((len(numbers), 2, 4), np.uint8)
    y[:, 0, 0], y[:, 0, 1] = numbers % 256, numbers // 256
    half = np.full((len(numbers), 1, 2), 128, np.uint8)
    return Planes(y, half, half)


def kept(num_frames: int, chunk: int = 48) -> KeptFrames:
    frames = KeptFrames(WANTED)
    for first in range(0, num_frames, chunk):
        frames.see(numbered(first, min(first + chunk, num_frames)))
    return frames


@pytest.mark.parametrize("num_frames", [1, 5, 6, 7, 48, 49, 50, 96, 97, 1000, 36_001])
@pytest.mark.parametrize("chunk", [1, 7, 48])
def test_the_frames_are_the_middles_of_equal_parts_and_have_their_own_times(num_frames: int, chunk: int) -> None:
    chosen = kept(num_frames, chunk).chosen()
    assert chosen is not None
    count = min(WANTED, num_frames)
    assert chosen.planes.num_frames == len(chosen.times_seconds) == count
    shown = chosen.planes.y[:, 0, 0] + 256 * chosen.planes.y[:, 0, 1].astype(int)
    assert np.allclose(shown / 24, chosen.times_seconds)
    part = num_frames / count
    middles = (np.arange(count) + 0.5) * part - 0.5
    assert np.abs(shown - middles).max() <= max(0.5, part / OVERSAMPLING)
    assert len(set(shown.tolist())) == count
    assert chosen.duration_seconds == pytest.approx(num_frames / 24)


def test_memory_does_not_grow_with_the_film() -> None:
    frames = KeptFrames(WANTED)
    for first in range(0, 60_000, 48):
        frames.see(numbered(first, first + 48))
        assert len(frames._kept) <= OVERSAMPLING * WANTED


def test_a_kept_frame_does_not_change_with_the_readers_memory() -> None:
    chunk, frames = numbered(0, 3), KeptFrames(WANTED)
    frames.see(chunk)
    chunk.y[:] = 255
    chosen = frames.chosen()
    assert chosen is not None
    assert chosen.planes.y[:, 0, 0].tolist() == [0, 1, 2]


def test_a_film_without_a_frame_gives_none() -> None:
    assert KeptFrames(WANTED).chosen() is None
