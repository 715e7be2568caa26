"""The sound of any file in the standard form: mono, one rate, sample 0 at the first frame of the picture.

Every decoded block is placed by its own time stamp: gaps become silence, overlaps are cut, jitter is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from avts.errors import MediaError
from avts.media.downmix import ChannelReader, Downmix
from avts.media.limits import Guard, alive_of
from avts.media.played import played_breaks
from avts.media.source import TimedFrames, opened, skip_to, sound_stream, streams_in_words

CHUNK_SAMPLES = 160_000
"""Samples of silence handed on at a time, at most: 10 s."""

LEAP_SECONDS = 0.010
"""A block this far from where the one before ended is put where its stamp says, at once."""

DRIFT_SECONDS = 0.002
"""Smaller distances are jitter (containers with millisecond stamps) until their running mean is this large."""

DRIFT_MEMORY = 0.95
"""Share of the running mean kept at each block: about 20 blocks, half a second."""


class StandardSound:
    """The standard-form sound of a file as chunks of float32 samples; iterate once, memory does not grow with the file.

    Sound before start_seconds (on the file's own clock) is cut, a later start is preceded by silence. With a
    duration the sound is cut or padded to it, without one it ends where the file's sound ends.
    After the iteration: `num_samples`, `source_sample_rate`, and `num_errors`, the packets that did not decode.
    """

    def __init__(
        self,
        path: Path,
        *,
        start_seconds: float,
        duration_seconds: float | None,
        sample_rate: int,
        guard: Guard | None = None,
    ) -> None:
        self.num_samples = 0
        self.num_errors = 0
        self.source_sample_rate = 0
        self._path = path
        self._start_seconds = start_seconds
        self._limit = None if duration_seconds is None else round(duration_seconds * sample_rate)
        self._rate = sample_rate
        self._guard = guard

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        with opened(self._path) as container:
            stream = sound_stream(container)
            if stream is None:
                has = streams_in_words(container)
                raise MediaError(f"{self._path.name}: no audio stream (it has: {has}). Nothing to synchronise.")
            skip_to(container, self._start_seconds)
            breaks = played_breaks(self._path, alive_of(self._guard))
            timed = TimedFrames[AudioFrame](container, stream, self._guard, breaks)
            for chunk in self._placed(timed):
                yield from self._counted(chunk)
                if self._limit is not None and self.num_samples >= self._limit:
                    break
            self.num_errors = timed.num_errors
            if not self.source_sample_rate:
                raise MediaError(f"{self._path.name}: nothing of its audio {codec_name(stream)} decodes.")
        if self._limit is not None:
            yield from self._counted(self._limit - self.num_samples)

    def _counted(self, chunk: NDArray[np.float32] | int) -> Iterator[NDArray[np.float32]]:
        """Hand samples, or a number of samples of silence, on as far as the limit allows."""
        left = len(chunk) if isinstance(chunk, np.ndarray) else chunk
        if self._limit is not None:
            left = min(left, self._limit - self.num_samples)
        done = 0
        while done < left:
            take = min(CHUNK_SAMPLES, left - done)
            self.num_samples += take
            if self._guard is not None:
                self._guard.check_duration(self.num_samples / self._rate)
                self._guard.beat()
            yield chunk[done : done + take] if isinstance(chunk, np.ndarray) else np.zeros(take, np.float32)
            done += take

    def _placed(self, timed: TimedFrames[AudioFrame]) -> Iterator[NDArray[np.float32] | int]:
        """Resampled runs of blocks, and between them numbers of samples of silence."""
        run: _Run | None = None
        drift = 0.0
        reader, downmix = ChannelReader(self._path.name), Downmix()
        for seconds, frame in timed:
            if frame.samples == 0:
                continue
            self.source_sample_rate = self.source_sample_rate or frame.sample_rate
            at = seconds - self._start_seconds
            away = at - run.end_seconds if run is not None else 0.0
            drift = DRIFT_MEMORY * drift + (1 - DRIFT_MEMORY) * away
            if run is None or run.rate != frame.sample_rate or abs(away) > LEAP_SECONDS or abs(drift) > DRIFT_SECONDS:
                if run is not None:
                    yield from self._aligned(run, run.finish())
                run, drift = _Run(at, frame.sample_rate, self._rate), 0.0
            yield from self._aligned(run, run.add(downmix.add(reader.read(frame), frame.sample_rate)))
        if run is not None:
            yield from self._aligned(run, run.finish())

    def _aligned(self, run: _Run, samples: NDArray[np.float32]) -> Iterator[NDArray[np.float32] | int]:
        """Put a piece of a run where it belongs: silence before it, or its head cut off."""
        position = run.position
        run.position += len(samples)
        if position > self.num_samples:
            yield position - self.num_samples
        yield samples[max(0, self.num_samples - position) :]


class _Run:
    """Blocks that follow each other without a gap, resampled together."""

    def __init__(self, start_seconds: float, rate: int, to_rate: int) -> None:
        self.end_seconds = start_seconds
        self.rate = rate
        self.position = round(start_seconds * to_rate)
        self._resampler = None if rate == to_rate else AudioResampler(format="flt", layout="mono", rate=to_rate)

    def add(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take a block at the source's rate; give what is ready at the standard rate."""
        self.end_seconds += len(samples) / self.rate
        if self._resampler is None:
            return samples
        frame = AudioFrame.from_ndarray(samples[None], format="flt", layout="mono")
        frame.sample_rate = self.rate
        return joined(self._resampler.resample(frame))

    def finish(self) -> NDArray[np.float32]:
        """Give the rest that the resampler holds."""
        return np.empty(0, np.float32) if self._resampler is None else joined(self._resampler.resample(None))


def joined(frames: list[AudioFrame]) -> NDArray[np.float32]:
    """Samples of mono float frames in one array."""
    return np.concatenate([np.empty(0, np.float32), *(frame.to_ndarray()[0] for frame in frames)])


def codec_name(stream: AudioStream) -> str:
    """Name of the codec of a sound stream."""
    return stream.codec_context.name
