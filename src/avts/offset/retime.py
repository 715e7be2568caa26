"""Put a film right whose offset drifts or jumps: the sound is resampled to the picture's clock, the picture copied.

Input: a media file and its offset over time. Output: a file of the kind that its name says, whose first sound stream is
encoded again, with the codec it had where FFmpeg can write it; other streams are copied, other sound is left out.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import InputContainer, OutputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from numpy.typing import NDArray

from avts.errors import MediaError
from avts.media.source import TimedFrames, opened, picture_stream, sound_stream
from avts.offset.repair import OWN_TAGS, add_copy, check_call, check_streams, keep_order, moving_picture, open_source
from avts.offset.timeline import Segment

TAPS = 32
"""Samples that a resampled one is made of."""

PHASES = 1024
"""Places between two samples for which the filter is tabulated; the nearest is taken (-70 dB at half the band)."""

BLOCK_SAMPLES = 8192
"""Samples of the new sound made at a time."""

KEPT_SECONDS = 31.0
"""Sound kept behind the place being read: as far as offsets may jump back."""

LEAP_SECONDS = 0.010
"""A decoded block this far from where the one before ended is put where its stamp says."""

LEAST_BIT_RATE = 128_000

ENCODERS = {"mp3": "libmp3lame", "opus": "libopus", "vorbis": "libvorbis"}
"""Encoders whose names differ from the codec's."""

FALLBACK = {".webm": "opus", ".ogv": "vorbis", ".avi": "mp3", ".mpg": "mp2"}
"""What a container takes if it does not take the codec that the sound had; AAC in all others."""


@dataclass(frozen=True)
class _Piece:
    """New sound from start to stop is old sound from `at_seconds` on, read `rate` times as fast."""

    start_seconds: float
    stop_seconds: float
    at_seconds: float
    rate: float


def retime(
    source: Path,
    target: Path,
    *,
    segments: Sequence[Segment],
    drift_ms_per_minute: float | None,
    overwrite: bool = False,
) -> tuple[str, ...]:
    """Write a file with the sound resampled and moved so that an offset over time becomes 0.

    Args:
        source: the file to repair; it is only read.
        target: the file to write; the ending of its name says the container.
        segments: offsets over time, 0 s being the first frame.
        drift_ms_per_minute: by how much they grow.
        overwrite: replace a target that exists.

    Returns:
        Warnings: which streams were left out, and that sound was encoded again.

    Raises:
        UsageError: the source is missing, the target exists or is the source, or its folder is missing.
        MediaError: the source has no sound or no picture, or the target's container cannot hold it.
    """
    check_call(source, target, segments[0].offset_seconds, overwrite)
    part = target.with_name(f".{target.stem}.{os.getpid()}.part{target.suffix}")
    try:
        warnings = _write(source, part, target, _pieces(segments, (drift_ms_per_minute or 0.0) / 60_000))
        os.replace(part, target)
    except (av.FFmpegError, ValueError) as error:
        words = getattr(error, "strerror", None) or str(error)
        raise MediaError(f"{source.name}: cannot be retimed into {target.name}: {words}. Try a .mkv.") from error
    finally:
        part.unlink(missing_ok=True)
    return warnings


def _pieces(segments: Sequence[Segment], slope: float) -> list[_Piece]:
    """Where the sound of each segment is: sound that comes early by o is found o before its picture."""
    pieces = []
    for segment in segments:
        start, stop = segment.start_seconds, segment.stop_seconds
        offset_at_start = segment.offset_seconds - slope * (stop - start) / 2
        pieces.append(_Piece(start, stop, start - offset_at_start, 1 - slope))
    return pieces


