"""The packets of a file as a player plays them: when each is shown, and a digest of what it holds.

Input: a media file. Output: for each stream its times and what its packets hold. Nothing is decoded, except pictures
whose container does not say when they are shown (offset.learned).
"""

from __future__ import annotations

import zlib
from array import array
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.bitstream import BitStreamFilterContext
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition, Stream
from numpy.typing import NDArray

from avts.errors import MediaError
from avts.media.clock import ClockBreak, PlayedClock, breaks_among, stamp_of, tracks_in
from avts.offset.essence import Essence

UNKNOWN = float("nan")

HEARD_BEFORE_SECONDS = 0.1
"""Hidden sound this far before the first that is heard is a decoder's run-up; what is earlier was cut off."""


@dataclass
class Reel:
    """What one stream holds, packet by packet in the order stored.

    times: when each packet is shown, in seconds on the file's own clock (NaN: it does not say); sizes: in bytes;
    digests: of each; hidden: 1 for packets that are only decoded (an edit list cuts them off); whole: digest of all
    payloads joined.
    """

    kind: str
    codec: str
    is_cover: bool
    times: array[float] = field(default_factory=lambda: array("d"))
    sizes: array[int] = field(default_factory=lambda: array("q"))
    digests: array[int] = field(default_factory=lambda: array("Q"))
    hidden: array[int] = field(default_factory=lambda: array("b"))
    whole: int = 0

    def add(self, seconds: float, payload: bytes, hidden: bool) -> None:
        """Append a packet."""
        self.times.append(seconds)
        self.sizes.append(len(payload))
        self.digests.append(zlib.crc32(payload))
        self.hidden.append(hidden)
        self.whole = zlib.crc32(payload, self.whole)

    @property
    def name(self) -> str:
        """The stream in words: 'video h264'."""
        return f"{self.kind} {self.codec}"

    def first_shown(self) -> float:
        """When its first packet is shown, in seconds; NaN if that is not known or it is a cover."""
        known = self.known()
        return float(known.min()) if len(known) and not self.is_cover else UNKNOWN

    def known(self) -> NDArray[np.float64]:
        """Times of the packets that are shown, where they are known."""
        times = np.asarray(self.times, np.float64)[~np.asarray(self.hidden, bool)]
        finite: NDArray[np.float64] = times[np.isfinite(times)]
        return finite


@dataclass(frozen=True)
class Reels:
    """A file's streams by their index; the breaks of its clock; the time on its clock at which a player shows 0."""

    by_index: dict[int, Reel]
    breaks: tuple[ClockBreak, ...]
    container: str

    @property
    def start_seconds(self) -> float:
        """When the first picture or sound is shown."""
        starts = [reel.first_shown() for reel in self.by_index.values() if reel.kind in {"video", "audio"}]
        return float(np.nanmin(starts)) if any(np.isfinite(starts)) else 0.0


@contextmanager
def open_source(path: Path) -> Iterator[InputContainer]:
    """Open a file to read its packets.

    Raises:
        MediaError: it is not a media file.
    """
    try:
        # 'file:' keeps a name like 'a: b.mp4' from being read as a protocol; the whitelist keeps a playlist off the net
        container = av.open(f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="replace")
    except (av.FFmpegError, OSError, ValueError) as error:
        words = getattr(error, "strerror", None) or str(error)
        raise MediaError(f"{path.name}: cannot be read as a media file ({words}). Nothing to repair.") from error
    with container:
        yield container


def read_reels(path: Path, *, essence_only: bool = False) -> Reels:
    """Read the packets of a file.

    Args:
        path: a media file.
        essence_only: leave out of the digests what muxers add or re-word.

    Raises:
        MediaError: it is not a media file, or its clock breaks in a way that no player can follow.
    """
    with open_source(path) as container:
        tracks = tracks_in(container)

        def see(packet: Packet[Any]) -> None:
            stamp = stamp_of(packet)
            if packet.stream_index in tracks and stamp is not None:
                tracks[packet.stream_index].see(stamp, (packet.duration or 0) * packet.time_base)

        reels = _read(container, (), essence_only, see)
    breaks = breaks_among([track for track in tracks.values() if track.start is not None])
    if not breaks:
        return reels
    _check_breaks(path, breaks)
    with open_source(path) as container:
        return replace(_read(container, breaks, essence_only), breaks=breaks)


