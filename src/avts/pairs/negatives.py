"""The plan of pairs: from a seed to windows and kinds, without touching a file.

Kinds of pair (Korbar et al. 2018, section 3):
    positive     picture and sound of the same video at the same time
    easy         the sound of another video, from any time of it
    hard         the same video, at least `hard_gap_seconds` between the edges of the windows
    super-hard   the same video, windows partly overlapping

Nothing but the relation of the two may give a negative away. So the windows of a hard pair are drawn as an unordered
pair, and a coin says which gives the picture: both then come from the same places of the file. A positive is drawn as
the negative that it might have been, and then takes its sound from where its picture is; if that negative could not be
used, since its sound is silent, the positive is not used either.

Windows start on frames: the sound of a positive then starts with its first picture, not up to half a frame off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from avts.timebase import FRAME_RATE, frame_at, frames_lasting

POSITIVE, EASY, HARD, SUPER_HARD = range(4)
KIND_NAMES = ("positive", "easy", "hard", "super_hard")

SUPER_HARD_LEAST_SHIFT = 0.2
"""Super-hard windows are shifted by at least this share of their length: less could pass as in sync."""


@dataclass(frozen=True)
class Window:
    """A window of one clip: the clip's index in the list planned for, and its start in seconds."""

    clip: int
    start_seconds: float


@dataclass(frozen=True)
class StepPlan:
    """What a step needs: windows of picture, windows of sound, and which of them are paired as what.

    Attributes:
        pictures: windows of picture.
        sounds: windows of sound.
        pairs: (index of picture, index of sound, kind) each.
        passed_over: (index of picture, window) each: the sound of the negative that a positive might have been. It is
            not paired, only asked whether it is silent.
    """

    pictures: tuple[Window, ...]
    sounds: tuple[Window, ...]
    pairs: tuple[tuple[int, int, int], ...]
    passed_over: tuple[tuple[int, Window], ...] = ()

    def usable(self, is_audible: Callable[[Window], bool]) -> list[bool]:
        """Which pairs can be used: silence makes all pairs alike, in sync or not.

        A picture is used if its own sound, the sounds cut for it and the one passed over are all audible, and a sound
        if the picture is that it was cut for, or it is audible itself. Less would tell kinds apart: a clip that is
        silent in parts loses a hard negative more easily than a positive.
        """
        audible = [is_audible(window) for window in self.pictures]
        owners: dict[int, int] = {}
        for picture, sound, kind in self.pairs:
            if kind != EASY:
                owners[sound] = picture
                audible[picture] &= is_audible(self.sounds[sound])
        for picture, window in self.passed_over:
            audible[picture] &= is_audible(window)
        heard = [audible[owners[row]] if row in owners else is_audible(each) for row, each in enumerate(self.sounds)]
        return [audible[picture] and heard[sound] for picture, sound, _ in self.pairs]


def epoch_order(num_clips: int, *, seed: int, epoch: int) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """The clips of an epoch in random order, each once."""
    return np.random.default_rng([seed, epoch]).permutation(num_clips)


def window_pair(
    duration_seconds: float, kind: int, *, clip_seconds: float, gap_seconds: float, rng: np.random.Generator
) -> tuple[float, float] | None:
    """Starts of a picture's and a sound's window of one clip that relate as the kind says.

    Returns:
        (picture start, sound start) in seconds, or None if the clip is too short for a pair of this kind.
    """
    if kind == POSITIVE:
        start = _any_start(duration_seconds, clip_seconds, rng)
        return start, start
    room = frame_at(duration_seconds) - frame_at(clip_seconds)  # all in frames from here on
    least = _least_shift(kind, clip_seconds, gap_seconds)
    most = room if kind == HARD else min(room, frames_lasting(clip_seconds) - 1)
    if most < least:
        return None
    # uniform over all allowed pairs: a shift leaves room - shift + 1 places, so draw it with that weight
    places = room + 1 - np.arange(least, most + 1)
    shift = least + int(rng.choice(len(places), p=places / places.sum()))
    first = int(rng.integers(room - shift + 1))
    pair = (first / FRAME_RATE, (first + shift) / FRAME_RATE)
    return pair if rng.random() < 0.5 else pair[::-1]


