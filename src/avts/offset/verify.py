"""Check a written file against its source by reading both back: every packet is there, at the time it should be.

Independent of how the file was written: it sees the packets of both files, and decoded pictures where a container does
not say when they are shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from avts.errors import MediaError
from avts.offset.learned import learned_times
from avts.offset.reels import Reel, Reels, open_source, read_reels

TOLERANCE_SECONDS = 0.003
"""A packet further than this from its time makes a file wrong; Matroska rounds to 1 ms, twice."""

LONGEST_LEAD_SECONDS = 2.0
"""A written file may begin this much later than asked: transport and program streams begin at 0.5 to 1.4 s."""

PACKETS_LOOKED_AT = 2000
"""Packets after which a stream that gave no frame counts as one that does not decode."""

GAP_BYTES = 2
"""MP4 fills the time between subtitles with empty ones of this size."""


class StreamLost(MediaError):
    """A stream that could not be kept; `index` is its own in the source."""

    def __init__(self, message: str, index: int) -> None:
        super().__init__(message)
        self.index = index


@dataclass(frozen=True)
class Promise:
    """What a written file should be.

    source, target: for messages; part: where it was written; picture: index of the source's picture; offset_seconds:
    by how much the sound was to move; shifts_seconds: by how much each stream that was copied should be later, by its
    index in the source, against the time at which it was shown on the source's own clock.
    """

    source: Path
    target: Path
    part: Path
    picture: int
    offset_seconds: float
    shifts_seconds: dict[int, float]


def check_written(promise: Promise, before: Reels) -> float:
    """Read a written file back.

    Args:
        promise: what it should be.
        before: the source's packets, pictures' times learned where it says none.

    Returns:
        By how much the written file's clock begins later than asked, in seconds: transport streams begin at 1.4 s.

    Raises:
        StreamLost: a packet is missing, or at another time than it should be; with the reason.
        MediaError: the file begins with nothing for seconds, or its clock breaks.
    """
    after = known_reels(promise.part)
    if after.breaks:
        raise MediaError(
            f"{promise.target.name}: its clock breaks at {after.breaks[0].at_seconds:.1f} s. {_advice(promise)}"
        )
    pairs = _paired(promise, before, after)
    if any(other is None or not _same_bytes(reel, other) for _, reel, other in pairs):
        before, after = _essence_of(promise.source, before), _essence_of(promise.part, after)
        pairs = _paired(promise, before, after)
    lead = _lead(promise, pairs)
    for index, reel, other in pairs:
        _check_stream(promise, index, reel, other, promise.shifts_seconds[index] + lead)
    _check_playable(promise, pairs, after)
    if not -LONGEST_LEAD_SECONDS < lead < LONGEST_LEAD_SECONDS:
        raise MediaError(f"{promise.target.name}: would begin {lead:.1f} s later than it should. {_advice(promise)}")
    return lead


def known_reels(path: Path) -> Reels:
    """The packets of a file, with the times of pictures that their container does not tell.

    Raises:
        MediaError: it is not a media file, its clock breaks, or the times of its pictures cannot be known.
    """
    reels = read_reels(path)
    for index, times in learned_times(path, reels).items():
        for number, time in enumerate(times):
            reels.by_index[index].times[number] = float(time)
    return reels


def _essence_of(path: Path, reels: Reels) -> Reels:
    """The same packets with digests of what stays the same in every container."""
    essence = read_reels(path, essence_only=True)
    for index, reel in essence.by_index.items():
        reel.times = reels.by_index[index].times
    return essence


def _paired(promise: Promise, before: Reels, after: Reels) -> list[tuple[int, Reel, Reel | None]]:
    """Each stream that was copied with what became of it: the same bytes, or else the next of its kind."""
    free = list(after.by_index.values())
    pairs = []
    for index in promise.shifts_seconds:
        reel = before.by_index.get(index)
        if reel is None:  # a stream without packets
            continue
        alike = [other for other in free if other.kind == reel.kind and other.is_cover == reel.is_cover]
        same = [other for other in alike if _same_bytes(reel, other)]
        chosen = next(iter(same or alike), None)
        free = [other for other in free if other is not chosen]
        pairs.append((index, reel, chosen))
    return pairs


def _same_bytes(one: Reel, other: Reel) -> bool:
    if one.kind in {"video", "audio"}:
        return one.whole == other.whole and sum(one.sizes) == sum(other.sizes)
    return bool(np.array_equal(_texts(one)[0], _texts(other)[0]))


def _texts(reel: Reel) -> tuple[NDArray[np.uint64], NDArray[np.float64]]:
    """Digests and times of the packets that hold something."""
    full = np.asarray(reel.sizes) > GAP_BYTES
    return np.asarray(reel.digests, np.uint64)[full], np.asarray(reel.times, np.float64)[full]


def _lead(promise: Promise, pairs: list[tuple[int, Reel, Reel | None]]) -> float:
    """By how much the written file's own clock begins later, in seconds, measured by its picture."""
    for index, reel, other in pairs:
        if index == promise.picture and other is not None and len(other.times) == len(reel.times):
            late = np.asarray(other.times) - np.asarray(reel.times) - promise.shifts_seconds[index]
            return float(np.nanmedian(late))
    return 0.0


