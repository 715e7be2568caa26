"""Talking faces: syllables with consonants, seen as jaw and lips, heard as formants, bursts and hisses.

A face also nods, looks about, blinks, smiles and chews without a sound; many nod and wave with what they say.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from avts.timebase import SAMPLE_RATE
from avts.world import gestures, sounds, speech
from avts.world.canvas import Colour, Pen, ring_of, shaded
from avts.world.clock import Curve, Floats, drift, irregular_times, log_uniform, swell, until
from avts.world.stage import Builder, Samples, Scene, Stage

_NONE, _PLOSIVE, _LABIAL, _HISS, _NASAL = range(5)
"""How a syllable begins: openly, with a burst behind or at the lips, with teeth closed, or humming."""

_LEAST_OPEN = (0.12, 0.1, 0.0, 0.1, 0.0)
"""How far the mouth stays open for each beginning."""

_ROUND = {"a": 0.0, "e": 0.5, "i": 0.8, "o": -0.7, "u": -1.0, "ae": 0.3}
"""Width of the lips for each vowel."""


@dataclass(frozen=True)
class _Syllables:
    """What is said: [K] onsets of the vowels, lengths, openings, vowels, beginnings, and whether a word ends."""

    onsets: Floats
    lengths: Floats
    wide: Floats
    vowels: npt.NDArray[np.int64]
    begins: npt.NDArray[np.int64]
    last: npt.NDArray[np.bool_]


def _said(stage: Stage) -> _Syllables:
    """Words of one to four syllables with pauses between, none in rests."""
    rng = stage.rng
    words = stage.times(stage.uniform(0.25, 0.5), stage.uniform(0.8, 2.2))
    pace = stage.uniform(0.14, 0.26)
    onsets, last = [], []
    for start, room in zip(words.tolist(), np.diff(words, append=words[-1] + 1.0).tolist(), strict=True):
        lengths = pace * rng.uniform(0.75, 1.35, int(rng.integers(1, 6)))
        starts = start + np.append(0.0, np.cumsum(lengths)[:-1])
        kept = starts[(starts + pace < start + room - 0.06) & (stage.awake(starts + pace) > 0.9)]
        kept = kept if len(kept) else starts[:1]
        onsets += kept.tolist()
        last += [False] * (len(kept) - 1) + [True]
    at = np.array(onsets)
    gaps = np.minimum(np.diff(at, append=at[-1] + pace), 1.6 * pace)
    begins = rng.choice(5, len(at), p=rng.dirichlet([2.0, 3.0, 3.0, 2.5, 2.0]))
    wide = rng.uniform(0.45, 1.0, len(at))
    return _Syllables(at, gaps, wide, rng.integers(0, 3, len(at)), begins, np.array(last))


def _jaw(stage: Stage, said: _Syllables) -> Curve:
    """How far the mouth is open."""
    rng, length = stage.rng, said.lengths
    low = np.array(_LEAST_OPEN)[said.begins] * stage.uniform(0.5, 1.5)
    attack = np.minimum(rng.uniform(0.045, 0.08, len(length)), 0.35 * length)
    hold = attack + (length - attack) * rng.uniform(0.1, 0.4, len(length))
    shut = np.where(said.last, hold + rng.uniform(0.08, 0.16, len(length)), 0.85 * length)
    before = np.where(np.append(True, said.last[:-1]), -0.05, -0.01)
    knots = said.onsets[:, None] + np.stack([before, attack, hold, shut], axis=1)
    following = np.where(said.last, 0.0, np.append(low[1:], 0.0))
    values = np.stack(
        [low * (before > -0.04), said.wide, said.wide * rng.uniform(0.6, 1.0, len(low)), following], axis=1
    )
    ends = np.array([stage.span.start_seconds - 1]), np.array([stage.span.stop_seconds + 3])
    steps = np.concatenate([ends[0], np.maximum.accumulate(knots.ravel()), ends[1]])
    return Curve(steps + 1e-6 * np.arange(len(steps)), np.concatenate([[0.0], values.ravel(), [0.0]]))


def _voice(stage: Stage, said: _Syllables, jaw: Curve, names: list[str]) -> Samples:
    """The sound of the syllables: vowels through the open mouth, consonants before them."""
    rng, times = stage.rng, stage.sample_seconds
    open_ = jaw(times)
    tone = log_uniform(rng, 80, 330)
    hertz = tone * 2 ** (stage.uniform(0.1, 0.4) * drift(rng, stage.span, 0.35)(times) + 0.15 * open_)
    source = speech.buzz(rng, hertz)
    source += np.float32(stage.uniform(0.03, 0.3) * source.std()) * sounds.noise(rng, len(times))
    number = np.maximum(np.searchsorted(said.onsets - 0.02, times, side="right") - 1, 0)
    loud = (open_ * (0.5 + 0.5 * rng.uniform(0.3, 1, len(said.onsets)))[number]) ** stage.uniform(0.7, 1.4)
    vowel = said.vowels[number]
    hum = np.zeros(len(times))
    hiss, burst = np.zeros(len(times), np.float32), np.zeros(len(times), np.float32)
    for begin, onset in zip(said.begins.tolist(), said.onsets.tolist(), strict=True):
        at = min(max(int((onset - times[0]) * SAMPLE_RATE), 0), len(times))
        early = slice(max(at - int(rng.uniform(0.05, 0.1) * SAMPLE_RATE), 0), at)
        width = early.stop - early.start
        if begin == _NASAL:
            hum[early] = 0.25 * np.hanning(2 * width)[:width]
        elif begin == _HISS:
            hiss[early] = rng.uniform(0.1, 0.5) * np.hanning(width + 2)[1:-1]
        elif begin in (_PLOSIVE, _LABIAL):
            tail = burst[at : at + int(0.04 * SAMPLE_RATE)]
            tail += np.float32(rng.uniform(0.2, 1.0)) * np.exp(-np.arange(len(tail)) / rng.uniform(40, 250))
    tract = float(np.clip((tone / 150) ** 0.35, 0.85, 1.3)) * stage.uniform(0.93, 1.07)
    sound = speech.vowels(rng, source, [hum, *(loud * (vowel == one) for one in range(3))], names, tract)
    raw = sounds.noise(rng, len(times))
    sharp = sounds.band(raw, log_uniform(rng, 1800, 4000), 7600)
    pop = sounds.band(raw, log_uniform(rng, 300, 1500), log_uniform(rng, 2500, 6000))
    level = np.float32(np.sqrt(np.mean(sound**2) / max(float(np.mean(open_ > 0.2)), 0.02)))
    return np.asarray(sound + level * (hiss * sharp / sharp.std() + burst * pop / pop.std()), np.float32)


def _looks(stage: Stage) -> tuple[Colour, Colour, Colour, Colour]:
    """Skin, hair, lips and clothes, mostly of people."""
    if stage.chance(0.2):
        first, second, third, fourth = stage.colours(4)
        return first, second, third, fourth
    tone = stage.uniform(0.3, 1.0)
    skin = (int(70 + 175 * tone), int(45 + 150 * tone), int(30 + 130 * tone))
    hair, cloth = stage.rng.integers(10, 120, 3), stage.rng.integers(10, 240, 3)
    lips = shaded((skin[0], int(skin[1] * 0.7), int(skin[2] * 0.72)), stage.uniform(0.6, 1.0))
    return skin, (int(hair[0]), int(hair[1]), int(hair[2])), lips, (int(cloth[0]), int(cloth[1]), int(cloth[2]))


def _poses(stage: Stage, said: _Syllables, jaw: Curve, names: list[str]) -> Floats:
    """[T, 12]: jaw, lip width, teeth shown, nod, turn, gaze, lids shut, brows, and x and y of two hands."""
    rng, frames = stage.rng, stage.frame_seconds
    run = frames if stage.chance(0.6) else stage.run(frames)  # most heads also move while they say nothing
    nod, turn = (drift(rng, stage.span, stage.uniform(0.4, 1.5))(run) * stage.uniform(0, 1) for _ in range(2))
    gaze = drift(rng, stage.span, 0.8)(run)
    blinks = irregular_times(rng, stage.span, 0.6, 4.0)
    lids = np.clip(1.2 - np.abs(until(run, blinks) - 0.08) / 0.07, 0, 1)
    shape = np.array([_ROUND[name] for name in names])[said.vowels]
    edge = np.array([stage.span.start_seconds - 2, *(said.onsets + 0.05), stage.span.stop_seconds + 3])
    seen = frames + stage.lead_seconds
    width = Curve(edge, np.concatenate([[0.0], shape, [0.0]]))(seen)
    smile = stage.uniform(0, 0.5) * drift(rng, stage.span, 1.5)(run)
    hissing = until(seen, said.onsets[said.begins == _HISS])
    teeth = np.clip(1.3 - np.abs(hissing - 0.05) / 0.06, 0, 1)
    brows = drift(rng, stage.span, 0.7)(run) * stage.uniform(0, 1)
    gap = gestures.seen_jaw(stage, jaw, said.onsets, said.lengths)
    beat = gestures.beats(stage, said.onsets, said.wide)
    nod = nod - beat * stage.uniform(0, 1.5) * stage.chance(0.5)
    if stage.chance(0.15):  # it chews, too
        chewing = swell(rng, stage.span, 0.12, 0.3)(run) * np.clip(2 * drift(rng, stage.span, 1.5)(run), 0, 1)
        gap = np.maximum(gap, 0.35 * chewing)
    face = np.stack([gap, width + smile, teeth, nod, turn, gaze, lids, brows], axis=1)
    return np.concatenate([face, gestures.waving(stage, beat)], axis=1)


def _face(stage: Stage, *, close: bool) -> Scene:
    said = _said(stage)
    jaw = _jaw(stage, said)
    names = stage.rng.permutation(["a", "ae", "o", "e", "i", "u"])[:3].tolist()
    sound = _voice(stage, said, jaw, names)
    poses = _poses(stage, said, jaw, names)
    skin, hair, lips, cloth = _looks(stage)
    broad, tall = stage.uniform(0.24, 0.32), stage.uniform(0.36, 0.44)
    head = ring_of(22, 1.0) * (broad, tall)
    mouth_wide, mouth_tall, thick = stage.uniform(0.1, 0.15), stage.uniform(0.06, 0.12), stage.uniform(0.015, 0.035)
    drop, facing, beard = stage.uniform(0.05, 0.11), stage.uniform(-0.08, 0.08), stage.chance(0.2)
    fringe = ring_of(14, 1.0, np.pi)[:8] * (broad * 1.12, tall * 1.1) - (0, stage.uniform(0.02, 0.08))
    arch = np.linspace(0, np.pi, 9)
    bow = np.stack([-np.cos(arch), np.sin(arch)], axis=-1)
    framed = stage.uniform(1.6, 2.6) if close else 1.0
    shoulders = np.array(
        [(-0.12, 0.25), (0.12, 0.25), (0.16, 0.5), (0.6, 0.62), (0.6, 1.4), (-0.6, 1.4), (-0.6, 0.62), (-0.16, 0.5)]
    )
    low = head[:, 1] > 0.1
    waves, palm = not close and stage.chance(0.5), stage.uniform(0.06, 0.1)

    def paint(pen: Pen, pose: list[float]) -> None:
        gap, width, teeth, nod, turn, gaze, lids, brows, *hands = pose
        pen = pen.moved(0, -0.2 * (framed - 1), scale=framed)
        if not close:
            pen.polygon(shoulders, cloth)
        face = pen.moved(0.05 * turn, 0.03 * nod - 0.05, angle=0.08 * turn)
        face.disc(0, -0.03, broad * 1.15, tall * 1.08, hair)
        jawed = head.copy()
        jawed[low, 1] += drop * gap * (head[low, 1] / tall)
        face.polygon(jawed, skin)
        face.polygon(fringe, hair)
        side = facing + 0.05 * turn
        for eye in (-0.45 * broad, 0.45 * broad):
            x, y = eye + side, -0.06 + 0.01 * nod
            face.disc(x, y, 0.045, 0.026 * (1.05 - lids), (235, 235, 230))
            face.disc(x + 0.018 * gaze, y, 0.02, 0.024 * (1.05 - lids), (35, 25, 20))
            face.stroke(
                np.array([(x - 0.055, y - 0.05), (x, y - 0.065 - 0.02 * brows), (x + 0.055, y - 0.05)]), 0.018, hair
            )
        face.polygon(np.array([(side, -0.02), (side + 0.045, 0.1), (side - 0.045, 0.1)]), shaded(skin, 0.85))
        half = mouth_wide * (1 + 0.25 * width)
        upper, lower = 0.2 - 0.02 * gap, mouth_tall * gap
        rim = thick * (1 - 0.3 * width)
        parted = lower + 0.03 * teeth * (1 - gap)
        middle = face.moved(side, upper + 0.02)
        if beard:
            middle.disc(0, 0.05 + 0.5 * parted, half * 1.5, 0.1 + 0.6 * parted, hair)
        top, bottom = bow * (half, -rim - 0.2 * parted), bow[::-1] * (half, rim + 1.6 * parted)
        middle.polygon(np.concatenate([top, bottom]), lips)
        if parted > 0.008:
            inner = np.concatenate([bow * (half * 0.85, -0.15 * parted), bow[::-1] * (half * 0.85, 1.45 * parted)])
            middle.polygon(inner, (45, 15, 15))
            if teeth > 0.1 or gap > 0.3:
                middle.box(-half * 0.55, -0.1 * parted, half * 0.55, 0.25 * parted + 0.02 * teeth, (225, 220, 205))
        for x, y in zip(hands[::2], hands[1::2], strict=True):
            if waves:
                pen.stroke(np.array([(1.35 * x, 1.1), (x, y)]), 0.12, shaded(cloth, 0.9))
                pen.disc(x, y, palm, palm * 1.15, skin)

    return Scene(poses, paint, sound, said.onsets, {"vowels": "+".join(names)})


def _talker(stage: Stage) -> Scene:
    """A head with shoulders."""
    return _face(stage, close=False)


def _lips(stage: Stage) -> Scene:
    """The lower part of a face from near by."""
    return _face(stage, close=True)


BUILDERS: dict[str, Builder] = {"talker": _talker, "lips": _lips}
