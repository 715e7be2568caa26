"""Excerpts of the clips of a corpus: the middle of each, picture and sound, one clip at a time.

Input: a corpus. Output: planes and samples; a clip that cannot be read is reported and skipped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from avts.corpus.clip import Clip
from avts.corpus.corpus import Corpus
from avts.errors import CorpusError
from avts.media.planes import Planes
from avts.timebase import FRAME_RATE, Span, frame_at

OnProgress = Callable[[int, int], None]


@dataclass(frozen=True)
class Excerpt:
    """A stretch of a clip.

    Attributes:
        clip: whose it is.
        span: where in the clip.
        planes: its frames; None for a clip without picture.
        samples: its sound at 16 kHz, [N]; None for a clip without sound.
    """

    clip: Clip
    span: Span
    planes: Planes | None
    samples: NDArray[np.float32] | None


def chosen_clips(corpus: Corpus, split: str | None, most: int) -> tuple[Clip, ...]:
    """Clips of a split (of all, if None), evenly spread over it if there are more than asked for.

    Raises:
        CorpusError: the split is empty.
    """
    clips = corpus.select(split, usable=False)
    if not clips:
        there = ", ".join(f"{count} {name}" for name, count in sorted(Counter(c.split for c in corpus.clips).items()))
        raise CorpusError(f"{corpus.path.name}: has no {split} clip (it has {there}). Choose another --split.")
    places = np.linspace(0, len(clips) - 1, min(most, len(clips))).round().astype(int)
    return tuple(clips[place] for place in places)


def middle_of(clip: Clip, seconds: float) -> Span:
    """The middle of a clip, so long or as long as the clip, from a frame on."""
    total = clip.num_frames or frame_at(clip.duration_seconds)
    if not clip.num_frames and total / FRAME_RATE > clip.duration_seconds:
        total -= 1
    count = min(frame_at(seconds), total)
    first = (total - count) // 2
    return Span(first / FRAME_RATE, (first + count) / FRAME_RATE)


def read_excerpts(
    corpus: Corpus,
    clips: Sequence[Clip],
    *,
    seconds: float,
    on_unreadable: Callable[[str], None],
    on_progress: OnProgress = lambda _done, _total: None,
) -> Iterator[Excerpt]:
    """Read the middle of each clip.

    Args:
        corpus: where the clips are.
        clips: what to read, in this order.
        seconds: length of an excerpt; a shorter clip is taken whole.
        on_unreadable: called for each clip that is skipped.
        on_progress: called with (clips done, total clips).
    """
    for done, clip in enumerate(clips, start=1):
        span = middle_of(clip, seconds)
        try:
            planes = corpus.frames(clip, span) if clip.video_size else None
            samples = corpus.sound(clip, span) if clip.sound_size else None
        except CorpusError as error:
            on_unreadable(f"{error} The clip is skipped.")
        else:
            yield Excerpt(clip, span, planes, samples)
        on_progress(done, len(clips))
