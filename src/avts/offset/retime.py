"""Put a film right whose offset drifts or jumps: the sound is resampled to the picture's clock, the picture copied.

Input: a media file and its offset over time. Output: a file of the kind that its name says. The sound that a player
chooses is encoded again, with the codec it had where the container takes it and FFmpeg can write it; other streams are
copied, other sound is skipped. What was written is read back before it gets its name.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.resampler import AudioResampler
from av.container import InputContainer
from av.packet import Packet

from avts.errors import MediaError
from avts.files import whole_file
from avts.offset.copying import Copy, chosen_sound, copy_of, left_out_in_words
from avts.offset.encoders import add_sound, encoder_for
from avts.offset.reels import Reels, codec_of, open_source, packets_of, read_reels
from avts.offset.repair import Plan, check_call, check_streams, learn, stays_as_stored
from avts.offset.resampled import Piece, SoundBetween
from avts.offset.timeline import Segment
from avts.offset.verify import TOLERANCE_SECONDS, Promise, check_written
from avts.offset.witness import Witness

BLOCK_SAMPLES = 8192
"""Samples of the new sound made at a time."""


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
        Warnings: which streams were skipped, and that sound was encoded again.

    Raises:
        UsageError: the source is missing, the target exists or is the source, or its folder is missing.
        MediaError: the source has no sound or no picture, the target's container cannot hold it, or what was written
            is not what it should be; nothing is written then.
    """
    check_call(source, target, segments[0].offset_seconds, overwrite)
    pieces = _pieces(segments, (drift_ms_per_minute or 0.0) / 60_000)
    try:
        with whole_file(target) as part:
            reels = read_reels(source)
            job = _Job(source, part, target, pieces, reels, learn(source, reels))
            warnings, late = job.write(early_seconds=0.0)
            if abs(late) > TOLERANCE_SECONDS:  # some containers do not say how much silence an encoder put in front
                warnings, late = job.write(early_seconds=late)
            if abs(late) > TOLERANCE_SECONDS:
                raise MediaError(
                    f"{target.name}: read back, the new sound is {late * 1000:.0f} ms off its place: a "
                    f"{target.suffix} file does not hold it. Try a .mkv."
                )
            return warnings
    except (av.FFmpegError, ValueError) as error:
        words = getattr(error, "strerror", None) or str(error)
        raise MediaError(f"{source.name}: cannot be retimed into {target.name}: {words}. Try a .mkv.") from error


def _pieces(segments: Sequence[Segment], slope: float) -> list[Piece]:
    """Where the sound of each segment is: sound that comes early by o is found o before its picture."""
    pieces = []
    for segment in segments:
        start, stop = segment.start_seconds, segment.stop_seconds
        offset_at_start = segment.offset_seconds - slope * (stop - start) / 2
        pieces.append(Piece(start, stop, start - offset_at_start, 1 - slope))
    return pieces


