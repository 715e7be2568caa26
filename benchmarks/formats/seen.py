"""What is in a media file, by packets and decoded frames alone: the proof's own reader, which shares no code with avts.

Input: a path. Output: which picture is shown when, when the clicks are heard, and a digest of each packet.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.stream import Disposition
from numpy.typing import NDArray

from benchmarks.formats.film import CLICK_HERTZ, CLICK_SECONDS, NUM_BITS

JOINABLE = ("mpegts", "mpeg")
"""Containers that are joined by their bytes, so that their clocks may break; others mean what they say."""

BREAK_SECONDS = 10.0
"""A clock that runs backwards by half a second or leaps ahead by this much begins anew where it had come to."""

BACK_SECONDS = 0.5

GAP_SECONDS = 0.02
"""A decoded block of sound this far from the end of the one before lies where its stamp says."""

LEAST_CLICK = 0.35
"""Height of a click against the highest one."""

MOST_PLANES = 8

SCALES = {"u8": (128.0, 128.0), "s16": (32_768.0, 0.0), "s32": (2_147_483_648.0, 0.0)}
"""Full scale and silence of integer samples."""

APART_SECONDS = 0.1
"""Two clicks are at least this far apart."""


@dataclass
class Seen:
    """What a player that goes by the time stamps shows and plays.

    pictures: (seconds, number) in the order in which they come out of the decoder; clicks: seconds; breaks: times at
    which the clock begins anew; packets: digests of the packets of each stream; kinds: type and codec of each stream;
    tags: of the container; chapters: titles.
    """

    pictures: list[tuple[float, int]] = field(default_factory=list)
    clicks: list[float] = field(default_factory=list)
    breaks: list[float] = field(default_factory=list)
    packets: list[list[bytes]] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    chapters: list[str] = field(default_factory=list)

    @property
    def relative(self) -> list[tuple[float, int]]:
        """Pictures on a clock that is 0 at the first of them."""
        return [(seconds - self.pictures[0][0], number) for seconds, number in self.pictures]


class _Clock:
    """Carries the clock of a stream of bytes on where it breaks; the streams of a file break one after the other."""

    def __init__(self) -> None:
        self.breaks: list[float] = []
        self._shifts = [0.0]
        self._era: dict[int, int] = {}
        self._ends: dict[int, float] = {}

    def shift_of(self, stream: int, seconds: float, length: float) -> float:
        """What to add to the times of a packet, by its decoding time in the file."""
        era = self._era.get(stream, 0)
        at, end = seconds + self._shifts[era], self._ends.get(stream)
        if end is not None and (at < end - BACK_SECONDS or at > end + BREAK_SECONDS):
            era += 1
            if era == len(self._shifts):  # the first stream to break says for all where it goes on
                self._shifts.append(max(self._ends.values()) - seconds)
                self.breaks.append(seconds + self._shifts[era])
            at = seconds + self._shifts[era]
            self._era[stream] = era
        self._ends[stream] = at + length
        return self._shifts[era]


def see(path: Path, *, decode: bool = True) -> Seen:
    """Read a whole file.

    Raises:
        av.FFmpegError: it cannot be opened.
    """
    with av.open(f"file:{path}", options={"protocol_whitelist": "file"}, metadata_errors="replace") as container:
        seen = Seen(
            kinds=[_kind(stream) for stream in container.streams],
            packets=[[] for _ in container.streams],
            tags=dict(container.metadata),
            chapters=[str(chapter["metadata"].get("title", "")) for chapter in container.chapters()],
        )
        picture, sound = (_film_of(container) if decode else None), (_sound_of(container) if decode else None)
        ordered = container.format.name == "avi"  # it stores decoding times only: the n-th picture has the n-th time
        reading = _Reading(picture, sound, ordered, container.format.name in JOINABLE)
        for packet in _packets(container):
            # muxers of MP4 put empty subtitles of two bytes into the gaps
            if packet.size > (2 if packet.stream.type == "subtitle" else 0):
                seen.packets[packet.stream.index].append(hashlib.blake2b(bytes(packet), digest_size=8).digest())
            reading.take(packet)
        reading.finish(seen)
    return seen


def _kind(stream: Any) -> str:
    codec = stream.codec_context
    return f"{stream.type} {codec.name if codec is not None else 'unknown'}"


def _film_of(container: Any) -> Any:
    """The picture that moves: no cover, and of several the one marked default, else the first of many pictures."""
    known = [each for each in container.streams.video if each.codec_context is not None]
    streams = [each for each in known if not each.disposition & Disposition.attached_pic]
    marked = [each for each in streams if each.disposition & Disposition.default]
    many = [each for each in streams if each.codec_context.name not in {"mjpeg", "png"}]
    return next(iter([each for each in marked if each in many] or many or marked or streams), None)


def _sound_of(container: Any) -> Any:
    streams = [each for each in container.streams.audio if each.codec_context is not None]
    marked = [each for each in streams if each.disposition & Disposition.default]
    return next(iter(marked or streams), None)


def _packets(container: Any) -> Iterator[Any]:
    """Every packet, and the empty ones at the end that flush the decoders; a file that breaks off ends."""
    kept = [each for each in container.streams if each.type != "attachment"]
    packets = container.demux(kept)
    while True:
        try:
            packet = next(packets, None)
        except (av.FFmpegError, OSError):
            return
        if packet is None:
            return
        yield packet


class _Reading:
    """Decodes the picture and the sound of one file, packet by packet."""

    def __init__(self, picture: Any, sound: Any, ordered: bool, joinable: bool) -> None:
        self._picture, self._sound, self._ordered = picture, sound, ordered
        self._clock, self._joinable = _Clock(), joinable
        self._shifts: dict[int, float] = {}
        self._waiting: dict[tuple[int, int | None], deque[float]] = defaultdict(deque)
        self._decoding_times: list[float] = []
        self._pictures: list[tuple[float | None, int]] = []
        self._track = _Track()
        streams = [each for each in (picture, sound) if each is not None]
        self._bases = {each.index: float(each.time_base) for each in streams}  # looked up for each frame
        for stream in streams:
            stream.codec_context.thread_count = 1

    def take(self, packet: Any) -> None:
        """Decode a packet of the picture or the sound."""
        stream = packet.stream
        if stream not in (self._picture, self._sound):
            return
        base = self._bases[stream.index]
        stamp = packet.dts if packet.dts is not None else packet.pts
        if stamp is not None:
            seconds, length = stamp * base, (packet.duration or 0) * base
            if self._joinable:
                self._shifts[stream.index] = self._clock.shift_of(stream.index, seconds, length)
                self._waiting[stream.index, packet.pts].append(self._shifts[stream.index])
            if stream is self._picture:
                self._decoding_times.append(seconds)
        self._decode(packet)

    def _decode(self, packet: Any) -> None:
        try:
            frames = packet.decode()
        except (av.FFmpegError, ValueError):
            return
        for frame in frames:
            # a frame may come out after packets from beyond a break went in
            shift = self._shift_of(packet.stream, frame)
            seconds = None if frame.pts is None else frame.pts * self._bases[packet.stream.index] + shift
            if packet.stream is self._picture:
                self._pictures.append((seconds, number_of(luminance(frame))))
            else:
                self._track.add(seconds, frame)

    def _shift_of(self, stream: Any, frame: Any) -> float:
        waiting = self._waiting.get((stream.index, frame.pts))
        return waiting.popleft() if waiting else self._shifts.get(stream.index, 0.0)

    def finish(self, seen: Seen) -> None:
        """Report what was seen."""
        if self._ordered:
            times = sorted(self._decoding_times)
            seen.pictures = [(at, number) for at, (_, number) in zip(times, self._pictures, strict=False)]
        else:
            last = 0.0
            for seconds, number in self._pictures:
                last = last if seconds is None else seconds
                seen.pictures.append((last, number))
        seen.clicks = self._track.clicks()
        seen.breaks = self._clock.breaks


def luminance(frame: Any) -> NDArray[np.uint8]:
    """A decoded picture [H, W] in grey, upright as it is stored."""
    if frame.format.name in {"yuv420p", "yuv422p", "yuvj420p", "yuvj422p", "gray"}:
        plane = frame.planes[0]
        lines = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
        return lines[: frame.height, : frame.width]
    grey: NDArray[np.uint8] = frame.to_ndarray(format="gray")
    return grey


def number_of(grey: NDArray[np.uint8]) -> int:
    """The number that an upright grey picture [H, W] shows."""
    height, width = grey.shape
    columns = ((np.arange(NUM_BITS) + 0.5) * width / NUM_BITS).astype(int)
    bars = grey[height // 4 : -height // 4, columns].mean(axis=0) > 125
    return int((bars * 2 ** np.arange(NUM_BITS)).sum())


def clicks_in(runs: Sequence[tuple[float, int, NDArray[np.float32]]]) -> list[float]:
    """Middles of the clicks in runs of samples, each (start in seconds, samples a second, samples [N])."""
    found = [peak for start, rate, samples in runs for peak in _peaks(start, rate, samples)]
    highest = max((height for _, height in found), default=0.0)
    kept: list[tuple[float, float]] = []
    for at, height in sorted(found):
        if height < LEAST_CLICK * highest:
            continue
        if kept and at - kept[-1][0] < APART_SECONDS:
            kept[-1] = max(kept[-1], (at, height), key=lambda peak: peak[1])
        else:
            kept.append((at, height))
    return [at for at, _ in kept]


class _Track:
    """The sound of a file as runs of samples that follow each other, each with its start."""

    def __init__(self) -> None:
        self._runs: list[tuple[float, int, list[NDArray[np.float32]]]] = []
        self._end = 0.0

    def add(self, seconds: float | None, frame: Any) -> None:
        """Take a decoded block; without a stamp it follows on the last one."""
        if not frame.samples:
            return
        rate, samples = int(frame.sample_rate), first_channel(frame)
        at = self._end if seconds is None else seconds
        if not self._runs or self._runs[-1][1] != rate or abs(at - self._end) > GAP_SECONDS:
            self._runs.append((at, rate, []))
            self._end = at
        self._runs[-1][2].append(samples)
        self._end += len(samples) / rate

    def clicks(self) -> list[float]:
        """Middles of the clicks in all runs, in seconds."""
        return clicks_in([(start, rate, np.concatenate(blocks)) for start, rate, blocks in self._runs])


def first_channel(frame: Any) -> NDArray[np.float32]:
    """The first channel [N] of a decoded block; FFmpeg first interleaves more planes than PyAV holds."""
    channels = int(frame.layout.nb_channels)
    if frame.format.is_planar and channels > MOST_PLANES:
        frame = AudioResampler(format="flt", layout=frame.layout, rate=frame.sample_rate).resample(frame)[0]
    values = frame.to_ndarray()
    one = values[0] if frame.format.is_planar else values.reshape(-1, channels)[:, 0]
    scale, middle = SCALES.get(frame.format.name.removesuffix("p"), (1.0, 0.0))
    plain: NDArray[np.float32] = (one.astype(np.float32) - middle) / scale
    return plain


def _peaks(start: float, rate: int, samples: NDArray[np.float32]) -> list[tuple[float, float]]:
    """Where the envelope of the click's tone has its peaks: (seconds, height); the phase does not matter.

    Only the neighbourhood of loud samples is looked at, for all else is silent.
    """
    reach = round(CLICK_SECONDS * rate)
    at = np.arange(-reach, reach + 1) / rate
    template = np.exp(-((at / (CLICK_SECONDS / 4)) ** 2)) * np.exp(-2j * np.pi * CLICK_HERTZ * at)
    loud = np.flatnonzero(np.abs(samples) > LEAST_CLICK / 4 * np.abs(samples).max(initial=0.0) + 1e-9)
    found = []
    for first, last in _stretches(loud, round(APART_SECONDS / 2 * rate)):
        low = max(0, first - 3 * reach)
        near = np.pad(samples[low : last + 3 * reach], reach)
        height = np.abs(np.convolve(near, template, "valid")) / np.abs(template).sum()
        found += [(start + (low + _vertex(height, top)) / rate, float(height[top])) for top in _tops(height, rate)]
    return found


def _stretches(places: NDArray[np.int64], apart: int) -> list[tuple[int, int]]:
    """First and last of places that lie closer together than `apart`."""
    if not len(places):
        return []
    breaks = np.flatnonzero(np.diff(places) > apart)
    firsts, lasts = np.r_[0, breaks + 1], np.r_[breaks, len(places) - 1]
    return [(int(places[a]), int(places[b])) for a, b in zip(firsts, lasts, strict=True)]


def _tops(height: NDArray[np.float64], rate: int) -> list[int]:
    """Indices of peaks that are the highest within a reach, and high against the highest."""
    window = max(1, round(APART_SECONDS / 2 * rate))
    tops: list[int] = []
    for index in np.flatnonzero(height > LEAST_CLICK / 2 * height.max(initial=0.0) + 1e-12):
        low, high = max(0, index - window), index + window + 1
        if height[index] == height[low:high].max() and (not tops or index - tops[-1] > window):
            tops.append(int(index))
    return tops


def _vertex(height: Sequence[float] | NDArray[np.float64], index: int) -> float:
    """The top of the parabola through a peak and its two neighbours."""
    if not 0 < index < len(height) - 1:
        return float(index)
    before, top, after = (float(height[index + step]) for step in (-1, 0, 1))
    bend = before - 2 * top + after
    return index + (0.5 * (before - after) / bend if bend else 0.0)


def packets_by_kind(seen: Seen) -> dict[str, list[list[bytes]]]:
    """Packet digests of the streams of each type, in the order of the streams."""
    found: dict[str, list[list[bytes]]] = defaultdict(list)
    for kind, packets in zip(seen.kinds, seen.packets, strict=True):
        found[kind.split()[0]].append(packets)
    return dict(found)