def _write(source: Path, part: Path, target: Path, pieces: list[_Piece]) -> tuple[str, ...]:
    with open_source(source) as container, open_source(source) as heard:
        check_streams(source, container)
        picture = moving_picture(container)
        old = sound_stream(heard)
        if old is None:
            raise MediaError(f"{source.name}: its audio stream has no known codec. Nothing to resample.")
        with av.open(part, "w") as output:
            output.metadata.update({key: tag for key, tag in container.metadata.items() if key not in OWN_TAGS})
            output.set_chapters(list(container.chapters()))
            kept = [stream for stream in container.streams if stream.type in {"video", "subtitle"}]
            for stream in kept:
                add_copy(output, stream)
            copies = dict(zip((stream.index for stream in kept), output.streams, strict=True))
            new = _add_sound(output, old, target.suffix)
            new.metadata.update(old.metadata)
            output.start_encoding()
            duration = float(picture.duration * picture.time_base) if picture.duration and picture.time_base else 0.0
            end = max(duration, pieces[-1].stop_seconds)
            shown, written = _first_frame(source)
            sound = _sound_frames(_Track(heard, old, shown), pieces, end, written, new)
            _mux(container, kept, copies, output, new, sound)
        left = [stream.type for stream in container.streams if stream.type not in {"video", "subtitle"}]
        left.remove("audio")
        name = new.codec_context.name
    return (
        f"{target.name}: its sound was resampled and encoded again ({name}); the picture is copied",
        *(f"{target.name}: {left.count(kind)} {kind} stream(s) left out" for kind in sorted(set(left))),
    )


def _first_frame(source: Path) -> tuple[float, Fraction]:
    """Time of the first frame as a reader of the file knows it, and as its packets say it; AVI's differ."""
    with opened(source) as container:
        stream = picture_stream(container)
        timed = None if stream is None else next(iter(TimedFrames[VideoFrame](container, stream)), None)
    with open_source(source) as container:
        packets = container.demux(moving_picture(container))
        stamps = ((packet.dts if packet.pts is None else packet.pts, packet.time_base) for packet in packets)
        written = next((stamp * base for stamp, base in stamps if stamp is not None), Fraction(0))
    return (timed[0] if timed else float(written)), written


def _add_sound(output: OutputContainer, old: Any, suffix: str) -> Any:
    """A sound stream like the old one, or with the codec that the container is known to take."""
    codec = old.codec_context
    for name in (codec.codec.canonical_name, FALLBACK.get(suffix.lower(), "aac")):
        encoder = ENCODERS.get(name, name)
        if name not in output.supported_codecs or encoder not in av.codecs_available:
            continue
        # Opus knows 48 kHz and its fractions only
        rate = 48_000 if name == "opus" else codec.sample_rate
        try:
            new: Any = output.add_stream(encoder, rate=rate, layout=codec.layout.name)
        except (ValueError, av.FFmpegError):  # a decoder without an encoder
            continue
        if not name.startswith("pcm"):
            new.bit_rate = max(codec.bit_rate or 0, LEAST_BIT_RATE)
        return new
    raise MediaError(f"a {suffix} file takes no sound that can be written. Name a .mkv or .mp4, which do.")


def _mux(
    container: InputContainer,
    kept: list[Any],
    copies: dict[int, Any],
    output: OutputContainer,
    new: Any,
    sound: Iterator[tuple[float, list[Packet[Any]]]],
) -> None:
    """Copy the packets of the kept streams, the new sound in between where its time has come."""
    reached = -math.inf
    last: dict[int, Fraction] = {}
    for packet in container.demux(kept):
        if packet.size == 0 and packet.dts is None:
            continue  # the demuxer's end mark
        time = packet.dts if packet.dts is not None else packet.pts
        while time is not None and reached <= float(time * packet.time_base):
            found = next(sound, None)
            if found is None:
                break
            reached = found[0]
            output.mux(found[1])
        packet.stream = copies[packet.stream.index]
        keep_order(packet, last)
        output.mux_one(packet)
    for _, packets in sound:
        output.mux(packets)
    output.mux(new.encode(None))


def _sound_frames(
    track: _Track, pieces: list[_Piece], end_seconds: float, start: Fraction, new: Any
) -> Iterator[tuple[float, list[Packet[Any]]]]:
    """Encoded packets of the new sound, each with the time that it reaches."""
    rate, to = track.rate, new.codec_context
    total = round(end_seconds * rate)
    # lossy encoders take frames of their own size only
    to_encoder = AudioResampler(
        format=to.format, layout=to.layout, rate=to.sample_rate, frame_size=to.frame_size or None
    )
    for first in range(0, total, BLOCK_SAMPLES):
        block = track.resampled(np.arange(first, min(first + BLOCK_SAMPLES, total)) / rate, pieces)
        frame = AudioFrame.from_ndarray(np.ascontiguousarray(block), format="fltp", layout=track.layout)
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), round(start * rate) + first
        packets = [packet for ready in to_encoder.resample(frame) for packet in new.encode(ready)]
        yield float(start) + (first + BLOCK_SAMPLES) / rate, packets
    yield math.inf, [packet for ready in to_encoder.resample(None) for packet in new.encode(ready)]