def _check_stream(promise: Promise, index: int, reel: Reel, other: Reel | None, shift: float) -> None:
    """Raise StreamLost unless a stream is whole and in its place."""
    name = promise.target.name
    if other is None:
        raise StreamLost(
            f"{name}: a {promise.target.suffix} file cannot hold {reel.name}: read back, no such stream is in it. "
            f"{_advice(promise)}",
            index,
        )
    if not _same_bytes(reel, other):
        found = len(other.times)
        raise StreamLost(
            f"{name}: read back, {reel.name} holds {found} packets that are not the {len(reel.times)} of "
            f"{promise.source.name}. {_advice(promise)}",
            index,
        )
    if reel.kind in {"video", "audio"} and other.codec != reel.codec:
        raise StreamLost(
            f"{name}: read back, {reel.name} is taken for {other.codec}: a {promise.target.suffix} file cannot say "
            f"what it is. {_advice(promise)}",
            index,
        )
    if reel.is_cover:
        return
    if reel.kind == "video" and _hidden(other) != _hidden(reel):
        raise StreamLost(
            f"{name}: an edit list in {promise.source.name} cuts off {_hidden(reel)} pictures that its decoder needs; "
            f"here {_hidden(other)} would be cut off. Name a .mp4 or .mov of the same kind as the source.",
            index,
        )
    late = _lateness(reel, other) - shift
    worst = float(late[np.argmax(np.abs(late))]) if len(late) else 0.0
    if not abs(worst) <= TOLERANCE_SECONDS:
        raise StreamLost(_misplaced(promise, reel, late, worst), index)


def _check_playable(promise: Promise, pairs: list[tuple[int, Reel, Reel | None]], after: Reels) -> None:
    """Raise StreamLost if a stream that decodes in the source does not decode to the same form in the new file."""
    timed = [(index, reel, other) for index, reel, other in pairs if reel.kind in {"video", "audio"}]
    places = {id(reel): index for index, reel in after.by_index.items()}
    was = first_frames(promise.source, [index for index, _, _ in timed])
    # packets lie in another order there, and a stream that begins late may begin further on
    now = first_frames(promise.part, [places[id(other)] for _, _, other in timed], packets=10 * PACKETS_LOOKED_AT)
    for index, reel, other in timed:
        found = now.get(places[id(other)], "nothing")
        if index in was and was[index] != found:
            raise StreamLost(
                f"{promise.target.name}: read back, {reel.name} decodes to {found}, not to {was[index]}: a "
                f"{promise.target.suffix} file cannot say how it is coded. {_advice(promise)}",
                index,
            )


def _hidden(reel: Reel) -> int:
    return sum(reel.hidden)


