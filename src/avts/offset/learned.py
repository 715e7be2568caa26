"""When pictures are shown whose container does not say it: learned from the order in which a decoder shows them.

AVI stores decoding times only, and what FFmpeg guesses from them is wrong wherever pictures are reordered.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.packet import Packet

from avts.errors import MediaError
from avts.offset.reels import Reel, Reels, open_source, packets_of

NO_TIMES = frozenset({"avi"})
"""Containers that store no presentation times."""

REORDERED = frozenset({"h264", "hevc", "mpeg4", "mpeg1video", "mpeg2video", "vc1", "wmv3", "vvc", "cavs"})
"""Codecs whose pictures may be stored in another order than they are shown."""


def learned_times(path: Path, reels: Reels) -> dict[int, list[Fraction]]:
    """Time at which each packet is shown, of the picture streams that do not say it; empty for most files.

    Args:
        path: a media file.
        reels: its packets.

    Returns:
        By the stream's index, a time for each packet in the order stored, in seconds on the file's own clock.

    Raises:
        MediaError: pictures do not decode, so that nothing says when they are shown.
    """
    return {
        index: _learned(path, index, reels)
        for index, reel in reels.by_index.items()
        if reel.kind == "video" and not reel.is_cover and _is_silent(reel, reels)
    }


def _is_silent(reel: Reel, reels: Reels) -> bool:
    guessed = reels.container in NO_TIMES and reel.codec in REORDERED
    return guessed or bool(np.isnan(reel.times).any())


def _learned(path: Path, index: int, reels: Reels) -> list[Fraction]:
    """Decode a stream with the number of each packet in the place of its time."""
    stamps: list[tuple[Fraction | None, Fraction | None]] = []
    order: list[int] = []
    with open_source(path) as container:
        stream: Any = container.streams[index]
        for packet in packets_of(container, reels.breaks):
            if packet.stream_index != index:
                continue
            pts, dts = (None if stamp is None else stamp * packet.time_base for stamp in (packet.pts, packet.dts))
            stamps.append((None if reels.container in NO_TIMES else pts, pts if dts is None else dts))
            packet.pts = packet.dts = len(stamps) - 1
            order += _shown_by(packet)
        order += [frame.pts for frame in stream.codec_context.decode(None)]
    if sorted(order) != list(range(len(stamps))):
        raise MediaError(
            f"{path.name}: {len(stamps) - len(set(order))} of its {len(stamps)} pictures do not decode, and its "
            "container does not say when they are shown. Encode it again first."
        )
    times = _times(stamps, order)
    if times is None:
        raise MediaError(f"{path.name}: the times of its pictures contradict each other. Encode it again first.")
    return times


def _shown_by(packet: Packet[Any]) -> list[int]:
    try:
        return [frame.pts for frame in packet.decode() if frame.pts is not None]
    except (av.FFmpegError, ValueError):
        return []


def _times(stamps: list[tuple[Fraction | None, Fraction | None]], order: list[int]) -> list[Fraction] | None:
    """Presentation times by packet: those known; without any, the decoding times in the order shown."""
    shown: list[Fraction | None] = [stamps[number][0] for number in order]
    if not any(time is not None for time in shown):
        slots = sorted(dts for _, dts in stamps if dts is not None)
        shown = list(slots) if len(slots) == len(order) else shown
    filled = _filled(shown)
    if any(later <= earlier for earlier, later in pairwise(filled)):
        return None
    times = [Fraction(0)] * len(order)
    for number, time in zip(order, filled, strict=True):
        times[number] = time
    return times


def _filled(shown: list[Fraction | None]) -> list[Fraction]:
    """Times in the order shown; those unknown lie evenly between their neighbours; zeros with fewer than two known."""
    known = [(number, time) for number, time in enumerate(shown) if time is not None]
    if len(known) < 2:
        return [Fraction(0)] * len(shown)
    filled = []
    edge = 1
    for number, time in enumerate(shown):
        while edge < len(known) - 1 and known[edge][0] < number:
            edge += 1
        (before, low), (after, high) = known[edge - 1], known[edge]
        filled.append(time if time is not None else low + (high - low) * (number - before) / (after - before))
    return filled
