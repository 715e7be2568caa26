"""Individuals: the looks of a body go with its voice, and what it does goes with when it sounds."""

from __future__ import annotations

import numpy as np
import pytest

from avts.timebase import FRAME_RATE, SAMPLE_RATE
from avts.world.composition import compose
from avts.world.take import DRAWN_OF, Take

VIDEOS = 24


def _films() -> list[Take]:
    return [compose(77, index, size=64, seconds=4.0, scenes="individual") for index in range(VIDEOS)]


def _hertz(take: Take) -> float:
    """The middle of the sound's power, in octaves above 1 Hz."""
    power = np.abs(np.fft.rfft(take.samples)) ** 2
    hertz = np.fft.rfftfreq(len(take.samples), 1 / SAMPLE_RATE)
    heard = (hertz > 100) & (hertz < 4000)
    return float(np.average(np.log2(hertz[heard]), weights=power[heard]))


def test_every_kind_is_drawn_and_a_video_is_the_same_again() -> None:
    films = _films()
    assert {film.truth.kind for film in films} == set(DRAWN_OF["individual"])
    assert {film.truth.family for film in films} == {"individuals"}
    again = compose(77, 3, size=64, seconds=4.0, scenes="individual")
    assert np.array_equal(again.frames, films[3].frames)
    assert np.array_equal(again.samples, films[3].samples)


def test_the_voice_follows_the_pitch_that_the_looks_follow() -> None:
    films = _films()
    pitches = [float(film.truth.choices["pitch"]) for film in films]
    # it bends by 1.5 octaves, half of the range
    assert np.corrcoef(pitches, [_hertz(film) for film in films])[0, 1] > 0.8


def test_the_voice_bends_with_the_height_of_the_body() -> None:
    """Half seconds of one film: where the body is higher in the picture, the tone is higher."""
    found = []
    for index in range(8):
        film = compose(79, index, size=64, seconds=6.0, kind="flasher", scenes="individual")
        saturation = np.ptp(film.frames.astype(float), axis=-1)  # the body is coloured, the silent thing grey
        rows = np.arange(film.frames.shape[1])[None, :, None]
        height = -(saturation**4 * rows).sum((1, 2)) / (saturation**4).sum((1, 2))
        seen, heard = [], []
        for start in np.arange(0, 5.5, 0.5):
            first = round(start * FRAME_RATE)
            seen.append(height[first : first + FRAME_RATE // 2].mean())
            piece = film.samples[round(start * SAMPLE_RATE) :][: SAMPLE_RATE // 2]
            heard.append(np.abs(np.fft.rfft(piece * np.hanning(len(piece))))[20:2000].argmax())
        found.append(np.corrcoef(seen, np.log(heard))[0, 1])
    assert np.median(found) > 0.6


@pytest.mark.parametrize("kind", DRAWN_OF["individual"])
def test_picture_and_sound_stir_at_its_events(kind: str) -> None:
    """After an event both change more than half way between two events, over many films."""
    seen, heard = [], []
    for index in range(8):
        film = compose(78, index, size=64, seconds=4.0, kind=kind, scenes="individual")
        change = np.abs(np.diff(film.frames.astype(float), axis=0)).mean(axis=(1, 2, 3))
        events = np.array([at for at in film.truth.event_seconds if 0.1 < at < 3.8])
        wide = events[np.flatnonzero(np.diff(events) > 0.6)]
        for at in wide:
            frame, quiet = round(at * FRAME_RATE), round((at + 0.45) * FRAME_RATE)
            seen.append(change[frame - 1 : frame + 1].max() - change[quiet - 1 : quiet + 1].max())
            start, later = round(at * SAMPLE_RATE), round((at + 0.45) * SAMPLE_RATE)
            window = SAMPLE_RATE // 20
            loud, soft = (np.abs(film.samples[first : first + window]).mean() for first in (start, later))
            heard.append(loud / soft)
    assert np.mean(seen) > 0
    assert np.median(heard) > 2
