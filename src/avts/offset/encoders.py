"""Choose the encoder of a new sound: the codec that the sound had, where a container takes it and FFmpeg writes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import av
from av.codec.context import CodecContext
from av.container import OutputContainer

from avts.errors import MediaError

ENCODERS = {"mp3": "libmp3lame", "opus": "libopus", "vorbis": "libvorbis"}
"""Encoders whose names differ from the codec's."""

ANY = ("aac", "ac3", "mp3", "pcm_s16le")

MPEG_TRANSPORT = ("aac", "ac3", "mp2", "mp3", "eac3")
MPEG_PROGRAM = ("mp2", "ac3", "mp3")

TAKEN: dict[str, tuple[str, ...]] = {".ts": MPEG_TRANSPORT, ".m2ts": MPEG_TRANSPORT, ".mts": MPEG_TRANSPORT}
TAKEN |= {".vob": ("ac3", "mp2"), ".mpg": MPEG_PROGRAM, ".mpeg": MPEG_PROGRAM}
TAKEN |= {".webm": ("opus", "vorbis"), ".ogv": ("vorbis", "opus", "flac"), ".ogg": ("vorbis", "opus", "flac")}
TAKEN |= {".avi": ("mp3", "ac3", "mp2", "pcm_s16le"), ".flv": ("aac", "mp3"), ".3gp": ("aac",), ".mxf": ("pcm_s16le",)}
TAKEN |= {".wmv": ("wmav2", "mp3"), ".asf": ("wmav2", "mp3"), ".wtv": ("mp2", "ac3")}
"""Codecs that players expect in a container, by its ending, the first being the best. FFmpeg's transport and program
streams take any codec without a word, and write some as private data that nothing plays."""

LEAST_BIT_RATE = 128_000
CHANNEL_BIT_RATE = 64_000
"""Least bits a second, and for each channel where there are more than two."""

MOST_CHANNEL_BIT_RATE = 160_000
"""Most bits a second for each channel: sound that was stored without loss had more."""

MP2_BIT_RATES = tuple(1000 * kilo for kilo in (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384))
MP2_LOW_BIT_RATES = tuple(1000 * kilo for kilo in (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160))
"""Bit rates that MPEG audio layer II has, and those up to 24,000 samples a second (ISO/IEC 11172-3 and 13818-3)."""

ANY_CHANNELS = {"libopus": {"mapping_family": "255"}}
"""Options by which an encoder takes channels that its usual layouts do not have."""


@dataclass(frozen=True)
class Choice:
    """An encoder that works: FFmpeg's name of it, samples a second, layout of the channels, its options."""

    encoder: str
    rate: int
    layout: str
    options: dict[str, str] = field(default_factory=dict)


def encoder_for(suffix: str, old: Any) -> Choice:
    """The encoder for a sound like an old one.

    Args:
        suffix: ending of the file that is to hold it.
        old: the stream that it takes the place of.

    Raises:
        MediaError: no encoder for such a container takes such a sound.
    """
    codec = old.codec_context
    taken = TAKEN.get(suffix.lower())
    had = codec.codec.canonical_name
    names = [had] if taken is None or had in taken else []
    for name in [*names, *(taken or ANY)]:
        for layout in dict.fromkeys([codec.layout.name, "stereo"]):
            for rate in dict.fromkeys([codec.sample_rate, 48_000, 44_100]):
                encoder = ENCODERS.get(name, name)
                for options in ({}, ANY_CHANNELS.get(encoder, {})):
                    choice = Choice(encoder, rate, layout, options)
                    if _works(choice):
                        return choice
    raise MediaError(f"no available audio encoder works for a {suffix} file. Name a .mkv or .mp4.")


def _works(choice: Choice) -> bool:
    try:
        context: Any = CodecContext.create(choice.encoder, "w")
        context.sample_rate, context.layout = choice.rate, choice.layout
        context.format, context.options = context.codec.audio_formats[0], choice.options
        context.open()
    except (ValueError, TypeError, av.FFmpegError):
        return False
    return True


def add_sound(output: OutputContainer, choice: Choice, old: Any) -> Any:
    """Add a sound stream to a file being written, as loud in bits as the old one."""
    new: Any = output.add_stream(choice.encoder, rate=choice.rate, options=choice.options, layout=choice.layout)
    if not choice.encoder.startswith("pcm"):
        new.bit_rate = bit_rate_for(choice, new.codec_context.layout.nb_channels, old.codec_context.bit_rate or 0)
    new.metadata.update(old.metadata)
    return new


def bit_rate_for(choice: Choice, channels: int, had: int) -> int:
    """Bits a second for a new sound, of one that had so many: 0 if that is not known."""
    least = LEAST_BIT_RATE if channels <= 2 else CHANNEL_BIT_RATE * channels
    wanted = max(least, min(had, MOST_CHANNEL_BIT_RATE * channels))
    if choice.encoder != "mp2":
        return wanted
    return min(MP2_BIT_RATES if choice.rate > 24_000 else MP2_LOW_BIT_RATES, key=lambda rate: abs(rate - wanted))
