"""What a repair did to each stream of a film. Input: the two files. Output: a StreamChange for each stream.

Only the headers and the first packets are read. A stream starts with its first packet: what a container says besides
may leave out what a decoder throws away.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Literal

from av.container import InputContainer
from av.error import FFmpegError

from avts.media.source import opened

FIRST_PACKETS = 1000
"""Packets in which the first of every picture and sound stream is looked for."""

Fate = Literal["copied", "encoded again", "left out", "added"]


@dataclass(frozen=True)
class StreamChange:
    """One stream, before and after.

    Attributes:
        kind: video, audio, subtitle, data or attachment.
        codec: its codec in the source; in the new file if it was added.
        new_codec: its codec in the new file, '' if it was left out.
        fate: what became of it.
        start_seconds: time of its first packet on the clock of the source; None if that is not known.
        new_start_seconds: the same in the new file.
    """

    kind: str
    codec: str
    new_codec: str
    fate: Fate
    start_seconds: float | None = None
    new_start_seconds: float | None = None


@dataclass(frozen=True)
class _Stream:
    """A stream as its container describes it."""

    kind: str
    codec: str
    start_seconds: float | None


def stream_changes(source: Path, new: Path, *, encoded_again: bool) -> tuple[StreamChange, ...]:
    """Compare a film with its repaired form.

    Args:
        source: the film.
        new: the repaired film, whose streams of a kind are in the order of the source.
        encoded_again: whether the sound was encoded again.

    Raises:
        MediaError: one of the two cannot be read.
    """
    olds, news = _streams(source), _streams(new)
    changes = []
    for old in olds:
        alike = [each for each in news if each.kind == old.kind]
        same = [each for each in alike if each.codec == old.codec]
        # a sound that was encoded again may have another codec
        found = next(iter(same or (alike if encoded_again and old.kind == "audio" else [])), None)
        if found is None:
            changes.append(StreamChange(old.kind, old.codec, "", "left out", old.start_seconds))
            continue
        news.remove(found)
        fate: Fate = "encoded again" if encoded_again and old.kind == "audio" else "copied"
        starts = (old.start_seconds, found.start_seconds)
        changes.append(StreamChange(old.kind, old.codec, found.codec, fate, *starts))
    changes += [StreamChange(each.kind, each.codec, each.codec, "added", None, each.start_seconds) for each in news]
    return tuple(changes)


def _streams(path: Path) -> list[_Stream]:
    with opened(path) as container:
        streams = list(container.streams)
        starts = _first_packets(container)
        return [_Stream(stream.type, _codec(stream), starts.get(stream.index)) for stream in streams]


def _codec(stream: Any) -> str:
    context = stream.codec_context
    return str(context.codec.canonical_name) if context is not None else str(stream.name or "unknown")


def _first_packets(container: InputContainer) -> dict[int, float]:
    """Time in seconds of the first packet of each picture and sound stream, by its index."""
    wanted = [stream for stream in container.streams if stream.type in {"video", "audio"}]
    found: dict[int, float] = {}
    try:
        for packet in islice(container.demux(wanted), FIRST_PACKETS):
            stamp = packet.dts if packet.pts is None else packet.pts
            if stamp is not None:
                found.setdefault(packet.stream.index, float(stamp * packet.time_base))
            if len(found) == len(wanted):
                break
    except FFmpegError:  # what was found before the damage is still right
        pass
    return found
