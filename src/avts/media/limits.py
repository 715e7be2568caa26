"""How much a media file may ask for before it is refused: pixels of a picture, seconds, bytes once decoded.

A file of a few kilobytes can hold years of one grey picture. Limits are asked for by whoever reads files of strangers.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable
from dataclasses import dataclass

from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from avts.errors import LimitError
from avts.media.downmix import num_bytes

MAX_PIXELS = 8192 * 4352
"""Pixels of one picture: 8K of cinema, 8192 x 4320, in whole blocks."""

MAX_DURATION_SECONDS = 6 * 3600.0
"""Seconds of one file."""

MAX_DECODED_BYTES = 4 * 2**40
"""Bytes of all decoded frames of one file: six hours of 1080p at 30 frames a second are 2.0e12."""


@dataclass(frozen=True)
class Limits:
    """What one file may hold: pixels of a picture, seconds taken of it, bytes of its decoded frames and samples."""

    max_pixels: int = MAX_PIXELS
    max_duration_seconds: float = MAX_DURATION_SECONDS
    max_decoded_bytes: int = MAX_DECODED_BYTES


UNLIMITED = Limits(max_pixels=sys.maxsize, max_duration_seconds=math.inf, max_decoded_bytes=sys.maxsize)
"""For readers that want a guard's signs of life alone."""


class Guard:
    """Watches one file being decoded: counts what comes out, and tells others that the decoder is at work."""

    def __init__(self, name: str, limits: Limits, alive: Callable[[], None] | None = None) -> None:
        self._name = name
        self._limits = limits
        self._alive = alive
        self._decoded_bytes = 0

    def before(self, stream: VideoStream, declared_seconds: float) -> None:
        """Check what the file says of itself, before a picture is decoded.

        Raises:
            LimitError: it says more than is allowed.
        """
        self._check_size(stream.codec_context.width, stream.codec_context.height)
        self.check_duration(declared_seconds)

    def see(self, frame: VideoFrame | AudioFrame) -> None:
        """Count a decoded frame or block.

        Raises:
            LimitError: it is too large, or all of them are.
        """
        if isinstance(frame, VideoFrame):
            self._check_size(frame.width, frame.height)
            self._decoded_bytes += sum(plane.buffer_size for plane in frame.planes)
        else:
            self._decoded_bytes += num_bytes(frame)
        if self._decoded_bytes > self._limits.max_decoded_bytes:
            raise LimitError(
                f"{self._name}: more than {self._limits.max_decoded_bytes} bytes once decoded. "
                "Cut it into parts, or raise the limit."
            )
        self.beat()

    def check_duration(self, seconds: float) -> None:
        """Check a length.

        Raises:
            LimitError: it is too long.
        """
        if seconds > self._limits.max_duration_seconds:
            raise LimitError(
                f"{self._name}: lasts {seconds:.0f} s, more than the {self._limits.max_duration_seconds:.0f} allowed. "
                "Cut it into parts, or raise the limit."
            )

    def beat(self) -> None:
        """Tell that the decoder gave something."""
        if self._alive is not None:
            self._alive()

    def _check_size(self, width: int, height: int) -> None:
        if width * height > self._limits.max_pixels:
            raise LimitError(
                f"{self._name}: {width} x {height} pixels, more than the {self._limits.max_pixels} allowed. "
                "Scale it down, or raise the limit."
            )


def alive_of(guard: Guard | None) -> Callable[[], None]:
    """The function to call while something else than frames is read for a guarded file."""
    return guard.beat if guard is not None else lambda: None
