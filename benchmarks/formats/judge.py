"""Hold what avts reads, repairs and resamples against what a file shows and plays.

Input: a file, its Truth, and what to ask of avts. Output: a Verdict: the greatest error, or the reason of a refusal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from avts.errors import AvtsError
from avts.media.standard import read_standard
from avts.offset.repair import repair
from avts.offset.retime import retime
from avts.offset.timeline import Segment
from avts.timebase import FRAME_RATE, SAMPLE_RATE
from benchmarks.formats.film import Truth
from benchmarks.formats.seen import Seen, clicks_in, number_of, packets_by_kind, see

Status = Literal["right", "refused", "wrong", "failed"]

READ_SECONDS = 0.005
MOVED_SECONDS = 0.003
RESAMPLED_SECONDS = 0.005
PICTURE_SECONDS = 0.002
"""Errors that count as right: read, moved, resampled, and the time of a picture after a repair."""

SEARCH_SECONDS = 0.6
AHEAD_SECONDS = 0.1
"""A standard frame shows the picture nearest to it, but none this long before its time: a slide stands to its end."""

TIE_SECONDS = 0.0015
"""Closer than this to half-way between two pictures, a standard frame may show either."""

BREAK_SECONDS = 0.1
"""Where a clock breaks, what follows may be put this much earlier or later: no time stamp says where."""

MOST_OTHER_PICTURES = 0.06
"""Share of standard frames that may show the neighbour of the picture nearest to their time."""

OWN_TAGS = (
    *("_brand", "_brands", "_version", "_version_num", "_umid", "uid", "encoder", "creation_time", "timecode"),
    *("modification_date", "application_platform", "company_name", "product_name"),
)
"""Ends of the names of tags that a muxer writes of itself."""

LATEST_START_SECONDS = 10.0
PLAYED_FROM_ZERO = {".mp4", ".mov", ".m4v", ".mkv", ".webm", ".avi", ".flv", ".3gp", ".3g2", ".nut"}
"""Containers whose players begin at 0 whatever the first time stamp is."""


@dataclass(frozen=True)
class Verdict:
    """What came of one request.

    status: right, refused (with a reason from avts), wrong, or failed (an exception not raised on purpose);
    error_seconds: the greatest error between sound and picture, None if it could not be measured; words: the reason of
    a refusal, or what is wrong; notes: what avts warned of.
    """

    status: Status
    error_seconds: float | None = None
    words: str = ""
    notes: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


def judge_made(seen: Seen, truth: Truth) -> str:
    """What the container itself cannot say of the film, '' if it plays as it was made."""
    numbers = [number for _, number in seen.pictures]
    if numbers != [number for _, number in truth.pictures]:
        return f"{len(numbers)} pictures come as {_few(numbers)}"
    if [seconds for seconds, _ in seen.pictures] != sorted(seconds for seconds, _ in seen.pictures):
        return "the times of its pictures run backwards"
    if len(seen.clicks) != len(truth.clicks):
        return f"{len(seen.clicks)} of {len(truth.clicks)} clicks are heard"
    if not seen.clicks or not seen.pictures:
        return ""
    away = max(map(abs, clicks_away(seen.pictures, seen.clicks, truth.pictures, truth.clicks)))
    return f"{1000 * away:.0f} ms between sound and picture" if away > READ_SECONDS else ""


def clicks_away(
    pictures: Sequence[tuple[float, int]],
    clicks: Sequence[float],
    old_pictures: Sequence[tuple[float, int]],
    old_clicks: Sequence[float],
) -> list[float]:
    """By how much each click moved against the picture that was nearest to it; > 0 is later.

    So measured, it does not matter where a clock begins or what becomes of its gaps.
    """
    at = {number: seconds for seconds, number in pictures}
    moved = []
    for new, old in zip(clicks, old_clicks, strict=True):
        seconds, number = min(old_pictures, key=lambda picture: abs(picture[0] - old))
        moved.append((new - at[number]) - (old - seconds))
    return moved


def judge_read(path: Path, truth: Truth, seen: Seen, *, quarter_turns: int = 0) -> Verdict:
    """Read a file in the standard form and compare it with what it shows and plays."""
    try:
        clip = read_standard(path, short_side=48)
    except AvtsError as error:
        return Verdict("refused", words=str(error))
    except Exception as error:
        return Verdict("failed", words=f"{type(error).__name__}: {error}")
    shown = [number_of(np.rot90(picture, -quarter_turns)) for picture in clip.planes.y]
    tried = [(*picture_shift(shown, each), each) for each in _as_played(seen, truth) if each.pictures]
    early, others, played = min(tried, key=lambda each: each[1])
    if others > max(1, MOST_OTHER_PICTURES * len(shown)):
        return Verdict("wrong", words=f"{others} of {len(shown)} pictures are not those of their time: {_few(shown)}")
    clicks = clicks_in([(0.0, SAMPLE_RATE, clip.samples)])
    end = len(shown) / FRAME_RATE
    expected = [at for at in played.clicks if 0.01 < at < end - 0.01]
    clicks = [at for at in clicks if 0.01 < at < end - 0.01]
    if len(clicks) != len(expected):
        return Verdict("wrong", words=f"{len(clicks)} of {len(expected)} clicks are heard: {_few(clicks)}")
    late = [at - wanted for at, wanted in zip(clicks, expected, strict=True)]
    apart = max((abs(each + early) for each in late), default=0.0)
    away = max(apart, abs(early))
    words = (
        ""
        if away <= READ_SECONDS
        else f"sound {1000 * max(late, key=abs, default=0):+.0f} ms, picture {-1000 * early:+.0f} ms"
    )
    return Verdict("right" if away <= READ_SECONDS else "wrong", away, words)


def picture_shift(shown: Sequence[int], truth: Truth) -> tuple[float, int]:
    """By how many seconds standard frames show what comes later, and how many then still show another picture.

    Of all shifts that explain the most frames it is the one nearest to 0: 24 frames a second shown at 24 do not tell
    more than to half a frame.
    """
    times = np.array([seconds for seconds, _ in truth.pictures])
    numbers = np.array([number for _, number in truth.pictures])
    middles = np.maximum((times[:-1] + times[1:]) / 2, times[1:] - AHEAD_SECONDS)
    at = np.arange(len(shown)) / FRAME_RATE
    shifts = np.arange(-SEARCH_SECONDS, SEARCH_SECONDS, 0.001)
    shifts = shifts[np.argsort(np.abs(shifts), kind="stable")]
    seconds = shifts[:, None] + at  # [shifts, T]
    either = [numbers[np.searchsorted(middles, seconds + step)] for step in (-TIE_SECONDS, TIE_SECONDS)]
    others = np.all([expected != np.array(shown) for expected in either], axis=0).sum(axis=1)
    best = int(np.argmin(others))
    return float(shifts[best]), int(others[best])


def judge_repair(source: Path, target: Path, seen: Seen, offset_seconds: float) -> Verdict:
    """Move the sound of a file and compare what was written with what was there."""
    try:
        notes = repair(source, target, offset_seconds=offset_seconds)
    except AvtsError as error:
        return _refused(target, error)
    except Exception as error:
        return Verdict("failed", words=f"{type(error).__name__}: {error}")
    return judge_moved(seen, target, [offset_seconds] * len(seen.clicks), MOVED_SECONDS, source.suffix, notes)


def judge_retime(source: Path, target: Path, seen: Seen, offset_seconds: float, drift_ms_per_minute: float) -> Verdict:
    """Resample the sound of a file and compare what was written with what was there."""
    length = seen.relative[-1][0] + 0.04 if seen.pictures else 1.0
    segment = Segment(0.0, length, offset_seconds, 1.0)
    try:
        notes = retime(source, target, segments=[segment], drift_ms_per_minute=drift_ms_per_minute)
    except AvtsError as error:
        return _refused(target, error)
    except Exception as error:
        return Verdict("failed", words=f"{type(error).__name__}: {error}")
    slope = drift_ms_per_minute / 60_000
    shifts = []
    for click in seen.clicks:
        at = click - seen.pictures[0][0]
        # sound at T of the new track is found at T - offset(T) of the old one
        new = (at + offset_seconds - slope * length / 2) / (1 - slope)
        shifts.append(new - at)
    return judge_moved(seen, target, shifts, RESAMPLED_SECONDS, None, notes)


def _refused(target: Path, error: AvtsError) -> Verdict:
    left = [path.name for path in target.parent.iterdir() if path.name.startswith((".", target.name))]
    if left:
        return Verdict("wrong", words=f"refused ({error}), but left {', '.join(left)} behind")
    return Verdict("refused", words=str(error))


def judge_moved(
    before: Seen, target: Path, shifts: Sequence[float], tolerance: float, suffix: str | None, notes: Sequence[str]
) -> Verdict:
    """Compare a written file with its source: pictures, packets, and each click moved by its shift.

    Args:
        before: what the source shows and plays.
        target: the file written.
        shifts: by how many seconds each click of the source should move against the picture.
        tolerance: in seconds.
        suffix: the source's ending if the packets were to be copied; None if its sound was encoded again.
        notes: what avts warned of.
    """
    after = see(target)
    faults = _picture_faults(before, after)
    faults += _packet_faults(before, after, suffix is not None, same=suffix == target.suffix)
    faults += _lost(before, after, notes, encoded_again=suffix is None)
    if after.pictures and target.suffix in PLAYED_FROM_ZERO and after.pictures[0][0] > LATEST_START_SECONDS:
        faults.append(f"the first picture is at {after.pictures[0][0]:.0f} s")
    error: float | None = None
    if len(before.clicks) != len(after.clicks):
        faults.append(f"{len(after.clicks)} of {len(before.clicks)} clicks are heard")
    elif before.clicks and before.pictures and after.pictures:
        moved = np.array(clicks_away(after.pictures, after.clicks, before.pictures, before.clicks))
        error = float(np.abs(moved - np.array(shifts)).max())
        if error > tolerance:
            wanted = "/".join(f"{1000 * each:+.0f}" for each in (min(shifts), max(shifts)))
            faults.append(f"sound moved by {1000 * moved.min():+.0f} to {1000 * moved.max():+.0f} ms, asked {wanted}")
    return Verdict("wrong" if faults else "right", error, "; ".join(faults), tuple(notes))


def _picture_faults(before: Seen, after: Seen) -> list[str]:
    old, new = before.relative, after.relative
    if [number for _, number in old] != [number for _, number in new]:
        return [f"{len(new)} pictures instead of {len(old)}, they come as {_few([number for _, number in new])}"]
    moved = np.array([b - a for (a, _), (b, _) in zip(old, new, strict=True)])
    steps = np.flatnonzero(np.abs(np.diff(moved)) > PICTURE_SECONDS)
    if len(steps) <= len(before.breaks) and np.all(np.abs(np.diff(moved)[steps]) <= BREAK_SECONDS):
        moved = np.concatenate([part - part[0] for part in np.split(moved, steps + 1)]) if len(steps) else moved
    away = float(np.abs(moved).max(initial=0.0))
    return [f"a picture is {1000 * away:.0f} ms from its time"] if away > PICTURE_SECONDS else []


def _packet_faults(before: Seen, after: Seen, copied: bool, *, same: bool) -> list[str]:
    """Packets that are gone or others; between containers the framing differs, so only their number is compared."""
    old, new = packets_by_kind(before), packets_by_kind(after)
    faults = []
    for kind in ("video", "audio", "subtitle") if copied else ("video",):
        for number, (one, other) in enumerate(zip(old.get(kind, []), new.get(kind, []), strict=False)):
            if (one != other) if same else (len(one) != len(other)):
                faults.append(f"{kind} {number}: packets differ ({len(one)} before, {len(other)} after)")
    return faults


def _lost(before: Seen, after: Seen, notes: Sequence[str], *, encoded_again: bool) -> list[str]:
    """What is missing in a written file without a word about it."""
    said = " ".join(notes)
    faults = []
    for kind in ("video", "audio", "subtitle", "attachment"):
        old, new = (sum(each.startswith(kind) for each in seen.kinds) for seen in (before, after))
        if new < old and kind not in said:
            faults.append(f"{old - new} {kind} stream(s) lost without a word")
        if new > old:
            faults.append(f"{new - old} {kind} stream(s) more")
    if before.chapters and before.chapters != after.chapters and "chapter" not in said:
        faults.append(f"chapters {before.chapters} became {after.chapters}")
    held = set(after.tags.values())
    lost = [key for key, value in before.tags.items() if not key.lower().endswith(OWN_TAGS) and value not in held]
    if lost and "tag" not in said and not encoded_again:
        faults.append(f"tags lost without a word: {', '.join(lost)}")
    return faults


def _as_played(seen: Seen, truth: Truth) -> Iterator[Truth]:
    """What may be played: as it was made, as its packets say, and behind a break a little earlier or later."""
    start = seen.pictures[0][0] if seen.pictures else 0.0
    clicks = tuple(at - start for at in seen.clicks)
    yield Truth(truth.pictures, clicks)
    yield Truth(tuple(seen.relative), clicks)
    if not seen.breaks:
        return
    # sound may break a little before the picture does
    limit = seen.breaks[0] - start - BREAK_SECONDS / 2
    for step in np.arange(-BREAK_SECONDS, BREAK_SECONDS + 0.001, 0.002):
        shift = float(step)
        yield Truth(
            tuple((at + shift * (at > limit), number) for at, number in seen.relative),
            tuple(at + shift * (at > limit) for at in clicks),
        )


def _few(values: Sequence[float]) -> str:
    """The first values in words."""
    return ", ".join(f"{value:g}" if isinstance(value, int) else f"{value:.2f}" for value in values[:8]) + (
        " ..." if len(values) > 8 else ""
    )
