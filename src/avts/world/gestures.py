"""What a speaker's body does with the words: it makes ready before it sounds, and beats with head and hands.

Lips part and jaws drop before the voice begins: by up to 0.2 s at the start of an utterance, less within it.
Source: Schwartz & Savariaux 2014, "No, there is no 150 ms lead of visual speech on auditory speech, but a range of
audiovisual asynchronies varying from small audio lead to large audio lag", PLOS Computational Biology 10(7).
"""

from __future__ import annotations

import numpy as np

from avts.world.clock import Curve, Floats, drift, swell, until
from avts.world.stage import Stage

LEAD_SECONDS = (-0.02, 0.12)
"""Within an utterance a voice's movement is seen this much before it is heard, between these bounds for each video."""

_PAUSE_SECONDS = 0.25
"""A longer gap between syllables ends an utterance."""

_SLUGGISH_SECONDS = 0.03
"""Lips and jaw take part in the sounds next to theirs: they are smeared by this much either way."""


def seen_jaw(stage: Stage, jaw: Curve, onsets: Floats, lengths: Floats) -> Floats:
    """How far the mouth is seen open at each frame [T]: smoother than the sound it makes, and before it.

    Args:
        stage: Where and when; its lead is that of the whole video.
        jaw: How far the mouth is open for the sound.
        onsets: When each syllable begins to sound, [K].
        lengths: Of each syllable, [K] seconds.
    """
    frames = stage.frame_seconds + stage.lead_seconds
    smear = np.linspace(-_SLUGGISH_SECONDS, _SLUGGISH_SECONDS, 5) * stage.uniform(0.3, 1.0)
    gap = np.mean([jaw(frames + by) for by in smear], axis=0)
    first = np.diff(onsets, prepend=-9.0) > np.append(0.0, lengths[:-1]) + _PAUSE_SECONDS
    early, parted = stage.uniform(0.05, 0.2), stage.uniform(0.0, 0.35)
    ready = np.clip(1 - (until(frames, onsets[first]) - 0.02) / early, 0, 1) * (until(frames, onsets[first]) < 9)
    return np.maximum(gap, parted * ready * ready * (3 - 2 * ready))


def beats(stage: Stage, onsets: Floats, wide: Floats) -> Floats:
    """Strokes with the stressed syllables at each frame [T], 0..1: up before one, down as it sounds.

    Args:
        stage: Where and when.
        onsets: When each syllable begins to sound, [K].
        wide: How strongly each is said, [K].
    """
    stressed = onsets[(wide > 0.7) & (stage.rng.random(len(onsets)) < stage.uniform(0.3, 1.0))]
    frames = stage.frame_seconds + stage.lead_seconds
    reach, drop = stage.uniform(0.12, 0.3), stage.uniform(0.06, 0.15)
    coming = np.clip(1 - until(frames, stressed) / reach, 0, 1)
    gone = np.clip((frames - _before(frames, stressed)) / drop, 0, 1)
    return np.maximum(_eased(coming), _eased(1 - gone))


def waving(stage: Stage, beat: Floats) -> Floats:
    """Places of two hands at each frame, [T, 4] as x, y, x, y: they beat, wander while the speaker speaks, and rest."""
    rng, frames = stage.rng, stage.frame_seconds
    run = stage.run(frames)
    speaking = stage.awake(frames)
    places = []
    for side in (-1, 1):
        active = stage.uniform(0.2, 1.0) * (rng.random() < 0.8)
        lift = np.maximum(drift(rng, stage.span, stage.uniform(0.8, 2.0))(run), 0) * speaking
        sway = swell(rng, stage.span, 0.4, 1.2)(run) * speaking
        x = side * (0.38 - active * (0.1 * sway + stage.uniform(0.0, 0.12) * beat))
        y = 0.6 - active * (0.25 * lift + stage.uniform(0.05, 0.25) * beat)
        places += [x, y]
    return np.stack(places, axis=1)


def _before(times: Floats, events: Floats) -> Floats:
    """The last event by each time; long ago before the first."""
    if not len(events):
        return times - 9.0
    place = np.searchsorted(events, times, side="right") - 1
    return np.where(place >= 0, events[np.maximum(place, 0)], times - 9.0)


def _eased(part: Floats) -> Floats:
    eased: Floats = part * part * (3 - 2 * part)
    return eased
