"""What is synchronised: a media file, or arrays in memory, as streams of the standard form.

Input: a path, or frames and samples with their rates. Output: chunks of planes, then chunks of samples, t = 0 at the
first frame. Nothing is kept: a film can be read again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Protocol, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from avts.errors import UsageError
from avts.jobs.pool import beat, rest
from avts.media.downmix import mixed
from avts.media.frames import CHUNK_FRAMES, NearestFrames, even
from avts.media.limits import UNLIMITED, Guard
from avts.media.planes import Planes
from avts.media.probe import probe
from avts.media.standard import SHORT_SIDE, standard_frames, standard_sound
from avts.timebase import FRAME_RATE, SAMPLE_RATE, sample_at

Arrays = tuple[NDArray[np.uint8], float, NDArray[np.floating], int]
"""Frames [T, H, W] or [T, H, W, 3] (RGB), frames a second, samples [N] or [N, channels] of full scale 1, their rate."""


ChunkT = TypeVar("ChunkT")

LONG_SECONDS = 60
"""Minimum length of a film for which progress is reported."""

REST_SECONDS = 3600.0
"""Once a film is read, a worker process need give no sign of life for this long: maps, plots and repairs take time."""

CHUNKS_AHEAD = 2
"""Chunks decoded before they are asked for: 4 s of picture."""


class Film(Protocol):
    """Picture and sound on one clock; the picture is read first, since it sets the length."""

    @property
    def name(self) -> str:
        """What to call it in messages."""

    def pictures(self) -> Iterator[Planes]:
        """Chunks of the picture at 24 frames a second."""

    def sounds(self) -> Iterator[NDArray[np.float32]]:
        """Chunks of the sound at 16 kHz, as long as the picture; call after the picture was read to its end."""


class FileFilm:
    """A media file.

    Reading raises MediaError if it has no picture, no sound, or does not decode.

    Args:
        path: where it is.
        on_progress: called with (seconds read, seconds) while the picture is read.
        on_pictures: called with each chunk of the picture before it is handed on.
        least_seconds: minimum length of a film for which on_progress is called.
    """

    def __init__(
        self,
        path: Path,
        *,
        on_progress: Callable[[int, int], None] | None = None,
        on_pictures: Callable[[Planes], None] | None = None,
        least_seconds: float = LONG_SECONDS,
    ) -> None:
        self.path, self._on_progress, self._on_pictures = path, on_progress, on_pictures
        self._least_seconds = least_seconds
        self._guard = Guard(path.name, UNLIMITED, beat)
        self._start_seconds = 0.0
        self._duration_seconds = 0.0

    @property
    def name(self) -> str:
        """The path as it was given."""
        return str(self.path)

    def pictures(self) -> Iterator[Planes]:
        """Decode the picture, chunk by chunk."""
        frames = standard_frames(self.path, guard=self._guard)
        yield from self._watched(ahead(frames))
        self._start_seconds = frames.start_seconds
        self._duration_seconds = frames.num_frames / FRAME_RATE

    def _watched(self, chunks: Iterator[Planes]) -> Iterator[Planes]:
        """The same chunks, with calls of on_pictures and on_progress."""
        total = round(probe(self.path).duration_seconds) if self._on_progress else 0
        frames = 0
        for chunk in chunks:
            if self._on_pictures:
                self._on_pictures(chunk)
            yield chunk
            frames += len(chunk.y)
            if self._on_progress and total >= max(1, self._least_seconds):
                self._on_progress(min(round(frames / FRAME_RATE), total), total)

    def sounds(self) -> Iterator[NDArray[np.float32]]:
        """Decode the sound, chunk by chunk."""
        start, duration = self._start_seconds, self._duration_seconds
        sound = standard_sound(self.path, start_seconds=start, duration_seconds=duration, guard=self._guard)
        yield from ahead(sound)
        rest(REST_SECONDS)


class ArrayFilm:
    """Frames and samples in memory, both starting at 0 s.

    Args:
        frames: uint8 [T, H, W] luminance, or [T, H, W, 3] RGB.
        frames_per_second: of the frames.
        samples: [N], or [N, channels]; floating-point, full scale 1.
        sample_rate: of the samples.
        name: what to call it in messages.

    Raises:
        UsageError: an array of another shape or type, nothing in it, or a rate that is not positive.
    """

    def __init__(
        self,
        frames: NDArray[np.uint8],
        frames_per_second: float,
        samples: NDArray[np.floating],
        sample_rate: int,
        *,
        name: str = "arrays",
    ) -> None:
        _check_arrays(frames, frames_per_second, samples, sample_rate)
        self._frames, self._rate = frames, frames_per_second
        self._samples, self._sample_rate = samples, sample_rate
        self._name = name

    @property
    def name(self) -> str:
        """What it was named."""
        return self._name

    def pictures(self) -> Iterator[Planes]:
        """Scale and choose frames, chunk by chunk."""
        shown = self._shown()
        height, width = self._frames.shape[1:3]
        scale = SHORT_SIDE / min(height, width)
        size = (even(width * scale), even(height * scale))
        for first in range(0, len(shown), CHUNK_FRAMES):
            chosen = shown[first : first + CHUNK_FRAMES]
            yield Planes.join([_planes_of(self._frames[index], size) for index in chosen])

    def sounds(self) -> Iterator[NDArray[np.float32]]:
        """The whole sound as one chunk, resampled, cut or padded to the picture."""
        samples = np.asarray(self._samples, np.float32)
        rate = round(self._sample_rate)
        samples = samples if samples.ndim == 1 else mixed(samples.T, rate)
        if rate != SAMPLE_RATE and len(samples):
            from scipy.signal import resample_poly  # here, because it costs half as much as torch, and files need none

            common = int(np.gcd(rate, SAMPLE_RATE))
            samples = resample_poly(samples, SAMPLE_RATE // common, rate // common).astype(np.float32)
        whole = np.zeros(sample_at(len(self._shown()) / FRAME_RATE), np.float32)
        count = min(len(whole), len(samples))
        whole[:count] = samples[:count]
        yield whole

    def _shown(self) -> list[int]:
        """Index of the frame that each frame at 24 a second shows, the nearest in time."""
        nearest = NearestFrames(FRAME_RATE)
        shown: list[int] = []
        for index in range(len(self._frames) - 1):
            stop = nearest.stop_before((index + 1) / self._rate, index / self._rate)
            shown += [index] * (stop - len(shown))
        total = max(1, round(len(self._frames) / self._rate * FRAME_RATE))
        return shown[:total] + [len(self._frames) - 1] * (total - len(shown))


def _check_arrays(
    frames: NDArray[np.uint8], frames_per_second: float, samples: NDArray[np.floating], sample_rate: int
) -> None:
    """Raise UsageError for arrays that are no film."""
    if frames.dtype != np.uint8 or not (frames.ndim == 3 or (frames.ndim == 4 and frames.shape[3] == 3)):
        raise UsageError(
            f"frames are {frames.dtype} {list(frames.shape)}. Give uint8 [T, H, W] luminance or [T, H, W, 3] RGB"
        )
    if not np.issubdtype(samples.dtype, np.floating) or samples.ndim not in {1, 2}:
        raise UsageError(
            f"samples are {samples.dtype} {list(samples.shape)}. Give floating-point [N] or [N, channels], full scale 1"
        )
    if not frames.size:
        raise UsageError(f"frames are {list(frames.shape)}: they contain no picture. Give at least one frame")
    for rate, what in ((frames_per_second, "frames_per_second"), (sample_rate, "sample_rate")):
        if not 0 < rate < np.inf:
            raise UsageError(f"{what} is {rate}. Give a number above 0")


def _planes_of(frame: NDArray[np.uint8], size: tuple[int, int]) -> Planes:
    """One frame [H, W] or [H, W, 3] as planes of a size (width, height)."""
    scaled = cv2.resize(frame, size, interpolation=cv2.INTER_AREA if size[0] < frame.shape[1] else cv2.INTER_CUBIC)
    if scaled.ndim == 2:
        half = np.full((1, size[1] // 2, size[0] // 2), 128, np.uint8)
        luma = np.round(16 + scaled.astype(np.float32) * (219 / 255)).astype(np.uint8)
        return Planes(luma[None], half, half)
    planar = cv2.cvtColor(scaled, cv2.COLOR_RGB2YUV_I420).reshape(-1)
    pixels = size[0] * size[1]
    y, u, v = planar[:pixels], planar[pixels : pixels * 5 // 4], planar[pixels * 5 // 4 :]
    half_shape = (1, size[1] // 2, size[0] // 2)
    return Planes(
        np.asarray(y.reshape(1, size[1], size[0]), np.uint8),
        np.asarray(u.reshape(half_shape), np.uint8),
        np.asarray(v.reshape(half_shape), np.uint8),
    )


def ahead(chunks: Iterable[ChunkT]) -> Iterator[ChunkT]:
    """The same chunks, made in a thread while those before them are worked on; an error comes where its chunk would."""
    iterator = iter(chunks)
    with ThreadPoolExecutor(1) as pool:
        waiting = deque(pool.submit(next, iterator, None) for _ in range(CHUNKS_AHEAD))
        while (chunk := waiting.popleft().result()) is not None:
            waiting.append(pool.submit(next, iterator, None))
            yield chunk


def film_of(source: Path | str | Arrays) -> Film:
    """The film of a path, or of (frames, frames_per_second, samples, sample_rate)."""
    return ArrayFilm(*source) if isinstance(source, tuple) else FileFilm(Path(source))
