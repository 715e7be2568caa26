"""Neither picture nor sound alone gives a negative away: small classifiers on planned windows of a generated corpus.

What they are shown of a window is more than a net could learn of it: which clip it is of, where in it, and features of
what is seen or heard. Half of the windows are silent by the threshold used, and clips are of two lengths.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch

from avts.corpus.corpus import Corpus
from avts.corpus.ingest import ingest
from avts.pairs.negatives import (
    EASY,
    HARD,
    POSITIVE,
    SUPER_HARD,
    StepPlan,
    Window,
    least_seconds,
    plan_grid,
    plan_pairs,
)
from avts.timebase import FRAME_RATE, Span
from avts.world import write_world

KINDS = {
    "easy": {EASY: 1.0},
    "75/25": {EASY: 0.75, HARD: 0.25},
    "hard": {HARD: 1.0},
    "super-hard": {SUPER_HARD: 1.0},
    "all": {EASY: 0.4, HARD: 0.3, SUPER_HARD: 0.3},
}
LENGTHS = {"clip_seconds": 1.0, "gap_seconds": 0.5}
GRID_STEPS, PAIR_STEPS = 150, 1200
BATCH = 6
CHANCE = 0.53  # 0.5 and three standard deviations of the smaller test set

Usable = Callable[[StepPlan], list[bool]]
Rows = list[tuple[Window, bool, float]]
"""Windows of one side, whether they are of a positive pair, and what they weigh in the loss."""


class Clips:
    """What is seen and heard at each frame of some clips."""

    def __init__(self, corpus: Corpus) -> None:
        clips = corpus.select("train")
        self.durations = [clip.duration_seconds for clip in clips]
        self.seen, self.loud, self.bands = [], [], []
        for clip in clips:
            whole = Span(0.0, clip.duration_seconds)
            y = corpus.frames(clip, whole).y.astype(np.float32) / 255
            motion = np.abs(np.diff(y, axis=0, prepend=y[:1])).mean((1, 2))
            self.seen.append(np.stack([y.mean((1, 2)), y.std((1, 2)), motion], axis=1))  # [T, 3]
            frames = corpus.sound(clip, whole)[: len(y) * 16_000 // FRAME_RATE]
            frames = np.pad(frames, (0, -len(frames) % 666)).reshape(-1, 666)[: len(y)]
            power = np.square(np.abs(np.fft.rfft(frames)))
            self.bands.append(np.log(np.stack([part.mean(1) for part in np.array_split(power, 6, 1)], 1) + 1e-6))
            self.loud.append(np.square(frames).mean(1))
        starts = [(clip, start / FRAME_RATE) for clip, length in enumerate(self.durations)
                  for start in range(0, round((length - 1) * FRAME_RATE) + 1, 6)]  # fmt: skip
        self.middle = float(np.median([self.loudness(Window(*start)) for start in starts]))

    def loudness(self, window: Window) -> float:
        return float(self.part(self.loud, window).mean())

    def part(self, values: list[np.ndarray], window: Window) -> np.ndarray:
        first = round(window.start_seconds * FRAME_RATE)
        return values[window.clip][first : first + FRAME_RATE]

    def is_audible(self, window: Window) -> bool:
        return self.loudness(window) > self.middle

    def features(self, window: Window, side: str) -> np.ndarray:
        own = self.part(self.seen if side == "picture" else self.bands, window)
        which = np.zeros((2, len(self.durations)))
        place = window.start_seconds / self.durations[window.clip]
        which[:, window.clip] = 1.0, place
        near_the_ends = abs(place - 0.4)
        return np.concatenate([own.mean(0), own.std(0), [place, place**2, near_the_ends], which.ravel()])


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Clips:
    """Eight clips of 4 s and four of 2 s, the latter too short for a hard pair."""
    root = tmp_path_factory.mktemp("leaks")
    kinds = ["ball", "clap", "hammer", "drumstick"]
    for name, videos, seconds in (("long", 8, 4.0), ("short", 4, 2.0)):
        write_world(
            root / "w" / "train" / name,
            videos=videos,
            seed=3 + videos,
            size=64,
            seconds=seconds,
            kinds=kinds,
            workers=1,
        )
    ingest(root / "w", root / "c", short_side=64, workers=1)
    return Clips(Corpus.open(root / "c"))


def planned(
    clips: Clips,
    planner: Callable[..., StepPlan],
    shares: dict[int, float],
    *,
    usable: Callable[[StepPlan], list[bool]],
) -> dict[str, Rows]:
    """Pictures and sounds of the pairs of many steps, with their weights."""
    least = least_seconds(shares, **LENGTHS)
    long_enough = [clip for clip, seconds in enumerate(clips.durations) if seconds >= least - 1e-6]
    sides: dict[str, Rows] = {"picture": [], "sound": []}
    for step in range(GRID_STEPS if planner is plan_grid else PAIR_STEPS):
        rng = np.random.default_rng([8, step])
        batch = [int(clip) for clip in rng.permutation(long_enough)[:BATCH]]
        plan = planner(batch, clips.durations, negative_shares=shares, rng=rng, **LENGTHS)
        pairs = [pair for pair, valid in zip(plan.pairs, usable(plan), strict=True) if valid]
        counts = {kind: sum(other == kind for *_, other in pairs) for *_, kind in pairs}
        if planner is plan_grid and not (POSITIVE in counts and len(counts) > 1):
            continue  # nothing to learn from
        for picture, sound, kind in pairs:
            # as model.losses.pair_weights has it: by shares in a grid, all alike where pairs are drawn one by one
            share = 1.0 if kind == POSITIVE else shares.get(kind, 0.0)
            weight = share / counts[kind] if planner is plan_grid else 1.0
            sides["picture"].append((plan.pictures[picture], kind == POSITIVE, weight))
            sides["sound"].append((plan.sounds[sound], kind == POSITIVE, weight))
    return sides


def accuracy(clips: Clips, rows: Rows, side: str) -> float:
    """Of a logistic regression fitted to half of the steps, on the other half; positives weigh one half."""
    known: dict[Window, np.ndarray] = {}
    for window, *_ in rows:
        if window not in known:
            known[window] = clips.features(window, side)
    x = torch.from_numpy(np.array([known[window] for window, *_ in rows])).float()
    x = (x - x.mean(0)) / (x.std(0) + 1e-6)
    truth = torch.tensor([positive for _, positive, _ in rows])
    weights = torch.tensor([weight for *_, weight in rows])
    halves = torch.arange(len(rows)) < len(rows) // 2
    for half in (halves, ~halves):
        for value in (True, False):
            chosen = half & (truth == value)
            weights[chosen] *= 0.5 / weights[chosen].sum()
    slope = torch.zeros(x.shape[1] + 1, requires_grad=True)
    optimizer = torch.optim.LBFGS([slope], max_iter=60)

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        logits = x[halves] @ slope[1:] + slope[0]
        costs = torch.nn.functional.binary_cross_entropy_with_logits(logits, truth[halves].float(), reduction="none")
        total = (weights[halves] * costs).sum() + 1e-4 * slope.square().sum()
        total.backward()
        return total

    optimizer.step(loss)
    with torch.no_grad():
        right = ((x[~halves] @ slope[1:] + slope[0]) > 0) == truth[~halves]
    return float(weights[~halves][right].sum())


def by_rule(clips: Clips, plan: StepPlan) -> list[bool]:
    return plan.usable(clips.is_audible)


@pytest.mark.parametrize("kinds", KINDS)
@pytest.mark.parametrize("planner", [plan_grid, plan_pairs])
def test_one_side_alone_does_not_tell_a_negative(clips: Clips, planner: Callable[..., StepPlan], kinds: str) -> None:
    sides = planned(clips, planner, KINDS[kinds], usable=partial(by_rule, clips))
    for side, rows in sides.items():
        assert len(rows) > 1000
        assert accuracy(clips, rows, side) < CHANCE, side


def at_the_start(*arguments: Any, **options: Any) -> StepPlan:
    """As a public re-implementation does it: the sound of an easy negative always starts with its video."""
    plan = plan_pairs(*arguments, **options)
    easy = {sound for _, sound, kind in plan.pairs if kind == EASY}
    sounds = tuple(Window(each.clip, 0.0) if row in easy else each for row, each in enumerate(plan.sounds))
    return StepPlan(plan.pictures, sounds, plan.pairs)


def test_the_classifier_would_find_sounds_that_always_start_with_their_video(clips: Clips) -> None:
    sides = planned(clips, at_the_start, KINDS["easy"], usable=lambda plan: [True] * len(plan.pairs))
    assert accuracy(clips, sides["sound"], "sound") > 0.8


@pytest.mark.parametrize("planner", [plan_grid, plan_pairs])
def test_the_classifier_would_find_clips_that_are_silent_in_parts(
    clips: Clips, planner: Callable[..., StepPlan]
) -> None:
    def as_pairs_come(plan: StepPlan) -> list[bool]:
        heard = [clips.is_audible(window) for window in plan.sounds]
        own = [clips.is_audible(window) for window in plan.pictures]
        return [own[picture] and heard[sound] for picture, sound, _ in plan.pairs]

    sides = planned(clips, planner, KINDS["hard"], usable=as_pairs_come)
    assert accuracy(clips, sides["picture"], "picture") > CHANCE + 0.01


def test_the_classifier_would_find_clips_too_short_for_a_hard_pair(
    clips: Clips, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(globals(), "least_seconds", lambda *_, **__: 0.0)
    sides = planned(clips, plan_grid, KINDS["75/25"], usable=partial(by_rule, clips))
    assert accuracy(clips, sides["sound"], "sound") > CHANCE + 0.01
