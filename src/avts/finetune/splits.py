"""Which labelled clips are trained on and which are tested: official splits, folds, or the splits of the manifest.

Also subsets of few labels a class, nested: the clips of a smaller one are all in the larger ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from avts.corpus.clip import Clip, hash_of
from avts.corpus.corpus import Corpus
from avts.errors import CorpusError, UsageError
from avts.finetune.recipe import Senses

SPLITS = ("train", "validation", "test")

MANIFEST = "manifest"
"""Name of the only partition of a corpus without official splits and folds."""


@dataclass(frozen=True)
class Partition:
    """Clips to train on and to test on.

    Attributes:
        name: 'split-1' ..., 'fold-1' ..., or 'manifest'.
        train: labelled clips.
        test: labelled clips, of classes that `train` has.
        classes: labels of `train`, sorted.
        notes: what was skipped or chosen, in words.
    """

    name: str
    train: tuple[Clip, ...]
    test: tuple[Clip, ...]
    classes: tuple[str, ...]
    notes: tuple[str, ...] = ()

    def targets(self, clips: Sequence[Clip]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        """Index of each clip's class."""
        index = {label: number for number, label in enumerate(self.classes)}
        return np.array([index[str(clip.label)] for clip in clips], dtype=np.int64)


def partitions(corpus: Corpus, senses: Senses, *, clip_seconds: float, only: str | None = None) -> list[Partition]:
    """The partitions of a corpus: its official splits if it has any, else its folds, else train against test.

    Args:
        corpus: with labels.
        senses: what is needed of a clip; one without it is left out.
        clip_seconds: shorter clips are left out.
        only: name of the one partition wanted; 'manifest' is there for every corpus.

    Raises:
        UsageError: no partition of that name.
        CorpusError: fewer than two classes to train on, or nothing to test.
    """
    fit = [clip for clip in corpus.clips if clip.label and _has(clip, senses)]
    long = [clip for clip in fit if clip.duration_seconds >= clip_seconds - 1e-6]
    short = len(fit) - len(long)
    notes = (f"{short} clip(s) shorter than {clip_seconds:.2f} s skipped",) if short else ()
    named = _named(long)
    if only is not None and only not in (*named, MANIFEST):
        raise UsageError(f"{corpus.place}: no split '{only}'; the splits are {', '.join((*named, MANIFEST))}")
    wanted = [only] if only else list(named) or [MANIFEST]
    return [_checked(corpus, *(named.get(name) or _by_manifest(long)), name=name, notes=notes) for name in wanted]


def with_few_labels(partition: Partition, per_class: int | None, *, seed: int) -> Partition:
    """The same partition with at most so many training clips of each class; None keeps all.

    Which clips come first is drawn for each class by the seed, whatever the number, so subsets are nested.
    """
    if per_class is None:
        return partition
    of_class: dict[str | None, list[Clip]] = defaultdict(list)
    for clip in partition.train:
        of_class[clip.label].append(clip)
    few = {label: len(clips) for label, clips in of_class.items() if len(clips) < per_class}
    chosen = {
        clip.key
        for clips in of_class.values()
        for clip in sorted(clips, key=lambda clip: hash_of(f"{seed} {clip.key}"))[:per_class]
    }
    notes = tuple(f"class {label} has {count} training clip(s), not {per_class}" for label, count in few.items())
    train = tuple(clip for clip in partition.train if clip.key in chosen)
    return replace(partition, train=train, notes=(*partition.notes, *notes))


def _has(clip: Clip, senses: Senses) -> bool:
    return (senses == "sound" or clip.video_size > 0) and (senses == "picture" or clip.sound_size > 0)


Sides = tuple[list[Clip], list[Clip], tuple[str, ...]]
"""Clips to train on, clips to test on, and a note."""


def _named(clips: Sequence[Clip]) -> dict[str, Sides]:
    """Official splits, or folds, by name."""
    count = max((len(clip.splits) for clip in clips), default=0)

    def official(index: int, mark: str) -> list[Clip]:
        return [clip for clip in clips if len(clip.splits) > index and clip.splits[index] == mark]

    splits = {f"split-{i + 1}": (official(i, "train"), official(i, "test"), ()) for i in range(count)}
    if splits:
        return {name: sides for name, sides in splits.items() if sides[0] or sides[1]}
    folds = sorted({clip.fold for clip in clips if clip.fold is not None})
    return {
        f"fold-{fold}": ([c for c in clips if c.fold not in (None, fold)], [c for c in clips if c.fold == fold], ())
        for fold in folds
    }


def _by_manifest(clips: Sequence[Clip]) -> Sides:
    """Train against test; against validation, which is not needed for anything else, where the test has no labels."""
    train, validation, test = ([clip for clip in clips if clip.split == split] for split in SPLITS)
    if test:
        return train, test, ()
    return train, validation, ("no labelled test clip: tested on the validation clips",)


def _checked(
    corpus: Corpus, train: list[Clip], test: list[Clip], note: tuple[str, ...], *, name: str, notes: tuple[str, ...]
) -> Partition:
    classes = tuple(sorted({str(clip.label) for clip in train}))
    if len(classes) < 2:
        raise CorpusError(
            f"{corpus.place}, {name}: {len(train)} usable training clip(s) of {len(classes)} class(es); a classifier "
            "needs 2 classes. Labels come from folders' names, a labels.csv or a list: ingest again with labels"
        )
    known = [clip for clip in test if clip.label in classes]
    if not known:
        raise CorpusError(
            f"{corpus.place}, {name}: {len(test)} labelled test clip(s), 0 of them of the {len(classes)} classes "
            "trained on. Put videos of these classes into a folder 'test' and ingest again"
        )
    if len(known) < len(test):
        notes = (*notes, f"{len(test) - len(known)} test clip(s) of classes without a training clip skipped")
    return Partition(name, tuple(train), tuple(known), classes, (*notes, *note))
