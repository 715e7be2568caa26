"""Where the clock of a file breaks, found once a file; for readers that go on where a player goes on."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
from av.packet import Packet

from avts.media.clock import ClockBreak, breaks_among, stamp_of, tracks_in
from avts.media.source import opened

WHOLE_CLOCK = ("mov", "avi", "gif", "wav", "image2")
"""Demuxers whose time comes from one table or from counting, which cannot leap back."""

KEPT_FILES = 256
"""Files whose breaks are remembered: picture and sound are read one after the other."""

_known: dict[tuple[str, int, int], tuple[ClockBreak, ...]] = {}


def played_breaks(path: Path, alive: Callable[[], None] = lambda: None) -> tuple[ClockBreak, ...]:
    """The breaks in the clock of a file; reads all packets of containers that can have some, once for each file.

    Args:
        path: a media file that opens.
        alive: called now and then while it is read.
    """
    state = os.stat(path)
    key = (str(path.absolute()), state.st_size, state.st_mtime_ns)
    if key not in _known:
        if len(_known) == KEPT_FILES:
            _known.clear()
        _known[key] = _found(path, alive)
    return _known[key]


def in_words(found: ClockBreak) -> str:
    """A break in words: 'clock breaks at 12.3 s: the stamps jump by 30.0 s'."""
    way = "jump by" if found.jump_seconds > 0 else "go back by"
    return f"clock breaks at {found.at_seconds:.1f} s: the stamps {way} {abs(found.jump_seconds):.1f} s"


def _found(path: Path, alive: Callable[[], None]) -> tuple[ClockBreak, ...]:
    with opened(path) as container:
        if any(part in WHOLE_CLOCK for part in container.format.name.split(",")):
            return ()
        tracks = tracks_in(container)
        packets = container.demux([container.streams[index] for index in tracks])
        while (packet := _next(packets)) is not None:
            stamp = stamp_of(packet) if packet.size else None
            if stamp is not None:
                tracks[packet.stream_index].see(stamp, (packet.duration or 0) * packet.time_base)
            alive()
    found = breaks_among([track for track in tracks.values() if track.start is not None])
    # one stream that leaps back alone: B-frames of a slide show do that in containers without decoding times
    return tuple(each for each in found if each.shift_seconds is not None)


def _next(packets: Iterator[Packet[Any]]) -> Packet[Any] | None:
    try:
        return next(packets, None)
    except (av.error.FFmpegError, OSError):  # the container breaks off here
        return None
