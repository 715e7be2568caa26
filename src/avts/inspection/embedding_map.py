"""A map of both towers' embeddings: windows of clips, laid out in two dimensions by t-SNE, and numbers beside it.

The numbers are the classes of a window's nearest neighbours in other clips: whether windows of one class lie together.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from avts.corpus.clip import Clip
from avts.errors import CorpusError
from avts.features.towers import PICTURE, SOUND, Plan, picture_columns, sound_columns
from avts.inspection.excerpts import Excerpt
from avts.model.two_stream import TwoStream
from avts.timebase import FRAME_RATE

NEAREST = 5
SHUFFLES = 400


@dataclass(frozen=True)
class Labelled:
    """Windows of one tower whose class is known: vectors [W, D], and the class and the clip of each."""

    vectors: NDArray[np.float32]
    labels: Sequence[str]
    clips: Sequence[str]


@dataclass(frozen=True)
class Agreement:
    """How often neighbours are of a window's own class.

    Attributes:
        share: of the nearest windows of other clips that are of the window's class, mean over windows; None if no class
            has two clips.
        chance: the share among all windows of other clips.
        shuffled: what 95 in 100 shares stay under if the classes are dealt out to the clips at random. An interval by
            resampling clips would be too narrow: windows are each other's neighbours, so clips do not count singly.
        most: what can be reached: a class may have fewer windows in other clips than neighbours are asked for.
        num_windows: that asked.
        num_classes: theirs.
    """

    share: float | None
    chance: float | None
    shuffled: float | None
    most: float | None
    num_windows: int
    num_classes: int


NOTHING = Agreement(None, None, None, None, 0, 0)


def agreement(asking: Labelled, searched: Labelled, *, nearest: int = NEAREST, seed: int = 0) -> Agreement:
    """Share of the nearest searched windows, of other clips, that are of the asking window's class.

    Args:
        asking: windows that look for neighbours; those whose class is in no other clip are left out.
        searched: windows among which they look; may be the same, or those of the other tower.
        nearest: neighbours that count.
        seed: of the shuffling.
    """
    if not len(asking.labels) or not len(searched.labels):
        return NOTHING
    clips, clip_of = np.unique(np.array([*asking.clips, *searched.clips], dtype=str), return_inverse=True)
    names, class_of = np.unique(np.array([*asking.labels, *searched.labels], dtype=str), return_inverse=True)
    asking_clips, searched_clips = np.split(clip_of, [len(asking.clips)])
    others = asking_clips[:, None] != searched_clips  # [Q, N]
    found = _nearest(asking.vectors, searched.vectors, others, nearest)
    counted = np.take_along_axis(others, found, axis=1)  # fewer windows in other clips than are asked for
    classes = np.zeros(len(clips), dtype=np.int64)
    classes[clip_of] = class_of

    def hits(dealt: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        mine, theirs = dealt[asking_clips], dealt[searched_clips]
        same = (mine[:, None] == theirs[found]) & counted
        possible = _clips_of_class(dealt, searched_clips, len(names))[mine] > np.isin(asking_clips, searched_clips)
        return same.sum(1) / np.maximum(counted.sum(1), 1), possible

    shares, possible = hits(classes)
    if not possible.any():
        return NOTHING
    alike = ((classes[asking_clips][:, None] == classes[searched_clips]) & others).sum(1)[possible]
    numbers = counted.sum(1)[possible]
    rng = np.random.default_rng(seed)
    dealt = [hits(rng.permutation(classes)) for _ in range(SHUFFLES)]
    at_random = [float(values[able].mean()) for values, able in dealt if able.any()]
    return Agreement(
        share=float(shares[possible].mean()),
        chance=float((alike / others.sum(1)[possible]).mean()),
        shuffled=float(np.percentile(at_random, 95)),
        most=float((np.minimum(alike, numbers) / numbers).mean()),
        num_windows=int(possible.sum()),
        num_classes=len(np.unique(classes[asking_clips][possible])),
    )


def _nearest(
    asking: NDArray[np.float32], searched: NDArray[np.float32], others: NDArray[np.bool_], count: int
) -> NDArray[np.int64]:
    """Places of the nearest searched vectors of other clips for each asking one, [Q, count]."""
    rows = [
        np.argsort(np.where(mask, np.square(searched - vector).sum(1), np.inf), kind="stable")[:count]
        for vector, mask in zip(asking, others, strict=True)
    ]
    return np.array(rows, dtype=np.int64)


def _clips_of_class(classes: NDArray[np.int64], clips: NDArray[np.int64], num_classes: int) -> NDArray[np.int64]:
    """How many of some clips are of each class."""
    return np.bincount(classes[np.unique(clips)], minlength=num_classes)


TOWERS = (PICTURE, SOUND)

PERPLEXITY = 30.0
"""Neighbours, about, that t-SNE keeps near each window; fewer if there are not three times as many windows."""

LEAST_WINDOWS = 4


@dataclass
class Windows:
    """Embedded windows of one tower: vectors [D], and the clip and the start of each."""

    vectors: list[NDArray[np.float32]] = field(default_factory=list)
    clips: list[Clip] = field(default_factory=list)
    starts_seconds: list[float] = field(default_factory=list)

    def labelled(self) -> Labelled:
        """Those whose class is known."""
        known = [place for place, clip in enumerate(self.clips) if clip.label is not None]
        vectors = np.array([self.vectors[place] for place in known], np.float32)
        return Labelled(
            vectors, [str(self.clips[place].label) for place in known], [self.clips[place].key for place in known]
        )


def embed_windows(
    model: TwoStream, excerpts: Iterable[Excerpt], *, window_seconds: float, hop_seconds: float
) -> dict[str, Windows]:
    """Embed windows of excerpts with both towers.

    Args:
        model: the networks, in evaluation mode.
        excerpts: what to embed; one that is shorter than a window gives none.
        window_seconds: length of the windows that the model knows.
        hop_seconds: from the start of one window to that of the next.

    Returns:
        The windows of each of TOWERS.
    """
    plan = Plan(window_seconds, max(1, round(hop_seconds * FRAME_RATE)))
    found = {tower: Windows() for tower in TOWERS}
    for excerpt in excerpts:
        columns: dict[str, NDArray[np.float32]] = {}
        if excerpt.planes is not None:
            columns[PICTURE] = picture_columns(model, [excerpt.planes], plan)[PICTURE]
        if excerpt.samples is not None:
            columns[SOUND] = sound_columns(model, [excerpt.samples], plan)[SOUND]
        for tower, vectors in columns.items():
            found[tower].vectors += list(vectors)
            found[tower].clips += [excerpt.clip] * len(vectors)
            starts = excerpt.span.start_seconds + plan.starts_seconds(len(vectors))
            found[tower].starts_seconds += starts.tolist()
    return found


def embedding_map(windows: dict[str, Windows], *, comparable: bool, seed: int) -> dict[str, Any]:
    """Lay out the windows of both towers, and measure how far their classes hold together.

    Args:
        windows: of each of TOWERS.
        comparable: embeddings of the two towers lie in one space, so that one map and a search across them make sense.
        seed: of the map and of the shuffling.

    Returns:
        Plain values: 'points' (tower, clip, label, start_seconds, x, y), 'agreement' of each search, and how the map
        was made: 'perplexity' by tower, 'seed', 'joint'.

    Raises:
        CorpusError: too few windows.
    """
    vectors = {tower: np.array(windows[tower].vectors, np.float32) for tower in TOWERS if windows[tower].vectors}
    joint = comparable and len(vectors) == len(TOWERS)
    if not vectors or min(map(len, vectors.values())) < LEAST_WINDOWS:
        counts = ", ".join(f"{len(windows[tower].vectors)} of {tower}" for tower in TOWERS)
        raise CorpusError(
            f"a map needs {LEAST_WINDOWS} windows of each tower; there are {counts}. Give more or longer clips."
        )
    if joint:
        together = project(np.concatenate(list(vectors.values())), seed=seed)
        places = dict(zip(vectors, np.split(together, [len(vectors[PICTURE])]), strict=True))
    else:
        places = {tower: project(of_tower, seed=seed) for tower, of_tower in vectors.items()}
    num_points = {tower: sum(map(len, vectors.values())) if joint else len(vectors[tower]) for tower in vectors}
    return {
        "points": [point for tower, place in places.items() for point in _points(tower, windows[tower], place)],
        "agreement": _agreements(windows, across=joint, seed=seed),
        "nearest": NEAREST,
        "perplexity": {tower: perplexity_for(count) for tower, count in num_points.items()},
        "joint": joint,
        "seed": seed,
    }


def project(vectors: NDArray[np.float32], *, seed: int) -> NDArray[np.float32]:
    """Places [N, 2] in [-1, 1] of vectors [N, D] in a map by t-SNE, begun from their principal components.

    Source: van der Maaten & Hinton, JMLR 9 (2008); scikit-learn.
    """
    from sklearn.manifold import TSNE

    layout = TSNE(perplexity=perplexity_for(len(vectors)), init="pca", random_state=seed)
    places = np.asarray(layout.fit_transform(vectors), np.float32)
    low, high = places.min(0), places.max(0)
    return np.asarray((places - (low + high) / 2) / max((high - low).max() / 2, 1e-12), np.float32)


def perplexity_for(count: int) -> float:
    """The perplexity of a map of so many windows."""
    return min(PERPLEXITY, (count - 1) / 3)


def _points(tower: str, windows: Windows, places: NDArray[np.float32]) -> list[dict[str, Any]]:
    return [
        {
            "tower": tower,
            "clip": clip.key,
            "label": clip.label,
            "start_seconds": round(start, 4),
            "x": round(float(x), 4),
            "y": round(float(y), 4),
        }
        for clip, start, (x, y) in zip(windows.clips, windows.starts_seconds, places, strict=True)
    ]


def _agreements(windows: dict[str, Windows], *, across: bool, seed: int) -> list[dict[str, Any]]:
    """Each tower among its own windows; across the towers too where they share a space."""
    searches = [(tower, tower) for tower in TOWERS if windows[tower].vectors]
    if across:
        searches += [(PICTURE, SOUND), (SOUND, PICTURE)]
    labelled = {tower: windows[tower].labelled() for tower in TOWERS}
    return [
        {"asking": asking, "searched": searched, **asdict(agreement(labelled[asking], labelled[searched], seed=seed))}
        for asking, searched in searches
    ]
