"""One clock: exact seconds to frame or sample and back, half-open spans, and the sign of an offset.

Seconds cross function boundaries; frame and sample indices stay inside one function.
The standard form of the project is FRAME_RATE frames and SAMPLE_RATE samples a second, both starting at 0 s.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

FRAME_RATE = 24
"""Frames a second of the standard form."""

SAMPLE_RATE = 16_000
"""Sound samples a second of the standard form."""


@dataclass(frozen=True, order=True)
class Span:
    """A half-open stretch of time, from start_seconds up to but not including stop_seconds."""

    start_seconds: float
    stop_seconds: float

    @property
    def duration_seconds(self) -> float:
        """Length in seconds."""
        return self.stop_seconds - self.start_seconds

    def gap_seconds(self, other: Span) -> float:
        """Time between the nearer edges of two spans in seconds; negative is the length of their overlap."""
        return max(other.start_seconds - self.stop_seconds, self.start_seconds - other.stop_seconds)


def frame_at(seconds: float) -> int:
    """Index of the standard-form frame nearest to a time in seconds."""
    return round(seconds * FRAME_RATE)


def frames_lasting(seconds: float) -> int:
    """The least number of standard-form frames that lasts at least so long."""
    return math.ceil(seconds * FRAME_RATE - 1e-6)


def sample_at(seconds: float) -> int:
    """Index of the standard-form sample nearest to a time in seconds."""
    return round(seconds * SAMPLE_RATE)


def offset_in_words(offset_seconds: float, *, about: bool = False) -> str:
    """Say an offset the way people do: 'sound 120 ms early', 'sound 80 ms late', 'in sync'.

    offset_seconds > 0 means that the sound comes early (it leads the picture); the repair delays it by that much.

    Args:
        offset_seconds: the offset.
        about: say that it is uncertain: 'sound about 120 ms early', 'perhaps in sync'.
    """
    milliseconds = round(abs(offset_seconds) * 1000)
    if milliseconds == 0:
        return "perhaps in sync" if about else "in sync"
    return f"sound {'about ' if about else ''}{milliseconds} ms {'early' if offset_seconds > 0 else 'late'}"
