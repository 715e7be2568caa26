"""Whether sound and picture of a corpus are in sync, measured by correlating motion with loudness.

Input: a sample of a corpus's clips. Output: the best offset of each, and where they cluster. The result for a single
clip is often wrong; those of many clips cluster at the offset that most clips have, or not at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from avts.corpus.clip import Clip
from avts.corpus.corpus import Corpus
from avts.doctor.findings import spread
from avts.errors import CorpusError
from avts.media.activity import PictureActivity, SoundActivity
from avts.offset.estimate import OffsetEstimate
from avts.offset.motion import motion_estimate, motion_scan
from avts.timebase import FRAME_RATE, Span, offset_in_words
from avts.training.diagnosis.causes import Reason

NAME = "misaligned corpus"

SAMPLE_CLIPS = 96
LONGEST_SECONDS = 10.0
"""Maximum length of a clip that is measured."""

SEARCH_SECONDS = 1.0
"""Search range in either direction."""

CLOSE_SECONDS = 0.2
"""Best offsets within this distance of an offset belong to its cluster."""

SHORTEST_SECONDS = 2 * SEARCH_SECONDS
"""In a shorter clip too little overlaps at the ends of the search range."""

SURE = 0.5
"""Minimum confidence of a clip whose best offset counts as sure."""

FEWEST_CLIPS = 8
"""With fewer clips, or fewer sure ones, no conclusion is drawn."""

LUCK = 1e-3
"""Significance level: clips form a cluster if uniformly distributed offsets would do so with a lower probability."""


@dataclass(frozen=True)
class Alignment:
    """Where the best offsets of a sample of clips lie.

    Attributes:
        offsets_seconds: best offset of each clip that could be measured; > 0 means that the sound comes early.
        sure: whether each of them is sure.
    """

    offsets_seconds: tuple[float, ...]
    sure: tuple[bool, ...]

    @property
    def chance(self) -> float:
        """Expected share of offsets close to a given one if they were distributed uniformly over the search range."""
        return CLOSE_SECONDS / SEARCH_SECONDS

    def num_near(self, place_seconds: float, *, sure: bool = False) -> int:
        """Number of clips, or only sure ones, whose best offset is close to a given one."""
        return int(np.count_nonzero(np.abs(self._chosen(sure) - place_seconds) <= CLOSE_SECONDS + 1e-9))

    def place_seconds(self, *, sure: bool = False) -> float | None:
        """Offset at which clips, or only sure ones, cluster; None if no cluster is significant."""
        offsets = self._chosen(sure)
        reach = round((SEARCH_SECONDS - CLOSE_SECONDS) * FRAME_RATE)
        places = sorted((step / FRAME_RATE for step in range(-reach, reach + 1)), key=abs)
        best = max(places, key=lambda place: self.num_near(place, sure=sure))  # the nearest to 0 among equals
        count = self.num_near(best, sure=sure)
        by_luck = (
            float(binom.sf(count - 1, len(offsets), self.chance)) / self.chance
        )  # correction for the number of places
        if len(offsets) < FEWEST_CLIPS or by_luck > LUCK:
            return None
        return float(np.median(offsets[np.abs(offsets - best) <= CLOSE_SECONDS + 1e-9]))

    def _chosen(self, sure: bool) -> NDArray[np.float64]:
        offsets = np.array(self.offsets_seconds, np.float64)
        return offsets[np.array(self.sure, np.bool_)] if sure else offsets

    @property
    def reason(self) -> Reason:
        """The result as a possible reason why distances are not separating."""
        measured, sure, near = len(self.offsets_seconds), sum(self.sure), self.num_near(0.0)
        place = self.place_seconds()
        place = self.place_seconds(sure=True) if place is None else place
        share = near / max(measured, 1)
        figures = {
            "clips": measured,
            "sure": sure,
            "share_near_0": share,
            "chance": self.chance,
            "place_seconds": place,
        }
        text = (
            f"correlating motion with loudness puts {near} of {measured} clips ({share:.0%}; chance level "
            f"{self.chance:.0%}) within {CLOSE_SECONDS:g} s of zero offset"
        )
        if place is None and sure < FEWEST_CLIPS:
            return Reason(NAME, False, f"{text}; {sure} are sure, too few for a conclusion", figures)
        if place is None:
            text += f"; {sure} are sure and do not cluster: each has a different offset. Check some with avts sync"
            return Reason(NAME, True, text, figures)
        if abs(place) <= CLOSE_SECONDS:
            return Reason(NAME, False, text, figures)
        text += (
            f"; {self.num_near(place)} cluster at {offset_in_words(place)}. Repair the files first: avts sync --repair"
        )
        return Reason(NAME, True, text, figures)


def measure_alignment(corpus: Corpus, clips: Sequence[Clip]) -> Alignment:
    """Find the best offsets of an evenly spaced sample of clips; short, silent, still and broken clips are skipped."""
    chosen = spread([clip for clip in clips if clip.duration_seconds >= SHORTEST_SECONDS], SAMPLE_CLIPS)
    found = [each for clip in chosen if (each := best_offset(corpus, clip)) is not None]
    return Alignment(
        tuple(each.offset_seconds for each in found),
        tuple(each.reason is None and each.confidence >= SURE for each in found),
    )


def best_offset(corpus: Corpus, clip: Clip) -> OffsetEstimate | None:
    """The offset at which a clip's motion and loudness match best; None if there is nothing to compare."""
    span = Span(0.0, min(clip.duration_seconds, LONGEST_SECONDS))
    picture, sound = PictureActivity(), SoundActivity()
    try:
        for _ in picture.watching([corpus.frames(clip, span)]):
            pass
        for _ in sound.watching([corpus.sound(clip, span)]):
            pass
    except CorpusError:
        return None
    scan = motion_scan(picture.change, sound.power, largest=picture.largest, range_seconds=SEARCH_SECONDS)
    found = motion_estimate(picture.change, sound.power, scan)
    return found if found.num_windows else None
