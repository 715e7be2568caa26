"""A small Matroska writer, for tracks that PyAV's does not take: codecs named by their AVI tags (VFW and ACM).

Input: packets of a file with one picture and one sound stream. Output: a .mkv with the same packets.
Source: RFC 9559, Matroska Media Container Format Specification; sections 5 (elements) and 6 (layout).
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import av

MILLISECONDS = 1_000_000
"""Nanoseconds of a tick."""

CLUSTER_MILLISECONDS = 1000

WAVE_TAGS = {"pcm_alaw": 0x06, "pcm_mulaw": 0x07, "wmav1": 0x160, "wmav2": 0x161, "adpcm_ms": 0x02,
             "adpcm_ima_wav": 0x11, "adpcm_yamaha": 0x20, "g722": 0x028F}  # fmt: skip
"""Numbers of sound codecs in a WAVEFORMATEX (Microsoft's mmreg.h)."""

PICTURE_TAGS = {"huffyuv": b"HFYU", "wmv2": b"WMV2", "wmv1": b"WMV1", "mjpeg": b"MJPG", "msmpeg4v2": b"MP42",
                "msmpeg4v3": b"DIV3", "dvvideo": b"dvsd", "utvideo": b"ULY0", "magicyuv": b"MAGY", "cinepak": b"cvid",
                "mpeg4": b"XVID"}  # fmt: skip
"""Names of picture codecs in a BITMAPINFOHEADER."""


def write_as_avi_tracks(source: Path, target: Path) -> None:
    """Copy a file's picture and sound into a .mkv whose tracks are named as AVI names them.

    Raises:
        KeyError: there is no tag for one of its codecs.
    """
    with av.open(str(source)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        packets = [packet for packet in container.demux((video, audio)) if packet.size]
        block = min(packet.size for packet in packets if packet.stream is audio)
        tracks = _element(0x1654AE6B, _video_track(video) + _audio_track(audio, block))
        clusters = _clusters(packets, video)
    info = _element(0x1549A966, _number(0x2AD7B1, MILLISECONDS) + _text(0x4D80, "avts") + _text(0x5741, "avts"))
    head = _number(0x4286, 1) + _number(0x42F7, 1) + _number(0x42F2, 4) + _number(0x42F3, 8)
    head += _text(0x4282, "matroska") + _number(0x4287, 4) + _number(0x4285, 2)
    target.write_bytes(_element(0x1A45DFA3, head) + _element(0x18538067, info + tracks + clusters))


def _video_track(stream: Any) -> bytes:
    width, height = stream.width, stream.height
    extra = bytes(stream.codec_context.extradata or b"")
    tag = PICTURE_TAGS[stream.codec_context.name]
    bitmap = struct.pack("<IiiHH4sIiiII", 40 + len(extra), width, height, 1, 24, tag, width * height * 3, 0, 0, 0, 0)
    body = _number(0xD7, 1) + _number(0x73C5, 1) + _number(0x83, 1) + _text(0x86, "V_MS/VFW/FOURCC")
    body += _number(0x23E383, round(1e9 / float(stream.average_rate)))
    body += _element(0x63A2, bitmap + extra) + _element(0xE0, _number(0xB0, width) + _number(0xBA, height))
    return _element(0xAE, body)


def _audio_track(stream: Any, block: int) -> bytes:
    codec = stream.codec_context
    extra = bytes(codec.extradata or b"")
    channels, rate = codec.layout.nb_channels, codec.sample_rate
    bits = 8 if codec.name.startswith("pcm") else 4 if codec.name.startswith(("adpcm", "g722")) else 16
    align = channels if codec.name.startswith("pcm") else block
    wave = struct.pack(
        "<HHIIHHH", WAVE_TAGS[codec.name], channels, rate, (codec.bit_rate or 128_000) // 8, align, bits, len(extra)
    )
    sound = _element(0xB5, struct.pack(">d", float(rate))) + _number(0x9F, channels)
    body = _number(0xD7, 2) + _number(0x73C5, 2) + _number(0x83, 2) + _text(0x86, "A_MS/ACM")
    return _element(0xAE, body + _element(0x63A2, wave + extra) + _element(0xE1, sound))


def _clusters(packets: list[Any], video: Any) -> bytes:
    out, block, start = [], b"", None
    for packet in sorted(packets, key=lambda each: float((each.dts or 0) * each.time_base)):
        stamp = packet.pts if packet.pts is not None else packet.dts
        at = max(0, round(1000 * float(stamp * packet.time_base)))
        if start is None or at - start > CLUSTER_MILLISECONDS:
            if start is not None:
                out.append(_element(0x1F43B675, _number(0xE7, start) + block))
            start, block = at, b""
        track, flags = (1 if packet.stream is video else 2), (0x80 if packet.is_keyframe else 0)
        block += _element(0xA3, bytes([0x80 | track]) + struct.pack(">hB", at - start, flags) + bytes(packet))
    return b"".join([*out, _element(0x1F43B675, _number(0xE7, start or 0) + block)])


def _element(kind: int, body: bytes) -> bytes:
    """An element with its size in eight bytes."""
    return kind.to_bytes((kind.bit_length() + 7) // 8, "big") + (1 << 56 | len(body)).to_bytes(8, "big") + body


def _number(kind: int, value: int) -> bytes:
    return _element(kind, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def _text(kind: int, value: str) -> bytes:
    return _element(kind, value.encode())