class _Job:
    """One film being retimed."""

    def __init__(
        self,
        source: Path,
        part: Path,
        target: Path,
        pieces: list[Piece],
        reels: Reels,
        learned: dict[int, list[Fraction]],
    ) -> None:
        self._source, self._part, self._target = source, part, target
        self._pieces, self._reels, self._learned = pieces, reels, learned
        self._as_stored = stays_as_stored(reels, target)

    def write(self, *, early_seconds: float) -> tuple[tuple[str, ...], float]:
        """Write the film and read it back: warnings, and by how much the new sound is late, in seconds.

        Args:
            early_seconds: by how much the new sound is put earlier than it should be.
        """
        with open_source(self._source) as container, open_source(self._source) as heard:
            check_streams(self._source, container)
            old: Any = chosen_sound(heard)
            if old.codec_context is None:
                raise MediaError(f"{self._source.name}: its audio stream has no known codec. Nothing to resample.")
            plan = Plan.of(container, self._reels, {} if self._as_stored else self._learned)
            choice = encoder_for(self._target.suffix, old)
            sounds = frozenset(stream.index for stream in container.streams.audio)
            new: list[Any] = []
            witness = Witness()
            with copy_of(
                container,
                self._part,
                self._target,
                shift_seconds=plan.rest,
                without=sounds,
                ready=lambda copy: new.append(add_sound(copy.output, choice, old)),
            ) as copy:
                packets = (
                    packet for packet in packets_of(heard, self._reels.breaks) if packet.stream_index == old.index
                )
                shown = self._reels.by_index[plan.picture].first_shown()
                track = SoundBetween(packets, old, shown)
                at = Fraction(shown) + plan.rest
                sound = _encoded(track, self._pieces, self._end(plan), at, new[-1], witness, early_seconds)
                self._mux(container, copy, plan, new[-1], sound)
            shifts = {index: float(plan.rest) for index in copy.streams}
            others = [f"audio stream ({codec_of(s)})" for s in container.streams.audio if s.index != old.index]
        promise = Promise(self._source, self._target, self._part, plan.picture, 0.0, shifts)
        lead = check_written(promise, self._reels)
        had, mixed = old.codec_context.layout.nb_channels, ""
        if choice.layout != old.codec_context.layout.name:
            mixed = f", {had} channel{'s' * (had > 1)} mixed to {choice.layout}"
        encoded = f"its sound was resampled and encoded again ({choice.encoder}{mixed}); the picture is copied"
        warnings = (f"{self._target.name}: {encoded}", *left_out_in_words(self._target, copy.left_out))
        warnings += tuple(f"{self._target.name}: {other} skipped; only one is resampled" for other in others)
        return warnings, witness.lateness_in(self._part, float(at) + lead)

    def _end(self, plan: Plan) -> float:
        """How long the picture lasts, in seconds from its first frame."""
        known = self._reels.by_index[plan.picture].known()
        step = float(np.median(np.diff(np.sort(known)))) if len(known) > 1 else 0.0
        return max(float(known.max() - known.min()) + step, self._pieces[-1].stop_seconds)

    def _mux(
        self,
        container: InputContainer,
        copy: Copy,
        plan: Plan,
        new: Any,
        sound: Iterator[tuple[float, list[Packet[Any]]]],
    ) -> None:
        """Copy the packets of the kept streams, the new sound in between where its time has come."""
        reached = -math.inf
        for packet in packets_of(container, self._reels.breaks, unpack=not self._as_stored):
            if packet.stream_index not in copy.streams:
                continue
            plan.place(packet)
            time = packet.dts if packet.dts is not None else packet.pts
            while time is not None and reached <= float(time * packet.time_base):
                reached, packets = next(sound, (math.inf, []))
                copy.output.mux(packets)
            copy.write(packet)
        for _, packets in sound:
            copy.output.mux(packets)
        copy.output.mux(new.encode(None))


def _encoded(
    track: SoundBetween,
    pieces: list[Piece],
    end_seconds: float,
    start: Fraction,
    new: Any,
    witness: Witness,
    early_seconds: float,
) -> Iterator[tuple[float, list[Packet[Any]]]]:
    """Encoded packets of the new sound, each with the time that it reaches."""
    rate, to = track.rate, new.codec_context
    total, early = round(end_seconds * rate), early_seconds
    # lossy encoders take frames of their own size only
    to_encoder = AudioResampler(
        format=to.format, layout=to.layout, rate=to.sample_rate, frame_size=to.frame_size or None
    )
    for first in range(0, total, BLOCK_SAMPLES):
        seconds = np.arange(first, min(first + BLOCK_SAMPLES, total)) / rate + early
        block = track.resampled(seconds, pieces)
        witness.hear(float(seconds[0]), block, rate)
        packed = np.ascontiguousarray(block.T).reshape(1, -1)  # more than 8 planes are more than PyAV holds
        frame = AudioFrame.from_ndarray(packed, format="flt", layout=track.layout)
        frame.sample_rate, frame.time_base, frame.pts = rate, Fraction(1, rate), round(start * rate) + first
        packets = [packet for ready in to_encoder.resample(frame) for packet in new.encode(ready)]
        yield float(start) + (first + BLOCK_SAMPLES) / rate, packets
    yield math.inf, [packet for ready in to_encoder.resample(None) for packet in new.encode(ready)]
