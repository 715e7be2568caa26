"""Examine a corpus clip by clip: flags, unreadable clips, duplicates.

Input: a corpus. Output: findings. Nothing is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from avts.corpus.clip import Clip
from avts.corpus.corpus import Corpus
from avts.corpus.quality import is_usable
from avts.doctor.findings import Findings, OnProgress, TrainingPlan, no_progress, spread
from avts.errors import CorpusError
from avts.settings import Recipe
from avts.timebase import FRAME_RATE, Span
from avts.training.checks import check_clips, plan_lines, training_clips

SAMPLE_CLIPS = 64
"""Number of clips decoded in a sample."""

PIECE_SECONDS = 2.0
"""Maximum length of a piece that is decoded at once."""


def examine_corpus(corpus: Corpus, *, every_clip: bool = False, on_progress: OnProgress = no_progress) -> Findings:
    """Summarise a corpus, and decode an evenly spaced sample of its clips, or all, completely."""
    clips = corpus.clips
    usable = [clip for clip in clips if is_usable(clip.flags)]
    found = Findings("corpus", corpus.place, len(clips))
    found.flags.update(flag for clip in clips for flag in clip.flags)
    found.splits.update(clip.split for clip in clips)
    found.durations_seconds = [clip.duration_seconds for clip in clips]
    found.durations_usable = [clip.duration_seconds for clip in usable]
    found.frames_per_second = [clip.source_frames_per_second for clip in clips if clip.num_frames]
    found.sample_rates = [clip.source_sample_rate for clip in clips if clip.source_sample_rate]
    found.duplicates = _duplicates(clips)
    sample = clips if every_clip else spread(clips, SAMPLE_CLIPS)
    for number, clip in enumerate(sample):
        try:
            decode(corpus, clip)
            found.num_decoded += 1
        except CorpusError as error:
            found.faults.append((clip.key, str(error)))
        on_progress(number + 1, len(sample))
    return found


def training_plan(corpus: Corpus, recipe: Recipe, name: str) -> TrainingPlan:
    """How many steps a recipe would train on a corpus, or why `avts train` would refuse it.

    Args:
        corpus: its split 'train' is used.
        recipe: the training recipe.
        name: of the recipe, for messages.
    """
    num_clips = len(training_clips(corpus, recipe))
    try:
        check_clips(corpus.place, num_clips, recipe)
    except CorpusError as error:
        return TrainingPlan(name, num_clips, (), str(error))
    return TrainingPlan(name, num_clips, plan_lines(recipe, num_clips))


def decode(corpus: Corpus, clip: Clip) -> None:
    """Read a clip completely.

    Raises:
        CorpusError: part of it cannot be read.
    """
    step = round(PIECE_SECONDS * FRAME_RATE)
    pieces = [
        Span(first / FRAME_RATE, min(first + step, clip.num_frames) / FRAME_RATE)
        for first in range(0, clip.num_frames, step)
    ]
    for piece in pieces:  # one at a time: a long clip must not fill the memory
        corpus.frames(clip, piece)
        if clip.sound_size:
            corpus.sound(clip, piece)


def _duplicates(clips: Sequence[Clip]) -> list[list[str]]:
    by_content: dict[str, list[str]] = defaultdict(list)
    for clip in clips:
        by_content[clip.content_hash].append(clip.key)
    return [keys for keys in by_content.values() if len(keys) > 1]
