"""How long a file is: what its container says, unless that cannot be; then what its packets say.

In Matroska, FLV and ASF the length is a number in the header that nothing else depends on, so players play a file to
its end whatever is written there.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer

from avts.media.clock import is_timed, stamp_of

SHORT_SECONDS = 1.0
"""A length below this is looked at: nothing shorter is of use, so it should not be a slip of the pen."""

LEAST_BITS_PER_SECOND = 1000.0
"""A file that would hold less than this for each second is looked at; sound alone takes several times as much."""

TABLES = ("mp4", "avi")
"""Demuxers whose length comes from the tables by which they find their packets."""


def length_of(container: InputContainer) -> float:
    """Length of an open file in seconds, 0 if it does not say one; its packets stay where they are."""
    said = container.duration / av.time_base if container.duration else 0.0
    path = Path(container.name.removeprefix("file:"))
    if not said or any(name in container.format.name for name in TABLES):
        return said
    if said >= SHORT_SECONDS and path.stat().st_size * 8 >= LEAST_BITS_PER_SECOND * said:
        return said
    return _held_seconds(path)


def _held_seconds(path: Path) -> float:
    """From the first picture or sound of a file to the end of the last one, by its packets."""
    first: Fraction | None = None
    end = Fraction(0)
    with av.open(f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="replace") as container:
        packets = container.demux([stream for stream in container.streams if is_timed(stream)])
        try:
            for packet in packets:
                stamp = stamp_of(packet) if packet.size else None
                if stamp is not None:
                    first = stamp if first is None else min(first, stamp)
                    end = max(end, stamp + (packet.duration or 0) * packet.time_base)
        except (av.FFmpegError, OSError):  # the container breaks off here
            pass
    return float(end - first) if first is not None else 0.0
