"""Inspection of a model: what its channels respond to most, their selectivity, and a map of its windows.

Input: a model and clips of a corpus. Output: findings for the report to draw. Each clip is read twice, and
those that are shown once more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from avts.corpus.clip import Clip
from avts.corpus.corpus import Corpus
from avts.errors import CorpusError
from avts.inspection.channels import Survey, survey
from avts.inspection.embedding_map import embed_windows, embedding_map
from avts.inspection.excerpts import Excerpt, OnProgress, read_excerpts
from avts.inspection.exhibits import Exhibit, exhibits
from avts.inspection.selectivity import (
    class_means,
    explained_by_class,
    most_selective,
    shuffled_level,
    sparseness,
)
from avts.model.two_stream import TwoStream


class Stage(Protocol):
    """Reports the progress of a stage."""

    def __call__(self, title: str, /) -> OnProgress:
        """Begin a stage; gives the function to call with (clips done, clips in all)."""


@dataclass(frozen=True)
class TowerFindings:
    """What was found of the channels of a tower.

    Attributes:
        survey: of all clips.
        classes: names of the classes; empty if no clip has a label.
        means: mean response by class, [K, C].
        explained: share of the differences between labelled clips that their class explains, [C].
        shuffled: what one channel in twenty explains with shuffled labels.
        sparseness: how few clips a channel answers to, [C].
        shown: exhibits of the channels that are shown, in their order.
    """

    survey: Survey
    classes: list[str]
    means: NDArray[np.float64]
    explained: NDArray[np.float64]
    shuffled: float
    sparseness: NDArray[np.float64]
    shown: dict[int, list[Exhibit]]

    @property
    def num_above_shuffled(self) -> int:
        """Channels that explain more than one in twenty does with shuffled labels."""
        return int((self.explained > self.shuffled).sum())


@dataclass(frozen=True)
class Inspection:
    """Findings of both towers, and the map (see `embedding_map`); None with the reason if there can be none."""

    towers: dict[str, TowerFindings]
    map: dict[str, Any] | None
    no_map: str


def inspect(
    model: TwoStream,
    corpus: Corpus,
    clips: Sequence[Clip],
    *,
    window_seconds: float,
    seconds: float,
    num_channels: int,
    each: int,
    seed: int,
    stage: Stage,
    on_unreadable: Callable[[str], None],
) -> Inspection:
    """Look inside a model.

    Args:
        model: the networks, in evaluation mode.
        corpus: where the clips are.
        clips: what the model is shown.
        window_seconds: length of the windows that the model knows.
        seconds: of each clip, from its middle.
        num_channels: channels of each tower to show, the most selective.
        each: clips to show of a channel.
        seed: of the map and of shuffled labels.
        stage: called at the start of each stage; returns the progress callback.
        on_unreadable: called once for each clip that is skipped.

    Raises:
        CorpusError: no clip can be read, or each is too short.
    """
    reported: set[str] = set()

    def tell_once(line: str) -> None:
        if line not in reported:
            on_unreadable(line)
            reported.add(line)

    def reading(title: str) -> Iterator[Excerpt]:
        return read_excerpts(corpus, clips, seconds=seconds, on_unreadable=tell_once, on_progress=stage(title))

    surveyed = survey(model, reading("channels"))
    if not surveyed:
        raise CorpusError(
            f"{corpus.path.name}: none of {len(clips)} clips has a conv5 feature. Give readable clips of at least "
            f"{window_seconds:g} s."
        )
    towers = {}
    for tower, found in surveyed.items():
        measured = _measured(found, seed)
        ranking = measured["explained"] if measured["classes"] else measured["sparseness"]
        shown = exhibits(
            model,
            corpus,
            tower,
            found,
            most_selective(ranking, measured["means"], num_channels, least=measured["shuffled"]),
            each=each,
            seconds=seconds,
            on_unreadable=tell_once,
            on_progress=stage(f"{tower}s to show"),
        )
        towers[tower] = TowerFindings(found, **measured, shown=shown)
    hop = max(window_seconds, seconds / 3)
    windows = embed_windows(model, reading("map"), window_seconds=window_seconds, hop_seconds=hop)
    try:
        chart, reason = embedding_map(windows, comparable=model.fusion is None, seed=seed), ""
    except CorpusError as error:
        chart, reason = None, str(error)
    return Inspection(towers, chart, reason)


def _measured(found: Survey, seed: int) -> dict[str, Any]:
    """How selective the channels of a tower are."""
    known = [row for row, clip in enumerate(found.clips) if clip.label is not None]
    labels = [str(found.clips[row].label) for row in known]
    num_channels = found.responses.shape[1]
    sparse = sparseness(found.responses)
    if not known:
        return {
            "classes": [],
            "means": np.zeros((0, num_channels)),
            "explained": np.zeros(num_channels),
            "shuffled": 0.0,
            "sparseness": sparse,
        }
    responses = found.responses[known]
    classes, means = class_means(responses, labels)
    return {
        "classes": classes,
        "means": means,
        "explained": explained_by_class(responses, labels),
        "shuffled": shuffled_level(responses, labels, seed=seed),
        "sparseness": sparse,
    }
