"""The strongest responses of a channel: the sound or the frame around each, and the response over time and space.

Input: a survey of channels and the corpus. Output: arrays for the report to draw. Each clip is read once more.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avts.corpus.clip import Clip
from avts.corpus.corpus import Corpus
from avts.features.towers import PICTURE
from avts.inspection.channels import Answers, Survey, answers_to
from avts.inspection.excerpts import Excerpt, OnProgress, read_excerpts
from avts.media.planes import Planes
from avts.model.dense import STEPS_PER_SECOND
from avts.model.receptive_field import Field
from avts.model.two_stream import TwoStream
from avts.timebase import FRAME_RATE, Span

SHOWN_SECONDS = 1.0
"""Length of what is shown, with the peak in the middle."""


@dataclass(frozen=True)
class Exhibit:
    """One strong answer of a channel.

    Attributes:
        clip: the clip it is in.
        response: how strong it is.
        seconds: when, from the start of the clip.
        place: where: shares of the height and of the width of the picture; or the band.
        sees: half-open, what the feature sees, from the peak on.
        shown: half-open, what is shown, from the peak on.
        course: largest answer of the channel at each step of what is shown, [t]; NaN where the excerpt ends.
    """

    clip: Clip
    response: float
    seconds: float
    place: tuple[float, ...]
    sees: Span
    shown: Span
    course: NDArray[np.float64]


@dataclass(frozen=True)
class HeardExhibit(Exhibit):
    """Of the audio tower: the filterbank as the tower was shown it, [M, s], and which bands [low, high) it sees."""

    energies: NDArray[np.float64]
    bands: tuple[int, int]


@dataclass(frozen=True)
class SeenExhibit(Exhibit):
    """Of the video tower: the frame, and the channel's map at that time over the frame, [H, W]."""

    frame: Planes
    heat: NDArray[np.float64]


def exhibits(
    model: TwoStream,
    corpus: Corpus,
    tower: str,
    surveyed: Survey,
    channels: Sequence[int],
    *,
    each: int,
    seconds: float,
    on_unreadable: Callable[[str], None],
    on_progress: OnProgress = lambda _done, _total: None,
) -> dict[int, list[Exhibit]]:
    """Read what some channels of a tower answer to most.

    Args:
        model: the networks, in evaluation mode.
        corpus: where the clips are.
        tower: 'picture' or 'sound'.
        surveyed: of the tower.
        channels: which.
        each: exhibits of a channel, of as many clips.
        seconds: length of the excerpts that were surveyed.
        on_unreadable: called for each clip that is skipped.
        on_progress: called with (clips done, total clips).

    Returns:
        For each channel, the strongest first.
    """
    wanted = {channel: surveyed.strongest(channel, each) for channel in channels}
    rows = sorted({row for chosen in wanted.values() for row in chosen})
    row_of = {surveyed.clips[row].key: row for row in rows}
    clips = [surveyed.clips[row] for row in rows]
    found: dict[tuple[int, int], Exhibit] = {}
    reading = read_excerpts(corpus, clips, seconds=seconds, on_unreadable=on_unreadable, on_progress=on_progress)
    for excerpt in reading:
        row = row_of[excerpt.clip.key]
        answers = answers_to(model, _of_tower(excerpt, tower))[tower]
        for channel in (channel for channel, chosen in wanted.items() if row in chosen):
            show = _seen if tower == PICTURE else _heard
            found[channel, row] = show(excerpt, answers, surveyed, row, channel)
    return {
        channel: [found[channel, row] for row in chosen if (channel, row) in found]
        for channel, chosen in wanted.items()
    }


def _of_tower(excerpt: Excerpt, tower: str) -> Excerpt:
    planes, samples = (excerpt.planes, None) if tower == PICTURE else (None, excerpt.samples)
    return Excerpt(excerpt.clip, excerpt.span, planes, samples)


