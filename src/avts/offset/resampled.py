"""The sound of a film read between its samples: at any time of the picture's clock, at any speed.

Input: packets of one sound stream. Output: samples at the times asked for, which must rise; memory does not grow.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.packet import Packet
from numpy.typing import NDArray

TAPS = 32
"""Samples that a resampled one is made of."""

PHASES = 1024
"""Places between two samples for which the filter is tabulated; the nearest is taken (-70 dB at half the band)."""

KEPT_SECONDS = 31.0
"""Sound kept behind the place being read: as far as offsets may jump back."""

LEAP_SECONDS = 0.010
"""A decoded block this far from where the one before ended is put where its stamp says."""


@dataclass(frozen=True)
class Piece:
    """New sound from start to stop is old sound from `at_seconds` on, read `rate` times as fast."""

    start_seconds: float
    stop_seconds: float
    at_seconds: float
    rate: float


class SoundBetween:
    """The sound of a stream, read forwards with a look back of KEPT_SECONDS; 0 s is the picture's first frame.

    rate: samples a second; layout: its channels, both as they are at the beginning. Channels and rates that change on
    the way are converted to those.
    """

    def __init__(self, packets: Iterator[Packet[Any]], stream: Any, start_seconds: float) -> None:
        self.rate = int(stream.codec_context.sample_rate)
        self.layout = str(stream.codec_context.layout.name)
        self._channels = int(stream.codec_context.layout.nb_channels)
        self._frames = _frames(packets, stream)
        self._plain: AudioResampler | None = None
        self._form: tuple[str, str, int] | None = None
        self._start_seconds = start_seconds
        self._held: NDArray[np.float32] = np.zeros((self._channels, 0), np.float32)
        self._first: int | None = None  # index of the first sample held
        self._kernels = kernels()

    def resampled(self, seconds: NDArray[np.float64], pieces: list[Piece]) -> NDArray[np.float32]:
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
        samples = self._converted(frame)
        place = round((seconds - self._start_seconds) * self.rate)
        if self._first is None:
            self._first = place
        gap = place - (self._first + self._held.shape[1])
        if abs(gap) <= LEAP_SECONDS * self.rate:
            gap = 0
        filler = np.zeros((self._channels, max(gap, 0)), np.float32)
        self._held = np.concatenate([self._held, filler, samples[:, max(-gap, 0) :]], axis=1)

    def _converted(self, frame: AudioFrame) -> NDArray[np.float32]:
        """Samples [channels, N] of a block in the form that the stream had at its beginning."""
        form = (frame.format.name, frame.layout.name, frame.sample_rate)
        if self._plain is None or form != self._form:
            # packed: PyAV reads past the end of planar blocks of more than 8 channels, and the process dies of it
            self._plain = AudioResampler(format="flt", layout=self.layout, rate=self.rate)
            self._form = form
        parts = list(self._plain.resample(frame))
        if frame.sample_rate != self.rate:  # what the converter holds back belongs here, for the next block has a time
            parts += self._plain.resample(None)
            self._plain = None
        packed = np.concatenate([np.zeros(0, np.float32), *(part.to_ndarray().ravel() for part in parts)])
        return packed.reshape(-1, self._channels).T


def _frames(packets: Iterator[Packet[Any]], stream: Any) -> Iterator[tuple[float, AudioFrame]]:
    """Decoded blocks with their times in seconds; a packet that does not decode costs that packet."""
    end_seconds = 0.0
    for packet in itertools.chain(packets, [None]):
        for frame in _decoded(packet, stream):
            seconds = end_seconds if frame.time is None else frame.time
            end_seconds = seconds + frame.samples / frame.sample_rate
            if frame.samples:
                yield seconds, frame


def _decoded(packet: Packet[Any] | None, stream: Any) -> list[AudioFrame]:
    try:
        return list(stream.codec_context.decode(packet))
    except (av.FFmpegError, ValueError):
        return []


def kernels() -> NDArray[np.float32]:
    """Windowed sinc filters that read between samples, [PHASES, TAPS]."""
    at = np.arange(TAPS) - (TAPS // 2 - 1) - np.arange(PHASES)[:, None] / PHASES
    window = np.i0(8.0 * np.sqrt(np.clip(1 - (at / (TAPS / 2)) ** 2, 0, None))) / np.i0(8.0)
    filters = np.sinc(at) * window
    return np.asarray(filters / filters.sum(axis=1, keepdims=True), np.float32)