def least_seconds(kinds: Iterable[int], *, clip_seconds: float, gap_seconds: float) -> float:
    """Length of the shortest clip that can give a pair of each of some kinds.

    Shorter clips have to be left out where a kind is wanted that they cannot give: they would be in sync more often
    than others, and be known by it.
    """
    shifts = [_least_shift(kind, clip_seconds, gap_seconds) for kind in kinds if kind in (HARD, SUPER_HARD)]
    return (frame_at(clip_seconds) + max(shifts, default=0)) / FRAME_RATE


def plan_grid(
    clips: Sequence[int],
    durations_seconds: Sequence[float],
    *,
    negative_shares: Mapping[int, float],
    clip_seconds: float,
    gap_seconds: float,
    rng: np.random.Generator,
) -> StepPlan:
    """Every picture of a batch with every sound of it: B positives, B * (B - 1) easy negatives and more.

    When the shares ask for more than easy negatives, each picture brings one more sound of its own clip, hard or
    super-hard; for the pictures of the other clips these sounds are easy negatives too.

    Args:
        clips: indices of the batch's clips, all different.
        durations_seconds: duration of every clip of the list planned for.
        negative_shares: share of each kind among the negatives, summing to 1.
        clip_seconds: length of a window.
        gap_seconds: least time between the edges of a hard pair.
        rng: source of all chance.
    """
    within = {kind: share for kind, share in negative_shares.items() if kind != EASY and share > 0}
    pictures, sounds, owners = [], [], []
    for row, clip in enumerate(clips):
        kind = _draw(within, rng) if within else POSITIVE
        found = window_pair(durations_seconds[clip], kind, clip_seconds=clip_seconds, gap_seconds=gap_seconds, rng=rng)
        if found is None:  # too short a clip: its picture only takes part in positives and easy negatives
            kind, start = POSITIVE, _any_start(durations_seconds[clip], clip_seconds, rng)
            found = (start, start)
        pictures.append(Window(int(clip), found[0]))
        sounds.append(Window(int(clip), found[0]))
        owners.append((row, POSITIVE))
        if kind != POSITIVE:
            sounds.append(Window(int(clip), found[1]))
            owners.append((row, kind))
    pairs = [
        (picture, sound, kind if picture == owner else EASY)
        for sound, (owner, kind) in enumerate(owners)
        for picture in range(len(pictures))
    ]
    return StepPlan(tuple(pictures), tuple(sounds), tuple(pairs))


def plan_pairs(
    clips: Sequence[int],
    durations_seconds: Sequence[float],
    *,
    negative_shares: Mapping[int, float],
    clip_seconds: float,
    gap_seconds: float,
    rng: np.random.Generator,
) -> StepPlan:
    """One pair a picture, as in the paper: half positives, half negatives in the given shares.

    Arguments as in `plan_grid`. A clip too short for the kind drawn gives an easy negative instead.
    """
    pictures, sounds, pairs, passed_over = [], [], [], []
    for row, clip in enumerate(clips):
        positive, kind = bool(rng.random() < 0.5), _draw(negative_shares, rng)
        found = None
        if kind != EASY:
            found = window_pair(
                durations_seconds[clip], kind, clip_seconds=clip_seconds, gap_seconds=gap_seconds, rng=rng
            )
        owner = clip
        if found is None:
            kind = EASY
            owner = int(rng.choice([index for index in clips if index != clip]))
            first, second = (_any_start(durations_seconds[index], clip_seconds, rng) for index in (clip, owner))
            found = (first, second)
        if positive:
            passed_over.append((row, Window(int(owner), found[1])))
            kind, owner, found = POSITIVE, clip, (found[0], found[0])
        pictures.append(Window(int(clip), found[0]))
        sounds.append(Window(int(owner), found[1]))
        pairs.append((row, row, kind))
    return StepPlan(tuple(pictures), tuple(sounds), tuple(pairs), tuple(passed_over))


def _draw(shares: Mapping[int, float], rng: np.random.Generator) -> int:
    weights = np.array(list(shares.values()))
    return int(rng.choice(list(shares), p=weights / weights.sum()))


def _any_start(duration_seconds: float, clip_seconds: float, rng: np.random.Generator) -> float:
    room = max(frame_at(duration_seconds) - frame_at(clip_seconds), 0)
    return int(rng.integers(room + 1)) / FRAME_RATE


def _least_shift(kind: int, clip_seconds: float, gap_seconds: float) -> int:
    """Frames between the starts of the windows of a hard or a super-hard pair, at least."""
    return frames_lasting(clip_seconds + gap_seconds if kind == HARD else SUPER_HARD_LEAST_SHIFT * clip_seconds)
