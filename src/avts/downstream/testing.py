"""The test of a classifier: evenly spread clips of each video, their softmax scores averaged."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch

from avts.corpus.clip import Clip
from avts.corpus.corpus import Corpus
from avts.downstream.accuracy import ClassScores, group_numbers, mean_over_windows
from avts.downstream.classes import Classifier
from avts.downstream.finetuning import scaled_planes
from avts.downstream.partitions import Partition
from avts.downstream.recipe import FinetuneRecipe
from avts.downstream.windows import EvenPlan, WindowDataset, load_windows

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
            found.append(classifier(planes, on_device.sounds).double().softmax(1).cpu().numpy())
        owners.append(batch.clips.numpy())
        if on_progress:
            on_progress(done, total)
    means, videos = mean_over_windows(np.concatenate(found), np.concatenate(owners))
    tested: Sequence[Clip] = [clips[index] for index in videos]
    return ClassScores(means, partition.targets(tested), group_numbers([clip.group for clip in tested]))


def middle_boxes(count: int, share: float) -> torch.Tensor | None:
    """Boxes in the middle of the picture, [B, 5] as of `crop_and_resize`; None for all of it."""
    if share == 1:
        return None
    edge = (1 - share) / 2
    return torch.tensor([[edge, edge, 1 - edge, 1 - edge, 0.0]]).expand(count, 5)