class _Track:
    """The old sound, read forwards with a look back of KEPT_SECONDS; 0 s is the picture's first frame.

    rate: samples a second; layout: its channels.
    """

    def __init__(self, container: InputContainer, stream: Any, start_seconds: float) -> None:
        self.rate = int(stream.codec_context.sample_rate)
        self.layout = str(stream.codec_context.layout.name)
        self._channels = int(stream.codec_context.layout.nb_channels)
        self._frames = iter(TimedFrames[AudioFrame](container, stream))
        self._plain = AudioResampler(format="fltp", layout=self.layout, rate=self.rate)
        self._start_seconds = start_seconds
        self._held: NDArray[np.float32] = np.zeros((self._channels, 0), np.float32)
        self._first: int | None = None  # index of the first sample held
        self._kernels = _kernels()

    def resampled(self, seconds: NDArray[np.float64], pieces: list[_Piece]) -> NDArray[np.float32]:
        """Sound at times of the new track, [channels, N]."""
        which = np.clip(np.searchsorted([piece.stop_seconds for piece in pieces], seconds, "right"), 0, len(pieces) - 1)
        out = np.empty((self._channels, len(seconds)), np.float32)
        for number in np.unique(which).tolist():
            mine, piece = which == number, pieces[number]
            places = (piece.at_seconds + piece.rate * (seconds[mine] - piece.start_seconds)) * self.rate
            out[:, mine] = self._at(places)
        return out

    def _at(self, places: NDArray[np.float64]) -> NDArray[np.float32]:
        """Sound between samples, by a windowed sinc."""
        fine = np.round(places * PHASES).astype(np.int64)
        whole, phase = fine // PHASES, fine % PHASES
        first = int(whole.min()) - TAPS // 2 + 1
        near = self._read(first, int(whole.max()) + TAPS // 2 + 1)
        index = (whole - TAPS // 2 + 1 - first)[:, None] + np.arange(TAPS)
        kernels = self._kernels[phase]  # [N, TAPS]
        return np.stack([np.einsum("nt,nt->n", channel[index], kernels) for channel in near])

    def _read(self, first: int, stop: int) -> NDArray[np.float32]:
        """Samples [channels, stop - first]; silence where the file has none."""
        while self._first is None or self._first + self._held.shape[1] < stop:
            timed = next(self._frames, None)
            if timed is None:
                break
            self._add(*timed)
        out = np.zeros((self._channels, stop - first), np.float32)
        origin = self._first or 0
        low, high = max(first, origin), min(stop, origin + self._held.shape[1])
        if low < high:
            out[:, low - first : high - first] = self._held[:, low - origin : high - origin]
        excess = first - round(KEPT_SECONDS * self.rate) - origin
        if excess > self.rate * 10:
            self._held, self._first = self._held[:, excess:], origin + excess
        return out

    def _add(self, seconds: float, frame: AudioFrame) -> None:
        for plain in self._plain.resample(frame):
            samples = plain.to_ndarray()
            place = round((seconds - self._start_seconds) * self.rate)
            if self._first is None:
                self._first = place
            gap = place - (self._first + self._held.shape[1])
            if abs(gap) <= LEAP_SECONDS * self.rate:
                gap = 0
            filler = np.zeros((self._channels, max(gap, 0)), np.float32)
            self._held = np.concatenate([self._held, filler, samples[:, max(-gap, 0) :]], axis=1)


def _kernels() -> NDArray[np.float32]:
    """Windowed sinc filters that read between samples, [PHASES, TAPS]."""
    at = np.arange(TAPS) - (TAPS // 2 - 1) - np.arange(PHASES)[:, None] / PHASES
    window = np.i0(8.0 * np.sqrt(np.clip(1 - (at / (TAPS / 2)) ** 2, 0, None))) / np.i0(8.0)
    filters = np.sinc(at) * window
    return np.asarray(filters / filters.sum(axis=1, keepdims=True), np.float32)