def _read(
    container: InputContainer,
    breaks: tuple[ClockBreak, ...],
    essence_only: bool,
    see: Callable[[Packet[Any]], None] | None = None,
) -> Reels:
    payload_of = Essence(container) if essence_only else bytes
    by_index: dict[int, Reel] = {}
    for packet in packets_of(container, breaks):
        if see is not None:
            see(packet)
        reel = by_index.get(packet.stream_index) or _reel_of(packet.stream)
        by_index[packet.stream_index] = reel
        stamp = packet.pts if packet.pts is not None or reel.kind == "video" else packet.dts
        seconds = UNKNOWN if stamp is None else float(stamp * packet.time_base)
        reel.add(seconds, payload_of(packet), packet.is_discard)
    return Reels(dict(sorted(by_index.items())), (), container.format.name)


def _reel_of(stream: Stream) -> Reel:
    return Reel(stream.type, codec_of(stream), bool(stream.disposition & Disposition.attached_pic))


def codec_of(stream: Stream) -> str:
    """Name of a stream's codec, 'unknown' if FFmpeg does not know it."""
    context = getattr(stream, "codec_context", None)
    if context is not None:
        return str(context.codec.canonical_name)
    return str(getattr(stream, "name", None) or "unknown")


def packets_of(
    container: InputContainer, breaks: tuple[ClockBreak, ...], *, unpack: bool = True
) -> Iterator[Packet[Any]]:
    """The packets of a file that hold something, in its order, on the player's clock.

    Sound that an edit list cuts off is left out, but for what a decoder needs to begin.

    Args:
        container: a file just opened.
        breaks: of its clock.
        unpack: part pictures that DivX packs into one packet.
    """
    clock = PlayedClock(container, breaks)
    waiting: dict[int, list[Packet[Any]]] = {}
    for packet in _unpacked(container, unpack):
        _play(packet, clock)
        if packet.stream.type == "audio" and packet.is_discard:
            waiting.setdefault(packet.stream_index, []).append(packet)
            continue
        for earlier in waiting.pop(packet.stream_index, ()):
            if _seconds_between(earlier, packet) < HEARD_BEFORE_SECONDS:
                yield earlier
        yield packet


def _unpacked(container: InputContainer, unpack: bool) -> Iterator[Packet[Any]]:
    """Packets as stored, but DivX's: it packs two pictures into one packet, other containers and decoders take one."""
    filters = {
        stream.index: BitStreamFilterContext("mpeg4_unpack_bframes", in_stream=stream)
        for stream in container.streams.video
        if unpack and codec_of(stream) == "mpeg4"
    }
    for packet in container.demux([stream for stream in container.streams if stream.type != "attachment"]):
        stream = packet.stream
        if packet.stream_index not in filters:
            if packet.size:
                yield packet
            continue
        for single in filters[packet.stream_index].filter(packet if packet.size else None):
            single.stream = stream
            if single.size:
                yield single


def _seconds_between(one: Packet[Any], other: Packet[Any]) -> float:
    if one.pts is None or other.pts is None:
        return 0.0
    return float((other.pts - one.pts) * one.time_base)


def _play(packet: Packet[Any], clock: PlayedClock) -> None:
    """Put a packet at the time at which a player shows it."""
    shift = clock.shift_of(packet)
    if shift:
        ticks = round(shift / packet.time_base)
        packet.pts = None if packet.pts is None else packet.pts + ticks
        packet.dts = None if packet.dts is None else packet.dts + ticks


def _check_breaks(path: Path, breaks: tuple[ClockBreak, ...]) -> None:
    for place in breaks:
        if place.shift_seconds is None:
            raise MediaError(
                f"{path.name}: at {place.at_seconds:.1f} s the clock of its {place.kind} alone goes back by "
                f"{-place.jump_seconds:.1f} s, so nothing says what belongs together behind it. Cut the file there."
            )
