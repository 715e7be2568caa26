"""AVTS evaluation of a model on a corpus: threshold from its validation videos, figures from its test videos.

While training goes on: one number from validation videos, always of the same windows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch

from avts.corpus.clip import Clip
from avts.corpus.corpus import Corpus
from avts.errors import CorpusError
from avts.evaluation.scores import (
    KINDS,
    MIXED,
    PairDistances,
    auc,
    fit_threshold,
    kind_counts,
    with_intervals,
    within_share,
)
from avts.model.two_stream import TwoStream
from avts.pairs.loader import Batch, StepDataset, load_steps
from avts.pairs.negatives import EASY, HARD, POSITIVE, SUPER_HARD, StepPlan, plan_grid
from avts.settings import PairSettings

EVALUATION_SEED = 20180630
"""Windows of an evaluation are the same for every model."""

CLIPS_PER_STEP = 32

MOST_CLIPS = 256
"""So many validation clips are looked at in training, spread over all: a look costs seconds, not a part of an epoch."""

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class _EvaluationPlan:
    """The plan of each evaluation step: every clip once a round, with a hard or a super-hard pair if it is long enough.

    Never both kinds: windows of super-hard pairs lie elsewhere in a clip than those of hard pairs, and so do the
    positives that are cut with them. Compared with the others' positives, a kind could be recognised by the time alone.
    """

    durations_seconds: tuple[float, ...]
    clip_seconds: float
    gap_seconds: float
    within: int = HARD

    @property
    def steps_per_round(self) -> int:
        return max(len(self.durations_seconds) // CLIPS_PER_STEP, 1)

    def __call__(self, step: int) -> StepPlan:
        turn, place = divmod(step, self.steps_per_round)
        order = np.random.default_rng([EVALUATION_SEED, turn]).permutation(len(self.durations_seconds))
        clips = np.array_split(order, self.steps_per_round)[place]
        return plan_grid(
            [int(clip) for clip in clips],
            self.durations_seconds,
            negative_shares={EASY: 0.5, self.within: 0.5},
            clip_seconds=self.clip_seconds,
            gap_seconds=self.gap_seconds,
            rng=np.random.default_rng([EVALUATION_SEED, self.within, step]),
        )


def pair_distances(
    model: TwoStream,
    corpus: Corpus,
    clips: Sequence[Clip],
    pairs: PairSettings,
    *,
    rounds: int,
    within: int = HARD,
    workers: int = 1,
    on_progress: OnProgress | None = None,
) -> PairDistances:
    """Distances of positive and easy pairs of some clips, and of hard or super-hard ones.

    Args:
        model: the networks, in evaluation mode.
        corpus: where the clips are.
        clips: clips to cut windows from.
        pairs: lengths and limits of the windows; the same as in training.
        rounds: windows taken of each clip.
        within: HARD or SUPER_HARD.
        workers: processes that decode.
        on_progress: called with (done, total) steps.
    """
    durations = tuple(clip.duration_seconds for clip in clips)
    plan = _EvaluationPlan(durations, pairs.clip_seconds, pairs.hard_gap_seconds, within)
    dataset = StepDataset(
        corpus,
        clips,
        plan,
        clip_seconds=pairs.clip_seconds,
        silence_dbfs=pairs.silence_dbfs,
        colour=model.needs_colour,
    )
    total = rounds * plan.steps_per_round
    device = next(model.parameters()).device
    found: list[tuple[np.ndarray[Any, Any], ...]] = []
    twice: list[np.ndarray[Any, Any]] = []
    for done, cpu_batch in enumerate(load_steps(dataset, range(total), workers=workers), start=1):
        batch = cpu_batch.to(device)
        with torch.inference_mode():
            pictures, sounds = model.embed_pictures(batch.y, batch.u, batch.v), model.embed_sounds(batch.sounds)
            matrix = model.pair_distances(pictures, sounds)
        distances = matrix[batch.picture_rows, batch.sound_rows]
        columns = (distances, batch.kinds, batch.clips[batch.picture_rows])
        found.append(tuple(column[batch.valid].cpu().numpy() for column in columns))
        if within == HARD:
            twice.append(sounds[_own_sounds(cpu_batch).to(device)].float().cpu().numpy())
        if on_progress:
            on_progress(done, total)
    if not found:
        return PairDistances(np.empty(0), np.empty(0, np.int64), np.empty(0, np.int64))
    distances_, kinds, owners = (np.concatenate(column) for column in zip(*found, strict=True))
    share = within_share(np.concatenate(twice)) if twice else None
    return PairDistances(distances_.astype(np.float64), kinds, owners, share)


def _own_sounds(batch: Batch) -> torch.Tensor:
    """For each picture with a usable hard pair, the rows of its own sound and of the hard one; int64 [n, 2]."""
    usable = {kind: batch.valid & (batch.kinds == kind) for kind in (POSITIVE, HARD)}
    positive, hard = (
        dict(zip(batch.picture_rows[chosen].tolist(), batch.sound_rows[chosen].tolist(), strict=True))
        for chosen in usable.values()
    )
    both = [(positive[picture], sound) for picture, sound in hard.items() if picture in positive]
    return torch.tensor(both, dtype=torch.int64).reshape(-1, 2)


def evaluate(
    model: TwoStream,
    corpus: Corpus,
    pairs: PairSettings,
    *,
    rounds: int = 4,
    workers: int = 1,
    on_progress: OnProgress | None = None,
) -> dict[str, Any]:
    """AVTS accuracy and AUC of a model, by kind of negative.

    Args:
        model: the networks, in evaluation mode.
        corpus: its splits 'validation' and 'test' are used.
        pairs: lengths and limits of the windows; the same as in training.
        rounds: windows taken of each clip; of a test clip, every second one for super-hard pairs.
        workers: processes that decode.
        on_progress: called with (done, total) steps.

    Returns:
        threshold: distance fitted on the validation videos (75 % easy, 25 % hard negatives).
        kinds: for easy, mixed (75/25), hard and super_hard: auc and accuracy, each value, low, high (95 %); None where
            the test has no such pair.
        num_pairs: number of pairs of each kind in the test.
        distances: up to 2,000 test distances of each kind, for drawing.
        by_label: auc_easy and auc_hard of each label, where clips have one.
        sound_within_share: share of the variance of the test clips' sound embeddings that lies within clips; None if it
            cannot be measured.

    Raises:
        CorpusError: fewer than two usable validation or test clips, or nothing but silence in them.
    """
    splits = {}
    for split in ("validation", "test"):
        splits[split] = [c for c in corpus.select(split) if c.duration_seconds >= pairs.clip_seconds]
        if len(splits[split]) < 2:
            raise CorpusError(
                f"{corpus.place}: {len(splits[split])} usable {split} clip(s) of at least {pairs.clip_seconds:g} s; "
                f"evaluation needs at least 2. Put videos into a folder '{split}' and ingest again"
            )
    parts = [("validation", HARD, rounds), ("test", HARD, (rounds + 1) // 2), ("test", SUPER_HARD, rounds // 2)]
    sizes = [turns * max(len(splits[split]) // CLIPS_PER_STEP, 1) for split, _, turns in parts]
    measured = []
    for index, (split, within, turns) in enumerate(parts):
        clips = splits[split]
        report = _shifted(on_progress, sum(sizes[:index]), sum(sizes))
        measured.append(
            pair_distances(
                model, corpus, clips, pairs, rounds=turns, within=within, workers=workers, on_progress=report
            )
        )
        if turns and not {POSITIVE, EASY} <= set(measured[-1].kinds):
            raise CorpusError(
                f"{corpus.place}: {len(measured[-1].kinds)} usable pair(s) in {len(clips)} {split} "
                f"clips: the others are below {pairs.silence_dbfs:g} dBFS. Ingest videos with more sound"
            )
    threshold = fit_threshold(_comparable_if_any(measured[0]), MIXED)
    return summary(measured[1], measured[2], threshold, [clip.label for clip in splits["test"]])


def _comparable_if_any(pairs: PairDistances) -> PairDistances:
    """The pairs of clips that gave easy and hard ones; all, if no clip did."""
    chosen = pairs.comparable(MIXED)
    return chosen if len(chosen.kinds) else pairs


def _shifted(on_progress: OnProgress | None, before: int, total: int) -> OnProgress | None:
    return None if on_progress is None else lambda done, _: on_progress(before + done, total)


def summary(
    test: PairDistances, super_hard: PairDistances, threshold: float, labels: Sequence[str | None]
) -> dict[str, Any]:
    """What `evaluate` returns.

    Args:
        test: distances of the positive, easy and hard pairs of the test clips.
        super_hard: those of the rounds with super-hard pairs.
        threshold: below it a pair counts as in sync.
        labels: of each test clip.
    """
    kinds = {}
    for name, shares in KINDS.items():
        measured = (super_hard if SUPER_HARD in shares else test).comparable(shares)
        area, share_right = with_intervals(measured, threshold, shares)
        kinds[name] = {"auc": asdict(area), "accuracy": asdict(share_right)}
    by_label = {}
    for label in sorted({label for label in labels if label}):
        mine = test.of_clips(np.array([index for index, other in enumerate(labels) if other == label]))
        areas = {f"auc_{kind}": auc(mine.comparable(KINDS[kind]), KINDS[kind]) for kind in ("easy", "hard")}
        by_label[label] = {name: None if np.isnan(area) else area for name, area in areas.items()}
    counts = kind_counts(test) | {"super_hard": kind_counts(super_hard)["super_hard"]}
    sources = {name: super_hard if name == "super_hard" else test for name in counts}
    drawn = {name: _thinned(source.of_kind(kind)) for kind, (name, source) in enumerate(sources.items())}
    return {
        "threshold": threshold,
        "kinds": kinds,
        "num_pairs": counts,
        "distances": drawn,
        "by_label": by_label,
        "sound_within_share": test.sound_within_share,
    }


def _thinned(values: np.ndarray[Any, np.dtype[np.float64]], most: int = 2000) -> list[float]:
    step = max(len(values) // most, 1)
    return [round(float(value), 5) for value in values[::step][:most]]


def validation_auc(corpus: Corpus, pairs: PairSettings) -> Callable[[TwoStream], float] | None:
    """A function that measures a model's AUC with 75 % easy and 25 % hard negatives on validation clips.

    It needs the model in evaluation mode. Where no clip is long enough for a hard pair, all negatives are easy.

    Args:
        corpus: its split 'validation' is used.
        pairs: lengths and limits of the windows; the same as in training.

    Returns:
        The function; it raises CorpusError if every pair is silent. None if there are fewer than two usable clips.
    """
    usable = [clip for clip in corpus.select("validation") if clip.duration_seconds >= pairs.clip_seconds]
    if len(usable) < 2:
        return None
    clips = usable[:: -(-len(usable) // MOST_CLIPS)]

    def measure(model: TwoStream) -> float:
        found = pair_distances(model, corpus, clips, pairs, rounds=1, workers=0)
        counts = kind_counts(found)
        if not counts["positive"] or not counts["easy"]:
            raise CorpusError(
                f"{corpus.place}: {counts['positive']} positive and {counts['easy']} easy pair(s) to measure in "
                f"{len(clips)} validation clips: the others are under {pairs.silence_dbfs:g} dBFS. Ingest validation "
                "videos with more sound, or set [training] validate_every_epochs = 0"
            )
        return auc(_comparable_if_any(found), MIXED if counts["hard"] else KINDS["easy"])

    return measure