def _heard(excerpt: Excerpt, answers: Answers, surveyed: Survey, row: int, channel: int) -> HeardExhibit:
    assert answers.energies is not None
    known = _common(excerpt, answers, surveyed, row, channel, STEPS_PER_SECOND)
    bands = answers.fields[1]
    step = round((known.seconds - excerpt.span.start_seconds) * STEPS_PER_SECOND - 0.5)
    half = _half(STEPS_PER_SECOND)
    reach = (bands.size - 1) // 2
    low, high = round(known.place[0]) - reach, round(known.place[0]) + reach + 1
    return HeardExhibit(
        **vars(known),
        energies=around(answers.energies.astype(np.float64), step, half),
        bands=(max(low, 0), min(high, answers.sizes[1])),
    )


def _seen(excerpt: Excerpt, answers: Answers, surveyed: Survey, row: int, channel: int) -> SeenExhibit:
    assert excerpt.planes is not None
    known = _common(excerpt, answers, surveyed, row, channel, FRAME_RATE)
    step = (known.seconds - excerpt.span.start_seconds) * FRAME_RATE
    time, height, width = answers.fields
    feature = round((step - time.middle) / time.stride)
    chart = answers.maps[channel, min(max(feature, 0), answers.maps.shape[1] - 1)]
    size = (excerpt.planes.height, excerpt.planes.width)
    frame = int(min(max(round(step), 0), excerpt.planes.num_frames - 1))
    heat = over_frame(chart.astype(np.float64), (height, width), answers.sizes[1:], size)
    return SeenExhibit(**vars(known), frame=excerpt.planes.part(frame, frame + 1), heat=heat)


def _common(excerpt: Excerpt, answers: Answers, surveyed: Survey, row: int, channel: int, rate: int) -> Exhibit:
    """What exhibits of both towers have."""
    field, seconds = answers.fields[0], float(surveyed.seconds[row, channel])
    half = _half(rate)
    inside = answers.whole
    largest = answers.maps[channel].reshape(answers.maps.shape[1], -1).max(1)[inside].astype(np.float64)
    centres = field.centres(inside.stop)[inside]
    offset = 0.5 if rate == STEPS_PER_SECOND else 0.0
    peak = (seconds - excerpt.span.start_seconds) * rate - offset
    at = peak + np.arange(-half, half + 1)
    course = np.interp(at, centres, largest, left=np.nan, right=np.nan)
    reach = (field.size - 1) / 2
    return Exhibit(
        excerpt.clip,
        float(surveyed.responses[row, channel]),
        seconds,
        tuple(float(value) for value in surveyed.places[row, channel]),
        Span(-(reach + 0.5) / rate, (reach + 0.5) / rate),
        Span(-(half + 0.5) / rate, (half + 0.5) / rate),
        course,
    )


def _half(rate: int) -> int:
    return round(SHOWN_SECONDS * rate / 2)


def around(values: NDArray[np.float64], step: int, half: int) -> NDArray[np.float64]:
    """The columns of values [M, S] from half before a step to half after it, [M, 2 * half + 1]; NaN beyond the ends."""
    padded = np.pad(values, ((0, 0), (half, half)), constant_values=np.nan)
    return np.asarray(padded[:, step : step + 2 * half + 1])


def over_frame(
    chart: NDArray[np.float64], fields: tuple[Field, Field], seen: tuple[int, ...], size: tuple[int, int]
) -> NDArray[np.float64]:
    """A map [H', W'] spread over a frame [H, W]: each feature lies at the middle of what it sees, linear in between.

    Args:
        chart: answers of one channel at one time.
        fields: what a feature sees along height and width of the tower's input.
        seen: height and width of the tower's input, to which the frame was scaled.
        size: height and width of the frame.
    """
    weights = []
    for count, field, total, wanted in zip(chart.shape, fields, seen, size, strict=True):
        centres = (field.centres(count) + 0.5) / total
        at = (np.arange(wanted) + 0.5) / wanted
        weights.append(np.stack([np.interp(at, centres, row) for row in np.eye(count)], axis=1))
    return np.asarray(weights[0] @ chart @ weights[1].T)
