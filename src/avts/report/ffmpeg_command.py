"""The ffmpeg command that is equivalent to a repair, for users who want to inspect or run it.

Input: a RepairResult. Output: the arguments of a command line, and notes on differences. Nothing is run here.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import count
from pathlib import Path

from avts.media.probe import probe
from avts.offset.fix import Correction, RepairResult
from avts.offset.stream_changes import StreamChange
from avts.offset.timeline import Segment

ENCODERS = {"mp3": "libmp3lame", "opus": "libopus", "vorbis": "libvorbis"}
"""FFmpeg's encoders whose names differ from the codec's."""

HIGHEST_RATE = 192_000
"""Limit in Hz of the two integer sample rates whose ratio expresses a change of speed."""

FILL = "async=1:first_pts=0"
"""Options of aresample that fill gaps in the sound with silence, and make it start at 0 s."""


@dataclass(frozen=True)
class FfmpegCommand:
    """A command line and its differences from the repair.

    Attributes:
        words: the program and its arguments.
        notes: differences of its result from that of avts, one sentence each.
    """

    words: tuple[str, ...]
    notes: tuple[str, ...] = ()

    @property
    def line(self) -> str:
        """The command, quoted for a shell."""
        return shlex.join(self.words)


def ffmpeg_command(source: Path, done: RepairResult) -> FfmpegCommand:
    """The command that writes the same repaired film.

    Args:
        source: the film.
        done: its repair, or the dry run of it.

    Raises:
        MediaError: the source cannot be read.
    """
    notes = []
    if any(change.kind == "data" and change.fate == "copied" for change in done.streams):
        notes.append("ffmpeg refuses some data tracks, so the command omits them (-map 0:d copies them)")
    if done.correction.is_constant:
        return FfmpegCommand(("ffmpeg", *_shifting(source, done)), tuple(notes))
    notes.append(
        "the sound is resampled with FFmpeg's own filters and encoder settings, so its samples differ slightly"
    )
    rate = audio.sample_rate if (audio := probe(source).audio) else 48_000
    return FfmpegCommand(("ffmpeg", *_resampling(source, done, rate)), tuple(notes))


def _shifting(source: Path, done: RepairResult) -> list[str]:
    """Read the file twice with different delays, and take the sound from the second input."""
    sound, rest = _delays(done.streams, done.correction.moved_seconds)
    words = [*_input(source, rest), *_input(source, sound), "-map", "0:v", "-map", "1:a"]
    return [*words, *_other_maps(done.streams), "-c", "copy", _name(done.path)]


def _delays(streams: Sequence[StreamChange], offset_seconds: float) -> tuple[float, float]:
    """Delays in seconds of the sound and of all other streams; neither starts before 0 s."""
    starts = [change.start_seconds for change in streams if change.start_seconds is not None]
    sounds = [each.start_seconds for each in streams if each.kind == "audio" and each.start_seconds is not None]
    lead = min(sounds, default=0.0) - min(starts, default=0.0)
    rest = max(0.0, -(lead + offset_seconds))
    return offset_seconds + rest, rest


def _resampling(source: Path, done: RepairResult, rate: int) -> list[str]:
    """Read the sound a second time, change its speed and position with filters, and re-encode it."""
    correction = done.correction
    numbers, tracks = count(), []
    for change in done.streams:
        if change.kind == "audio" and (number := next(numbers)) >= 0 and change.fate == "encoded again":
            tracks.append((number, change))
    if len(correction.segments) > 1:
        words = [*_input(source, 0.0), "-filter_complex"]
        lead = _picture_start(done.streams)
        words.append(";".join(_pieces(correction, number, rate, lead) for number, _ in tracks))
        sounds = [f"[a{number}]" for number, _ in tracks]
    else:
        (segment,) = correction.segments
        # the filters scale time around 0 s of the file, but offsets count from its first picture
        delay = _offset_at_start(segment, correction) - _slope(correction) * _picture_start(done.streams)
        words = [*_input(source, 0.0), *_input(source, delay)]
        words += ["-af", ",".join([*_speed(correction), f"aresample={rate}:{FILL}"])]
        sounds = [f"1:a:{number}" for number, _ in tracks]
    words += ["-map", "0:v"]
    for sound in sounds:
        words += ["-map", sound]
    words += [*_other_maps(done.streams), "-c", "copy"]
    for position, (_, change) in enumerate(tracks):
        encoder = ENCODERS.get(change.new_codec, change.new_codec)
        words += [f"-c:a:{position}" if len(tracks) > 1 else "-c:a", encoder]
    return [*words, _name(done.path)]


def _picture_start(streams: Sequence[StreamChange]) -> float:
    """Seconds from the start of the file to its first picture."""
    starts = [change.start_seconds for change in streams if change.start_seconds is not None]
    pictures = [each.start_seconds for each in streams if each.kind == "video" and each.start_seconds is not None]
    return min(pictures, default=0.0) - min(starts, default=0.0)


def _slope(correction: Correction) -> float:
    return (correction.drift_ms_per_minute or 0.0) / 60_000


def _offset_at_start(segment: Segment, correction: Correction) -> float:
    return segment.offset_seconds - _slope(correction) * (segment.stop_seconds - segment.start_seconds) / 2


def _speed(correction: Correction) -> list[str]:
    """Filters that change the speed and the pitch of the sound, as resampling does."""
    if not _slope(correction):
        return []
    ratio = Fraction(1 - _slope(correction)).limit_denominator(HIGHEST_RATE)
    times = max(1, HIGHEST_RATE // ratio.denominator)
    return [f"aresample={ratio.denominator * times}", f"asetrate={ratio.numerator * times}"]


def _pieces(correction: Correction, number: int, rate: int, lead_seconds: float) -> str:
    """A filter graph that cuts a sound track into segments, moves each and concatenates them.

    Args:
        correction: whose times count from the first picture.
        number: of the track.
        rate: sample rate in Hz.
        lead_seconds: from the start of the file, which is time 0 of the graph, to its first picture.
    """
    parts = len(correction.segments)
    split = "".join(f"[s{number}_{index}]" for index in range(parts))
    graph = [f"[0:a:{number}]aresample={rate}:{FILL},asplit={parts}{split}"]
    for index, segment in enumerate(correction.segments):
        speed = 1 - _slope(correction)
        begin = lead_seconds + segment.start_seconds - _offset_at_start(segment, correction)
        length = segment.stop_seconds - segment.start_seconds
        if index == 0:
            begin, length = begin - lead_seconds * speed, length + lead_seconds
        is_last = index == parts - 1
        end = "" if is_last else f":end={max(begin + length * speed, 0.0):.6f}"
        chain = [f"atrim=start={max(begin, 0.0):.6f}{end}", "asetpts=PTS-STARTPTS", *_speed(correction)]
        chain.append(f"aresample={rate}")
        if begin < 0:
            chain.append(f"adelay={-begin / speed * 1000:.3f}:all=1")
        if not is_last:
            chain.append(f"apad=whole_dur={length:.6f}")
        graph.append(f"[s{number}_{index}]{','.join(chain)}[p{number}_{index}]")
    joined = "".join(f"[p{number}_{index}]" for index in range(parts))
    return ";".join([*graph, f"{joined}concat=n={parts}:v=0:a=1[a{number}]"])


def _input(source: Path, delay_seconds: float) -> list[str]:
    """An input with a delay."""
    delay = ["-itsoffset", f"{delay_seconds:.6f}".rstrip("0").rstrip(".")] if abs(delay_seconds) >= 1e-6 else []
    return [*(["-fflags", "+genpts"] if source.suffix.lower() == ".avi" else []), *delay, "-i", _name(source)]


def _other_maps(streams: Sequence[StreamChange]) -> list[str]:
    """Maps of the streams that are neither picture nor sound and were kept."""
    kept = {change.kind for change in streams if change.fate == "copied"}
    letters = {"subtitle": "s", "attachment": "t"}
    return [word for kind, letter in letters.items() if kind in kept for word in ("-map", f"0:{letter}")]


def _name(path: Path) -> str:
    """A file name that ffmpeg does not interpret as a protocol or an option."""
    return f"file:{path}" if ":" in str(path) or str(path).startswith("-") else str(path)
