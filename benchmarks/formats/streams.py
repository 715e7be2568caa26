"""Streams beside the film: covers, attachments, chapters, subtitles, more sound.

Input: a file. Output: another file with the same film in it.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.stream import Disposition
from av.video.frame import VideoFrame

from benchmarks.formats.film import Film, add_audio, sounds_of
from benchmarks.formats.surgery import remuxed

UNKNOWN = (b"A_PCM/INT/LIT", b"A_XYZ/INT/LIT")
"""A codec name of Matroska and one of the same length that no program knows."""


def with_cover_first(source: Path, target: Path) -> None:
    """Copy a film behind a track of one picture; the film is marked default."""

    def cover(output: Any) -> list[Any]:
        stream = output.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuvj420p"
        stream.disposition = Disposition(0)
        frame = VideoFrame.from_ndarray(np.full((64, 64), 200, np.uint8), format="gray").reformat(format="yuvj420p")
        frame.pts, frame.time_base = 0, Fraction(1, 1)
        return [*stream.encode(frame), *stream.encode(None)]

    def mark(output: Any) -> list[Any]:
        for stream in list(output.streams)[1:]:
            stream.disposition = Disposition.default
        return []

    remuxed(source, target, before=cover, after=mark)


def picture_bytes(kind: str) -> bytes:
    """A small picture as a file of its own, 'jpg' or 'png'."""
    codec: Any = av.CodecContext.create("mjpeg" if kind == "jpg" else "png", "w")
    codec.width, codec.height = 64, 64
    codec.pix_fmt, codec.time_base = ("yuvj420p" if kind == "jpg" else "rgb24"), Fraction(1, 25)
    frame = VideoFrame.from_ndarray(np.full((64, 64, 3), 90, np.uint8), format="rgb24")
    packets = [*codec.encode(frame.reformat(format=codec.pix_fmt)), *codec.encode(None)]
    return b"".join(bytes(packet) for packet in packets)


def with_attachment(source: Path, target: Path, *, kind: str) -> None:
    """Copy a film with a file attached: a cover ('jpg', 'png') or a font ('ttf')."""
    data = b"\0\1\0\0" + b"font" * 50 if kind == "ttf" else picture_bytes(kind)
    mime = {"jpg": "image/jpeg", "png": "image/png", "ttf": "application/x-truetype-font"}[kind]

    def attach(output: Any) -> list[Any]:
        output.add_attachment(f"{'font' if kind == 'ttf' else 'cover'}.{kind}", mime, data)
        return []

    remuxed(source, target, after=attach)


def with_extras(
    source: Path, target: Path, *, chapters: bool = False, subtitles: bool = False, second_sound: bool = False
) -> None:
    """Copy a film with chapters and a title, with subtitles, or with a second sound track."""

    def add(output: Any) -> list[Any]:
        packets: list[Any] = []
        if chapters:
            output.metadata["title"] = "A film that counts"
            marks = ((0, 1000, "first"), (1000, 2400, "second"))
            output.set_chapters(
                [
                    {
                        "id": number,
                        "start": start,
                        "end": stop,
                        "time_base": Fraction(1, 1000),
                        "metadata": {"title": title},
                    }
                    for number, (start, stop, title) in enumerate(marks, start=1)
                ]
            )
        if subtitles:
            packets += _subtitles(output)
        if second_sound:
            film = Film(audio="ac3", clicks=())
            stream = add_audio(output, film)
            packets += [packet for frame in sounds_of(film, stream.codec_context) for packet in stream.encode(frame)]
        return packets

    remuxed(source, target, after=add)


def _subtitles(output: Any) -> list[Any]:
    in_mp4 = output.format.name in {"mp4", "mov"}
    stream = output.add_mux_stream("mov_text" if in_mp4 else "subrip")
    stream.time_base = Fraction(1, 1000)
    packets = []
    for start, text in ((200, b"one"), (1300, b"two")):
        packet = av.Packet(len(text).to_bytes(2, "big") + text if in_mp4 else text)
        packet.stream, packet.time_base = stream, Fraction(1, 1000)
        packet.pts = packet.dts = start
        packet.duration = 800
        packets.append(packet)
    return packets


def with_unknown_sound(source: Path, target: Path) -> None:
    """Copy a film with a second sound track of a codec that no program knows."""
    film = Film(audio="pcm_s16le", clicks=())

    def add(output: Any) -> list[Any]:
        stream = add_audio(output, film)
        return [packet for frame in sounds_of(film, stream.codec_context) for packet in stream.encode(frame)]

    remuxed(source, target, after=add)
    target.write_bytes(target.read_bytes().replace(*UNKNOWN))
