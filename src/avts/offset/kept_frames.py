"""A few frames spread evenly over a film, kept while the film is read once.

Input: chunks of planes as they go by. Output: frames with their times. The length need not be known beforehand, and
memory does not grow with the film.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from avts.media.planes import Planes
from avts.timebase import FRAME_RATE

OVERSAMPLING = 8
"""Frames kept for each one that is chosen, at most: a chosen frame is off its place by 1/8 of the step or less."""


@dataclass(frozen=True)
class TimedPlanes:
    """Frames with their times.

    Attributes:
        planes: [T, H, W] and twice [T, H/2, W/2].
        times_seconds: from the first frame of the film, [T].
        duration_seconds: of the whole film.
    """

    planes: Planes
    times_seconds: tuple[float, ...]
    duration_seconds: float


class KeptFrames:
    """Keeps every n-th frame of a film; n doubles whenever too many are kept.

    Args:
        num_frames: how many `chosen` gives, at least 1.
    """

    def __init__(self, num_frames: int) -> None:
        self._wanted = num_frames
        self._step = 1
        self._seen = 0
        self._kept: list[Planes] = []

    def see(self, chunk: Planes) -> None:
        """Take note of the next frames of the film; what is kept is copied."""
        for place in range(-self._seen % self._step, chunk.num_frames, self._step):
            if (self._seen + place) % self._step:
                continue  # the step has doubled within this chunk
            frame = chunk.part(place, place + 1)
            self._kept.append(Planes(frame.y.copy(), frame.u.copy(), frame.v.copy()))
            if len(self._kept) > OVERSAMPLING * self._wanted:
                self._kept, self._step = self._kept[::2], 2 * self._step
        self._seen += chunk.num_frames

    def chosen(self) -> TimedPlanes | None:
        """The frames nearest to the middles of equal parts of the film; None if there was no frame."""
        if not self._kept:
            return None
        count = min(self._wanted, len(self._kept))
        middles = (np.arange(count) + 0.5) * self._seen / count - 0.5
        places = np.clip(np.round(middles / self._step).astype(int), 0, len(self._kept) - 1).tolist()
        times = tuple(place * self._step / FRAME_RATE for place in places)
        return TimedPlanes(Planes.join([self._kept[place] for place in places]), times, self._seen / FRAME_RATE)
