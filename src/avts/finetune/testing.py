"""The test of a classifier: evenly spread clips of each video, their softmax scores averaged.

Top-1, top-5, accuracy of each class, the confusion matrix, and 95 % intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from sklearn.metrics import confusion_matrix

from avts.corpus.clip import Clip
from avts.corpus.corpus import Corpus
from avts.finetune.classifier import Classifier
from avts.finetune.recipe import FinetuneRecipe
from avts.finetune.splits import Partition
from avts.finetune.train import scaled_planes
from avts.finetune.windows import EvenPlan, WindowDataset, load_windows

RESAMPLES = 1000
TOP = 5


@dataclass(frozen=True)
class ClassScores:
    """Scores of tested videos.

    Attributes:
        probabilities: mean of the softmax over the clips of each video, [V, K].
        targets: index of each video's class, [V].
        groups: number of each video's source, [V]; each its own where it is not known.
    """

    probabilities: NDArray[np.float64]
    targets: NDArray[np.int64]
    groups: NDArray[np.int64]

    def in_top(self, count: int) -> NDArray[np.bool_]:
        """Whether each video's class is among the `count` with the highest scores, [V]."""
        best = np.argsort(-self.probabilities, axis=1, kind="stable")[:, :count]
        return np.asarray((best == self.targets[:, None]).any(axis=1))

    def confusion(self) -> NDArray[np.int64]:
        """How many videos of each class (row) were taken for each class (column), [K, K]."""
        found = self.probabilities.argmax(axis=1)
        return np.asarray(confusion_matrix(self.targets, found, labels=range(self.probabilities.shape[1])))


def mean_over_windows(
    probabilities: NDArray[np.float64], videos: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Mean score of each video over its clips.

    Args:
        probabilities: of each clip, [n, K].
        videos: number of each clip's video, [n].

    Returns:
        [V, K], and the numbers of the V videos, rising.
    """
    found, rows = np.unique(videos, return_inverse=True)
    total = np.zeros((len(found), probabilities.shape[1]))
    np.add.at(total, rows, probabilities)
    return total / np.bincount(rows)[:, None], found


def group_numbers(groups: Sequence[str | None]) -> NDArray[np.int64]:
    """Numbers for names of groups; each video without a group is one of its own."""
    names = [f"alone {index}" if group is None else f"group {group}" for index, group in enumerate(groups)]
    return np.unique(np.array(names), return_inverse=True)[1]


def share_right(parts: Sequence[tuple[NDArray[np.bool_], NDArray[np.int64]]], *, seed: int = 0) -> dict[str, float]:
    """Mean over the parts of the share that is right: value, low, high (95 %).

    Args:
        parts: for each test, whether each video is right, and its group.
        seed: of the resampling.
    """
    rng = np.random.default_rng(seed)
    drawn = np.mean([_resampled(right, groups, rng) for right, groups in parts], axis=0)
    low, high = np.percentile(drawn, [2.5, 97.5])
    value = float(np.mean([right.mean() for right, _ in parts]))
    return {"value": value, "low": float(low), "high": float(high)}


def _resampled(right: NDArray[np.bool_], groups: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.float64]:
    """Shares right when the groups are drawn anew, [RESAMPLES]."""
    _, rows = np.unique(groups, return_inverse=True)
    sizes, hits = np.bincount(rows), np.bincount(rows, weights=right)
    drawn = rng.integers(0, len(sizes), (RESAMPLES, len(sizes)))
    return np.asarray(hits[drawn].sum(axis=1) / sizes[drawn].sum(axis=1))


def summary(parts: Sequence[ClassScores], classes: Sequence[str]) -> dict[str, Any]:
    """What several tests of the same classes come to: means over them.

    Returns:
        top1, top5: value, low, high; top5 is None for five classes or fewer. per_class: recall of each class over
        all tests. confusion: sum of the confusion matrices. num_videos: tested in all. chance: of the largest class.
    """
    confusion = np.sum([part.confusion() for part in parts], axis=0)
    counts = confusion.sum(axis=1)

    def top(count: int) -> dict[str, float] | None:
        if count >= len(classes):
            return None
        return share_right([(part.in_top(count), part.groups) for part in parts])

    return {
        "top1": top(1),
        "top5": top(TOP),
        "per_class": {
            name: float(confusion[i, i] / counts[i]) if counts[i] else None for i, name in enumerate(classes)
        },
        "classes": list(classes),
        "confusion": confusion.tolist(),
        "num_videos": int(counts.sum()),
        "chance": float(counts.max() / counts.sum()),
    }


VIDEOS_PER_STEP = 8


def score_videos(
    classifier: Classifier,
    corpus: Corpus,
    partition: Partition,
    recipe: FinetuneRecipe,
    *,
    on_progress: Callable[[int, int], None] | None = None,
) -> ClassScores:
    """Scores of the test videos of a partition, without those that cannot be read.

    Args:
        classifier: trained on the partition's classes; put into evaluation mode.
        corpus: where the videos are.
        partition: what is tested.
        recipe: number and length of the clips, and the box of them that is looked at.
        on_progress: called with (done, total) steps.

    Raises:
        CorpusError: none of the videos of a step can be read.
    """
    clips = partition.test
    plan = EvenPlan(clips, recipe.clips.clip_seconds, recipe.test.windows, VIDEOS_PER_STEP)
    dataset = WindowDataset(
        corpus,
        clips,
        plan,
        clip_seconds=recipe.clips.clip_seconds,
        frame_step=recipe.clips.frame_step,
        senses=classifier.senses,
        colour=classifier.streams.needs_colour,
    )
    total = len(plan.steps())
    classifier.eval()
    device = next(classifier.parameters()).device
    found, owners = [], []
    for done, batch in enumerate(load_windows(dataset, range(total), workers=recipe.training.workers), start=1):
        on_device = batch.to(device)
        box = middle_boxes(len(batch.clips), recipe.test.crop)
        with torch.inference_mode():
            planes = scaled_planes(on_device, box, classifier.streams.frame_size)
            found.append(classifier(planes, on_device.sounds).cpu().double().softmax(1).numpy())
        owners.append(batch.clips.numpy())
        if on_progress:
            on_progress(done, total)
    means, videos = mean_over_windows(np.concatenate(found), np.concatenate(owners))
    tested: Sequence[Clip] = [clips[index] for index in videos]
    return ClassScores(means, partition.targets(tested), group_numbers([clip.group for clip in tested]))


def middle_boxes(count: int, share: float) -> NDArray[np.float64] | None:
    """Boxes in the middle of the picture, [B, 5] as of `crop_and_resize`; None for all of it."""
    if share == 1:
        return None
    edge = (1 - share) / 2
    return np.tile([edge, edge, 1 - edge, 1 - edge, 0.0], (count, 1))