def _lateness(reel: Reel, other: Reel) -> NDArray[np.float64]:
    """By how much each packet came later, in seconds, [N]; PCM is cut into other packets by each container."""
    if reel.kind not in {"video", "audio"}:
        return _texts(other)[1] - _texts(reel)[1]
    was, now = (np.asarray(each.times, np.float64) for each in (reel, other))
    if len(was) == len(now):
        late: NDArray[np.float64] = now - was
        return late
    places, others = (np.cumsum(each.sizes) - each.sizes for each in (reel, other))
    inside = others <= places[-1]
    between: NDArray[np.float64] = now[inside] - np.interp(others[inside], places, was)
    return between


def _misplaced(promise: Promise, reel: Reel, late: NDArray[np.float64], worst: float) -> str:
    name, kind = promise.target.name, promise.target.suffix
    if kind.lower() == ".avi":
        return (
            f"{name}: asked to move the sound by {promise.offset_seconds * 1000:.0f} ms, but a .avi file stores no "
            "times: all its streams begin together. Name a .mkv or .mp4, which can say when a stream begins."
        )
    back = _runs_back(reel)
    if back is not None:
        at, step = back
        return (
            f"{promise.source.name}: the times of {reel.name} go back by {step * 1000:.0f} ms at {at:.1f} s, which a "
            f"{kind} file cannot hold. Cut the file there, or encode it again."
        )
    if reel.kind == "audio" and np.ptp(late) <= TOLERANCE_SECONDS:
        moved = promise.offset_seconds + float(np.median(late))
        other = "Name a .mp4." if kind.lower() == ".mkv" else "Name a .mkv or .mp4, which can."
        return (
            f"{name}: asked to move the sound by {promise.offset_seconds * 1000:.0f} ms, a {kind} file moved it by "
            f"{moved * 1000:.0f} ms: it cannot say when a stream starts. {other}"
        )
    wrong = int(np.sum(~(np.abs(late) <= TOLERANCE_SECONDS)))
    return (
        f"{name}: read back, {wrong} of {len(late)} packets of {reel.name} are not where they should be, one by "
        f"{worst * 1000:.0f} ms: a {kind} file cannot keep their times. {_advice(promise)}"
    )


def _runs_back(reel: Reel) -> tuple[float, float] | None:
    """Where sound goes back furthest, in seconds after its first packet, and by how much; None if it does not."""
    times = np.asarray(reel.times, np.float64)
    steps = np.diff(times)
    if reel.kind != "audio" or not len(steps) or not np.nanmin(steps) < -TOLERANCE_SECONDS:
        return None
    place = int(np.nanargmin(steps))
    return float(times[place] - np.nanmin(times)), float(-steps[place])


def _advice(promise: Promise) -> str:
    return "Nothing was written." if promise.target.suffix.lower() == ".mkv" else "Nothing was written; try a .mkv."


def first_frames(path: Path, indices: Iterable[int], *, packets: int = PACKETS_LOOKED_AT) -> dict[int, str]:
    """What the first frame of each stream is: 'yuv420p 128x96', '48000 Hz, 2 channels'; without those of none.

    Args:
        path: a media file.
        indices: of streams of pictures or sound.
        packets: read at most.

    Raises:
        MediaError: it is not a media file.
    """
    found: dict[int, str] = {}
    with open_source(path) as container:
        wanted = {index for index in indices if container.streams[index].codec_context is not None}
        if not wanted:
            return found
        for packet in islice(container.demux([container.streams[index] for index in sorted(wanted)]), packets):
            frames = _decoded(packet) if packet.stream_index not in found else []
            if frames:
                found[packet.stream_index] = _in_words(frames[0])
            if len(found) == len(wanted):
                break
    return found


def _decoded(packet: Any) -> list[Any]:
    try:
        return [frame for frame in packet.decode() if isinstance(frame, VideoFrame) or frame.samples]
    except (av.FFmpegError, ValueError):
        return []


def _in_words(frame: VideoFrame | AudioFrame) -> str:
    if isinstance(frame, VideoFrame):
        return f"{frame.format.name} {frame.width}x{frame.height}"
    return f"{frame.sample_rate} Hz, {frame.layout.nb_channels} channels"
