"""The first picture and the first sound that streams give when they are decoded: whether a written file can be played.

A container may take packets and still not say how they decode: pixel formats of raw pictures, headers of old codecs.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Any

import av
from av.audio.frame import AudioFrame
from av.video.frame import VideoFrame

from avts.offset.reels import open_source

PACKETS_LOOKED_AT = 2000
"""Packets after which a stream that gave no frame counts as one that does not decode."""


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
